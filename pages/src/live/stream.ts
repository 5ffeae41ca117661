import { createEventSource, type EventSourceClient } from 'eventsource-client'
import { readonly, ref } from 'vue'

import { BASE, throwIfRefused } from '@/api/client'

/** What happened to a ticket; see GET /events. */
export interface TicketEvent {
  position: number
  number: string
  kind: string
  name: string
  at: string
  actor: string
  state: string
  unit: string
  articles: string[]
}

interface Heard {
  ticket: (event: TicketEvent) => void
  /** Too much was missed: read the lists anew. */
  reset: () => void
  floor: (event: unknown) => void
}

const listeners: { [Kind in keyof Heard]: Set<Heard[Kind]> } = { ticket: new Set(), reset: new Set(), floor: new Set() }
const connected = ref(false)
let source: EventSourceClient | null = null
/** Up to here everything was heard; '' before anything was. */
let place = ''
/** A heartbeat: a place without an event, which the client does not note by itself. */
const PLACE = /^id: (\d+)\n\n/gm
const SILENT_MS = 40_000 // the server says something every 15 s

/** One stream for the whole page. It resumes after the last event it had, whatever broke it. */
export function openStream(): void {
  if (source !== null) return
  place = ''
  source = createEventSource({
    url: `${BASE}/events?floor=true`,
    credentials: 'same-origin',
    // An answer that is none of events is no connection; that of a session that is over ends it for the whole page.
    fetch: async (url, init) => {
      const headers = { ...(init as RequestInit).headers, ...(place ? { 'Last-Event-ID': place } : {}) }
      const response = await fetch(url, { ...(init as RequestInit), headers })
      await throwIfRefused(response)
      return response.body ? new Response(endIfSilent(response.body), response) : response
    },
    onConnect: () => {
      connected.value = true
    },
    // Of a connection that breaks nothing else is heard (onDisconnect is for one that ends).
    onScheduleReconnect: () => {
      connected.value = false
    },
    onMessage: ({ id, event, data }) => {
      place = id ?? place
      if (event === 'ticket') listeners.ticket.forEach((tell) => tell(JSON.parse(data) as TicketEvent))
      else if (event === 'reset') listeners.reset.forEach((tell) => tell())
      else if (event === 'floor') listeners.floor.forEach((tell) => tell(JSON.parse(data)))
    },
  })
}

/**
 * A connection that is gone without a word (a cable, a machine that slept) is found out by its silence. What passes is
 * looked through for places; one that a network has cut in two is missed, and the next is not.
 */
function endIfSilent(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = new TextDecoder()
  let silence: ReturnType<typeof setTimeout> | undefined
  const heard = (stream: TransformStreamDefaultController<Uint8Array>) => {
    clearTimeout(silence)
    silence = setTimeout(() => stream.error(new Error('silent')), SILENT_MS)
  }
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: heard,
      transform: (piece, stream) => {
        heard(stream)
        for (const found of reader.decode(piece, { stream: true }).matchAll(PLACE)) place = found[1] ?? place
        stream.enqueue(piece)
      },
      flush: () => clearTimeout(silence),
    }),
  )
}

export function closeStream(): void {
  source?.close()
  source = null
  connected.value = false
}

/** Returns how to stop listening. */
export function listen<Kind extends keyof Heard>(kind: Kind, tell: Heard[Kind]): () => void {
  listeners[kind].add(tell)
  return () => listeners[kind].delete(tell)
}

/** Whether events arrive at this moment. */
export const streaming = readonly(connected)
