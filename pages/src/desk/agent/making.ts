import { api, body, type Model } from '@/api/client'
import { Problem } from '@/api/problem'

/** The caller's number could not be had, and nobody has said that the ticket may do without: none was made. */
export class NumberUnknown extends Error {
  constructor(readonly why: unknown) {
    super('number unknown')
    this.name = 'NumberUnknown'
  }
}

export type Request = Model<'NewRequest'>

/**
 * What was asked for is wrong, so that it was not done before either. Any other answer is about who asks, or how often, or
 * is none.
 */
const WRONG = [400, 409, 413, 422]

/** Whole; written to the audit log. Throws NumberUnknown. */
export async function callersNumber(callId: string, reason: string): Promise<string> {
  const asked = api.POST('/calls/{id}/reveal', { params: { path: { id: callId } }, body: { reason } })
  const whole = await body(asked).catch((why: unknown) => {
    throw new NumberUnknown(why)
  })
  return whole.number
}

/** The call's own ticket, which the page may not have been told of yet. */
export async function ticketOf(callId: string): Promise<string | null> {
  const asked = body(api.GET('/calls/{id}/caller', { params: { path: { id: callId } } }))
  const card = await asked.catch((error: unknown) => {
    // A call that has just begun is in the log a moment later. Anything else says nothing about its ticket.
    if (error instanceof Problem && error.status === 404) return null
    throw error
  })
  return card?.ticket ?? null
}

/**
 * Makes a call's ticket, once: all requests for one call have one key. `tried` are those whose answer never came, to be
 * kept beside what is typed. If one of them has made it, that one, sent again, says which ticket it is.
 */
export async function makeOnce(callId: string, wanted: Request, tried: Request[]): Promise<{ number: string; asked: Request }> {
  const header = { 'Idempotency-Key': `desk-${callId}`.slice(0, 100) }
  const before = tried.filter((one) => JSON.stringify(one) !== JSON.stringify(wanted))
  tried.splice(0, tried.length, wanted, ...before)
  for (const asked of [wanted, ...before]) {
    try {
      const { number } = await body(api.POST('/tickets', { params: { header }, body: asked }))
      tried.length = 0
      return { number, asked }
    } catch (error) {
      const refused = error instanceof Problem && WRONG.includes(error.status)
      if (refused) tried.splice(tried.findIndex((one) => JSON.stringify(one) === JSON.stringify(asked)), 1)
      if (!refused || error.code !== 'key_reused' || tried.length === 0) throw error
    }
  }
  throw new Error('unreachable')
}
