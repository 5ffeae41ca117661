import { makeTexts } from '@/shared/language'

// Each subject has a file of its own in zh/ and en/; the English one `satisfies` the Chinese type, so nothing is missing.
// Keys are `subject.group.word`: `common.menu.agent`.
type Files = Record<string, { default: object }>
const chinese: Files = import.meta.glob('./zh/*.ts', { eager: true })
const english: Files = import.meta.glob('./en/*.ts', { eager: true })

function gather(files: Files): Record<string, object> {
  const subject = (path: string) => path.replace(/^.*\/(\w+)\.ts$/, '$1')
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [subject(path), file.default]))
}

export const i18n = makeTexts(gather(chinese), gather(english))
