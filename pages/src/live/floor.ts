import { createSharedComposable, useIntervalFn } from '@vueuse/core'
import { computed, readonly, ref, shallowReactive, shallowRef, type Ref } from 'vue'

import type { Model } from '@/api/client'

import { listen, streaming } from './stream'

export type FloorAgent = Model<'AgentNow'>
export type FloorCall = Model<'CallNow'>
export type FloorQueue = Model<'QueueNow'>
export type FloorToday = Model<'TodayNow'>
type News = Model<'FloorSnapshot'> | Model<'FloorPatch'>

const queues = shallowReactive(new Map<string, FloorQueue>())
const agents = shallowReactive(new Map<string, FloorAgent>())
const calls = shallowReactive(new Map<string, FloorCall>())
const today = shallowRef<FloorToday | null>(null)
const known = ref(false)
const connected = ref(false)
/** Milliseconds to be added to this machine's clock to have the server's, by which all times of the floor are. */
const ahead = ref(0)

/** The telephone side as it is now: what one may see of it. Rows are replaced, never changed. */
export const floor = {
  queues: queues as ReadonlyMap<string, FloorQueue>,
  agents: agents as ReadonlyMap<string, FloorAgent>,
  calls: calls as ReadonlyMap<string, FloorCall>,
  today: readonly(today) as Readonly<Ref<FloorToday | null>>,
  /** A first state has arrived. */
  known: readonly(known),
  /** It is the state of now: the stream is there, and Asterisk behind it. Otherwise it is what was known last. */
  fresh: computed(() => known.value && connected.value && streaming.value),
}

/** The server's time in ms, a new value every second: one clock for all who look at it, so that they turn together. */
export const useServerClock = createSharedComposable((): Readonly<Ref<number>> => {
  const now = ref(Date.now() + ahead.value)
  useIntervalFn(() => (now.value = Date.now() + ahead.value), 1000)
  return now
})

/** At signing out: the next person may not see the same. */
export function forgetFloor(): void {
  known.value = false
  connected.value = false
  today.value = null
  for (const rows of [queues, agents, calls]) rows.clear()
}

listen('floor', (event) => take(event as News))

function take(news: News): void {
  ahead.value = Date.parse(news.at) - Date.now()
  connected.value = news.ready
  if (news.today !== null) today.value = news.today
  if (news.kind === 'snapshot') {
    keepOnly(queues, news.queues.map((row) => row.id))
    keepOnly(agents, news.agents.map((row) => row.extension))
    keepOnly(calls, news.calls.map((row) => row.id))
    known.value = true
  } else {
    news.gone.forEach((id) => calls.delete(id))
  }
  news.queues.forEach((row) => queues.set(row.id, row))
  news.agents.forEach((row) => agents.set(row.extension, row))
  news.calls.forEach((row) => calls.set(row.id, row))
}

function keepOnly(rows: Map<string, unknown>, ids: readonly string[]): void {
  const wanted = new Set(ids)
  for (const id of rows.keys()) if (!wanted.has(id)) rows.delete(id)
}
