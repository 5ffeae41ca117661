/**
 * That this tab is in a call, for the page that comes after a reload: the sound is gone then, but Asterisk keeps the call
 * until it has heard nothing for 15 seconds (rtp_timeout), and the citizen can be had back.
 */
const PLACE = 'hotline.phone.call'
const BEAT_MS = 2000
const GOOD_MS = 15_000

let beat: ReturnType<typeof setInterval> | undefined

export function rememberCall(extension: string): void {
  const write = () => sessionStorage.setItem(PLACE, JSON.stringify({ extension, at: Date.now() }))
  clearInterval(beat)
  write()
  beat = setInterval(write, BEAT_MS)
}

export function forgetCall(): void {
  clearInterval(beat)
  sessionStorage.removeItem(PLACE)
}

export function lastCall(extension: string): boolean {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? 'null') as { extension: string; at: number } | null
    return kept?.extension === extension && Date.now() - kept.at < GOOD_MS
  } catch {
    return false
  }
}
