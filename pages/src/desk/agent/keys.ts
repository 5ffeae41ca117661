import { useEventListener } from '@vueuse/core'

type Actions = Record<string, (event: KeyboardEvent) => unknown>

/** `F2`, `Alt+R`, `Ctrl+Enter`, `Ctrl+Shift+Enter`, as they stand on the buttons. They count wherever the cursor is. */
export function useKeys(actions: Actions): void {
  useEventListener(window, 'keydown', (event) => {
    if (event.repeat || event.isComposing) return
    const action = actions[nameOf(event)]
    if (action === undefined) return
    event.preventDefault()
    void action(event)
  })
}

/** Of what lies behind a dialog: while one is open they do nothing, not even what the browser would. */
export function usePageKeys(actions: Actions): void {
  const unlessBehind = Object.entries(actions).map(([name, act]) => [name, (event: KeyboardEvent) => behindDialog() || act(event)])
  useKeys(Object.fromEntries(unlessBehind) as Actions)
}

/** A dialog or a drawer that is open has the keys, even when the cursor has left it. */
export function behindDialog(): boolean {
  return [...document.querySelectorAll('[aria-modal="true"]')].some((one) => one.checkVisibility())
}

function nameOf(event: KeyboardEvent): string {
  const held = [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', event.shiftKey ? 'Shift' : '']
  // With Alt held some keyboards write another letter; the key's place says which one it is.
  const letter = event.code.startsWith('Key') ? event.code.slice(3) : event.key
  return [...held.filter((one) => one !== ''), letter].join('+')
}
