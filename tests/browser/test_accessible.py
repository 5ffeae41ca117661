"""Every page there is, with a city's data in it, in Chinese and English, on an office's screen and on a telephone's:
axe-core finds nothing that keeps somebody out (WCAG 2.2 AA), and nobody has to move a page sideways.

The desk's pages are asked of its built router: one that is added is looked at, and one that no address is known for
fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from playwright.async_api import Request, expect

from hotline.rules import load_rules
from people.roles import PERMISSIONS, Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of
from tests.browser.browsing import Tab
from tests.browser.conftest import Somebody
from tests.browser.keyboard import Keyboard
from tests.browser.looking import Quiet, Route, faults, route_now, routes, turn
from tests.browser.pages import answer, be_ready, enter, hang_up, sit_down, stand_up, there

CITY = "dalian"
STAFF: Mapping[Role, str] = {
    Role.AGENT: "dl-huawu1",
    Role.DISPATCHER: "dl-paidan1",
    Role.UNIT_OFFICER: "dl-rejie-jb",
    Role.SUPERVISOR: "dl-duban",
    Role.ADMINISTRATOR: "dl-guanli",
}
"""Who opens a page: the first who may."""
CALLER = "13922225021"
ELSEWHERE = {"home"}
"""Leads to the first page of one's menu."""


@pytest.fixture(scope="module", autouse=True)
def city(hotline: Instance) -> Iterator[dict[str, str]]:
    """Its tickets by their titles; everything goes at the end."""
    loaded = hotline.hotline("demo", "load", CITY, "--force")
    yield {title: number for number, title in loaded["tickets"]}
    hotline.hotline("demo", "remove")


async def signed_in(hotline: Instance, somebody: Somebody, role: Role | None, path: str) -> tuple[Tab, Quiet]:
    """A page of somebody's, whole. ``None``: of nobody's."""
    tab: Tab = await somebody("/desk/sign-in")
    if role is not None:
        tab = await enter(tab.window, await there(hotline, STAFF[role]), "/desk/sign-in")
    quiet = Quiet(tab.page)
    await go(tab, path)
    await quiet.settled(tab)
    return tab, quiet


async def go(tab: Tab, path: str) -> None:
    await tab.page.goto(tab.window.origin + path)
    await tab.page.get_by_role("main").first.wait_for()


def who(route: Route) -> Role | None:
    if route.open:
        return None
    return next(role for role in STAFF if not route.needs or PERMISSIONS[role] & set(route.needs))


async def test_every_page_of_the_desk(
    hotline: Instance, phones: Phones, somebody: Somebody, city: Mapping[str, str]
) -> None:
    since = datetime.now(UTC)
    agent = await phones.agent("1001", tone=880)
    line = await phones.citizen(CALLER, keys="w1,1", tone=440)
    await taken(agent)
    await line.hangup()
    call = await call_of(hotline, CALLER, since=since)
    missed = await phones.citizen(CALLER, keys="w1,2")
    await missed.hangup()
    known = {
        "number": next(number for title, number in city.items() if "室温" in title),
        "id": call["id"],
        "rest": "no",
    }
    tab, _ = await signed_in(hotline, somebody, None, "/desk/sign-in")
    seats: dict[Role | None, tuple[Tab, Quiet]] = {}
    wrong: list[str] = []
    titles: dict[str, str] = {}
    for route in await routes(tab):
        place = re.sub(r":(\w+)(\([^)]*\)\*?)?", lambda part: known[part[1]], route.path)
        role = who(route)
        if role not in seats:
            seats[role] = await signed_in(hotline, somebody, role, "/desk/sign-in")
        tab, quiet = seats[role]
        await go(tab, f"/desk{place}")
        await quiet.settled(tab)
        shown = await route_now(tab)
        if route.name in ELSEWHERE:
            assert shown != route.name
            continue
        assert shown == route.name, f"{place} as {role}"
        wrong += await faults(tab, route.name, quiet)
        titles[route.name] = await tab.page.title()
    assert wrong == []
    assert len({*titles.values()}) == len(titles), "each page has a name of its own"
    assert [titles[name] for name in ("dispatch", "ticket", "call")] == [
        "派单 · 12345", f"工单 {known['number']} · 12345", "通话 139****5021 · 12345",
    ]  # fmt: skip


async def test_every_page_of_the_citizens(hotline: Instance, somebody: Somebody) -> None:
    tab = await somebody("/")
    quiet = Quiet(tab.page)
    wrong: list[str] = []
    links = await tab.page.get_by_role("navigation").get_by_role("link").all()
    addresses = [await link.get_attribute("href") or "" for link in links]
    assert len(addresses) >= 3
    titles: set[str] = set()
    for address in addresses:
        await tab.page.goto(f"{tab.window.origin}/{address}")
        await quiet.settled(tab)
        wrong += await faults(tab, address, quiet)
        titles.add(await tab.page.title())
    assert wrong == []
    assert len(titles) == len(addresses), "each page has a name of its own"


async def test_forms_and_menus_that_open(hotline: Instance, somebody: Somebody) -> None:
    tab, quiet = await signed_in(hotline, somebody, Role.DISPATCHER, "/desk/dispatch")
    page, wrong = tab.page, list[str]()
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="拆分").first.click()
    await expect(dialog).to_be_visible()
    wrong += await faults(tab, "split", quiet)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="更多").first.click()
    await expect(page.get_by_role("menu").first).to_be_visible()
    wrong += await faults(tab, "other steps", quiet)
    await page.keyboard.press("Escape")

    tab, quiet = await signed_in(hotline, somebody, Role.UNIT_OFFICER, "/desk/unit")
    page = tab.page
    dialog = page.get_by_role("dialog")
    await page.get_by_role("region", name="可以办理的步骤").get_by_role("button").first.click()
    await expect(dialog).to_be_visible()
    wrong += await faults(tab, "a step's form", quiet)
    assert wrong == []


async def test_a_call_in_its_life(
    hotline: Instance, phones: Phones, somebody: Somebody, city: Mapping[str, str]
) -> None:
    tab, quiet = await signed_in(hotline, somebody, Role.AGENT, "/desk/agent")
    page, wrong = tab.page, list[str]()
    wrong += await faults(tab, "no seat", quiet)
    await sit_down(tab, "2004")
    await be_ready(tab)
    wrong += await faults(tab, "ready", quiet)
    since = datetime.now(UTC)
    line = await phones.citizen(CALLER, keys="w1,1", tone=440)
    await answer(tab)
    await expect(page.get_by_role("region", name="诉求登记")).to_be_visible()
    wrong += await faults(tab, "talking", quiet)
    await page.keyboard.press("F9")
    await expect(page.get_by_role("dialog")).to_be_visible()
    wrong += await faults(tab, "transfer", quiet)
    await page.get_by_role("dialog").get_by_role("button", name="取消").click()
    await turn(tab, "ticket-print", number=next(iter(city.values())))
    strip = page.get_by_role("status").filter(has=page.get_by_role("button", name="挂断"))
    await expect(page.get_by_role("heading", name="办理经过")).to_be_visible()
    await expect(strip).to_be_visible()
    await page.emulate_media(media="print")
    await expect(strip).to_be_hidden()
    await page.emulate_media(media="screen")
    await turn(tab, "agent")
    wall, calm = await signed_in(hotline, somebody, Role.SUPERVISOR, "/desk/wall")
    await wall.page.get_by_role("button", name="2004").click()
    await expect(wall.page.get_by_role("dialog")).to_be_visible()
    wrong += await faults(wall, "an agent on the wall", calm)
    await look_after(wall, "2004")
    await hang_up(tab)
    await line.ended(15)
    call = await call_of(hotline, CALLER, since=since)
    await go(wall, f"/desk/calls/{call['id']}")
    await expect(wall.page.get_by_role("region", name="录音")).to_be_visible()
    wrong += await faults(wall, "a call's life", calm)
    await go(wall, "/desk/line")
    await expect(wall.page.get_by_role("region", name="恶意来电名单")).to_be_visible()
    wrong += await faults(wall, "the line's switches", calm)
    await stand_up(tab)
    assert wrong == []


async def look_after(wall: Tab, extension: str) -> None:
    """On the dialog of an agent: reasons for a break are the centre's; who serves fewer queues keeps the levels, and
    what is clicked twice is done once."""
    book, page = load_rules().agents, wall.page
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="示忙").click()
    reasons = page.get_by_role("menu").filter(has_text=book.pause_reasons[0]).get_by_role("menuitem")
    await expect(reasons).to_have_text(list(book.pause_reasons))
    await page.keyboard.press("Escape")
    await expect(reasons.first).to_be_hidden()
    await dialog.locator("label", has=page.get_by_role("checkbox", name="咨询")).click()
    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one))
    await dialog.get_by_role("button", name="改接这些队列").dblclick()
    await expect(page.get_by_text("已执行")).to_be_visible()
    left = {queue: level for queue, level in book.agents[extension].queues.items() if queue != "consultation"}
    assert [one.post_data_json for one in asked if one.method == "PUT"] == [{"queues": left}]


async def test_a_dispatcher_without_a_mouse(hotline: Instance, somebody: Somebody, city: Mapping[str, str]) -> None:
    """Down and up the list, one accepted by A, sent to the first unit that is proposed by 1."""
    number = next(number for title, number in city.items() if "复杂咨询" in title)
    other = {"category": "help", "content": "楼道灯不亮，已经三天了。", "phone": "13922225022"}
    citizen = await somebody("/")
    made = await citizen.page.request.post(f"{citizen.window.origin}/api/v1/public/tickets", data=other)
    assert made.ok
    tab, quiet = await signed_in(hotline, somebody, Role.DISPATCHER, "/desk/dispatch")
    page, keys = tab.page, Keyboard(tab)
    ticket = page.get_by_role("article")
    first = await ticket.get_attribute("aria-label") or ""
    await page.keyboard.press("j")
    await expect(ticket).not_to_have_attribute("aria-label", first)
    await page.keyboard.press("k")
    await expect(ticket).to_have_attribute("aria-label", first)
    while await ticket.get_attribute("aria-label") != number:
        await page.keyboard.press("j")
        await quiet.settled(tab)
    steps = page.get_by_role("region", name="可以办理的步骤")
    await expect(steps.get_by_role("button", name="受理", exact=True)).to_be_visible()
    await page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="受理", exact=True)
    await expect(dialog).to_be_visible()
    await keys.reach(dialog.get_by_role("button", name="受理", exact=True))
    await keys.press("Enter", look=False)
    await expect(dialog).to_be_hidden()
    await keys.look("after the form")
    await keys.reach(page.get_by_role("button", name=re.compile("待转办 1")), "Shift+Tab")
    await keys.press("Enter")
    await expect(ticket).to_have_attribute("aria-label", number)
    await expect(page.get_by_role("button", name="派给").first).to_be_enabled()
    await page.keyboard.press("1")
    await expect(page.get_by_text(f"{number} 已转办至")).to_be_visible()
