import { behindDialog } from '../agent/keys'

/** Whether a key is meant for a field or an open dialog, and not for the page. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null
  if (event.ctrlKey || event.altKey || event.metaKey || behindDialog()) return true
  return (at?.closest('input, textarea, select, [contenteditable], [role="dialog"], .el-select, .el-picker-panel') ?? null) !== null
}
