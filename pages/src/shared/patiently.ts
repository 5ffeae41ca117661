import { isAway } from '@/api/problem'

const TRIES = 15
const AGAIN_MS = 1000

/** A server that is being restarted is asked again for a while. Throws what it said last. */
export async function patiently<T>(ask: () => Promise<T>, tries = TRIES): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (tries <= 1 || !isAway(error)) throw error
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    return patiently(ask, tries - 1)
  }
}
