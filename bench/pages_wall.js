// Runs in the page before anything of its own: what a person in front of the wallboard would notice.
(() => {
  const seen = (window.bench = { gaps: [], long: [], late: [] })
  let last = 0
  let told = ''

  function frame(now) {
    if (last) seen.gaps.push(now - last)
    last = now
    requestAnimationFrame(frame)
  }

  /** The one agent whose text says when it was changed (bench/pages_server.py). */
  function watch() {
    const cell = [...document.querySelectorAll('.agent')].find((one) => one.textContent.includes('1200 '))
    if (!cell) return setTimeout(watch, 100)
    new MutationObserver(() => {
      const at = /\d{13}/.exec(cell.querySelector('.state').textContent)?.[0] ?? ''
      if (at === told) return
      if (told) painted(() => seen.late.push(Date.now() - Number(at)))
      told = at
    }).observe(cell, { subtree: true, childList: true, characterData: true })
  }

  /** After the next frame is drawn. */
  function painted(then) {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = then
      port2.postMessage(null)
    })
  }

  /** What there is since the last time; forgotten here, so that it does not count as the page's memory. */
  seen.take = () => {
    const found = { gaps: seen.gaps, long: seen.long, late: seen.late }
    seen.gaps = []
    seen.long = []
    seen.late = []
    return found
  }

  new PerformanceObserver((list) => list.getEntries().forEach((one) => seen.long.push(one.duration))).observe({ entryTypes: ['longtask'] })
  document.addEventListener('DOMContentLoaded', watch)
  requestAnimationFrame(frame)
})()
