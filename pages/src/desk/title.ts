import { onScopeDispose, ref, type Ref, watch, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute } from 'vue-router'

const about = ref('')
const pressing = ref('')

/** Each page has a name of its own in its tab, in the language that is spoken (WCAG 2.4.2). */
export function useTitles(): void {
  const { t } = useI18n()
  const route = useRoute()
  watchEffect(() => {
    const { title, menu } = route.meta
    const number = about.value || String(route.params.number ?? route.params.id ?? '')
    const name = title ? t(title, { number }) : menu ? t(`common.menu.${menu}`) : ''
    document.title = pressing.value || (name ? `${name} · 12345` : t('common.product'))
  })
}

/** What a page is about, where its address does not say so. */
export const isAbout = (what: () => string) => tellFor(about, what)

/** What is more pressing than any page: a telephone that rings. */
export const isPressing = (what: () => string) => tellFor(pressing, what)

function tellFor(place: Ref<string>, what: () => string): void {
  watch(what, (now) => (place.value = now), { immediate: true })
  onScopeDispose(() => (place.value = ''))
}
