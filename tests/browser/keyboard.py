"""Somebody who has no mouse."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.browser.browsing import Tab

MOST_STEPS = 60
"""So often Tab may be pressed to get somewhere: a page where it takes more is not for a keyboard."""
BLINK_SECONDS = 2.0
_FOCUS = """() => {
  const at = document.activeElement
  if (!at || at === document.body || at === document.documentElement) return 'focus is nowhere'
  const told = `${at.tagName.toLowerCase()}.${at.className} "${(at.innerText || at.ariaLabel || '').slice(0, 40)}"`
  const framed = one => {
    const style = one && getComputedStyle(one)
    const outlined = style && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
    return style && (outlined || style.boxShadow !== 'none')
  }
  // The frame may be drawn around the box of a field, or around what stands for a radio button.
  const field = at.closest('.el-select__wrapper, .el-input__wrapper')
  if (![at, at.nextElementSibling, field].some(framed)) return `nothing shows where the focus is: ${told}`
  const box = (field ?? at.closest('label') ?? at).getBoundingClientRect()
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  return inside ? '' : `the focus is out of sight: ${told}`
}"""


class Keyboard:
    """Somebody who has no mouse. Each key is followed by a look at where the focus is."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.page = tab, tab.page

    async def press(self, key: str, *, look: bool = True) -> None:
        await self.page.keyboard.press(key)
        if look:
            await self.look(f"after {key}")

    async def look(self, when: str) -> None:
        """Where the focus is can be seen, or can be at once: what it was at may just be going."""
        try:
            await self.page.wait_for_function(f"() => ({_FOCUS})() === ''", timeout=1000 * BLINK_SECONDS)
        except PlaywrightTimeout:
            raise AssertionError(f"{when}: {await self.tab.run(_FOCUS)}") from None

    async def reach(self, wanted: Locator, key: str = "Tab") -> None:
        """By Tab, however many it takes within reason; every place on the way can be seen."""
        for _ in range(MOST_STEPS):
            if await wanted.evaluate("one => one === document.activeElement"):
                return
            await self.press(key, look=False)
            # After the last place of a page comes the browser's own frame, then the first.
            if not await self.tab.run("() => document.activeElement === document.body"):
                await self.look(f"after {key}")
        raise AssertionError(f"{wanted} is not reached by {key}")

    async def write(self, wanted: Locator, text: str) -> None:
        await self.reach(wanted)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.insert_text(text)

    async def choose(self, wanted: Locator, option: str) -> None:
        """Of a list that opens below a field."""
        await self.reach(wanted)
        await self.press("Enter")
        one = self.page.get_by_role("option", name=re.compile(option))
        await expect(one).to_be_visible()
        await self.page.keyboard.insert_text(option)
        await expect(one).to_be_visible()
        await self.press("ArrowDown")
        await self.press("Enter")
