"""One request's whole day, each person at a browser of their own, with real telephones, recogniser and database.

The city is the sample of Anhui, because its regulation has all of it: the unit's leader signs what is completed
(第二十四条), and who is dissatisfied is called by a person and the matter put right (第二十五条) before it is archived.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.async_api import expect

from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.phone import Account
from hotline.rulebook import open_rulebook
from people.audit import list_entries
from tests.asterisk.callbacks import LISTENING_SECONDS, YESTERDAY, CallingHotline
from tests.asterisk.phones import Phones, outbound_reached, taken
from tests.asterisk.records import all_tickets, call_of
from tests.browser.browsing import MOBILE, Tab
from tests.browser.casework import choose, come_to_work, take_step, ticket, turn_to
from tests.browser.conftest import Somebody
from tests.browser.pages import answer, be_ready, call_hotline, press, sit_down
from tests.speech.whisper import need_whisper
from tickets.history import events_of

CITY, POLICY, UNIT = "anhui", "anhui-2021", "市住房和城乡建设局"
SAID = Path(__file__).parents[1] / "speech" / "wav" / "n008.wav"
HEARD = "物业"
"""A word of it that counts: a fire lane has been blocked for a year, and those who run the estate do not care."""
COMPLAINT = "2"
NUMBER = "13955510008"
NOT_SOLVED_DISSATISFIED = "w3,2,w4,4,w3,#"
RESULT = "已约谈物业，清理消防通道。"
AGAIN, STILL_BLOCKED = "消防通道已划线，占道车辆全部移走，每日巡查。", "回访时市民反映车辆仍占用消防通道。"
HISTORY = [
    ("received", "system", ""),
    ("edited", "ah-huawu1", ""),
    ("accept", "ah-huawu1", "第九条"),
    ("dispatch", "ah-paidan1", "第十五条"),
    ("contact", "ah-zhujian-jb", "第十五条"),
    ("sign_sent", "ah-zhujian-jb", "第二十四条"),
    ("complete", "ah-zhujian-fz", "第二十四条"),
    ("review", "ah-paidan1", "第二十条"),
    ("callback_asked", "callback", "第二十五条"),
    ("callback_reached", "callback", "第二十五条"),
    ("callback_answered", "callback", "第二十五条"),
    ("rate", "callback", "第二十五条"),
    ("unsolved", "callback", "第二十五条"),
    ("called", "ah-huawu1", ""),
    ("fulfil", "ah-huawu1", "第二十五条"),
    ("review", "ah-paidan1", "第二十条"),
    ("complete", "ah-zhujian-fz", "第二十四条"),
    ("review", "ah-paidan1", "第二十条"),
    ("rate", "citizen", "第二十五条"),
    ("archive", "ah-paidan1", "本项目规定（参照第二十四条）"),
]
"""What was done, by whom, under which article."""


class Day(CallingHotline):
    program = "tests.browser.day_hotline"

    def __init__(self, home: Path) -> None:
        self.hears = _recogniser()
        heard: dict[str, Mapping[str, object]] = {"speech": {"engine": "whisper"}} if self.hears else {}
        super().__init__(home, None, **heard)
        settings = home / "settings.toml"
        settings.write_text(f'policy = "{POLICY}"\n{settings.read_text(encoding="utf-8")}', encoding="utf-8")

    def start(self) -> float:
        """Ready when callers can speak."""
        seconds = super().start()
        deadline = time.monotonic() + LISTENING_SECONDS
        while self.hears and "listening with" not in self.log("voice"):
            assert time.monotonic() < deadline, self.log("voice")
            time.sleep(0.05)
        return seconds


def _recogniser() -> bool:
    try:
        need_whisper()
    except pytest.skip.Exception as missing:
        print(f"{missing}: the citizen presses a key, SPEECH IS NOT TESTED", file=sys.__stderr__)
        return False
    return True


@pytest.fixture(scope="module")
def hotline(
    browser_path: str, built_pages: None, private_network: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Day]:
    instance = Day(tmp_path_factory.mktemp("day"))
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture(scope="module")
def staff(hotline: Day) -> dict[str, str]:
    """Passwords by name."""
    loaded = hotline.hotline("demo", "load", CITY)
    return {user["account"]: user["password"] for user in loaded["users"]}


async def test_from_the_first_word_to_the_archive(
    hotline: Day, staff: dict[str, str], phones: Phones, somebody: Somebody
) -> None:
    async def comes(name: str, page: str) -> Tab:
        return await come_to_work(somebody, name, staff[name], page)

    async def callbacks(*command: str) -> str:
        return await asyncio.to_thread(hotline.run, "callback", *command)

    agent, citizen = await comes("ah-huawu1", "话务"), await somebody("/", size=MOBILE)
    await sit_down(agent, "2001")
    await be_ready(agent)
    await call_in(hotline, citizen, agent)
    planned = asyncio.create_task(callbacks("plan", "回访", "--kind", "tickets", *YESTERDAY))
    number = await register(agent)
    await agent.page.keyboard.press("F4")
    await expect(citizen.page.get_by_text("通话已结束")).to_be_visible()
    await agent.page.keyboard.press("Alt+b")
    await expect(agent.page.get_by_role("menuitem", name="小休")).to_be_focused()
    await agent.page.keyboard.press("Enter")

    dispatcher = await comes("ah-paidan1", "派单")
    await choose(dispatcher, "待转办", number)
    suggested = dispatcher.page.get_by_role("region", name="建议承办单位").get_by_role("listitem").first
    await expect(suggested).to_contain_text("内容中有")
    await dispatcher.page.keyboard.press("1")
    await expect(dispatcher.page.get_by_text(f"{number} 已转办至 {UNIT}")).to_be_visible()

    officer = await comes("ah-zhujian-jb", "承办")
    await choose(officer, "待联系诉求人", number)
    await take_step(officer, "联系诉求人")
    await choose(officer, "待办结", number)
    await take_step(officer, "办结", {"办理结果": RESULT}, by="送领导签批")
    leader = await comes("ah-zhujian-fz", "承办")
    await choose(leader, "待签批", number)
    await sign(leader)
    await choose(dispatcher, "办结待审核", number)
    await take_step(dispatcher, "审核", {"通过": True})

    at_home = await telephone_at_home(hotline, phones)
    await planned
    await callbacks("start", "回访")
    line = await taken(at_home, 40)
    await line.do("keys", keys=NOT_SOLVED_DISSATISFIED)
    await line.wait("key", 40, "#")
    await line.hangup()
    ended = asyncio.create_task(callbacks("done", "回访"))

    await turn_to(agent, "漏接与任务")
    await agent.page.get_by_role("tab", name=re.compile("人工回访")).click()
    task = agent.page.get_by_role("row", name=re.compile("消防|物业"))
    await expect(task).to_contain_text("不满意")
    await task.get_by_role("button").click()
    await expect(ticket(agent, number)).to_be_visible()
    await agent.page.keyboard.press("F2")
    line = await taken(at_home)
    await line.do("tone", tone=440)
    await agent.hears(440)
    await agent.page.keyboard.press("F4")
    await line.ended(15)
    await take_step(agent, "完成待办", {"人工回访": True})

    await choose(dispatcher, "待归档", number)
    await take_step(dispatcher, "审核", {"不通过": True, "不通过的理由": STILL_BLOCKED})
    await choose(leader, "待办结", number)
    await take_step(leader, "办结", {"办理结果": AGAIN, "本人签批": True})
    await ended
    await choose(dispatcher, "办结待审核", number)
    await take_step(dispatcher, "审核", {"通过": True})

    await rate(citizen, number)
    await choose(dispatcher, "待归档", number)
    await take_step(dispatcher, "归档")

    supervisor = await comes("ah-duban", "通话")
    await look_at_call(hotline, supervisor, number)
    await check_records(hotline, number)


async def call_in(hotline: Day, citizen: Tab, agent: Tab) -> None:
    """From the citizen's page, until both hear each other."""
    await citizen.page.get_by_role("link", name="网页电话").click()
    await call_hotline(citizen)
    if hotline.hears:
        await citizen.say(SAID)
        await expect(agent.page.get_by_role("region", name="来电人")).to_contain_text(HEARD, timeout=30_000)
    else:
        await press(citizen, COMPLAINT)
    await answer(agent)
    await asyncio.gather(citizen.tone(440), agent.tone(880))
    await asyncio.gather(citizen.hears(880), agent.hears(440))


async def register(agent: Tab) -> str:
    """The draft that the call has become, completed while one talks; the ticket's number."""
    form = agent.page.get_by_role("region", name="诉求登记")
    await agent.page.keyboard.press("F10")
    content = form.get_by_label("诉求内容")
    if await content.input_value() == "":  # heard nothing: typed what was told
        await expect(content).to_be_editable()
        await content.fill("消防通道被私家车堵了一年，物业也不管。")
        await form.get_by_label("标题").fill("消防通道被堵")
    await form.get_by_label("联系电话").fill(NUMBER)
    await form.get_by_label("诉求人").fill("样女士")
    await form.get_by_label("地点").fill("东湖区样例路8号")
    await form.get_by_role("button", name="物业和房屋质量 → ").click()
    number = await form.get_by_role("link").first.inner_text()
    await agent.page.keyboard.press("Control+s")
    await expect(agent.page.get_by_text(f"{number} 已保存")).to_be_visible()
    await agent.page.keyboard.press("Control+Enter")
    await expect(agent.page.get_by_text(f"{number} 已受理，待派单")).to_be_visible()
    return number


async def sign(leader: Tab) -> None:
    await leader.page.get_by_role("button", name="签批", exact=True).click()
    form = leader.page.get_by_role("dialog", name="签批：办结")
    await expect(form.get_by_label("办理结果")).to_have_value(RESULT)
    await form.get_by_role("button", name="同意并办结").click()
    await expect(form).to_be_hidden()


async def telephone_at_home(hotline: Day, phones: Phones) -> Account:
    """The citizen's, once calls can reach it."""
    host, _, port = hotline.network.rpartition(":")
    account = await phones.centre(host, int(port))
    async with open_ami(hotline.settings) as ami:
        await outbound_reached(ami)
    return account


async def rate(citizen: Tab, number: str) -> None:
    page = citizen.page
    await page.get_by_role("link", name="查询评价").click()
    await page.get_by_label("工单编号").fill(number)
    await page.get_by_label("电话后四位").fill(NUMBER[-4:])
    await page.get_by_role("button", name="查询").click()
    await page.get_by_label("满意", exact=True).check()
    await page.get_by_label("已解决").check()
    await page.get_by_role("button", name="提交评价").click()
    await expect(page.get_by_text("感谢您的评价：满意")).to_be_visible()


async def look_at_call(hotline: Day, supervisor: Tab, number: str) -> None:
    """The citizen's call, from ring to archive, and it can be heard; who looks at the page has not heard it."""
    page = supervisor.page
    await page.get_by_role("row", name=re.compile("号码隐藏")).get_by_role("link").first.click()
    course = page.get_by_role("region", name="全过程")
    for what in ("来电 网页电话 12345", "振铃 座席 2001", "接通 座席 2001", "挂断"):
        await expect(course).to_contain_text(what)
    history = page.get_by_role("region", name=number)
    for what in ("登记", "转办", "办结", "回访：接通", "座席致电", "归档"):
        await expect(history.get_by_text(what, exact=True).first).to_be_visible()
    await expect(page.get_by_role("region", name="录音")).to_contain_text(re.compile(r"0:00 / (?!0:00)"))
    assert await listeners(hotline) == []
    await page.get_by_role("button", name="播放").click()
    await supervisor.hears_somebody()
    assert await listeners(hotline) == ["user:ah-duban"]


async def listeners(hotline: Day) -> list[str]:
    """Once for each listening that is written down."""
    async with open_engine(hotline.settings) as engine, engine.connect() as connection:
        return [one.entry.actor for one in await list_entries(connection, action="recording.listen")]


async def check_records(hotline: Day, number: str) -> None:
    """Each step once, under its article."""
    async with open_engine(hotline.settings) as engine, engine.connect() as connection:
        events = await events_of(connection, open_rulebook(hotline.settings), number)
    told = [event for event in events if event.kind != "drafted"]
    assert [(event.kind, event.actor) for event in told] == [(kind, actor) for kind, actor, _ in HISTORY]
    for event, (_, _, article) in zip(told, HISTORY, strict=True):
        assert article in ("", *event.articles), event
    rows = [row for row in await all_tickets(hotline) if row["number"] == number]
    assert [(row["state"], row["life"]["rating"], row["contact"]) for row in rows] == [
        ("archived", "satisfied", NUMBER)
    ]
    call = await call_of(hotline, "", recording=True)
    assert (call["via"], call["agent"]) == ("web", "2001")
