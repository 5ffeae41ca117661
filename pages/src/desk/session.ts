import { computed, shallowRef } from 'vue'

import { api, body, onSignedOut, type Model } from '@/api/client'
import { Problem } from '@/api/problem'

export type Me = Model<'Me'>
export type Permission = Me['permissions'][number]

const ASK_TRIES = 15
const ASK_AGAIN_MS = 1000
const me = shallowRef<Me | null>(null)
let asked: Promise<void> | null = null

onSignedOut(forget)

/** Who is signed in. The session itself is a cookie that no script can read. */
export function useSession() {
  return {
    me: computed(() => me.value),
    can: (...wanted: Permission[]) => wanted.some((one) => me.value?.permissions.includes(one) ?? false),
    known,
    signIn,
    signOut,
    forget,
  }
}

/** Asks once who is signed in; afterwards it is known. */
function known(): Promise<void> {
  asked ??= whoAmI()
  return asked
}

/** A server that is being restarted has not signed anybody out: it is asked again for a while. */
async function whoAmI(tries = ASK_TRIES): Promise<void> {
  try {
    me.value = await body(api.GET('/session'))
  } catch (error) {
    const later = error instanceof Problem && (error.status === 0 || error.status >= 500)
    if (later && tries > 1) {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
      return whoAmI(tries - 1)
    }
    if (later) asked = null
    me.value = null
  }
}

async function signIn(name: string, password: string, code?: string): Promise<Me> {
  forget()
  const wanted = { name, password, keep: 'cookie' as const, ...(code ? { code } : {}) }
  const found = await body(api.POST('/session', { body: wanted }))
  me.value = found.me
  asked = Promise.resolve()
  return found.me
}

async function signOut(): Promise<void> {
  await api.DELETE('/session')
  forget()
}

/** The session is over. What was another person's on this page goes by it (App, seat, recent). */
function forget(): void {
  me.value = null
}
