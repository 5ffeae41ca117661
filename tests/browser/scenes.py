"""What the pictures show: who does what on which page until it is worth looking at."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, expect

from calls.transcripts import Made, Said, claim, finish
from calls.transcripts import expect as expect_transcript
from hotline.agent_state import pause
from hotline.db import open_engine
from hotline.phone import Line
from hotline.settings import CHECKOUT
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of
from tests.browser.browsing import DESKTOP, MOBILE, Tab, window
from tests.browser.looking import Quiet
from tests.browser.pages import answer, be_ready, call_hotline, enter, hang_up, sit_down, stand_up, there

AGENT, DISPATCHER, OFFICER = "dl-huawu1", "dl-paidan1", "dl-rejie-jb"
SUPERVISOR, ADMINISTRATOR = "dl-duban", "dl-guanli"
EXTENSION, CALLER = "2001", "13822225001"
VOICE = CHECKOUT / "ivr" / "prompts" / "zh"
COLOURS = 256
"""A page has few; a third of the size. What is small and of a colour of its own keeps it."""
STILL_MS = 900
"""For a chart to be drawn; live pages never fall silent by themselves."""
MARKET = "夏家河子市场门口流动摊贩占道经营，早晚高峰车辆无法通行，希望有人管理。"
SAID = (
    ("other", 0, 2600, "您好，大连 12345 热线，请问有什么可以帮您？"),
    ("caller", 3000, 7400, "你好，我家室温只有十五度，已经两天了，打热力公司电话没人接。"),
    ("other", 7900, 10200, "请问您的小区和楼号是什么？"),
    ("caller", 10600, 13800, "甘井子区泡崖街道，玉境路六号三单元。"),
)


class Studio:
    phones: Phones
    """Of one scene: who logged in for it leaves with it."""

    def __init__(self, hotline: Instance, browser: Browser, out: Path) -> None:
        self.hotline, self.browser, self.out = hotline, browser, out
        self.origin = f"http://127.0.0.1:{hotline.web}"

    async def play(self, name: str) -> None:
        async with Phones(self.hotline) as self.phones:
            await SCENES[name](self, name)

    @asynccontextmanager
    async def at(self, who: str | None, path: str, size: tuple[int, int] = DESKTOP) -> AsyncIterator[Tab]:
        """A page of somebody's, whole. ``None``: a citizen's."""
        async with window(self.browser, self.origin, size=size) as opened:
            tab = await opened.open("/favicon.svg")
            if who is not None:
                tab = await enter(opened, await there(self.hotline, who), "/favicon.svg")
            quiet = Quiet(tab.page)
            await tab.page.goto(self.origin + path)
            await tab.page.get_by_role("main").first.wait_for()
            await quiet.settled(tab)
            yield tab

    async def take(self, tab: Tab, name: str) -> None:
        await tab.page.mouse.move(0, 0)
        await tab.page.wait_for_timeout(STILL_MS)
        file = self.out / f"{name}.png"
        await tab.page.screenshot(path=file, animations="disabled")
        with Image.open(file) as full:
            few = full.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(file, optimize=True)
        print(f"  {file.name}", flush=True)

    async def both(self, tab: Tab, name: str) -> None:
        """On an office's screen and on a telephone's."""
        await self.take(tab, name)
        await tab.page.set_viewport_size({"width": MOBILE[0], "height": MOBILE[1]})
        await self.take(tab, f"{name}-mobile")
        await tab.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})

    async def talk(self, number: str, extension: str = "1001") -> Line:
        """A citizen and an agent at a table."""
        account = await self.phones.agent(extension, say=VOICE / "overload.wav", loop=True)
        line = await self.phones.citizen(number, keys="w1,1", say=VOICE / "ask-emergency.wav", loop=True)
        await taken(account)
        return line


Scene = Callable[[Studio, str], Awaitable[None]]


def plain(who: str | None, path: str, *, mobile: bool = False) -> Scene:
    async def scene(studio: Studio, name: str) -> None:
        async with studio.at(who, path) as tab:
            await (studio.both if mobile else studio.take)(tab, name)

    return scene


async def setup(studio: Studio, name: str) -> None:
    said = (studio.hotline.home / "run.out").read_text(encoding="utf-8")
    link = re.search(r"/desk/setup#\S+", said)
    assert link, "the start prints it"
    async with studio.at(None, link[0]) as tab:
        await tab.page.get_by_label("姓名").fill("周燕")
        await studio.take(tab, name)


async def submit(studio: Studio, name: str) -> None:
    async with studio.at(None, "/") as tab:
        await tab.page.locator("textarea").first.fill(MARKET)
        await studio.both(tab, name)


async def follow(studio: Studio, name: str) -> None:
    async with studio.at(None, "/#follow") as tab:
        asked = {
            "category": "complaint",
            "content": MARKET,
            "phone": "13822220007",
            "name": "",
            "title": "市场门口占道",
        }
        made = await (await tab.page.request.post(f"{studio.origin}/api/v1/public/tickets", data=asked)).json()
        await tab.page.locator("#number").fill(made["number"])
        await tab.page.locator("#last4").fill("0007")
        await tab.page.get_by_role("button", name="查询").click()
        await tab.page.get_by_role("status").first.wait_for()
        await studio.both(tab, name)


async def web_phone(studio: Studio, name: str) -> None:
    async with studio.at(None, "/#phone") as tab:
        await call_hotline(tab)
        await studio.both(tab, name)
        await tab.page.get_by_role("button", name="挂断").click()


async def agent(studio: Studio, name: str) -> None:
    async with studio.at(AGENT, "/desk/agent") as tab:
        await studio.take(tab, "seat")
        await sit_down(tab, EXTENSION)
        await be_ready(tab)
        line = await studio.phones.citizen(CALLER, keys="w1,3", say=VOICE / "ask-emergency.wav", loop=True)
        await answer(tab)
        form = tab.page.get_by_role("region", name="诉求登记")
        await form.get_by_label("标题").fill("夏家河子市场门口占道经营")
        await form.get_by_label("诉求内容").fill(MARKET)
        await form.get_by_label("地点").fill("甘井子区夏家河子市场")
        await form.get_by_text("可能是").wait_for()
        await studio.both(tab, name)
        await tab.page.keyboard.press("F9")
        await tab.page.get_by_role("dialog").wait_for()
        await studio.take(tab, "transfer")
        await tab.page.get_by_role("dialog").get_by_role("button", name="取消").click()
        await tab.page.keyboard.press("Control+s")
        await hang_up(tab)
        await line.ended(15)
        await tab.page.get_by_text("话后处理").first.wait_for()
        await stand_up(tab)


async def missed(studio: Studio, name: str) -> None:
    for number in ("13822225011", "13822225012", "13822225011"):
        line = await studio.phones.citizen(number, keys="w1,2")
        await asyncio.sleep(5)  # in the queue
        await line.hangup()
        await line.ended(15)
    async with studio.at(AGENT, "/desk/missed") as tab:
        row = tab.page.get_by_role("row").nth(1)
        await row.get_by_role("button").first.click()
        await studio.take(tab, name)


async def dispatch(studio: Studio, name: str) -> None:
    """Three ask for the same thing; one has been accepted and waits for its unit."""
    asked = [
        ("complaint", "市场门口占道经营", MARKET, "13822225021"),
        ("complaint", "夏家河子市场流动摊贩占道", "夏家河子市场门口摊贩占道经营，早高峰公交车过不去。", "13822225022"),
        ("help", "暖气不热", "泡崖街道玉境路室温只有十五度，热力公司电话无人接听。", "13822225023"),
        ("consultation", "居住证办理", "咨询办理居住证需要哪些材料，周六能不能办。", "13822225024"),
    ]
    async with studio.at(DISPATCHER, "/desk/dispatch") as tab:
        for category, title, content, phone in asked:
            data = {"category": category, "title": title, "content": content, "phone": phone, "address": "夏家河子市场"}
            await tab.page.request.post(f"{studio.origin}/api/v1/public/tickets", data=data)
        page, title = tab.page, "夏家河子市场流动摊贩占道"
        await page.reload()
        await page.get_by_text(title).first.click()
        await page.get_by_role("region", name="可以办理的步骤").get_by_role("button", name="受理").first.wait_for()
        await page.get_by_role("heading", name=title).wait_for()
        await page.keyboard.press("a")
        dialog = page.get_by_role("dialog", name="受理", exact=True)
        await dialog.get_by_role("button", name="受理", exact=True).click()
        await dialog.wait_for(state="hidden")
        await page.get_by_role("button", name=re.compile("待转办 [1-9]")).click()
        await page.get_by_text(title).first.click()
        await page.get_by_role("button", name="派给").first.wait_for()
        await studio.take(tab, name)
        await page.get_by_role("button", name="拆分").first.click()
        await page.get_by_role("dialog", name="拆分").wait_for()
        await studio.take(tab, "split")


async def unit(studio: Studio, name: str) -> None:
    async with studio.at(OFFICER, "/desk/unit") as tab:
        await studio.both(tab, name)
        steps = tab.page.get_by_role("region", name="可以办理的步骤").get_by_role("button")
        await steps.first.click()
        await tab.page.get_by_role("dialog").wait_for()
        await studio.take(tab, "step")


async def wall(studio: Studio, name: str) -> None:
    """Agents talk, one has just gone on a break, somebody waits, and somebody has asked for 119."""
    for extension in ("1001", "1002", "1003", "1004"):
        await studio.phones.agent(extension)
    await pause(studio.hotline.settings, "1004", "用餐")
    async with studio.at(SUPERVISOR, "/desk/wall") as tab:
        lines = [await studio.phones.citizen(f"1382222503{one}", keys="w1,1", tone=440) for one in range(1, 6)]
        await tab.page.get_by_text("通话 3", exact=True).wait_for()
        lines.append(await studio.phones.citizen("13822225037", keys="w1,119", tone=440))
        await tab.page.get_by_role("alert").get_by_text("119").first.wait_for()
        await tab.page.wait_for_timeout(12_000)  # the chart grows
        await studio.both(tab, name)
        for line in lines:
            await line.hangup()


async def call(studio: Studio, name: str) -> None:
    since = datetime.now(UTC)
    line = await studio.talk("13822225041")
    await line.wait("connected", 20)
    async with studio.at(SUPERVISOR, "/desk/calls") as tab:
        await studio.take(tab, "calls")
        await tab.page.wait_for_timeout(15_000)  # something to hear
        await line.hangup()
        found = await call_of(studio.hotline, "13822225041", recording=True, since=since)
        async with open_engine(studio.hotline.settings) as engine, engine.begin() as connection:
            await expect_transcript(connection, [found["id"]])
            due = await claim(connection)
            assert due is not None
            await finish(connection, due, Made(tuple(Said(*one) for one in SAID), "", "", 16.0), datetime.now(UTC))
        await tab.page.goto(f"{studio.origin}/desk/calls/{found['id']}")
        await expect(tab.page.get_by_role("region", name="录音")).to_contain_text("室温")
        await studio.take(tab, name)


FIRST = {"setup"}
"""Before there is an administrator."""
SCENES: dict[str, Scene] = {
    "setup": setup,
    "submit": submit,
    "follow": follow,
    "web-phone": web_phone,
    "sign-in": plain(None, "/desk/sign-in"),
    "dispatch": dispatch,
    "agent": agent,
    "missed": missed,
    "unit": unit,
    "tickets": plain(DISPATCHER, "/desk/tickets", mobile=True),
    "ticket": plain(DISPATCHER, "/desk/tickets/20261118-000002"),
    "board": plain(SUPERVISOR, "/desk/board"),
    "call": call,
    "wall": wall,
    "line": plain(SUPERVISOR, "/desk/line"),
    "users": plain(ADMINISTRATOR, "/desk/users"),
    "units": plain(ADMINISTRATOR, "/desk/units"),
    "extensions": plain(ADMINISTRATOR, "/desk/extensions"),
    "demo": plain(ADMINISTRATOR, "/desk/demo"),
    "account": plain(ADMINISTRATOR, "/desk/account"),
}
