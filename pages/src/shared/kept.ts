import { type Ref, watch } from 'vue'

const PREFIX = 'hotline.typed.'
const DAYS_KEPT = 2

/**
 * What somebody is typing survives a reload, a crash of the page and a dead server: it is written to this browser at
 * each change (a page that crashes does not wait for a pause), under `key` (whose it is and what it is about), and
 * forgotten once it is saved. `leave` before `typed` is used for something else. What nobody has touched is not written.
 * With `sessionStorage` as its place it is forgotten with the tab: where anybody may sit down next.
 */
export function keepTyped<T extends object>(key: string, typed: Ref<T>, storage: Storage = localStorage): { restored: boolean; leave: () => void; forget: () => void } {
  const place = PREFIX + key
  clearOld()
  const before = read<T>(storage, place)
  if (before !== null) typed.value = { ...typed.value, ...before }
  const leave = watch(typed, () => put(storage, place, JSON.stringify({ at: Date.now(), typed: typed.value })), { deep: true, flush: 'sync' })
  return {
    restored: before !== null,
    leave,
    forget: () => {
      leave()
      storage.removeItem(place)
    },
  }
}

function put(storage: Storage, place: string, text: string): void {
  try {
    storage.setItem(place, text)
  } catch {
    // This browser has no room for it: it is still on the page, and can be saved.
  }
}

/** At signing out: the next person at this screen finds nothing. */
export function forgetAllTyped(): void {
  ours().forEach((place) => localStorage.removeItem(place))
}

function ours(): string[] {
  return Object.keys(localStorage).filter((place) => place.startsWith(PREFIX))
}

function clearOld(): void {
  const oldest = Date.now() - DAYS_KEPT * 86_400_000
  for (const place of ours()) if ((parse(localStorage, place)?.at ?? 0) < oldest) localStorage.removeItem(place)
}

function read<T>(storage: Storage, place: string): Partial<T> | null {
  return (parse(storage, place)?.typed ?? null) as Partial<T> | null
}

function parse(storage: Storage, place: string): { at: number; typed: unknown } | null {
  try {
    return JSON.parse(storage.getItem(place) ?? 'null') as { at: number; typed: unknown } | null
  } catch {
    return null
  }
}
