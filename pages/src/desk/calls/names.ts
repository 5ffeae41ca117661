import { floor } from '@/live/floor'

/** As people call it; by its id where the floor is not shown to them. */
export const queueOf = (id: string | null | undefined): string => (id ? (floor.queues.get(id)?.name ?? id) : '')

export function agentOf(extension: string | null | undefined): string {
  const name = extension ? floor.agents.get(extension)?.name : ''
  return [extension, name].filter(Boolean).join(' ')
}
