"""Sixty tickets of five cities, each citizen with a way of their own: every ticket ends as its regulation says.

大连 第二十一条, 杨凌 第十六条, 安徽 第二十五条 and 陇南 第十七条 ask for satisfaction; 福州 knows no callback, so
nobody is rung there. What is expected stands here by hand, from the articles, not from the policies' files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.listing import list_calls
from hotline.robots import RobotCall
from ivr.prompts import FOLDER as PROMPTS
from phone.wav import seconds
from tests.asterisk.callbacks import YESTERDAY, CallingHotline, Records, Row, nobody_on_the_line, records, settled
from tests.asterisk.phones import Phones
from tickets.book import get
from tickets.history import TicketEvent, events_of
from tickets.permits import CALLBACK
from tickets.ticket import Ticket

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(400)]

SOLVED, NOT_SOLVED, HAPPY, UNHAPPY = (
    PROMPTS / "zh" / f"{name}.wav" for name in ("message-thanks", "ticket-wrong", "goodbye", "system-busy")
)
SOUNDS = {SOLVED: "已经解决了", NOT_SOLVED: "还没有解决", HAPPY: "满意", UNHAPPY: "不满意"}
"""Any clear sentences will do; the recogniser knows them by their sound."""
SMS = "sms"


def keys(solved: int, level: int) -> str:
    """Both answers, well apart (after a 1 the hotline waits whether it becomes 110); then the robot hangs up."""
    return f"r0.3,w3,{solved},w4,{level},w3,h"


def voice(solved: Path, level: Path) -> str:
    return f"r0.3,q,say={solved},q,say={level},w4,h"


@dataclass(frozen=True)
class Case:
    """``target``, ``ticket``: how both stand after the first attempt; ``rings``: how often it was rung in the end, and
    ``last``: the target's state then. ``again``: minutes until the next attempt, or ``noon`` for another window."""

    way: str
    target: str
    outcome: str = "answered"
    level: str | None = None
    owes: frozenset[str] = frozenset()
    state: str = "reviewed"
    events: tuple[str, ...] = ()
    called_back: bool = False
    notice: bool = False
    again: int | str | None = None
    rings: int = 1
    last: str = ""
    last_level: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    later: bool = False
    """Rung in the second round, when an agent is there."""


ASKED = ("callback_asked", "callback_reached", "callback_answered")
LEVELS = ("very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied")
CALL, REWORK = "manual_callback", "rework"


COMMENT = f"r0.3,w3,1,w4,2,q,say={HAPPY}"
"""Both answers, and a few words after the tone."""


def rated(
    solved: int, level: int, *owes: str, state: str = "reviewed", by_voice: str = "", comment: bool = False
) -> Case:
    events = (*ASKED, "rate", *(("unsolved",) if solved == 2 else ()))
    way, said = COMMENT if comment else by_voice or keys(solved, level), LEVELS[level - 1]
    return Case(way, "rated", "answered", said, frozenset(owes), state, events, last="rated", last_level=said)


def silent(way: str) -> Case:
    return Case(
        way, "unrated", events=("callback_asked", "callback_reached", "end_callback"), called_back=True, notice=True,
        last="unrated",
    )  # fmt: skip


def not_reached(way: str, outcome: str, again: int | str, last: str = "unreached", level: str | None = None) -> Case:
    """Waits after the first attempt; rung again in the third round, and given up or reached then."""
    return Case(
        way, "waiting", outcome, events=("callback_asked",), again=again, rings=2, last=last, last_level=level
    )  # fmt: skip


NO_ANSWER = not_reached("no-answer", "no_answer", "noon")
UNKNOWN = Case(
    "unknown", "unreached", "unallocated", events=("callback_asked", "callback_unreached", "end_callback"),
    called_back=True, notice=True, last="unreached",
)  # fmt: skip
BUSY = not_reached("busy", "busy", 10)
AWAY = silent("r0.3,w3,h")
SILENT = silent("silence")

DALIAN = (
    rated(1, 1),
    rated(1, 2),
    rated(1, 3),
    rated(2, 4, CALL),
    rated(1, 5, CALL),
    rated(1, 2, by_voice=voice(SOLVED, HAPPY)),
    BUSY,
    NO_ANSWER,
    AWAY,
    SILENT,
    # asks for an agent, and talks to one
    Case(
        "r0.3,w3,0", "unrated", events=(*ASKED, "end_callback"), called_back=True, last="unrated", later=True,
    ),
    # supervised: called by a person, never by the machine
    Case(keys(1, 1), "none", rings=0, owes=frozenset({CALL}), more={"supervised": True}),
)  # fmt: skip
YANGLING = (
    rated(1, 2),
    rated(2, 4, CALL),
    rated(1, 5),
    rated(1, 1),
    # says that it is not solved, and goes
    Case("r0.3,w3,2,w1,h", "rated", owes=frozenset({CALL}), events=(*ASKED, "unsolved"), last="rated"),
    rated(1, 4, by_voice=voice(SOLVED, UNHAPPY)),
    not_reached(f"busy;{keys(1, 2)}", "busy", 10, "rated", "satisfied"),
    NO_ANSWER,
    AWAY,
    UNKNOWN,
    # never again
    Case(
        "r0.3,w3,8,w20,h", "opted_out", events=(*ASKED, "end_callback"), called_back=True, last="opted_out",
    ),
    # asks for an agent, and nobody is there
    Case("r0.3,w3,0,w8,h", "unrated", owes=frozenset({CALL}), events=(*ASKED, "ask_callback"), last="unrated"),
)  # fmt: skip
ANHUI = (
    rated(1, 1),
    rated(1, 2, comment=True),
    rated(2, 3, CALL),
    rated(2, 4, CALL, REWORK),
    rated(1, 5, CALL, REWORK),
    rated(2, 4, CALL, REWORK, by_voice=voice(NOT_SOLVED, UNHAPPY)),
    BUSY,
    NO_ANSWER,
    AWAY,
    # on the list of those who are not to be rung
    Case(
        keys(1, 1), "opted_out", "", events=("callback_unreached", "end_callback"), called_back=True, rings=0,
        last="opted_out",
    ),
    not_reached("rejected", "rejected", 240),
    # solved, and then an agent
    Case("r0.3,w3,1,w4,0", "rated", events=(*ASKED, "end_callback"), called_back=True, last="rated", later=True),
)  # fmt: skip
LONGNAN = (
    rated(1, 1),
    rated(1, 2),
    rated(1, 3),
    rated(2, 4, REWORK, state="rework"),
    rated(1, 5, REWORK, state="rework"),
    rated(1, 2, by_voice=voice(SOLVED, HAPPY)),
    # 480 says no more than that nobody answers
    not_reached("off", "no_answer", "noon"),
    NO_ANSWER,
    AWAY,
    not_reached(f"congestion;{keys(1, 1)}", "congestion", 5, "rated", "very_satisfied"),
    # rates, and never again
    Case(
        "r0.3,w3,1,w4,2,w3,8,w20,h", "opted_out", level="satisfied", events=(*ASKED, "rate"), last="opted_out",
        last_level="satisfied",
    ),
    silent("voicemail"),
)  # fmt: skip
FUZHOU = (Case(keys(1, 1), "none", rings=0),) * 12
CITIES = {
    "dalian-2015": DALIAN,
    "yangling-2018": YANGLING,
    "anhui-2021": ANHUI,
    "longnan-2021": LONGNAN,
    "fuzhou-2007": FUZHOU,
}
ARTICLES = {
    "dalian-2015": "第二十一条",
    "yangling-2018": "第十六条",
    "anhui-2021": "第二十五条",
    "longnan-2021": "第十七条",
}
"""What each regulation says of callbacks."""
PEOPLE = {
    f"1390{city}0000{n:02}": (policy, case)
    for city, (policy, cases) in enumerate(CITIES.items())
    for n, case in enumerate(cases, start=1)
}
ON_THE_LIST = next(number for number, (_, case) in PEOPLE.items() if case.outcome == "")
CAMPAIGN = "满意度回访"


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallingHotline]:
    instance = CallingHotline(tmp_path_factory.mktemp("callbacks"), SOUNDS)
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture
async def found(hotline: CallingHotline) -> AsyncIterator[Records]:
    async with records(hotline) as opened:
        yield opened


async def test_sixty_tickets_each_as_its_regulation_says(hotline: CallingHotline, found: Records) -> None:
    assert len(PEOPLE) == 60
    tickets = {number: await found.reviewed(policy, number, **case.more) for number, (policy, case) in PEOPLE.items()}
    async with hotline.robots({number: case.way for number, (_, case) in PEOPLE.items()}) as network:
        plan = ("--kind", "tickets", "--lines", "60", "--attempts", "2", "--ring-seconds", "10", "--other-channel", SMS)
        planned = hotline.hotline("callback", "plan", CAMPAIGN, *plan, *YESTERDAY)
        assert planned["to_ring"] == sum(case.target != "none" for _, case in PEOPLE.values())
        hotline.run("callback", "dnc", "add", ON_THE_LIST)
        await found.change(
            "UPDATE callback_targets SET next_at = now() + interval '1 day' WHERE number = ANY(:numbers)",
            numbers=[f"+86{number}" for number, (_, case) in PEOPLE.items() if case.later],
        )
        hotline.hotline("callback", "start", CAMPAIGN)
        targets = await found.until(settled, 120)
        for number, (policy, case) in PEOPLE.items():
            if not case.later:
                await check(found, hotline, policy, case, tickets[number], targets.get(number))

        async with Phones(hotline) as phones:
            await phones.agent("1001", seconds=2)
            await found.change("UPDATE callback_targets SET next_at = now() WHERE state = 'waiting' AND attempts = 0")
            targets = await found.until(everybody_rung, 60)
        for number, (policy, case) in PEOPLE.items():
            if case.later:
                await check(found, hotline, policy, case, tickets[number], targets.get(number))
                call = await call_of(found, number)
                assert (call["via"], call["agent"]) == ("callback", "1001")

        await found.change("UPDATE callback_targets SET next_at = now() WHERE state = 'waiting'")
        targets = await found.until(all_over, 60)
        calls = network.calls()
    for number, (_, case) in PEOPLE.items():
        await check_end(found, case, tickets[number], targets.get(number), [c for c in calls if c.number == number])
    assert await found.fetch(count_tickets) == 60, "a callback makes no ticket"
    assert {c.number for c in calls} <= PEOPLE.keys()


def everybody_rung(targets: dict[str, Row]) -> bool:
    return nobody_on_the_line(targets) and all(row["state"] != "waiting" or row["attempts"] for row in targets.values())


def all_over(targets: dict[str, Row]) -> bool:
    return nobody_on_the_line(targets) and all(row["state"] != "waiting" for row in targets.values())


async def check(
    found: Records, hotline: CallingHotline, policy: str, case: Case, number: str, target: Row | None
) -> None:
    """One ticket after its first attempt."""
    ticket, events = await told(found, number)
    what = (policy, case, [event.kind for event in events], ticket.life, target)
    kinds = [event.kind for event in events]
    since = events[kinds.index("review") + 1 :]
    life = ticket.life
    assert tuple(event.kind for event in since) == case.events, what
    assert (life.state, life.rating, life.called_back) == (case.state, case.level, case.called_back), what
    assert set(life.obligations) - {"notify_citizen"} == case.owes, what
    assert (REWORK in life.limits) == (case.state == "rework"), what
    assert await found.fetch(lambda connection: notices(connection, number)) == case.notice, what
    if case.target == "none":
        assert target is None, what
        return
    assert target is not None
    assert (target["state"], target["outcome"]) == (case.target, case.outcome), what
    for event in since:
        assert any(ARTICLES[policy] in one for one in event.articles) or event.kind == "end_callback", (event, what)
        assert event.actor == "callback", what
    if case.again is not None:
        check_again(hotline, case, target, (await attempts_of(found, target["id"]))[0])
    answered = [event.data for event in since if event.kind == "callback_answered"]
    if case.way == COMMENT:
        file = hotline.settings.recordings_dir / answered[0]["comment"]
        assert seconds(file) > seconds(HAPPY), what
    elif "say=" in case.way:
        assert {one["by"] for one in answered[0]["answers"].values()} == {"speech"}, what
    elif answered and "answers" in answered[0]:
        assert {one["by"] for one in answered[0]["answers"].values()} == {"key"}, what


def check_again(hotline: CallingHotline, case: Case, target: Row, attempt: Row) -> None:
    """It is half past ten there: who did not answer is tried in the afternoon, others after their time."""
    if case.again == "noon":
        local = target["next_at"].astimezone(hotline.zone)
        assert (local.hour, local.minute, local.second) == (14, 0, 0), local
        assert local > datetime.now(UTC)
        return
    assert isinstance(case.again, int)
    late = target["next_at"] - attempt["ended_at"] - timedelta(minutes=case.again)
    assert timedelta(0) <= late < timedelta(seconds=30), (case, late)


async def check_end(found: Records, case: Case, number: str, target: Row | None, rung: list[RobotCall]) -> None:
    """One ticket after everybody was rung as often as may be."""
    ticket, events = await told(found, number)
    what = (case, target, rung, ticket.life)
    assert len(rung) == case.rings, what
    assert ticket.life.rating == (case.last_level or case.level), what
    if target is None:
        assert case.target == "none", what
        return
    assert (target["state"], target["attempts"]) == (case.last, case.rings), what
    assert [event.kind for event in events].count("callback_asked") == case.rings, what
    given_up = case.last == "unreached"
    assert await found.fetch(lambda connection: notices(connection, number)) == (case.notice or given_up), what
    assert ticket.life.called_back == (case.called_back or given_up), what
    if case.last == "opted_out":
        assert await found.fetch(lambda connection: listed(connection, target["number"])), what


async def told(found: Records, number: str) -> tuple[Ticket, list[TicketEvent]]:
    async with found.engine.connect() as connection:
        ticket = await get(connection, found.rulebook, number, CALLBACK)
        return ticket, await events_of(connection, found.rulebook, number)


async def attempts_of(found: Records, target: int) -> list[Row]:
    return [row for row in await found.attempts() if row["target_id"] == target]


async def call_of(found: Records, number: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = await found.fetch(lambda connection: list_calls(connection, limit=500))
    return next(row for row in rows if row["caller_e164"] == f"+86{number}")


async def notices(connection: AsyncConnection, ticket: str) -> bool:
    """Whether the citizen is asked by the other channel, once."""
    count = await connection.scalar(
        text("SELECT count(*) FROM notices WHERE ticket = :ticket AND kind = 'survey' AND channel = :channel"),
        {"ticket": ticket, "channel": SMS},
    )
    assert count in (0, 1)
    return bool(count)


async def listed(connection: AsyncConnection, number: str) -> bool:
    return bool(await connection.scalar(text("SELECT count(*) FROM do_not_call WHERE number = :n"), {"n": number}))


async def count_tickets(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT count(*) FROM tickets")) or 0)
