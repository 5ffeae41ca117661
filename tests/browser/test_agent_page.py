"""The agent's page: the main path by keys alone, and what a reload, a dead server and a second tab leave of a call."""

from __future__ import annotations

import asyncio
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Browser, Page, Route, expect

from hotline.db import open_engine
from hotline.rulebook import open_rulebook
from people.roles import Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import all_tickets
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.browsing import DESKTOP, Tab, window
from tests.browser.conftest import Somebody
from tests.browser.pages import answer, be_ready, employed, enter, hang_up, sit_down, stand_up
from tickets.book import edit, get
from tickets.permits import Actor
from tickets.ticket import Edit

TYPED = "小区停水两天，物业说不清原因"
COLLEAGUES = "小区停水两天，已报修"
CALLER, TITLE = "13922225024", "无工单来电：停水"
CARD, REVEAL, CREATE = "**/calls/*/caller", "**/calls/*/reveal", "**/api/v1/tickets"
TICKET = "**/api/v1/tickets/2*"
TABS = 60
EDITS = Actor("colleague", frozenset({"ticket.read_all", "ticket.create"}))


async def reach(page: Page, selector: str) -> None:
    """By the Tab key, as somebody without a mouse would."""
    for _ in range(TABS):
        if await page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by the keyboard")


async def talking(tab: Tab) -> None:
    hold = tab.page.get_by_role("region", name="当前通话").get_by_role("button", name="保持")
    await expect(hold).to_be_enabled(timeout=20_000)


async def ticket_number(page: Page) -> str:
    link = page.get_by_role("region", name="诉求登记").get_by_role("link", name=re.compile(r"^\d{8}-\d+$"))
    return await link.inner_text(timeout=20_000)


async def change(hotline: Instance, number: str, fields: Edit) -> None:
    """A colleague does, meanwhile."""
    rulebook = open_rulebook(hotline.settings)
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        ticket = await get(connection, rulebook, number, EDITS)
        at = datetime.now(UTC)
        await edit(connection, rulebook, number, fields, EDITS, at, expected_version=ticket.version)


async def test_a_call_and_its_ticket_by_keys_alone(hotline: Instance, phones: Phones, somebody: Somebody) -> None:
    person = await employed(hotline, "keys-only", Role.AGENT, display_name="马丽")
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
    page, keys = tab.page, tab.page.keyboard
    await expect(page.get_by_role("combobox", name="分机")).to_be_visible()
    await reach(page, "#extension")
    await keys.type("2002")
    await expect(page.get_by_role("option", name="2002")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await reach(page, "button[type=submit]")
    await keys.press("Enter")
    state = page.get_by_role("region", name="座席状态")
    await expect(state).to_be_visible()
    await keys.press("Alt+R")
    await expect(state.get_by_role("status").first).to_contain_text("示闲")
    line = await phones.citizen("13922225021", keys="w1,1", tone=440)
    await expect(page.get_by_role("button", name="接听")).to_be_visible(timeout=20_000)
    await keys.press("F2")
    await tab.hears(440)
    await keys.press("F7")
    await expect(page.get_by_text("对方听不见您")).to_be_visible()
    await keys.press("F7")
    number = await ticket_number(page)
    await reach(page, "#f-content")
    await keys.type(TYPED)
    await change(hotline, number, Edit(content="同事先写了一句", requester="张女士"))
    await expect(page.get_by_role("alert").filter(has_text="同事先写了一句")).to_be_visible()
    await expect(page.locator("#f-content")).to_have_value(TYPED)
    await keys.press("Control+s")
    await expect(page.get_by_text("已保存")).to_be_visible()
    await keys.press("F9")
    dialog = page.get_by_role("dialog", name="转接")
    await expect(dialog.get_by_role("combobox")).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.press("Control+Enter")
    await keys.press("Escape")
    await expect(dialog).to_be_hidden()
    await change(hotline, number, Edit(content=COLLEAGUES))
    await expect(page.get_by_role("alert").filter(has_text=COLLEAGUES)).to_be_visible()
    await expect(page.locator("#f-content")).to_have_text("修改")
    await keys.press("Control+Enter")
    await expect(page.get_by_text("待派单")).to_be_visible()
    assert await tab.violations() == []
    await keys.press("F4")
    await line.ended(15)
    await expect(state.get_by_role("status").first).to_contain_text("话后处理")
    await keys.press("Alt+R")
    await expect(state.get_by_role("status").first).to_contain_text("示闲")
    await stand_up(tab)
    rulebook = open_rulebook(hotline.settings)
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        ticket = await get(connection, rulebook, number, EDITS)
    assert (ticket.content, ticket.requester, ticket.life.state) == (COLLEAGUES, "张女士", "accepted")


async def test_a_reload_takes_the_call_back_and_loses_no_typing(
    hotline: Instance, phones: Phones, somebody: Somebody, tmp_path: Path
) -> None:
    person = await employed(hotline, "reloads", Role.AGENT, display_name="朱琳")
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
    tab.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))  # "leave this page?"
    await sit_down(tab, "2004")
    await be_ready(tab)
    heard = tmp_path / "citizen.wav"
    line = await phones.citizen("13922225022", keys="w1,1", tone=440, record=heard)
    await answer(tab)
    await tab.hears(440)
    await tab.page.locator("#f-title").fill("停水")
    await tab.page.reload()
    await talking(tab)
    await tab.tone(880)
    await tab.hears(440)
    await expect(tab.page.locator("#f-title")).to_have_value("停水")
    await tab.window.context.route(CARD, no_ticket)
    second = await tab.window.open("/desk/agent")
    second.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await second.page.get_by_role("button", name="改由本页接听").click()
    await expect(tab.page.get_by_text("已在另一个标签页打开")).to_be_visible()
    await second.page.get_by_role("button", name="接回通话").click()
    await talking(second)
    await second.tone(1320)
    await second.hears(440)
    await with_its_handler(hotline, second, "停水", "+8613922225022")
    await hang_up(second)
    await line.ended(15)
    samples, rate = read_wav(heard)
    assert [hears_tone(samples[:, 0], rate, hertz) for hertz in (880, 1320)] == [True, True]
    await stand_up(second)


async def test_a_dead_server_cuts_no_call_and_loses_no_typing(
    hotline: Instance, phones: Phones, browser: Browser
) -> None:
    person = await employed(hotline, "outlives", Role.AGENT, display_name="何勇")
    # That a server is not there, the console may say.
    async with window(browser, f"http://127.0.0.1:{hotline.web}", size=DESKTOP) as opened:
        tab = await enter(opened, person, "/desk/agent")
        await sit_down(tab, "2006")
        await be_ready(tab)
        line = await phones.citizen("13922225023", keys="w1,1", tone=440)
        await tab.page.route(TICKET, busy)
        await answer(tab)
        await expect(tab.page.get_by_text("请稍后再试")).to_be_visible()
        await tab.page.unroute(TICKET)
        await tab.page.get_by_role("button", name="刷新").click()
        await ticket_number(tab.page)
        hotline.kill("web", signal.SIGKILL)
        await expect(tab.page.get_by_text("电话连接中断")).to_be_visible()
        await tab.page.locator("#f-content").fill(TYPED)
        await tab.page.keyboard.press("Control+s")
        alert = tab.page.get_by_role("region", name="诉求登记").get_by_role("alert")
        await expect(alert.filter(has_text="已填写的内容不会丢失")).to_be_visible()
        await tab.hears(440)
        await expect(tab.page.get_by_text("电话连接中断")).to_be_hidden(timeout=60_000)
        await tab.page.keyboard.press("Control+s")
        await expect(tab.page.get_by_text("已保存")).to_be_visible()
        await tab.hears(440)
        await given_away(hotline, tab)
        # The far end's good-bye finds the page where it is now.
        await line.hangup()
        await expect(tab.page.get_by_text("没有通话")).to_be_visible(timeout=15_000)
        await tab.page.reload()
        await expect(tab.page.get_by_text("由专办人保密办理")).to_be_visible()
        await stand_up(tab)


async def test_a_desk_telephone_has_the_same_buttons(hotline: Instance, phones: Phones, somebody: Somebody) -> None:
    person = await employed(hotline, "at-the-desk", Role.AGENT, display_name="吴倩")
    await phones.agent("1010", log_in=False, answer_after=1.0)
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
    await sit_down(tab, "1010")
    await tab.page.route(CARD, no_ticket)
    await be_ready(tab)
    line = await phones.citizen(CALLER, keys="w1,1")
    await talking(tab)
    await tab.page.keyboard.press("F7")
    await expect(tab.page.get_by_text("对方听不见您")).to_be_visible()
    number = await made_here(tab)
    await answered_at_once(tab)
    await to_a_queue(tab, "咨询")
    await expect(tab.page.get_by_text("没有通话")).to_be_visible()
    assert not line.over, "the citizen waits in the queue"
    await line.hangup()
    await stand_up(tab)
    rows = [row for row in await all_tickets(hotline) if row["title"] == TITLE]
    assert [(row["number"], row["caller_e164"], row["content"]) for row in rows] == [(number, None, TYPED)]


async def made_here(tab: Tab) -> str:
    """A ticket of a call that has none, once only, though the caller's number cannot be had and an answer is lost. Its
    number."""
    page, form = tab.page, tab.page.get_by_role("region", name="诉求登记")
    await expect(form.get_by_text("尚无工单")).to_be_visible()
    await form.get_by_label("标题").fill(TITLE)
    await page.route(REVEAL, unknown)
    await page.keyboard.press("Control+s")
    await expect(form.get_by_role("alert")).to_contain_text("没有取得来电号码")
    await page.route(CREATE, lost)
    await form.get_by_role("button", name="不带来电号码登记").click()
    await expect(form.get_by_role("alert")).to_contain_text("请稍后")
    await page.unroute(CREATE)
    await page.unroute(REVEAL)
    await form.get_by_label("诉求内容").fill(TYPED)
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("已保存")).to_be_visible()
    return await ticket_number(page)


async def with_its_handler(hotline: Instance, tab: Tab, title: str, caller: str) -> None:
    """A call's ticket that is confidential from the first has what was typed, once only, though an answer is lost and
    the call is hidden by then; who typed it sees nothing of it any more but what came too late."""
    handler = await employed(hotline, "handles-secrets", Role.DISPATCHER)
    page, form = tab.page, tab.page.get_by_role("region", name="诉求登记")
    await expect(form.get_by_text("尚无工单")).to_be_visible()
    await form.locator("label", has_text="保密").click()
    await form.get_by_label("专办人").fill(handler.name)
    await page.route(CREATE, lost)
    await page.keyboard.press("Control+s")
    await expect(form.get_by_role("alert")).to_contain_text("请稍后")
    await page.unroute(CREATE)
    await form.get_by_label("诉求内容").fill(TYPED)
    await page.keyboard.press("Control+s")
    await expect(form.get_by_text("由专办人保密办理，您无权查看")).to_be_visible()
    await expect(form.get_by_role("alert")).to_contain_text("请转告专办人")
    await expect(form.get_by_label("标题")).to_have_value("")
    await form.get_by_label("诉求内容").fill("")
    await expect(form.get_by_label("标题")).to_have_count(0)
    (row,) = [row for row in await all_tickets(hotline) if row["handler"] == handler.name]
    rulebook = open_rulebook(hotline.settings)
    async with open_engine(hotline.settings) as engine, engine.begin() as connection:
        ticket = await get(connection, rulebook, row["number"], Actor(handler.name))
    assert (ticket.confidential, ticket.title, ticket.caller_e164) == (True, title, caller)


async def given_away(hotline: Instance, tab: Tab) -> None:
    """A ticket that becomes confidential is its handler's from then on: it is not accepted from here."""
    handler = await employed(hotline, "takes-over", Role.DISPATCHER)
    form = tab.page.get_by_role("region", name="诉求登记")
    await form.locator("label", has_text="保密").click()
    await form.get_by_label("专办人").fill(handler.name)
    await tab.page.keyboard.press("Control+Enter")
    await expect(form.get_by_text("由专办人保密办理")).to_be_visible()
    await expect(form.get_by_role("alert")).to_have_count(0)
    await expect(form.get_by_label("标题")).to_have_count(0)
    (row,) = [row for row in await all_tickets(hotline) if row["handler"] == handler.name]
    assert (row["confidential"], row["state"]) == (True, "received")
    await expect(tab.page.get_by_text("没有这次来电，或您无权查看")).to_be_visible(timeout=10_000)


async def answered_at_once(tab: Tab) -> None:
    """Which of what citizens want only a question can be."""
    await tab.page.get_by_role("region", name="诉求登记").locator("label", has_text="咨询").click()
    await tab.page.keyboard.press("Control+Shift+Enter")
    form = tab.page.get_by_role("dialog", name="办结")
    await form.get_by_label("办理结果").fill("已告知停水原因和恢复时间。")
    await form.get_by_role("button", name="办结", exact=True).click()
    await expect(tab.page.get_by_text("已当场答复办结")).to_be_visible()
    await expect(tab.page.get_by_text("他人已将")).to_have_count(0)


async def to_a_queue(tab: Tab, name: str) -> None:
    await tab.page.keyboard.press("F9")
    dialog = tab.page.get_by_role("dialog", name="转接")
    await dialog.locator("label", has_text="队列").click()
    await dialog.get_by_role("combobox").click()
    await tab.page.get_by_role("option", name=name).click()
    await tab.page.keyboard.press("Alt+x")
    await expect(dialog).to_be_hidden()


async def no_ticket(route: Route) -> None:
    """As long as the log of calls is read late."""
    answer = await route.fetch()
    await route.fulfill(response=answer, json={**await answer.json(), "ticket": None})


async def unknown(route: Route) -> None:
    await route.fulfill(status=404, json={"code": "not_found", "detail": "没有这个来电"})


async def busy(route: Route) -> None:
    await route.fulfill(status=429, json={"code": "busy", "detail": "请稍后再试"})


async def lost(route: Route) -> None:
    """It is done, and the page does not learn of it."""
    await route.fetch()
    await busy(route)
