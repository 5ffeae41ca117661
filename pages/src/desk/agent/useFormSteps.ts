import { ElMessage } from 'element-plus'
import { type Ref, ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { api, body, type Model } from '@/api/client'
import { Problem, said } from '@/api/problem'

import type { TextField, useCallForm } from './form'
import { NumberUnknown } from './making'

type Form = ReturnType<typeof useCallForm>
export type Busy = '' | 'save' | 'accept' | 'finish' | 'draft' | 'unlock'

/** What is done with the form: saved, accepted for dispatch, answered at once, filled from the draft; one at a time. */
export function useFormSteps(form: Form) {
  const { t } = useI18n()
  const busy: Ref<Busy> = ref('')
  const wrong = ref('')
  const wrongFields = ref<Record<string, string>>({})
  /** What could not be done because the caller's number is not known, without it. */
  const withoutNumber: Ref<(() => Promise<void>) | null> = ref(null)
  const closing = ref<Model<'Step'> | null>(null)
  const { kept, ticket, number } = form

  async function run(name: Busy, work: () => Promise<void>) {
    if (busy.value !== '' || closing.value !== null) return
    busy.value = name
    wrong.value = ''
    wrongFields.value = {}
    withoutNumber.value = null
    try {
      await work()
    } catch (error) {
      wrong.value = wordsFor(error)
      if (error instanceof NumberUnknown) {
        withoutNumber.value = () => {
          form.numberless.value = true
          return run(name, work)
        }
      }
      if (error instanceof Problem) wrongFields.value = Object.fromEntries(error.errors.map((one) => [one.place.replace(/^body\//, ''), one.detail]))
    } finally {
      busy.value = ''
    }
  }

  function wordsFor(error: unknown): string {
    if (error instanceof NumberUnknown) return t('agent.form.numberUnknown', { why: said(error.why) })
    if (form.hidden.value) return t('agent.form.notTaken')
    if (!(error instanceof Problem)) return said(error)
    if (error.status === 412) return t('agent.form.changedMeanwhile')
    return error.code === 'key_reused' ? t('agent.form.beingMade') : said(error)
  }

  const done = (what: 'saved' | 'withHandler' | 'accepted' | 'closed') => ElMessage.success(t(`agent.form.${what}`, { number: number.value ?? '' }))

  const save = () =>
    run('save', async () => {
      await form.save()
      done(form.hidden.value ? 'withHandler' : 'saved')
    })

  /** Whether it can be gone on with: what became confidential is its handler's. */
  async function saveAndAccept(): Promise<boolean> {
    await form.save()
    if (ticket.value?.state === 'received') await form.accept()
    if (form.hidden.value) done('withHandler')
    return !form.hidden.value
  }

  const accept = () =>
    run('accept', async () => {
      if (!(await saveAndAccept())) return
      form.forget()
      done('accepted')
    })

  /** What can be answered at once is: saved, accepted, and completed by the hotline itself, as the regulation has it. */
  const finish = () =>
    run('finish', async () => {
      if (!(await saveAndAccept())) return
      const steps = await body(api.GET('/tickets/{number}/steps', { params: { path: { number: number.value ?? '' } } }))
      const step = steps.items.find((one) => one.do === 'complete')
      if (step?.allowed) closing.value = step
      else wrong.value = step?.why_not || t('agent.form.cannotClose')
    })

  async function closed() {
    closing.value = null
    form.forget()
    await form.load()
    done('closed')
  }

  const unlock = () => run('unlock', async () => void (await form.reveal(t('agent.form.whyEdit'))))

  /** Nothing that somebody has written is overwritten. */
  const takeDraft = () =>
    run('draft', async () => {
      const { draft, summary } = await form.reveal(t('agent.form.whyDraft'))
      const heard = draft?.summary || (/“([^”]*)”/.exec(summary)?.[1] ?? '')
      fill('content', heard)
      fill('title', heard.slice(0, 30))
      fill('address', draft?.places[0] ?? '')
      fill('contact', draft?.phones[0] ?? '')
      if (draft?.category && kept.value.typed.category === null) kept.value.typed.category = draft.category
    })

  function fill(field: TextField, value: string) {
    const { typed } = kept.value
    if (value !== '' && !(typed[field] ?? ticket.value?.[field])) typed[field] = value
  }

  function topic(one: { matter: string; categories: Model<'Category'>[] }) {
    kept.value.matter = one.matter
    const { typed } = kept.value
    const now = typed.category ?? ticket.value?.category
    if (one.categories[0] && (!now || !one.categories.includes(now))) typed.category = one.categories[0]
    fill('title', one.matter)
  }

  return { busy, wrong, wrongFields, withoutNumber, closing, save, accept, finish, closed, unlock, takeDraft, topic }
}
