import { ref } from 'vue'

import { api, body, type Model } from '@/api/client'
import { useRead } from '@/shared/read'
import { complain, tell } from '@/shared/trouble'

import { expectNoCall, expectOwnCall } from './line'
import { useSeat } from './seat'

export type Missed = Model<'MissedOut'>
export type Task = Model<'CallbackTaskOut'>
export type Message = Model<'MessageOut'>

/** Who is to be rung, what there is to hear, and ringing them from one's own seat. `hears`: may hear messages. */
export function useTasks(hears: boolean) {
  const { seat } = useSeat()
  const page = { params: { query: { limit: 100 } } }
  const missed = useRead(() => body(api.GET('/missed-callers', page)))
  const tasks = useRead(async () => (await body(api.GET('/callback-tasks', page))).items)
  const messages = useRead(async () => (await body(api.GET('/messages', page))).items)
  const dialling = ref(false)
  const warning = ref('')

  async function load(): Promise<void> {
    await Promise.all([missed.load(), tasks.load(), hears ? messages.load() : null])
  }

  /** My own telephone rings first; the answer comes once I have answered it. The key makes a repeated request no second call. */
  async function dial(what: { missed: number } | { ticket: string }): Promise<boolean> {
    if (seat.value === null || dialling.value) return false
    dialling.value = true
    warning.value = ''
    expectOwnCall()
    const asked = { header: { 'Idempotency-Key': `dial-${Date.now()}-${Math.random().toString(36).slice(2)}` } }
    const extension = { extension: seat.value.extension }
    try {
      const done =
        'missed' in what
          ? await body(api.POST('/missed-callers/{id}/call', { params: { ...asked, path: { id: what.missed } }, body: extension }))
          : await body(api.POST('/tickets/{number}/call', { params: { ...asked, path: { number: what.ticket } }, body: extension }))
      warning.value = done.warning
      return true
    } catch (error) {
      expectNoCall()
      complain(error)
      return false
    } finally {
      dialling.value = false
      void load()
    }
  }

  async function close(id: number, reason: string): Promise<void> {
    await tell(api.POST('/missed-callers/{id}/close', { params: { path: { id } }, body: { reason } }))
    await load()
  }

  async function heard(id: string): Promise<void> {
    await tell(api.POST('/messages/{id}/heard', { params: { path: { id } } }))
    await load()
  }

  return { seat, missed, tasks, messages, dialling, warning, load, dial, close, heard }
}
