import { readonly, ref, shallowRef, watch } from 'vue'

import { api, body, type Model } from '@/api/client'
import type { paths } from '@/api/schema'
import { softphone } from '@/phone/softphone'

import { useSession } from '../session'

export type Seat = Model<'SeatOut'>
export type Working = Model<'Working'>
export type Act = paths['/seat/call']['post']['requestBody']['content']['application/json']
export type Doing = Act['do']
export type Target = NonNullable<Act['to']>

const seat = shallowRef<Seat | null>(null)
const known = ref(false)
let asked: Promise<void> | null = null
/** Which question is the last one: what another brings late, of a seat that was left or a person who has gone, counts no more. */
let turn = 0

/** Where I sit. One for the whole page: the telephone goes on ringing whichever view is shown. */
export function useSeat() {
  return { seat: readonly(seat), known: readonly(known), load, take, leave, setState, act }
}

/** Asks once; a browser's telephone registers by itself then. */
function load(): Promise<void> {
  asked ??= sitting(body(api.GET('/seat'))).catch((error: unknown) => {
    asked = null
    throw error
  })
  return asked
}

async function sitting(answer: Promise<Seat | null>): Promise<void> {
  const mine = ++turn
  const found = await answer
  if (mine === turn) sit(found)
}

function sit(found: Seat | null): void {
  seat.value = found
  known.value = true
  if (found?.sip) softphone.start({ extension: found.extension, ...found.sip })
  else softphone.stop()
}

async function take(extension: string): Promise<void> {
  await sitting(body(api.POST('/seat', { body: { extension } })))
}

async function leave(): Promise<void> {
  await sitting(api.DELETE('/seat').then(() => null))
}

async function setState(state: Working, reason = ''): Promise<void> {
  await api.PUT('/seat/state', { body: { state, reason } })
}

/** What is done to the call by way of Asterisk, the same for a desk telephone and a page. */
async function act(wanted: Act): Promise<void> {
  await api.POST('/seat/call', { body: wanted })
}

// The next person sits nowhere yet. A call that goes on is not cut.
watch(useSession().me, (now, before) => {
  if (before === null || now?.name === before.name) return
  asked = null
  turn++
  seat.value = null
  known.value = false
  softphone.stopWhenIdle()
})
