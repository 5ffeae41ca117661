/** The ringing tone of Chinese telephones: 450 Hz, one second in five, through the loudspeaker that was chosen for it. */
const HERTZ = 450
const ON_SECONDS = 1
const PERIOD_MS = 5000
const LOUDNESS = 0.2

type Routed = AudioContext & { setSinkId?: (id: string) => Promise<void> }

let context: Routed | null = null
let timer: ReturnType<typeof setInterval> | undefined
let device = ''

/** Browsers make no sound before somebody has clicked or typed on the page: call this then. */
export function allowRinging(): void {
  void audio().resume()
}

export async function ringThrough(id: string): Promise<void> {
  device = id
  await context?.setSinkId?.(id)
}

export function startRinging(): void {
  if (timer !== undefined) return
  burst()
  timer = setInterval(burst, PERIOD_MS)
}

/** For whoever chooses a loudspeaker. */
export function ringOnce(): void {
  burst()
}

export function stopRinging(): void {
  clearInterval(timer)
  timer = undefined
}

/** Whether a ring would be heard now. */
export function canRing(): boolean {
  return audio().state === 'running'
}

function audio(): Routed {
  if (context === null) {
    context = new AudioContext()
    if (device !== '') void context.setSinkId?.(device).catch(() => undefined)
  }
  return context
}

function burst(): void {
  const here = audio()
  if (here.state !== 'running') void here.resume()
  const tone = here.createOscillator()
  const volume = here.createGain()
  const from = here.currentTime
  tone.frequency.value = HERTZ
  volume.gain.setValueAtTime(0, from)
  volume.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02)
  volume.gain.setValueAtTime(LOUDNESS, from + ON_SECONDS - 0.02)
  volume.gain.linearRampToValueAtTime(0, from + ON_SECONDS)
  tone.connect(volume).connect(here.destination)
  tone.start(from)
  tone.stop(from + ON_SECONDS)
}
