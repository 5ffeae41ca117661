import { useSessionStorage } from '@vueuse/core'
import { computed, ref, watch } from 'vue'

import { Problem } from '@/api/problem'
import { floor } from '@/live/floor'
import { phone, softphone } from '@/phone/softphone'

import { type Doing, type Target, useSeat } from './seat'

export type Phase = 'none' | 'ringing' | 'answering' | 'talking'
/** With whom I consult while the citizen waits; `name` is empty where that is not known. `joined`: all three talk. */
export interface Consult extends Target {
  name: string
  joined: boolean
}

/** What the feature codes of features.conf do, for when the web server is away but the call is not. */
const KEYS: Partial<Record<Doing, string>> = { complete: '*4', conference: '*3', swap: '*5', cancel: '*1' }
const AWAY = [0, 502, 503, 504]
/** Whether it was done, nobody knows. */
const UNKNOWN = [0, 502, 504]
const OWN_CALL_MS = 30_000
const SETTLING_MS = 3000
const HOLD_AGAIN_MS = 250
const HOLD_TRIES = 12

const { seat, onCall, act } = useSeat()
const asJson = { read: (text: string) => JSON.parse(text) as Consult | null, write: (value: Consult | null) => JSON.stringify(value) }
const consult = useSessionStorage<Consult | null>('hotline.desk.consult', null, { serializer: asJson })
const deskMuted = ref(false)
/** A call has just ended here, which the floor says a moment later. */
const settling = ref(false)

const mine = computed(() => (seat.value ? (floor.agents.get(seat.value.extension) ?? null) : null))
const browser = computed(() => seat.value?.phone === 'browser')

/** The call's row of the floor, where Asterisk has one of mine. */
const row = computed(() => (mine.value?.call_id ? (floor.calls.get(mine.value.call_id) ?? null) : null))

const phase = computed<Phase>(() => {
  if (browser.value) return phone.call?.state ?? 'none'
  if (mine.value?.state === 'ringing') return 'ringing'
  return mine.value?.state === 'in_call' ? 'talking' : 'none'
})

/** Asterisk has a call for this telephone, of which this page knows nothing: it was loaded anew, or had crashed. */
const orphaned = computed(
  () => browser.value && !settling.value && phone.registration === 'registered' && phone.call === null && floor.fresh.value && mine.value?.state === 'in_call',
)

/** The call at my seat: by this page's own telephone where it is one, and by the floor. */
export const line = {
  phase,
  orphaned,
  row,
  mine,
  browser,
  callId: computed(() => (phase.value === 'none' && !orphaned.value ? null : (mine.value?.call_id ?? null))),
  number: computed(() => row.value?.number ?? ''),
  held: computed(() => (browser.value ? (phone.call?.held ?? false) : (row.value?.held ?? false))),
  muted: computed(() => (browser.value ? (phone.call?.muted ?? false) : deskMuted.value)),
  consult,
}

/**
 * The colleague whom I consult, while the floor shows them in my call. Of others it does not tell: a centre's second line
 * is dialled when the first fails, a queue rings one after the other.
 */
const colleague = computed(() => {
  const id = consult.value?.kind === 'extension' ? consult.value.id : null
  return id !== null && row.value !== null && [row.value.agent, ...row.value.others].includes(id) ? id : null
})

// They hung up, or did not answer: the citizen is with me again.
watch(colleague, (now, was) => {
  if (now === null && was !== null && row.value !== null && consult.value?.id === was) consult.value = null
})

watch(
  phase,
  (now) => {
    onCall.value = now !== 'none'
    if (now !== 'none') return
    deskMuted.value = false
    consult.value = null
    settling.value = true
    setTimeout(() => (settling.value = false), SETTLING_MS)
  },
  { flush: 'sync' },
)

export async function answer(): Promise<void> {
  if (browser.value) await softphone.answer()
  else await act({ do: 'answer' })
}

export async function hangUp(): Promise<void> {
  if (browser.value && phone.call !== null) softphone.hangUp()
  else await act({ do: 'hangup' })
}

/** While the former change is still under way a telephone takes no other: the wish is kept for a moment. */
export async function hold(on: boolean): Promise<void> {
  if (!browser.value) return act({ do: on ? 'hold' : 'resume' })
  for (let tries = HOLD_TRIES; tries > 0; tries--) {
    if (phone.call === null || phone.call.held === on || softphone.hold(on)) return
    await new Promise((resolve) => setTimeout(resolve, HOLD_AGAIN_MS))
  }
  throw Problem.offline()
}

export async function mute(on: boolean): Promise<void> {
  if (browser.value) return softphone.mute(on)
  await act({ do: on ? 'mute' : 'unmute' })
  deskMuted.value = on
}

export async function transfer(to: Target): Promise<void> {
  await act({ do: 'transfer', to })
  consult.value = null
  if (browser.value) softphone.endAfterTransfer()
}

/** One that may have begun, or that this page knew nothing of, has its buttons: the first that is pressed clears it up. */
export async function begin(to: Target, name: string): Promise<void> {
  try {
    await orByKeys(() => act({ do: 'consult', to }), /^\d+$/.test(to.id) ? `*2${to.id}` : undefined)
    consulting({ ...to, name, joined: false })
  } catch (error) {
    if (error instanceof Problem && (UNKNOWN.includes(error.status) || error.code === 'outcome_unknown')) consulting({ ...to, name, joined: false })
    else if (error instanceof Problem && error.code === 'not_now') consulting(consult.value ?? { kind: 'unit', id: '', name: '', joined: false })
    throw error
  }
}

/** The call may have ended meanwhile. */
function consulting(now: Consult): void {
  if (phase.value === 'talking') consult.value = now
}

export async function consulted(what: 'complete' | 'conference' | 'swap' | 'cancel'): Promise<void> {
  try {
    await orByKeys(() => act({ do: what }), KEYS[what])
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'not_now') throw error
    consult.value = null // it had ended by itself
    if (what === 'cancel') return
    throw error
  }
  if (what === 'conference' && consult.value) consult.value = { ...consult.value, joined: true }
  else if (what !== 'swap') consult.value = null
}

/** The call goes on at this page's new telephone, which answers by itself: the citizen heard silence long enough. */
export async function rejoin(): Promise<void> {
  softphone.expectCall(OWN_CALL_MS)
  try {
    await act({ do: 'rejoin' })
  } catch (error) {
    expectNoCall()
    throw error
  }
}

/**
 * A call that I asked for rings here first. It is answered by itself only if no citizen can be put through at the same
 * time: while one is on a break or signed out.
 */
export function expectOwnCall(): void {
  if (browser.value && mine.value?.state !== 'ready') softphone.expectCall(OWN_CALL_MS)
}

/** It will not come: the next call may be a citizen's. */
export function expectNoCall(): void {
  softphone.expectCall(0)
}

/** When nobody answers the request, the telephone's keys say the same to Asterisk: an emergency does not wait for a web server. */
async function orByKeys(ask: () => Promise<void>, keys: string | undefined): Promise<void> {
  try {
    await ask()
  } catch (error) {
    const away = error instanceof Problem && AWAY.includes(error.status) && error.code !== 'outcome_unknown'
    if (!away || keys === undefined || !browser.value || phone.call === null) throw error
    softphone.digits(keys)
  }
}
