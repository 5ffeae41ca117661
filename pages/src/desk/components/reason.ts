import { ElMessageBox } from 'element-plus'
import { useI18n } from 'vue-i18n'

/** Asks why personal data must be seen (it is written to the audit log). Resolves to null when called off. */
export function useReason(): () => Promise<string | null> {
  const { t } = useI18n()
  return async () => {
    try {
      const answer = await ElMessageBox.prompt(t('common.reveal.why'), t('common.act.reveal'), {
        inputValidator: (typed: string) => typed.trim().length >= 2 || t('common.reveal.least'),
        confirmButtonText: t('common.act.ok'),
        cancelButtonText: t('common.act.cancel'),
      })
      return answer.value.trim()
    } catch {
      return null
    }
  }
}
