"""An agent's whole day in the browser: a seat, ready, a citizen's call, both hear each other, hung up, gone; and what
goes wrong at a seat meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import ClientSession
from playwright.async_api import Route, expect

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.browsing import Tab
from tests.browser.conftest import Somebody
from tests.browser.pages import Person, answer, be_ready, employed, enter, hang_up, sit_down
from tests.browser.test_interrupted import cut_connections, forgive

EXTENSION, COLLEAGUE, OTHER = "2003", "1002", "Fake Audio Input 2"
SEAT, CALL = "**/api/v1/seat", "**/api/v1/seat/call"
RECENT = "sessionStorage.getItem('hotline.desk.recent')"


async def test_a_citizen_calls_and_an_agent_answers_in_the_browser(
    hotline: Instance, phones: Phones, somebody: Somebody, tmp_path: Path
) -> None:
    person = await employed(hotline, "browser-agent", Role.AGENT, display_name="周燕")
    supervisor = await employed(hotline, "frees-seats", Role.SUPERVISOR)
    tab = await comes_while_the_server_starts(await somebody("/desk/sign-in"), person)
    await sit_down(tab, EXTENSION)
    await be_ready(tab)
    heard = tmp_path / "citizen.wav"
    line = await phones.citizen("13922225011", keys="w1,1", tone=440, record=heard)
    await cannot_answer_without_a_microphone(tab)
    await answer(tab)
    await expect(tab.page.get_by_text("没有找到麦克风")).to_be_hidden()
    await tab.tone(880)
    await tab.hears(440)
    assert await tab.violations() == []
    await tab.microphones(1)
    await tab.page.get_by_role("button", name="声音设备").click()
    devices = tab.page.get_by_role("dialog", name="声音设备")
    await devices.locator(".el-select", has=tab.page.get_by_label("麦克风")).click()
    await tab.page.get_by_role("option", name=OTHER).click()
    await devices.get_by_role("button", name="确定").click()
    await expect(devices).to_be_hidden()
    await tab.microphones(1)
    await tab.tone(1320)
    await tab.hears(440)
    await consultations_end_by_themselves(tab, phones)
    await hang_up(tab)
    await line.ended(15)
    samples, rate = read_wav(heard)
    assert [hears_tone(samples[:, 0], rate, hertz) for hertz in (880, 1320)] == [True, True]
    await is_shown_that_the_seat_was_freed(hotline, tab, supervisor)
    await tab.microphones(0)
    await hides_its_calls_from_the_next_person(tab, supervisor)


async def comes_while_the_server_starts(tab: Tab, person: Person) -> Tab:
    """It is not known at once where one sits: the page asks again by itself, then by a button."""
    answers = [(503, "starting"), (403, "forbidden")]

    async def not_yet(route: Route) -> None:
        status, code = answers.pop(0)
        await route.fulfill(status=status, json={"code": code, "detail": "现在不行"})

    await tab.window.context.route(SEAT, not_yet)
    tab = await enter(tab.window, person, "/desk/agent")
    unknown = tab.page.get_by_role("alert").filter(has_text="没有取得席位信息")
    await expect(unknown).to_be_visible()
    assert answers == []
    heard = tab.window.complaints
    heard[:] = [one for one in heard if "status of 503" not in one]
    await tab.window.context.unroute(SEAT)
    await unknown.get_by_role("button", name="刷新").click()
    return tab


async def cannot_answer_without_a_microphone(tab: Tab) -> None:
    """The page says so in words, and the call still rings."""
    button = tab.page.get_by_role("region", name="当前通话").get_by_role("button", name="接听")
    await expect(button).to_be_enabled(timeout=20_000)
    await tab.run("() => window.test.plug(false)")
    await button.click()
    await expect(tab.page.get_by_role("alert").filter(has_text="没有找到麦克风")).to_be_visible()
    assert set(await tab.page.locator(".el-message").all_inner_texts()) <= {"现在不行"}
    await tab.run("() => window.test.plug(true)")


async def consultations_end_by_themselves(tab: Tab, phones: Phones) -> None:
    """One that Asterisk does not know of any more, one, begun by keys because no server answers, with a colleague who
    hangs up, and one of which nobody knows whether it began. Muting waits for none."""
    page, mute = tab.page, tab.page.get_by_text("对方听不见您")
    call = page.get_by_role("region", name="当前通话")
    transfer = call.get_by_role("button", name="转接")
    asked: asyncio.Queue[Route] = asyncio.Queue()
    await page.route(CALL, asked.put)
    await call.get_by_role("button", name="120").click()
    begun = await asked.get()
    for muted in (True, False):
        await page.keyboard.press("F7")
        await expect(mute).to_be_visible(visible=muted)
    await begun.fulfill(json={"do": "consult", "call_id": ""})
    await page.unroute(CALL)
    await expect(transfer).to_be_hidden()
    await call.get_by_role("button", name="取消咨询").click()
    await expect(transfer).to_be_enabled()
    colleague = await phones.agent(COLLEAGUE, log_in=False)
    await page.keyboard.press("F9")
    await page.get_by_role("dialog", name="转接").get_by_role("combobox").click()
    await page.get_by_role("option", name=COLLEAGUE).click()
    await page.route(CALL, lambda route: route.abort())
    await page.keyboard.press("Alt+z")
    theirs = await taken(colleague)
    await page.unroute(CALL)
    await expect(call.get_by_text("市民在等待")).to_be_visible()
    await theirs.hangup()
    await expect(transfer).to_be_enabled()
    await page.route(CALL, lambda route: route.abort())
    await page.keyboard.press("F9")
    dialog = page.get_by_role("dialog", name="转接")
    await dialog.locator("label", has_text="队列").click()
    await dialog.get_by_role("combobox").click()
    await page.get_by_role("option", name="咨询").click()
    await page.keyboard.press("Alt+z")
    await expect(dialog).to_be_hidden()
    await expect(transfer).to_be_hidden()
    await page.unroute(CALL)
    await call.get_by_role("button", name="取消咨询").click()
    await expect(transfer).to_be_enabled()
    await tab.hears(440)


async def is_shown_that_the_seat_was_freed(hotline: Instance, tab: Tab, supervisor: Person) -> None:
    """By whatever is done there next: a state, or the telephone that registers anew."""
    page, choice = tab.page, tab.page.get_by_role("combobox", name="分机")
    state = page.get_by_role("region", name="座席状态").get_by_role("status").first
    await freed(hotline, supervisor)
    await expect(state).to_contain_text("未签入")
    await page.keyboard.press("Alt+r")
    await expect(choice).to_be_visible()
    await sit_down(tab, EXTENSION)
    await be_ready(tab)
    await freed(hotline, supervisor)
    cut_connections(hotline.web)
    refused = page.get_by_role("alert").filter(has_text="不接受本席位的密码")
    await refused.get_by_role("button", name="重试").click(timeout=30_000)
    await expect(choice).to_be_visible()
    forgive(tab)


async def freed(hotline: Instance, supervisor: Person) -> None:
    own = {"Authorization": f"Bearer {supervisor.session}"}
    async with ClientSession(f"http://127.0.0.1:{hotline.web}", headers=own) as client:
        assert (await client.delete(f"/api/v1/agents/{EXTENSION}/seat")).status == 204


async def hides_its_calls_from_the_next_person(tab: Tab, person: Person) -> None:
    assert await tab.run(RECENT) not in (None, "[]")
    await (await enter(tab.window, person, "/desk/tickets")).page.close()
    await tab.page.goto(f"{tab.window.origin}/desk/tickets")
    await tab.page.wait_for_function(f"() => {RECENT} === '[]'")
