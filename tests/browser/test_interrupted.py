"""What breaks while an agent writes down what a citizen says: the web server, the connections, the page, the browser.

The citizen's call goes on, or is taken up again within seconds; nothing typed is lost; call and ticket are whole.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, expect

from hotline.phone import Line
from people.roles import Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of, events, ticket_of
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.browsing import Tab
from tests.browser.conftest import Somebody
from tests.browser.pages import answer, be_ready, employed, enter, sit_down

BEFORE, AFTER = "路灯不亮三天了，", "晚上看不见台阶，老人摔了一跤。"
PLACE = "东湖区样例路8号"
AGAIN_SECONDS = 15.0
"""Until both hear each other again, on a busy machine; a second or two on one that is not."""


@dataclass
class Talk:
    """An agent who has begun to write while a citizen talks."""

    hotline: Instance
    tab: Tab
    line: Line
    number: str
    sound: Path
    """What the citizen hears, from beginning to end."""

    @property
    def page(self) -> Page:
        return self.tab.page

    async def type(self, text: str) -> None:
        """On with the text, as if nothing had happened."""
        content = self.page.get_by_label("诉求内容")
        await content.focus()
        await self.page.keyboard.press("Control+End")
        await self.page.keyboard.type(text)

    async def both_hear_each_other(self) -> None:
        """The agent now; what the citizen heard last is known once the call is over."""
        await self.tab.tone(880)
        await self.tab.hears(440, AGAIN_SECONDS)
        assert not self.line.over, "the citizen's call goes on"

    async def ends_whole(self) -> None:
        """Saved, hung up, and on record."""
        await expect(self.page.get_by_label("诉求内容")).to_have_value(BEFORE + AFTER)
        await expect(self.page.get_by_label("地点")).to_have_value(PLACE)
        await self.page.keyboard.press("Control+s")
        await expect(self.page.get_by_text(re.compile("已保存$"))).to_be_visible()
        await self.page.keyboard.press("F4")
        await self.line.ended(AGAIN_SECONDS)
        samples, rate = read_wav(self.sound)
        assert hears_tone(samples[-int(1.5 * rate) :, 0], rate, 880), "the citizen hears the agent at the end"
        call = await call_of(self.hotline, self.number, recording=True)
        assert events(call).count("connected") >= 1
        assert call["recording"]["seconds"] == pytest.approx(
            (call["ended_at"] - call["arrived_at"]).total_seconds(), abs=2
        )
        forgive(self.tab)
        ticket = await ticket_of(self.hotline, call)
        assert (ticket["content"], ticket["address"]) == (BEFORE + AFTER, PLACE)


Begin = Callable[[str], Awaitable[Talk]]


@pytest.fixture
def begin(hotline: Instance, phones: Phones, somebody: Somebody, tmp_path: Path) -> Begin:
    async def talk(extension: str) -> Talk:
        person = await employed(hotline, f"interrupted-{extension}", Role.AGENT)
        tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
        await sit_down(tab, extension)
        await be_ready(tab)
        number, sound = f"1392225{extension}", tmp_path / "citizen.wav"
        line = await phones.citizen(number, keys="w1,1", tone=440, record=sound)
        await answer(tab)
        talking = Talk(hotline, tab, line, number, sound)
        await talking.both_hear_each_other()
        await tab.page.get_by_label("地点").fill(PLACE)
        await talking.type(BEFORE)
        return talking

    return talk


async def test_the_web_server_dies(hotline: Instance, begin: Begin) -> None:
    """Nobody notices but for the lists: the sound does not pass through it."""
    talk = await begin("2006")
    died = hotline.kill("web", signal.SIGKILL)
    await talk.type(AFTER)
    await talk.both_hear_each_other()
    await expect(talk.page.get_by_text("实时连接正常")).to_be_attached(timeout=30_000)
    assert hotline.pid("web") != died
    await expect(talk.page.get_by_text("电话连接中断，正在重连")).to_have_count(0, timeout=30_000)
    await talk.both_hear_each_other()
    await talk.ends_whole()


async def test_every_connection_of_the_page_is_cut(hotline: Instance, begin: Begin) -> None:
    """The telephone's, the events', all others. They are made anew."""
    talk = await begin("2007")
    cut_connections(hotline.web)
    await talk.type(AFTER)
    await talk.both_hear_each_other()
    await expect(talk.page.get_by_text("电话连接中断，正在重连")).to_have_count(0, timeout=30_000)
    await expect(talk.page.get_by_text("实时连接正常")).to_be_attached()
    await talk.both_hear_each_other()
    await talk.ends_whole()


async def test_the_events_go_on_where_they_were(hotline: Instance, somebody: Somebody) -> None:
    """Before the first one has come, too: by the place that the server has told."""
    person = await employed(hotline, "interrupted-events", Role.AGENT)
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/tickets")
    await expect(tab.page.get_by_text("实时连接正常")).to_be_attached()
    async with tab.page.expect_request(re.compile("/events")) as again:
        cut_connections(hotline.web)
    assert re.fullmatch(r"\d+", await (await again.value).header_value("last-event-id") or "")
    await expect(tab.page.get_by_text("实时连接正常")).to_be_attached()
    forgive(tab)


async def test_the_page_is_loaded_anew(begin: Begin) -> None:
    """After a warning. It takes the call back by itself."""
    talk = await begin("2008")
    talk.page.on("dialog", lambda asked: asked.accept())
    await talk.page.reload()
    began = time.monotonic()
    await talk.both_hear_each_other()
    print(f"again after {time.monotonic() - began:.1f} s")
    await talk.type(AFTER)
    await talk.ends_whole()


async def test_the_browsers_page_crashes_and_is_opened_again(begin: Begin) -> None:
    """In another tab, which does not know of a call: it says that there is one, and one key takes it back."""
    talk = await begin("2009")
    async with talk.page.expect_event("crash"):
        await crash(talk.page)
    await talk.page.close()
    talk.tab = await talk.tab.window.open("/desk/agent")
    began = time.monotonic()
    await expect(talk.page.get_by_role("button", name="接回通话")).to_be_enabled(timeout=1000 * AGAIN_SECONDS)
    await talk.page.keyboard.press("F2")
    await talk.both_hear_each_other()
    print(f"again after {time.monotonic() - began:.1f} s")
    await talk.type(AFTER)
    await talk.ends_whole()


def forgive(tab: Tab) -> None:
    """That a connection was cut the browser notes by itself."""
    heard = tab.window.complaints
    heard[:] = [one for one in heard if "net::ERR_" not in one and "WebSocket connection" not in one]


def cut_connections(port: int) -> None:
    """All that this port serves, as a broken network would: both ends are told that the other has reset it."""
    done = subprocess.run(
        ["ss", "-K", "-H", "-t", "sport", "=", f":{port}"], capture_output=True, text=True, check=True
    )
    assert done.stdout, f"nothing was cut: {done.stderr}"


async def crash(page: Page) -> None:
    """As if its process had been killed."""
    with suppress(PlaywrightError):  # there is nobody left to answer
        await page.goto("chrome://crash")
