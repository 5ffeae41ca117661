import { createSharedComposable, useIntervalFn } from '@vueuse/core'
import { type Ref, ref } from 'vue'
import { useI18n } from 'vue-i18n'

const ZONE = 'Asia/Shanghai'
const OFFSET = '+08:00' // without summer time since 1992
const OFFSET_MS = 8 * 3_600_000
const DAY_MS = 24 * 3_600_000
const date = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, year: 'numeric', month: '2-digit', day: '2-digit' })
const clock = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hour12: false })
const exact = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })

/** 2026-11-22 09:30, in China's time wherever the screen is. */
export function moment(at: string | null | undefined): string {
  if (!at) return ''
  const when = new Date(at)
  return `${date.format(when).replaceAll('/', '-')} ${clock.format(when)}`
}

/** 09:30:15 */
export function ofDay(at: string | null | undefined): string {
  return at ? exact.format(new Date(at)) : ''
}

/** 75 → 1:15; 3675 → 1:01:15 */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}

/** What a date picker has with `:value-format="PICKED"`: the hands of a clock that hangs in China, wherever the screen is. */
export const PICKED = 'YYYY-MM-DD HH:mm:ss'

/** The moment at which a clock in China shows what was picked. */
export function pickedMoment(picked: string): string {
  return new Date(picked.replace(' ', 'T') + OFFSET).toISOString()
}

/** What a clock in China shows at that moment, to begin a picker with; `at` in ms. */
export function toPick(at: number): string {
  return new Date(at + OFFSET_MS).toISOString().slice(0, PICKED.length).replace('T', ' ')
}

/** From the first moment of the first picked day to the one after the last. */
export function pickedDays([first, last]: [string, string]): { from: string; until: string } {
  const midnight = (day: string) => Date.parse(day.slice(0, 10) + 'T00:00:00' + OFFSET)
  return { from: new Date(midnight(first)).toISOString(), until: new Date(midnight(last) + DAY_MS).toISOString() }
}

/** Now, in ms, a new value every ten seconds: one clock for all who look at it. */
const useNow = createSharedComposable((): Readonly<Ref<number>> => {
  const now = ref(Date.now())
  useIntervalFn(() => (now.value = Date.now()), 10_000)
  return now
})

/** How far off a limit is, in the two largest units (剩 1 天 3 小时, 超期 20 分), and whether it is over. */
export function useTimeLeft() {
  const { t } = useI18n()
  const now = useNow()
  const seconds = (due: string) => (Date.parse(due) - now.value) / 1000
  const late = (due: string) => seconds(due) < 0

  function left(due: string): string {
    const span = spanOf(Math.abs(seconds(due)), t)
    return late(due) ? t('common.time.overdue', { span }) : t('common.time.left', { span })
  }
  return { left, late }
}

function spanOf(seconds: number, t: (key: string, values: { n: number }) => string): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return [t('common.time.days', { n: days }), hours > 0 ? t('common.time.hours', { n: hours }) : ''].join(' ').trim()
  if (hours > 0) return [t('common.time.hours', { n: hours }), minutes > 0 ? t('common.time.minutes', { n: minutes }) : ''].join(' ').trim()
  return t('common.time.minutes', { n: minutes })
}
