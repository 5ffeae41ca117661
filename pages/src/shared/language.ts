import { createI18n } from 'vue-i18n'

export type Language = 'zh' | 'en'
const KEPT = 'hotline.language'

type Texts = Record<string, unknown>
let spoken: { global: { locale: { value: string } } } | null = null

/** Texts of one page in both languages. Chinese unless this browser was told otherwise. */
export function makeTexts(chinese: Texts, english: Texts) {
  const i18n = createI18n({
    legacy: false,
    locale: language(),
    fallbackLocale: 'zh',
    messages: { zh: chinese, en: english } as unknown as Record<string, never>,
    missingWarn: false,
    fallbackWarn: false,
  })
  spoken = i18n as typeof spoken
  speak(language())
  return i18n
}

/** That of the pages in this browser. */
export function language(): Language {
  return localStorage.getItem(KEPT) === 'en' ? 'en' : 'zh'
}

export function speak(wanted: Language): void {
  localStorage.setItem(KEPT, wanted)
  if (spoken !== null) spoken.global.locale.value = wanted
  document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : 'en'
}
