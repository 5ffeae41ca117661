"""The first sign-in with a password that somebody else knows, a second factor, and every page that a role has then,
wherever on earth the screen is."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pyotp
from playwright.async_api import Request, Route, expect

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.browser.browsing import Tab
from tests.browser.conftest import Somebody
from tests.browser.keyboard import Keyboard
from tests.browser.pages import employed, enter, sign_in

NEW = "Harbour-Lantern-58-meadow"
CHINA = ZoneInfo("Asia/Shanghai")


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
    recovery = await second_factor(tab)
    await tab.page.reload()
    await sign_in(tab, person.name, NEW)
    code = tab.page.get_by_label("动态验证码")
    await expect(code).to_be_focused()
    await tab.page.keyboard.type("000000")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_role("alert")).to_contain_text("验证码不正确")
    await expect(code).to_have_accessible_description(re.compile("验证码不正确"))
    await code.fill(recovery)
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_role("navigation").first).to_be_visible()


async def second_factor(tab: Tab) -> str:
    """Switched on for who is signed in, who is signed out then; one of the recovery codes."""

    async def ask(method: str, path: str, data: dict[str, str] | None = None) -> dict[str, list[str]]:
        answer = await tab.page.request.fetch(
            f"{tab.window.origin}/api/v1{path}", method=method, data=data, headers={"X-Requested-With": "hotline"}
        )
        assert answer.ok, await answer.text()
        return dict(await answer.json()) if answer.status == 200 else {}

    secret = str((await ask("POST", "/session/totp", {"password": NEW}))["secret"])
    codes = (await ask("POST", "/session/totp/confirm", {"code": pyotp.TOTP(secret).now()}))["recovery_codes"]
    await ask("DELETE", "/session")
    return codes[0]


async def test_everybody_can_use_every_page_of_the_menu(hotline: Instance, somebody: Somebody) -> None:
    """Each page once, by the first whose menu has it."""
    faults: dict[str, list[str]] = {}
    for role in (Role.SUPERVISOR, Role.DISPATCHER, Role.AGENT, Role.MANAGER, Role.ADMINISTRATOR):
        person = await employed(hotline, f"one-{role}", role)
        tab = await enter((await somebody("/desk/sign-in", timezone_id="America/Los_Angeles")).window, person)
        await tab.page.get_by_role("main").first.wait_for()
        links = await tab.page.get_by_role("navigation").get_by_role("link").all()
        for address in [await link.get_attribute("href") or "" for link in links]:
            if address not in faults:
                await tab.page.goto(f"{tab.window.origin}{address}")
                await tab.page.get_by_role("main").first.wait_for()
                faults[address] = await tab.violations()
                if address in MORE:
                    await MORE[address](tab)
        if role is Role.MANAGER:
            await without_numbers(tab)
    assert len(faults) > 3, "menus were found"
    assert {address: found for address, found in faults.items() if found} == {}


async def calls_of_days(tab: Tab) -> None:
    """Days that are picked are days in China."""
    await tab.page.locator(".el-range-editor").click()
    month = tab.page.locator(".el-date-range-picker__content.is-left td.available")
    await month.get_by_text("10", exact=True).click()
    async with tab.page.expect_request(lambda one: "/calls?" in one.url and "since=" in one.url) as asked:
        await month.get_by_text("12", exact=True).click()
    first, last = [await box.input_value() for box in await tab.page.locator(".el-range-input").all()]
    query = parse_qs(urlsplit((await asked.value).url).query)
    since, until = (datetime.fromisoformat(query[name][0]) for name in ("since", "until"))
    midnight = datetime.fromisoformat(first).replace(tzinfo=CHINA)
    assert (since, until, last[-2:]) == (midnight, midnight + timedelta(days=3), "12")


async def announced_until(tab: Tab) -> None:
    """The time that is offered is China's, and so is what is made of it."""
    until = await tab.page.get_by_role("combobox", name="截止").input_value()
    offered = datetime.fromisoformat(until).replace(tzinfo=CHINA) - datetime.now(UTC)
    assert timedelta(hours=3, minutes=55) < offered <= timedelta(hours=4)


async def disabled_after_a_question(tab: Tab) -> None:
    """By the keyboard; whoever says no has changed nothing."""
    keys, page = Keyboard(tab), tab.page
    row = page.get_by_role("row", name=f"one-{Role.DISPATCHER}")
    question = page.get_by_role("dialog", name="停用")
    for answer, state in (("Escape", "在用"), ("Enter", "已停用")):
        await keys.reach(row.get_by_role("button", name="更多"))
        await keys.press("Enter")
        await page.get_by_role("menuitem", name="停用").press("Enter")
        await expect(question.get_by_role("button", name="确定")).to_be_focused()
        await keys.press(answer, look=False)
        await expect(question).to_be_hidden()
        await expect(row).to_contain_text(state)


async def without_numbers(tab: Tab) -> None:
    """Who may see no number is not offered to look for one, and finds out at the words which may not be looked for."""
    page, origin = tab.page, tab.window.origin
    await page.goto(f"{origin}/desk/calls")
    await expect(page.get_by_role("textbox", name="座席")).to_be_visible()
    await expect(page.get_by_role("textbox", name="号码")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "text=" in one.url else None)
    await page.goto(f"{origin}/desk/tickets")
    tickets = page.get_by_role("main").get_by_role("button", name=re.compile(r"^\d{8}-\d{6}"))
    await tickets.first.wait_for()
    before = await tickets.count()
    words = page.get_by_role("textbox", name="标题、内容、地址中的词")
    await words.press_sequentially("202", delay=450)  # ms: longer than the page waits where it looks for what is typed
    await words.press("Enter")
    await expect(words).to_have_accessible_description(re.compile("三位以上的数字"))
    assert len(asked) == 1, "half a date is not looked for"
    await expect(tickets).to_have_count(before)
    await expect(page.locator(".el-message")).to_have_count(0)
    await words.fill("")
    await expect(words).to_have_accessible_description("")


REFUSED = {"code": "busy", "detail": "请稍后再试"}


async def no_call_read_is_not_none(tab: Tab) -> None:
    await calls_of_days(tab)
    await not_read(tab, re.compile(r"/api/v1/calls\?"))


async def no_user_read_is_not_none(tab: Tab) -> None:
    await disabled_after_a_question(tab)
    await not_read(tab, re.compile(r"/api/v1/users\?"))


async def not_read(tab: Tab, what: re.Pattern[str]) -> None:
    """What could not be read is not shown as none, and can be asked for again."""
    page = tab.page
    await page.route(what, lambda route: route.fulfill(status=429, json=REFUSED))
    await page.reload()
    again = page.get_by_role("button", name="刷新")
    await expect(again).to_be_visible()
    await expect(page.get_by_text("暂无")).to_have_count(0)
    await page.unroute(what)
    await again.click()
    await expect(page.get_by_role("main").get_by_role("table").first).to_be_visible()
    await expect(again).to_have_count(0)


async def nothing_read_is_not_none(tab: Tab) -> None:
    """The same of several lists at once; a button asks for all that have failed by then."""
    page, lists, refused = tab.page, re.compile(r"/api/v1/tickets\?"), set[str]()
    tiles = page.get_by_role("main").get_by_role("list").first.get_by_role("strong")
    await tiles.first.wait_for()
    many = await tiles.count()

    def all_refused(one: Request) -> bool:
        if lists.search(one.url):
            refused.add(one.url)
        return len(refused) == many

    await page.route(lists, lambda route: route.fulfill(status=429, json=REFUSED))
    async with page.expect_event("requestfinished", all_refused):
        await page.reload()
    await expect(page.get_by_role("button", name="刷新")).to_be_visible()
    await tab.run("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert {*await tiles.all_inner_texts()} == {"—"}
    await expect(page.get_by_text("暂无")).to_have_count(0)
    await page.unroute(lists)
    await page.get_by_role("button", name="刷新").click()
    await expect(tiles.last).to_have_text(re.compile(r"\d"))
    await expect(page.get_by_role("button", name="刷新")).to_have_count(0)


async def a_list_stays_while_it_is_read_anew(tab: Tab) -> None:
    """Whoever is about to click on a ticket can, whatever happens to others."""
    page, lists, told = tab.page, re.compile(r"/api/v1/tickets\?"), asyncio.Event()

    async def later(route: Route) -> None:
        await told.wait()
        await route.continue_()

    await expect(page.get_by_text("实时连接正常")).to_be_attached()
    await page.route(lists, later)
    asked = {"category": "help", "content": "楼道灯不亮，已经三天了。", "phone": "13922225061"}
    async with page.expect_request(lists):
        made = await page.request.post(f"{tab.window.origin}/api/v1/public/tickets", data=asked)
    await tab.run("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await expect(page.locator(".el-loading-mask:visible")).to_have_count(0)
    told.set()
    await expect(page.get_by_role("button", name=(await made.json())["number"])).to_be_visible()
    await page.unroute(lists)
    await renewed(tab)


async def renewed(tab: Tab) -> None:
    """After an upgrade what was not loaded yet is gone: the page asked for is opened by loading everything anew."""
    page, part = tab.page, re.compile(r"/assets/Calls-[^/]*\.js$")
    link = page.get_by_role("navigation", name="主菜单").get_by_role("link", name="通话", exact=True)

    async def other_pages(route: Route) -> None:
        if route.request.resource_type != "fetch":
            return await route.continue_()
        await page.unroute(part)
        await route.fulfill(body="<!doctype html><title>others</title>", content_type="text/html")

    await tab.run("() => { window.same = true }")
    await page.route(part, lambda route: route.fulfill(status=404))
    await link.click()
    await expect(page.get_by_text("连接中断").last).to_be_visible()
    assert await tab.run("() => window.same"), "the same pages are not loaded over and over"
    await page.route(re.compile("/desk/tickets$"), other_pages)
    await link.click()
    await page.wait_for_url("**/desk/calls")
    await page.get_by_role("main").get_by_role("search").wait_for()
    assert not await tab.run("() => window.same")
    tab.window.complaints[:] = [one for one in tab.window.complaints if "/assets/Calls-" not in one]


MORE = {
    "/desk/calls": no_call_read_is_not_none,
    "/desk/line": announced_until,
    "/desk/users": no_user_read_is_not_none,
    "/desk/board": nothing_read_is_not_none,
    "/desk/tickets": a_list_stays_while_it_is_read_anew,
}
