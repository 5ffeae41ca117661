/** Two tones a second until told otherwise. A page that nobody has touched yet may not sound: the band is there all the same. */
const EVERY_MS = 1000
const TONES_HZ = [880, 660]
const TONE_S = 0.18

let context: AudioContext | null = null
let timer: ReturnType<typeof setInterval> | undefined

export function alarm(on: boolean): void {
  clearInterval(timer)
  timer = undefined
  if (!on) return
  sound()
  timer = setInterval(sound, EVERY_MS)
}

function sound(): void {
  context ??= new AudioContext()
  if (context.state !== 'running') return void context.resume().catch(() => undefined)
  TONES_HZ.forEach((hertz, place) => {
    const from = (context?.currentTime ?? 0) + place * TONE_S * 1.2
    const oscillator = new OscillatorNode(context as AudioContext, { frequency: hertz })
    const volume = new GainNode(context as AudioContext, { gain: 0.15 })
    oscillator.connect(volume).connect((context as AudioContext).destination)
    oscillator.start(from)
    oscillator.stop(from + TONE_S)
  })
}
