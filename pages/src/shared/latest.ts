/**
 * Answers may overtake each other: an earlier one must not take the place of a later one.
 *
 *     const latest = useLatest()
 *     const mine = latest.anew()
 *     const found = await …
 *     if (!mine()) return
 */
export function useLatest() {
  let asked = 0
  let least = 0

  /** The same is asked again: its answer counts unless a later one was there before. */
  function again(): () => boolean {
    const number = ++asked
    return () => {
      if (number < least) return false
      least = number
      return true
    }
  }

  /** Something else is asked: what was asked before counts no more. */
  function anew(): () => boolean {
    least = asked + 1
    return again()
  }

  return { again, anew }
}
