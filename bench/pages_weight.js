// Runs in the page before anything of its own: when somebody could use it. `window.bench.wanted` is set by the bench.
(() => {
  const seen = (window.bench = { at: 0 })

  function look() {
    const there = window.benchWanted && document.querySelector(window.benchWanted)
    if (!there || there.getClientRects().length === 0) return requestAnimationFrame(look)
    // After this frame is drawn.
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      seen.at = performance.now()
    }
    port2.postMessage(null)
  }

  /** Milliseconds since the navigation began: the content is drawn, and what the API was asked before that is answered. */
  seen.usable = () => {
    const asked = performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/') && !one.name.includes('/events') && one.startTime < seen.at)
    return seen.at && Math.max(seen.at, ...asked.map((one) => one.responseEnd))
  }

  requestAnimationFrame(look)
})()
