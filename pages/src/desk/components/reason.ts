import { ElMessageBox } from 'element-plus'
import { useI18n } from 'vue-i18n'

/** Asks why, which is written to the audit log; if nothing else is said, why personal data must be seen. Resolves to null when called off. */
export function useReason(): (question?: string, title?: string) => Promise<string | null> {
  const { t } = useI18n()
  return async (question = t('common.reveal.why'), title = t('common.act.reveal')) => {
    try {
      const answer = await ElMessageBox.prompt(question, title, {
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
