import { computed, shallowRef } from 'vue'

import { api, body, onSignedOut, type Model } from '@/api/client'
import { isAway } from '@/api/problem'
import { patiently } from '@/shared/patiently'

export type Me = Model<'Me'>
export type Permission = Me['permissions'][number]

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

/** A server that is being restarted has not signed anybody out. */
async function whoAmI(): Promise<void> {
  try {
    me.value = await patiently(() => body(api.GET('/session')))
  } catch (error) {
    if (isAway(error)) asked = null
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
