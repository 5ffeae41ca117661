import { useDebounceFn } from '@vueuse/core'
import { onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model } from '@/api/client'
import type { paths } from '@/api/schema'
import { listen } from '@/live/stream'
import { useLatest } from '@/shared/latest'
import { tell } from '@/shared/trouble'

export type TicketQuery = NonNullable<paths['/tickets']['get']['parameters']['query']>

const AFTER_EVENTS_MS = 800
const PAGE = 50
const MOST = 200 // that the API gives at once

/** A list that is read anew, as far as it was read, a moment after tickets have changed; and page by page further down. */
export function useTicketList(query: Ref<TicketQuery>) {
  const items = ref<Model<'TicketLine'>[]>([])
  const next = ref<string | null>(null)
  const loading = ref(false)
  const latest = useLatest()

  async function load(atLeast = items.value.length) {
    const mine = latest.again()
    loading.value = true
    const wanted = query.value
    const limit = Math.min(MOST, Math.max(wanted.limit ?? PAGE, atLeast))
    const found = await tell(body(api.GET('/tickets', { params: { query: { ...wanted, limit } } })))
    if (!mine() || wanted !== query.value) return
    loading.value = false
    if (found === null) return
    items.value = found.items
    next.value = found.next ?? null
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
  watch(query, () => void load(0), { immediate: true })
  onScopeDispose(listen('ticket', () => void soon()))
  onScopeDispose(listen('reset', () => void load()))
  return { items, next, loading, load, more }
}

/** How much waits for whom, kept up to date. */
export function useCounts() {
  const counts = ref<Model<'Counts'> | null>(null)
  const latest = useLatest()
  const load = async () => {
    const mine = latest.again()
    const found = await tell(body(api.GET('/tickets/counts')))
    if (mine()) counts.value = found
  }
  const soon = useDebounceFn(load, AFTER_EVENTS_MS, { maxWait: 3000 })
  onScopeDispose(listen('ticket', () => void soon()))
  onScopeDispose(listen('reset', () => void load()))
  void load()
  return { counts, load }
}
