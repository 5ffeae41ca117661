// Runs in every page before anything of its own. The microphone is what the test says (`window.test.tone`, `.say`),
// asked for as always, so that permission and its refusal are the browser's own. What the page plays is what its
// <audio> elements play: `window.test.hear`. A page that forgets to play is silent here, too.
(() => {
  const media = navigator.mediaDevices
  if (!media || window.test) return
  const ask = media.getUserMedia.bind(media)
  const players = new Set()
  const ears = new Map() // by what is played
  const given = []
  let context, mouth, tap, heard
  let plugged = true

  function open() {
    if (context) return
    context = new AudioContext()
    mouth = context.createGain()
    tap = context.createScriptProcessor(2048, 1, 1)
    tap.onaudioprocess = (event) => {
      listen()
      if (heard) heard(event.inputBuffer.getChannelData(0).slice())
    }
    tap.connect(context.destination)
    const clock = context.createConstantSource() // so that silence counts, too
    clock.offset.value = 0
    clock.connect(tap)
    clock.start()
  }

  function loud(player) {
    return !player.paused && !player.muted && player.volume > 0
  }

  function listen() {
    for (const player of document.querySelectorAll('audio, video')) players.add(player)
    const played = new Set()
    for (const player of players) {
      const stream = loud(player) && (player.srcObject ?? player.captureStream())
      if (stream && stream.getAudioTracks().length) played.add(stream)
    }
    for (const [stream, node] of ears) if (!played.has(stream)) (node.disconnect(), ears.delete(stream))
    for (const stream of played) {
      if (ears.has(stream)) continue
      const node = context.createMediaStreamSource(stream)
      node.connect(tap)
      ears.set(stream, node)
    }
  }

  const element = HTMLMediaElement.prototype
  const source = Object.getOwnPropertyDescriptor(element, 'srcObject')
  Object.defineProperty(element, 'srcObject', {
    ...source,
    set(value) {
      players.add(this)
      source.set.call(this, value)
    },
  })
  const play = element.play
  element.play = function () {
    players.add(this)
    return play.call(this)
  }

  media.getUserMedia = async (wanted) => {
    if (!plugged) throw new DOMException('', 'NotFoundError')
    const device = await ask(wanted)
    if (!wanted?.audio) return device
    for (const track of device.getTracks()) track.stop()
    open()
    await context.resume()
    const into = context.createMediaStreamDestination()
    mouth.connect(into)
    given.push(into.stream)
    return into.stream
  }

  window.test = {
    // How many streams of the microphone are open: as long as there is one, the browser shows that the page records.
    microphones() {
      return given.filter((stream) => stream.getTracks().some((track) => track.readyState === 'live')).length
    },
    // As if its plug had been pulled; true: it is there again.
    plug(on) {
      plugged = on
      if (!on) for (const stream of given) for (const track of stream.getTracks()) track.stop()
    },
    // A steady tone into the microphone, instead of the one before; 0 for silence.
    tone(hertz) {
      open()
      window.test.spoken?.stop()
      window.test.spoken = undefined
      if (!hertz) return
      const tone = context.createOscillator()
      const quiet = context.createGain()
      quiet.gain.value = 0.3
      tone.frequency.value = hertz
      tone.connect(quiet).connect(mouth)
      tone.start()
      window.test.spoken = tone
    },
    // A WAV file (base64) into the microphone; settles when all is said.
    async say(file) {
      open()
      const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0))
      const node = context.createBufferSource()
      node.buffer = await context.decodeAudioData(bytes.buffer)
      node.connect(mouth)
      await new Promise((done) => {
        node.onended = done
        node.start()
      })
    },
    // The next so many seconds of what the page plays: [Hz, base64 of 16-bit samples].
    async hear(seconds) {
      open()
      await context.resume()
      const parts = []
      let missing = Math.ceil(seconds * context.sampleRate)
      await new Promise((done) => {
        heard = (part) => {
          parts.push(part)
          missing -= part.length
          if (missing <= 0) done()
        }
      })
      heard = undefined
      let text = ''
      for (const part of parts) {
        const samples = Int16Array.from(part, (value) => Math.max(-1, Math.min(1, value)) * 32767)
        for (const byte of new Uint8Array(samples.buffer)) text += String.fromCharCode(byte)
      }
      return [context.sampleRate, btoa(text)]
    },
  }
})()
