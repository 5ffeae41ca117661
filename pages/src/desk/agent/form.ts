import { getCurrentScope, onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model, versioned } from '@/api/client'
import { Problem } from '@/api/problem'
import { useSession } from '@/desk/session'
import { listen } from '@/live/stream'
import { keepTyped } from '@/shared/kept'

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
  /** The ticket that was made here, for a call that had none. */
  made: string
  /** The matter of the catalogue that it is about. */
  matter: string
}

/** The caller's number could not be had, and nobody has said that the ticket may do without: none was made. */
export class NumberUnknown extends Error {
  constructor(readonly why: unknown) {
    super('number unknown')
    this.name = 'NumberUnknown'
  }
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

/** The ticket of a call, as somebody fills it in. What is typed outlives the page, the server and other people's changes. */
export function useCallForm(callId: string, number: Ref<string | null>, whyReveal: string) {
  const { me } = useSession()
  const kept = ref<Kept>({ typed: { ...NOTHING }, saved: { ...NOTHING }, made: '', matter: '' })
  const scope = getCurrentScope()
  const keep = () => keepTyped(`${me.value?.name ?? ''}.call.${callId}`, kept)
  let keeper = keep()
  const restored = keeper.restored
  const ticket = ref<Ticket | null>(null)
  const etag = ref('')
  const changed = ref<Changed[]>([])
  const own = ref<string | null>(kept.value.made || number.value)
  /** Somebody decided that the ticket is made without the caller's number. */
  const numberless = ref(false)

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
    if (own.value === null) return
    const found = await versioned(api.GET('/tickets/{number}', { params: { path: { number: own.value } } })).catch(() => null)
    if (found === null || found.data.number !== own.value) return
    const before = ticket.value?.number === own.value ? ticket.value : null
    // Answers may overtake each other.
    if (found.data.version < (before?.version ?? 0)) return
    note(before, found.data)
    ticket.value = found.data
    etag.value = found.etag
  }

  /** Somebody else changed what is being typed here. */
  function note(before: Ticket | null, now: Ticket): void {
    if (before === null || before.version === now.version) return
    const wanted = changes()
    const pending = Object.keys(wanted) as (keyof Wanted)[]
    // What is as it was typed was saved from here, or is no difference.
    const differing = pending.filter((field) => before[field] !== now[field] && wanted[field] !== now[field])
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
      const there = await find() ?? await make()
      // The call's own may have come meanwhile.
      own.value ??= there
    }
    if (ticket.value?.number !== own.value) await load()
    const edit = changes()
    if (Object.keys(edit).length === 0) return
    const sent = { ...kept.value.typed }
    const asked = { params: { path: { number: own.value }, header: { 'If-Match': etag.value } }, body: edit as Model<'Edit'> }
    const done = await readAnew(versioned(api.PATCH('/tickets/{number}', asked)))
    etag.value = done.etag
    written(sent)
    await load()
  }

  /** The call's ticket, which this page may not have been told of yet. */
  async function find(): Promise<string | null> {
    const asked = body(api.GET('/calls/{id}/caller', { params: { path: { id: callId } } }))
    const card = await asked.catch((error: unknown) => {
      // A call that has just begun is in the log a moment later. Anything else says nothing about its ticket.
      if (error instanceof Problem && error.status === 404) return null
      throw error
    })
    return card?.ticket ?? null
  }

  /**
   * Made of what the call alone says, and filled in afterwards: whatever was typed since, and wherever, the same call
   * sends the same, so that one whose answer was lost is found again by its key and no second one is made. Only secrecy
   * comes with it: it must not be seen by everybody first.
   */
  async function make(): Promise<string> {
    const { confidential, handler } = kept.value.typed
    const secrecy = confidential ? { confidential, handler: handler.trim() } : {}
    const caller = numberless.value ? '' : await callersNumber()
    const wanted = { category: 'other', channel: 'phone', channel_ref: callId, caller, ...secrecy } as Model<'NewRequest'>
    const header = { 'Idempotency-Key': `desk-${callId}`.slice(0, 100) }
    const number = await body(api.POST('/tickets', { params: { header }, body: wanted })).then(
      (made) => made.number,
      async (error: unknown) => {
        // It was made with or without the number or secrecy, as was decided then.
        const there = error instanceof Problem && error.code === 'key_reused' ? await find() : null
        if (there === null) throw error
        return there
      },
    )
    return (kept.value.made = number)
  }

  async function callersNumber(): Promise<string> {
    const asked = api.POST('/calls/{id}/reveal', { params: { path: { id: callId } }, body: { reason: whyReveal } })
    const whole = await body(asked).catch((why: unknown) => {
      throw new NumberUnknown(why)
    })
    return whole.number
  }

  /** What was typed while it was on its way is not among it. */
  function written(sent: Wanted): void {
    kept.value.saved = sent
    changed.value = []
  }

  /** Somebody was faster: what the ticket is now is read before anybody is told. */
  async function readAnew<T>(work: Promise<T>): Promise<T> {
    return work.catch(async (error: unknown) => {
      if (error instanceof Problem && error.status === 412) await load()
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

  return { kept, ticket, etag, number: own, numberless, changed, restored, changes, load, save, reveal, accept, forget }
}
