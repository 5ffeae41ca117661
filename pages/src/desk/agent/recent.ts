import { useSessionStorage } from '@vueuse/core'
import { computed, watch } from 'vue'

import { useSession } from '../session'
import { line } from './line'

/** A call that was at this seat, by its id; its form can still be finished in wrap-up, or when the next one rings. */
export interface RecentCall {
  id: string
  number: string
  at: number
}

const MOST = 8
const list = useSessionStorage<RecentCall[]>('hotline.desk.recent', [])
const chosen = useSessionStorage<string>('hotline.desk.chosen', '')
const owner = useSessionStorage<string>('hotline.desk.recent.owner', '')

// They are nobody else's. One's own session may end and begin again.
watch(
  useSession().me,
  (now) => {
    if (now === null || now.name === owner.value) return
    owner.value = now.name
    list.value = []
    chosen.value = ''
  },
  { immediate: true },
)

watch(
  [line.callId, line.number],
  ([id, number]) => {
    if (id === null) return
    const entry = list.value.find((one) => one.id === id)
    if (entry === undefined) {
      list.value = [{ id, number, at: Date.now() }, ...list.value].slice(0, MOST)
      chosen.value = id
    } else if (number !== '') entry.number = number
  },
  { immediate: true },
)

/** The calls of this shift at this page, the newest first, and the one that is worked on. */
export function useRecentCalls() {
  const current = computed({ get: () => chosen.value || null, set: (id: string | null) => (chosen.value = id ?? '') })
  return { list, current }
}
