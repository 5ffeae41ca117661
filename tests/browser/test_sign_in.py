"""The first sign-in with a password that somebody else knows, and every page that a role has then."""

from __future__ import annotations

from playwright.async_api import expect

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.browser.conftest import Somebody
from tests.browser.pages import employed, enter, sign_in

NEW = "Harbour-Lantern-58-meadow"


async def test_the_first_password_is_changed_at_the_first_sign_in(hotline: Instance, somebody: Somebody) -> None:
    person = await employed(hotline, "newcomer", Role.DISPATCHER, new=True)
    tab = await somebody("/desk/")
    await sign_in(tab, person.name, "not the password")
    await expect(tab.page.get_by_role("alert")).to_be_visible()
    await sign_in(tab, person.name, person.password)
    await tab.page.wait_for_url("**/desk/password")
    await tab.page.locator("#old").fill(person.password)
    await tab.page.locator("#first").fill(NEW)
    await tab.page.locator("#again").fill(NEW)
    await tab.page.locator("form button[type=submit]").click()
    await tab.page.wait_for_url("**/desk/sign-in")
    await sign_in(tab, person.name, NEW)
    await expect(tab.page.get_by_role("navigation").first).to_be_visible()
    assert [cookie["httpOnly"] for cookie in await tab.window.context.cookies()] == [True]


async def test_everybody_can_use_every_page_of_the_menu(hotline: Instance, somebody: Somebody) -> None:
    """Each page once, by the first whose menu has it."""
    faults: dict[str, list[str]] = {}
    for role in (Role.SUPERVISOR, Role.DISPATCHER, Role.AGENT, Role.MANAGER, Role.ADMINISTRATOR):
        person = await employed(hotline, f"one-{role}", role)
        tab = await enter((await somebody("/desk/sign-in")).window, person)
        await tab.page.get_by_role("main").first.wait_for()
        links = await tab.page.get_by_role("navigation").get_by_role("link").all()
        for address in [await link.get_attribute("href") or "" for link in links]:
            if address not in faults:
                await tab.page.goto(f"{tab.window.origin}{address}")
                await tab.page.get_by_role("main").first.wait_for()
                faults[address] = await tab.violations()
    assert len(faults) > 3, "menus were found"
    assert {address: found for address, found in faults.items() if found} == {}
