import createClient, { type Middleware } from 'openapi-fetch'

import { Problem, problemOf } from './problem'
import type { components, paths } from './schema'

/** A model of the API by its name in the OpenAPI document. */
export type Model<Name extends keyof components['schemas']> = components['schemas'][Name]

export const BASE = '/api/v1'
/** Without it a request with the session's cookie changes nothing (docs/api.md). */
const OURS = { 'X-Requested-With': 'hotline' }

type SignedOut = () => void
const whenSignedOut = new Set<SignedOut>()

/** Called whenever an answer says that the session is over. */
export function onSignedOut(listener: SignedOut): void {
  whenSignedOut.add(listener)
}

/** Throws what a refused answer says, and tells those who listen when it is that the session is over. */
export async function throwIfRefused(response: Response): Promise<void> {
  if (response.ok) return
  const problem = await problemOf(response)
  if (problem.code === 'signed_out') whenSignedOut.forEach((listener) => listener())
  throw problem
}

const errors: Middleware = {
  async onResponse({ response }) {
    await throwIfRefused(response)
    return undefined
  },
  onError({ error }) {
    return error instanceof Problem ? error : Problem.offline()
  },
}

/** The typed client, made from the OpenAPI document: what the server does not have does not compile. Every error is a Problem. */
export const api = createClient<paths>({ baseUrl: BASE, headers: OURS, credentials: 'same-origin' })
api.use(errors)

/** The answer's body. Errors have been thrown by then. */
export async function body<T>(asked: Promise<{ data?: T }>): Promise<T> {
  return (await asked).data as T
}

/** Sends one file. Every error is a Problem. */
export async function sendFile(path: string, file: File, headers: Record<string, string> = {}): Promise<void> {
  const form = new FormData()
  form.append('file', file)
  const sent = fetch(BASE + path, { method: 'POST', headers: { ...OURS, ...headers }, body: form })
  await throwIfRefused(
    await sent.catch(() => {
      throw Problem.offline()
    }),
  )
}

/** The body with the version it stands for, to be sent back as If-Match. */
export async function versioned<T>(asked: Promise<{ data?: T; response: Response }>): Promise<{ data: T; etag: string }> {
  const { data, response } = await asked
  return { data: data as T, etag: response.headers.get('ETag') ?? '' }
}
