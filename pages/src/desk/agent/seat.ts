import { until } from '@vueuse/core'
import { readonly, ref, shallowRef, watch } from 'vue'

import { api, body, type Model } from '@/api/client'
import { Problem } from '@/api/problem'
import type { paths } from '@/api/schema'
import { softphone } from '@/phone/softphone'
import { patiently } from '@/shared/patiently'
import { complain } from '@/shared/trouble'

import { useSession } from '../session'

export type Seat = Model<'SeatOut'>
export type Working = Model<'Working'>
export type Act = paths['/seat/call']['post']['requestBody']['content']['application/json']
export type Doing = Act['do']
export type Target = NonNullable<Act['to']>

/**
 * hotline/telephone.py waits 5 s for what is under way at the seat, and for each command 4 s until it says that nobody
 * knows; most are one. What takes longer (two commands, an Asterisk that takes no connection) is given up here and may be
 * done all the same. Then the keys are tried: what is done twice by that is begun once, or heard as tones.
 */
const DONE_MS = 12_000
/** The page's own telephone is rung for it. */
const REJOINED_MS = 30_000

const seat = shallowRef<Seat | null>(null)
const known = ref(false)
const failed = ref(false)
/** A call goes on here, as line.ts knows. */
const onCall = ref(false)
let asked: Promise<void> | null = null
/** Which question is the last one: what another brings late, of a seat that was left or a person who has gone, counts no more. */
let turn = 0

/** Where I sit. One for the whole page: the telephone goes on ringing whichever view is shown. */
export function useSeat() {
  return { seat: readonly(seat), known: readonly(known), failed: readonly(failed), onCall, load, again, take, leave, setState, act }
}

/** Asks once; a browser's telephone registers by itself then. */
function load(): Promise<void> {
  if (asked !== null) return asked
  failed.value = false
  const mine: Promise<void> = sitting(patiently(() => body(api.GET('/seat')))).catch((error: unknown) => {
    if (asked === mine) {
      asked = null
      failed.value = true
    }
    throw error
  })
  return (asked = mine)
}

/** Perhaps it was freed, or is somebody else's now. A call that goes on keeps its buttons to its end. */
async function again(): Promise<void> {
  await until(onCall).toBe(false)
  asked = null
  await load()
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
  await sitting(stoodUp())
}

async function stoodUp(): Promise<null> {
  try {
    await api.DELETE('/seat')
  } catch (error) {
    if (!isUnseated(error)) throw error
  }
  return null
}

async function setState(state: Working, reason = ''): Promise<void> {
  await seated(api.PUT('/seat/state', { body: { state, reason } }))
}

/** What is done to the call by way of Asterisk, the same for a desk telephone and a page. */
async function act(wanted: Act): Promise<void> {
  const signal = AbortSignal.timeout(wanted.do === 'rejoin' ? REJOINED_MS : DONE_MS)
  await seated(api.POST('/seat/call', { body: wanted, signal }))
}

function isUnseated(error: unknown): boolean {
  return error instanceof Problem && error.code === 'no_seat'
}

/** Who is told that they sit nowhere any more is shown so, and can sit down anew. */
async function seated(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (isUnseated(error)) void again().catch(complain)
    throw error
  }
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
