"""A citizen calls 12345 from the page, chooses by keys, and an agent at a table answers: both hear each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import WebSocketRoute, expect

from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of, events
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.conftest import Somebody
from tests.browser.pages import call_hotline, press


async def test_a_citizen_and_an_agent_hear_each_other(
    hotline: Instance, phones: Phones, somebody: Somebody, tmp_path: Path
) -> None:
    heard, since = tmp_path / "agent.wav", datetime.now(UTC)
    agent = await phones.agent("1001", tone=440, record=heard)
    tab = await somebody("/#phone")
    await call_hotline(tab)
    await press(tab, "1")
    line = await taken(agent)
    await tab.tone(880)
    await tab.hears(440)
    assert await tab.violations() == []
    await tab.page.get_by_role("button", name="挂断").click()
    await line.ended(15)
    samples, rate = read_wav(heard)
    assert hears_tone(samples[:, 0], rate, 880)
    call = await call_of(hotline, None, since=since)
    assert call["via"] == "web"
    assert "connected" in events(call)


async def test_without_a_microphone_the_page_says_what_to_do_and_nothing_is_dialled(somebody: Somebody) -> None:
    """Nor is a call that was called off one that failed."""
    tab = await somebody("/#phone")
    await tab.page.route_web_socket("**/ws/**", nobody_answers)
    await tab.page.get_by_role("button", name="拨打 12345").click()
    await expect(tab.page.get_by_text("正在呼叫")).to_be_visible()
    await tab.page.get_by_role("button", name="挂断").click()
    await expect(tab.page.get_by_text("通话已结束")).to_be_visible()
    await expect(tab.page.get_by_text("没有接通")).to_have_count(0)
    tab = await somebody("/#phone", microphone=False)
    await tab.page.get_by_role("button", name="拨打 12345").click()
    await expect(tab.page.get_by_text("麦克风").last).to_be_visible()
    await expect(tab.page.get_by_role("button", name="挂断")).to_have_count(0)


def nobody_answers(socket: WebSocketRoute) -> None:
    """What the page sends arrives nowhere."""
    socket.on_message(lambda _: None)
