import { onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model, versioned } from '@/api/client'
import { listen } from '@/live/stream'
import { tell } from '@/shared/trouble'

/** A ticket with its history, read anew whenever something happens to it. */
export function useTicket(number: Ref<string | null>) {
  const ticket = ref<Model<'TicketOut'> | null>(null)
  const etag = ref('')
  const events = ref<Model<'EventOut'>[]>([])
  /** It could not be read; why has been said. */
  const failed = ref(false)

  async function load() {
    const wanted = number.value
    if (wanted === null) return
    const path = { params: { path: { number: wanted } } }
    const found = await tell(Promise.all([versioned(api.GET('/tickets/{number}', path)), body(api.GET('/tickets/{number}/history', path))]))
    if (number.value !== wanted) return
    failed.value = found === null
    // Answers may overtake each other.
    if (found === null || found[0].data.version < (ticket.value?.version ?? 0)) return
    ticket.value = found[0].data
    etag.value = found[0].etag
    events.value = found[1].items
  }

  watch(
    number,
    () => {
      // Nothing of the former one stays: neither what is shown, nor a form that is open, which would be sent to this one.
      ticket.value = null
      etag.value = ''
      events.value = []
      failed.value = false
      void load()
    },
    { immediate: true },
  )
  onScopeDispose(listen('ticket', (event) => event.number === number.value && void load()))
  onScopeDispose(listen('reset', () => void load()))
  return { ticket, etag, events, failed, load }
}
