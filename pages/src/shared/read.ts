import { ref, shallowRef } from 'vue'

import { useLatest } from './latest'
import { tell } from './trouble'

/**
 * What the API was asked for. Not known is not none: `found` is null until it is known, and keeps what was known last
 * when a later reading fails. `failed`: nothing is known, and the last try failed; why has been said (NotKnown.vue).
 */
export function useRead<T>(read: () => Promise<T>) {
  const found = shallowRef<T | null>(null)
  const failed = ref(false)
  const latest = useLatest()

  async function ask(mine: () => boolean) {
    failed.value = false
    const answer = await tell(read())
    if (!mine()) return
    if (answer !== null) found.value = answer
    failed.value = found.value === null
  }

  /** The same once more. */
  const load = () => ask(latest.again())

  /** About something else: what is known of the former does not count for it. */
  function anew() {
    found.value = null
    return ask(latest.anew())
  }
  return { found, failed, load, anew }
}
