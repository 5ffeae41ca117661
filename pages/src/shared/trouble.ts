import { ElMessage } from 'element-plus'

import { said } from '@/api/problem'

/** Does something that may fail, and says so if it does. Returns null then. */
export async function tell<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    complain(error)
    return null
  }
}

export function complain(error: unknown): void {
  ElMessage({ type: 'error', message: said(error), duration: 6000, showClose: true, grouping: true })
}
