import { onScopeDispose, ref, type Ref, watch } from 'vue'

import { BASE, type Model } from '@/api/client'

export type Line = Model<'LineNow'>

/** What is being said in a call that goes on, where the hotline writes it down live. Where it does not, there are no lines. */
export function useWords(id: Ref<string | null>, talking: Ref<boolean>) {
  const lines = ref<Line[]>([])
  let source: EventSource | null = null

  function close() {
    source?.close()
    source = null
  }

  watch(id, () => (lines.value = []))
  watch(
    [id, talking],
    ([call, on]) => {
      close()
      if (call === null || !on) return
      lines.value = [] // a new stream begins with the first line
      // It resumes by itself after the last line it had; an answer other than 200 (switched off) ends it.
      source = new EventSource(`${BASE}/calls/${encodeURIComponent(call)}/words`)
      source.addEventListener('line', (event) => lines.value.push(JSON.parse((event as MessageEvent<string>).data) as Line))
      source.addEventListener('over', close)
    },
    { immediate: true },
  )
  onScopeDispose(close)
  return lines
}
