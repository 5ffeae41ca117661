import { computed, getCurrentScope, onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model, versioned } from '@/api/client'
import { Problem } from '@/api/problem'
import { useSession } from '@/desk/session'
import { listen } from '@/live/stream'
import { keepTyped } from '@/shared/kept'

import { callersNumber, makeOnce, type Request, ticketOf } from './making'

export const TEXTS = ['title', 'content', 'requester', 'contact', 'area', 'address'] as const
export type TextField = (typeof TEXTS)[number]
type Ticket = Model<'TicketOut'>
type Category = Model<'Category'>

/** null: as the ticket has it. */
export interface Wanted extends Record<TextField, string | null> {
  category: Category | null
  urgent: boolean | null
  confidential: boolean
  handler: string
}

interface Kept {
  typed: Wanted
  /** What of it the ticket has already, in full: the API shows personal data masked. */
  saved: Wanted
  /** The ticket that was made here, for a call that had none, or that became confidential: its call tells of it no more. */
  made: string
  /** Requests for one that may have made it. */
  tried: Request[]
  /** The matter of the catalogue that it is about. */
  matter: string
}

export interface Changed {
  field: keyof Wanted
  now: string
}

const NOTHING: Wanted = {
  title: null,
  content: null,
  requester: null,
  contact: null,
  address: null,
  area: null,
  category: null,
  urgent: null,
  confidential: false,
  handler: '',
}
const FIELDS = Object.keys(NOTHING) as (keyof Wanted)[]
const trimmed = (value: string | boolean | null) => (typeof value === 'string' ? value.trim() : value)

/** The ticket of a call, as somebody fills it in. What is typed outlives the page, the server and other people's changes. */
export function useCallForm(callId: string, number: Ref<string | null>, whyReveal: string) {
  const { me } = useSession()
  const kept = ref<Kept>({ typed: { ...NOTHING }, saved: { ...NOTHING }, made: '', tried: [], matter: '' })
  const scope = getCurrentScope()
  const keep = () => keepTyped(`${me.value?.name ?? ''}.call.${callId}`, kept)
  let keeper = keep()
  const restored = keeper.restored
  const ticket = ref<Ticket | null>(null)
  const etag = ref('')
  /** Why the ticket could not be read, the last time. */
  const failure = ref<Error | null>(null)
  /** It is confidential, and its handler's. */
  const hidden = computed(() => failure.value instanceof Problem && failure.value.status === 404)
  const changed = ref<Changed[]>([])
  const own = ref<string | null>(kept.value.made || number.value)
  /** Somebody decided that the ticket is made without the caller's number. */
  const numberless = ref(false)
  /** An edit is on its way. */
  let writing = false
  /** The version that the last edit from here made. */
  let ours = 0

  watch(number, (found) => {
    // What was made here stays with what was typed; the dispatcher sees both, side by side.
    if (found === null || found === own.value || kept.value.made !== '') return
    own.value = found
    void load()
  })
  onScopeDispose(listen('ticket', (event) => event.number === own.value && void load()))
  onScopeDispose(listen('reset', () => void load()))
  void load()

  async function load(): Promise<void> {
    const wanted = own.value
    if (wanted === null) return
    try {
      const found = await versioned(api.GET('/tickets/{number}', { params: { path: { number: wanted } } }))
      // What came of the edit is read after it.
      if (wanted === own.value && !writing) shown(found.data, found.etag)
    } catch (error) {
      if (wanted === own.value && !writing) unread(error as Error)
    }
  }

  function shown(now: Ticket, tag: string): void {
    failure.value = null
    const before = ticket.value?.number === now.number ? ticket.value : null
    // Answers may overtake each other.
    if (now.version < (before?.version ?? 0)) return
    if (before !== null && now.version !== before.version && now.version !== ours) note(before, now)
    ticket.value = now
    etag.value = tag
  }

  /** Of a ticket that may not be seen any more nothing stays but what it has not taken. */
  function unread(error: Error): void {
    failure.value = error
    if (!hidden.value) return
    const { typed, saved } = kept.value
    const rest = FIELDS.filter((field) => trimmed(typed[field]) !== trimmed(saved[field])).map((field) => [field, typed[field]])
    const left = { typed: { ...NOTHING, ...Object.fromEntries(rest) }, saved: { ...NOTHING }, matter: '' }
    kept.value = { ...kept.value, ...left, made: own.value ?? '' }
    ticket.value = null
    changed.value = []
  }

  /** Somebody else changed what was typed here: what had been saved gives way, what had not stays. */
  function note(before: Ticket, now: Ticket): void {
    const { typed, saved } = kept.value
    const pending = changes()
    const touched = FIELDS.filter((field) => typed[field] !== NOTHING[field])
    // What is as it was typed is no difference.
    const differing = touched.filter((field) => before[field] !== now[field] && trimmed(typed[field]) !== now[field])
    for (const field of differing) {
      Object.assign(saved, { [field]: NOTHING[field] })
      if (!(field in pending)) Object.assign(typed, { [field]: NOTHING[field] })
    }
    changed.value = [
      ...changed.value.filter((one) => !differing.includes(one.field)),
      ...differing.map((field) => ({ field, now: String(now[field]) })),
    ]
  }

  function changes(): Partial<Record<keyof Wanted, string | boolean>> {
    const { typed, saved } = kept.value
    const found: Partial<Record<keyof Wanted, string | boolean>> = {}
    for (const field of TEXTS) {
      const value = typed[field]
      if (value !== null && value.trim() !== (saved[field] ?? ticket.value?.[field] ?? '').trim()) found[field] = value.trim()
    }
    if (typed.category !== null && typed.category !== ticket.value?.category) found.category = typed.category
    if (typed.urgent !== null && typed.urgent !== (ticket.value?.urgent ?? false)) found.urgent = typed.urgent
    if (typed.confidential && !ticket.value?.confidential) {
      found.confidential = true
      found.handler = typed.handler.trim()
    }
    return found
  }

  /**
   * Writes what was typed; a call without a ticket gets one. Throws NumberUnknown, Problem; with 412 the ticket is read
   * anew first, and `changed` says what is different.
   */
  async function save(): Promise<void> {
    if (own.value === null) {
      const there = (await ticketOf(callId)) ?? (await make())
      // The call's own may have come meanwhile.
      own.value ??= there
    }
    if (ticket.value?.number !== own.value) await load()
    const edit = changes()
    const nothing = Object.keys(edit).length === 0
    if (ticket.value?.number !== own.value && !(hidden.value && nothing)) throw failure.value ?? Problem.offline()
    if (nothing) return
    const sent = { ...kept.value.typed }
    writing = true
    const asked = { params: { path: { number: own.value }, header: { 'If-Match': etag.value } }, body: edit as Model<'Edit'> }
    const done = await readAnew(versioned(api.PATCH('/tickets/{number}', asked)).finally(() => (writing = false)))
    etag.value = done.etag
    ours = done.data.version
    written(sent)
    await load()
  }

  /**
   * Made of what the call alone says, and filled in afterwards. What is to be confidential is made with all that was
   * typed: it must not be seen by everybody first, and who is not its handler adds nothing to it afterwards. The call is
   * hidden with it: when the answer was lost, the number of the first request is the only one that can be had.
   */
  async function make(): Promise<string> {
    const caller = kept.value.tried[0]?.caller ?? (numberless.value ? '' : await callersNumber(callId, whyReveal))
    const secrets = kept.value.typed.confidential ? changes() : {}
    const wanted = { category: 'other', channel: 'phone', channel_ref: callId, caller, ...secrets } as Request
    const { number, asked } = await makeOnce(callId, wanted, kept.value.tried)
    const words = asked as Partial<Wanted>
    if (asked.confidential) written({ ...NOTHING, ...Object.fromEntries(FIELDS.map((field) => [field, words[field] ?? null])) })
    return (kept.value.made = number)
  }

  /** What was typed while it was on its way is not among it. */
  function written(sent: Wanted): void {
    kept.value.saved = sent
    changed.value = []
  }

  /** Somebody was faster: what the ticket is now, if it may still be seen, is read before anybody is told. */
  async function readAnew<T>(work: Promise<T>): Promise<T> {
    return work.catch(async (error: unknown) => {
      if (error instanceof Problem && [404, 412].includes(error.status)) await load()
      throw error
    })
  }

  /** What the ticket has in full, so that it can be corrected; written to the audit log. */
  async function reveal(reason: string): Promise<Model<'Revealed'>> {
    const whole = await body(api.POST('/tickets/{number}/reveal', { params: { path: { number: own.value ?? '' } }, body: { reason } }))
    const { typed, saved } = kept.value
    for (const field of TEXTS) {
      if (field === 'area' || !whole[field]) continue
      saved[field] = whole[field]
      typed[field] ??= whole[field]
    }
    return whole
  }

  async function accept(): Promise<void> {
    if (own.value === null) return
    const asked = { params: { path: { number: own.value }, header: { 'If-Match': etag.value } } }
    await readAnew(api.POST('/tickets/{number}/commands', { ...asked, body: { do: 'accept' } }))
    await load()
  }

  /** It is where it belongs; what is typed from here on is kept again. */
  function forget(): void {
    keeper.forget()
    keeper = scope?.run(keep) ?? keeper
  }

  return { kept, ticket, etag, failure, hidden, number: own, numberless, changed, restored, changes, load, save, reveal, accept, forget }
}
