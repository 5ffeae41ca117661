import type { Model } from '@/api/client'
import type { paths } from '@/api/schema'

export type Step = Model<'Step'>
export type StepField = Model<'StepField'>
export type Command = paths['/tickets/{number}/commands']['post']['requestBody']['content']['application/json']
export type Typed = Record<string, string | number | boolean | string[] | null>

/** What a form begins with: each field's default, or its only choice. */
export function beginning(step: Step): Typed {
  return Object.fromEntries((step.fields ?? []).map((field) => [field.name, first(field)]))
}

function first(field: StepField): Typed[string] {
  if (field.default !== null && field.default !== undefined) return field.default
  if (field.kind === 'units') return []
  if (field.kind === 'yes') return false
  const suggested = (field.choices ?? []).find((choice) => choice.suggested)
  if (field.kind === 'unit' && suggested) return suggested.value
  return field.kind === 'days' ? (field.most ?? null) : ''
}

/** Fields that are asked, given what was chosen so far. */
export function asked(step: Step, typed: Typed): StepField[] {
  return (step.fields ?? []).filter((field) => !field.when || typed[field.when.field] === field.when.value)
}

/** What is still missing, by the field's label. */
export function missing(step: Step, typed: Typed): string[] {
  const empty = (value: Typed[string] | undefined) => value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
  const owed = (field: StepField) => field.required && (empty(typed[field.name]) || (field.kind === 'paper' && typed[field.name] === false))
  return asked(step, typed).filter(owed).map((field) => field.label)
}

/** The step with nothing asked that the leader gives by signing. */
export function withoutPaper(step: Step): Step {
  return { ...step, fields: (step.fields ?? []).filter((field) => field.name !== step.sign_off) }
}

/** What was written into a step, as its form has it. */
export function typedOf(command: Model<'PreparedOut'>['command']): Typed {
  return Object.fromEntries(Object.entries(command).filter(([name, value]) => name !== 'do' && value !== null && value !== false && value !== ''))
}

/** As POST /tickets/{number}/commands takes it: only what was asked, and nothing empty. */
export function command(step: Step, typed: Typed): Command {
  const given = asked(step, typed)
    .map((field) => [field.name, typed[field.name]] as const)
    .filter(([, value]) => value !== '' && value !== null && value !== undefined)
  return { do: step.do, ...Object.fromEntries(given) } as Command
}
