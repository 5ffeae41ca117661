import { useDebounceFn } from '@vueuse/core'
import { onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model } from '@/api/client'
import { Problem } from '@/api/problem'
import type { paths } from '@/api/schema'
import { listen } from '@/live/stream'
import { useLatest } from '@/shared/latest'
import { useRead } from '@/shared/read'
import { complain, tell } from '@/shared/trouble'

export type TicketQuery = NonNullable<paths['/tickets']['get']['parameters']['query']>

const AFTER_EVENTS_MS = 800
const PAGE = 50
const MOST = 200 // that the API gives at once

/** A list that is read anew, as far as it was read, a moment after tickets have changed; and page by page further down. */
export function useTicketList(query: Ref<TicketQuery>) {
  const items = ref<Model<'TicketLine'>[]>([])
  const next = ref<string | null>(null)
  /** The query has changed, and what is shown still answers the one before. */
  const loading = ref(false)
  /** Something was answered. Not known is not none. */
  const known = ref(false)
  /** The query could not be answered; why has been said. */
  const failed = ref(false)
  /** Why the words may not be looked for: the query before stands again, with its list. */
  const refused = ref('')
  let answered: TicketQuery | null = null
  const latest = useLatest()

  async function load(atLeast = items.value.length) {
    const mine = latest.again()
    const wanted = query.value
    const limit = Math.min(MOST, Math.max(wanted.limit ?? PAGE, atLeast))
    const found = await body(api.GET('/tickets', { params: { query: { ...wanted, limit } } })).catch((error: unknown) => {
      if (wanted === query.value) fail(error)
    })
    if (!found || wanted !== query.value || !mine()) return
    answered = wanted
    loading.value = failed.value = false
    known.value = true
    items.value = found.items
    next.value = found.next ?? null
  }

  /** What answered another query is no answer to this one; what answered this one before stays. */
  function fail(error: unknown) {
    const forbidden = error instanceof Problem && error.status === 403
    if (forbidden && query.value.text && known.value && answered !== null && query.value !== answered) {
      refused.value = error.message
      loading.value = false
      query.value = answered
      return
    }
    complain(error)
    if (!loading.value) return
    loading.value = known.value = false
    failed.value = true
    items.value = []
    next.value = null
  }

  function begin() {
    loading.value = true
    failed.value = false
    refused.value = ''
    return load(0)
  }

  async function more() {
    const wanted = query.value
    const after = next.value
    if (after === null) return
    const found = await tell(body(api.GET('/tickets', { params: { query: { ...wanted, after } } })))
    if (found === null || wanted !== query.value || after !== next.value) return
    items.value = [...items.value, ...found.items]
    next.value = found.next ?? null
  }

  const soon = useDebounceFn(() => load(), AFTER_EVENTS_MS, { maxWait: 3000 })
  watch(query, (now) => void (now === answered ? load() : begin()), { immediate: true })
  onScopeDispose(listen('ticket', () => void soon()))
  onScopeDispose(listen('reset', () => void load()))
  return { items, next, known, loading, failed, refused, begin, load, more }
}

/** How much waits for whom, kept up to date. */
export function useCounts() {
  const { found: counts, failed, load } = useRead(() => body(api.GET('/tickets/counts')))
  const soon = useDebounceFn(load, AFTER_EVENTS_MS, { maxWait: 3000 })
  onScopeDispose(listen('ticket', () => void soon()))
  onScopeDispose(listen('reset', () => void load()))
  void load()
  return { counts, failed, load }
}
