import { ElMessageBox } from 'element-plus'
import { useI18n } from 'vue-i18n'

/** Asks before what is not undone by a second click: Enter agrees, Escape calls it off. */
export function useSure(): (question: string, title: string) => Promise<boolean> {
  const { t } = useI18n()
  return (question, title) =>
    ElMessageBox.confirm(question, title, { type: 'warning', confirmButtonText: t('common.act.ok'), cancelButtonText: t('common.act.cancel') }).then(
      () => true,
      () => false,
    )
}
