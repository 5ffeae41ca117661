import { shallowRef } from 'vue'

import { api, body, type Model } from '@/api/client'

export type Unit = Model<'UnitOut'>

const units = shallowRef<ReadonlyMap<string, Unit>>(new Map())
let asked = false

/** The city's units by id. Asked for once a page; names are shown as soon as they are known. */
export function useUnits() {
  if (!asked) {
    asked = true
    body(api.GET('/units', { params: { query: { active: false } } })).then(
      ({ items }) => (units.value = new Map(items.map((unit) => [unit.id, unit]))),
      () => (asked = false),
    )
  }
  return { units, nameOf: (id: string | null | undefined) => (id ? (units.value.get(id)?.name ?? id) : '') }
}

/** After the administrator changed them. */
export function forgetUnits(): void {
  asked = false
}
