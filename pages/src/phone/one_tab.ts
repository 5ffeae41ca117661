/**
 * One tab of this browser holds a telephone: two that register the same extension take the calls from each other
 * silently. The lock is the browser's own (Web Locks), so that it is free again however a tab ends.
 */
export interface Held {
  release: () => void
}

interface Wanted {
  /** It is this tab's now. */
  got: (held: Held) => void
  /** Another tab took it over. */
  lost: () => void
  /** Another tab has it; `got` is called once that one is closed. */
  waiting: () => void
}

const WAIT_MS = 1500 // a page that is being reloaded gives it up a moment later

/** Returns how to stop wanting it. `steal`: from whichever tab has it. */
export function wantLock(name: string, wanted: Wanted, steal = false): () => void {
  const stop = new AbortController()
  let release: () => void = () => undefined
  let mine = false
  const patience = setTimeout(() => {
    if (!mine && !stop.signal.aborted) wanted.waiting()
  }, WAIT_MS)
  const hold = () =>
    new Promise<void>((resolve) => {
      if (stop.signal.aborted) return resolve()
      clearTimeout(patience)
      mine = true
      release = resolve
      wanted.got({ release: resolve })
    })
  const options = steal ? { steal: true } : { signal: stop.signal }
  navigator.locks.request(name, options, hold).catch(() => {
    clearTimeout(patience)
    if (mine && !stop.signal.aborted) wanted.lost()
  })
  return () => {
    clearTimeout(patience)
    stop.abort()
    release()
  }
}
