/** Whether a key is meant for a field or an open dialog, and not for the page. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null
  if (event.ctrlKey || event.altKey || event.metaKey) return true
  // A dialog that is open has the keys even when the cursor has left it.
  if ([...document.querySelectorAll('[aria-modal="true"]')].some((one) => one.checkVisibility())) return true
  return (at?.closest('input, textarea, select, [contenteditable], [role="dialog"], .el-select, .el-picker-panel') ?? null) !== null
}
