/**
 * Whether the server has other pages by now than the one that is open here: after an upgrade, what of a page was not
 * loaded yet is gone (its name has a hash). `ours`: `import.meta.url` where the parts are imported; its file's name has a
 * hash as well, of all that it imports, and the page says which it is. Nothing is known while the server is away: false.
 */
export async function renewed(ours: string): Promise<boolean> {
  const file = new URL(ours).pathname.split('/').at(-1) ?? ''
  try {
    const page = await fetch(location.pathname, { cache: 'no-store' })
    return page.ok && !(await page.text()).includes(file)
  } catch {
    return false
  }
}
