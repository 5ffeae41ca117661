const PLACES = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex]:not([tabindex="-1"])'

/**
 * Whoever works with the keyboard is always somewhere: when the button that was pressed is taken away or switched off,
 * the cursor goes to what is nearest to where it was. Element Plus does so for its dialogs and menus.
 */
export function keepFocus(): void {
  let at: HTMLElement | null = null
  let around: Element[] = []
  let byKeys = false

  document.addEventListener('keydown', () => (byKeys = true), true)
  document.addEventListener('pointerdown', () => (byKeys = false), true)
  document.addEventListener('focusin', (event) => {
    // Where a dialog sends the cursor that was opened from nowhere.
    if (event.target === document.body) return void requestAnimationFrame(look)
    at = event.target as HTMLElement
    around = []
    for (let one = at.parentElement; one !== null; one = one.parentElement) around.push(one)
  })

  function look() {
    // What was switched off has the focus until the browser has drawn.
    const nowhere = [null, document.body, at].includes(document.activeElement as HTMLElement | null)
    if (!byKeys || !nowhere || at === null || usable(at)) return
    const home = around.find((one) => one.isConnected && placeIn(one) !== null)
    if (home) placeIn(home)?.focus()
  }

  // A frame later, so that whatever moves the cursor by itself has done so.
  const changes = new MutationObserver(() => requestAnimationFrame(look))
  changes.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled', 'style'] })
}

/** The first place in it where the cursor can be; of a whole page, in its main part. */
function placeIn(part: Element): HTMLElement | null {
  const main = part.querySelector('main')
  const places = [...(main?.querySelectorAll<HTMLElement>(PLACES) ?? []), ...part.querySelectorAll<HTMLElement>(PLACES)]
  return places.find(usable) ?? null
}

function usable(one: HTMLElement): boolean {
  return one.isConnected && !one.matches(':disabled') && one.checkVisibility({ visibilityProperty: true })
}
