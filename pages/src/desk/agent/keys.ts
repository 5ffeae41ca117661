import { useEventListener } from '@vueuse/core'

/** `F2`, `Alt+R`, `Ctrl+Enter`, `Ctrl+Shift+Enter`, as they stand on the buttons. They count wherever the cursor is. */
export function useKeys(actions: Record<string, (event: KeyboardEvent) => unknown>): void {
  useEventListener(window, 'keydown', (event) => {
    if (event.repeat || event.isComposing) return
    const action = actions[nameOf(event)]
    if (action === undefined) return
    event.preventDefault()
    void action(event)
  })
}

function nameOf(event: KeyboardEvent): string {
  const held = [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', event.shiftKey ? 'Shift' : '']
  // With Alt held some keyboards write another letter; the key's place says which one it is.
  const letter = event.code.startsWith('Key') ? event.code.slice(3) : event.key
  return [...held.filter((one) => one !== ''), letter].join('+')
}
