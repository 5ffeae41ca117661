"""What people do with tickets on the pages, as they do it: by the menu, buttons, keys and forms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.async_api import Locator, expect

from tests.browser.browsing import DESKTOP, Tab
from tests.browser.conftest import Somebody
from tests.browser.pages import sign_in

Answers = Mapping[str, str | bool]
"""By the field's label: what is written; or, with True, the choice of that name."""


async def come_to_work(somebody: Somebody, name: str, password: str, page: str, size: tuple[int, int] = DESKTOP) -> Tab:
    """By the sign-in form and the menu; ``page``: its word there."""
    tab: Tab = await somebody("/desk/", size=size)
    await sign_in(tab, name, password)
    await turn_to(tab, page)
    return tab


async def turn_to(tab: Tab, page: str) -> None:
    await tab.page.get_by_role("navigation", name="主菜单").get_by_role("link", name=page, exact=True).click()
    await expect(tab.page.locator("a[aria-current=page]", has_text=page)).to_be_visible()


def ticket(tab: Tab, number: str) -> Locator:
    return tab.page.get_by_role("article", name=number)


async def choose(tab: Tab, waiting: str, number: str) -> None:
    """In a list of what waits: under this heading, this ticket."""
    await tab.page.get_by_role("button", name=re.compile(f"^{waiting} [1-9]")).click()
    await tab.page.get_by_role("button", name=number, exact=True).first.click()
    await expect(ticket(tab, number)).to_be_visible()


async def take_step(tab: Tab, name: str, answers: Answers | None = None, *, by: str = "") -> None:
    """Of the ticket that is shown. ``by``: the form's button, where it has another name."""
    bar = tab.page.get_by_role("region", name="可以办理的步骤")
    await bar.get_by_role("button", name=name, exact=True).click()
    form = tab.page.get_by_role("dialog", name=name)
    for label, said in (answers or {}).items():
        if said is True:
            # What is clicked is the label: the box itself is drawn by its style sheet.
            box = tab.page.get_by_role("checkbox", name=label, exact=True)
            await form.locator("label", has=box.or_(tab.page.get_by_role("radio", name=label, exact=True))).click()
        else:
            await form.get_by_label(label).fill(str(said))
    await form.get_by_role("button", name=by or name, exact=True).click()
    await expect(form).to_be_hidden()
