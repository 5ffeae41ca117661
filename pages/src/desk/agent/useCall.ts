import { useDebounceFn, useIntervalFn } from '@vueuse/core'
import { onScopeDispose, ref, type Ref, watch } from 'vue'

import { api, body, type Model } from '@/api/client'
import { Problem } from '@/api/problem'
import { listen } from '@/live/stream'
import { useLatest } from '@/shared/latest'
import { complain } from '@/shared/trouble'

import { line } from './line'

const LIVE_MS = 4000
const QUIET = [0, 404, 502, 503, 504]
/** A call that has just begun is in the log a moment later; so often it is looked for there. */
const TRIES = 15

/** Who calls and what has happened so far, read anew while the call goes on and when something becomes of its ticket. */
export function useCall(id: Ref<string | null>) {
  const card = ref<Model<'CallerCard'> | null>(null)
  const life = ref<Model<'CallLife'> | null>(null)
  /** It may not be seen, or is not there. */
  const gone = ref(false)
  let missing = 0
  /** What was there belongs to a confidential ticket now: nobody looks again. */
  let hidden = false

  const latest = useLatest()

  async function load() {
    const mine = latest.again()
    const wanted = id.value
    if (wanted === null || hidden) return
    const path = { params: { path: { id: wanted } } }
    try {
      const [who, what] = await Promise.all([body(api.GET('/calls/{id}/caller', path)), body(api.GET('/calls/{id}', path))])
      if (id.value !== wanted || !mine()) return
      card.value = who
      life.value = what
      gone.value = false
    } catch (error) {
      // Without a server what is shown stays.
      if (!(error instanceof Problem) || !QUIET.includes(error.status)) complain(error)
      else if (error.status === 404 && id.value === wanted && mine()) notThere()
    }
  }

  function notThere() {
    hidden ||= card.value !== null
    gone.value = hidden || ++missing >= TRIES
    card.value = null
    life.value = null
  }

  const soon = useDebounceFn(load, 300, { maxWait: 1500 })
  watch(
    id,
    () => {
      card.value = null
      life.value = null
      gone.value = hidden = false
      missing = 0
      void load()
    },
    { immediate: true },
  )
  watch([line.row, line.phase], () => {
    if (id.value === line.callId.value || life.value?.state === 'live') void soon()
  })
  useIntervalFn(() => {
    if (id.value !== null && !gone.value && (life.value === null || life.value.state === 'live')) void load()
  }, LIVE_MS)
  onScopeDispose(
    listen('ticket', () => {
      if (card.value?.ticket === null) void soon()
    }),
  )
  return { card, life, gone }
}
