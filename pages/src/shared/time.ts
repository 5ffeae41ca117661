import { useIntervalFn } from '@vueuse/core'
import { ref } from 'vue'
import { useI18n } from 'vue-i18n'

const ZONE = 'Asia/Shanghai'
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

/** How far off a limit is, in the two largest units: 剩 1 天 3 小时, 超期 20 分. */
export function useTimeLeft() {
  const { t } = useI18n()
  const now = ref(Date.now())
  useIntervalFn(() => (now.value = Date.now()), 10_000)
  return (due: string | null | undefined): string => {
    if (!due) return ''
    const seconds = (new Date(due).getTime() - now.value) / 1000
    const span = spanOf(Math.abs(seconds), t)
    return seconds < 0 ? t('common.time.overdue', { span }) : t('common.time.left', { span })
  }
}

function spanOf(seconds: number, t: (key: string, values: { n: number }) => string): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return [t('common.time.days', { n: days }), hours > 0 ? t('common.time.hours', { n: hours }) : ''].join(' ').trim()
  if (hours > 0) return [t('common.time.hours', { n: hours }), minutes > 0 ? t('common.time.minutes', { n: minutes }) : ''].join(' ').trim()
  return t('common.time.minutes', { n: minutes })
}
