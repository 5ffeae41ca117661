import { createEventSource, type EventSourceClient } from 'eventsource-client'
import { readonly, ref } from 'vue'

import { BASE } from '@/api/client'

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

/** One stream for the whole page. It resumes after the last event it had, whatever broke it. */
export function openStream(): void {
  if (source !== null) return
  source = createEventSource({
    url: `${BASE}/events?floor=true`,
    credentials: 'same-origin',
    onConnect: () => {
      connected.value = true
    },
    onDisconnect: () => {
      connected.value = false
    },
    onMessage: ({ event, data }) => {
      if (event === 'ticket') listeners.ticket.forEach((tell) => tell(JSON.parse(data) as TicketEvent))
      else if (event === 'reset') listeners.reset.forEach((tell) => tell())
      else if (event === 'floor') listeners.floor.forEach((tell) => tell(JSON.parse(data)))
    },
  })
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
