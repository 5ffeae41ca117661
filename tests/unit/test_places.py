"""Places in line in a real PostgreSQL, and what the calls' records make of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.cel import CelEvent
from calls.outgoing import fold_attempt, is_outgoing
from calls.placed import Place
from calls.queue_log import QueueEvent
from calls.record import Call
from calls.timeline import Event, fold
from hotline.db import create_hotline_engine
from hotline.intake import caller_of, request_of, summary_of
from hotline.place_log import note_changed, note_ended
from hotline.secrets import load_or_create
from hotline.settings import Settings
from line import places
from line.places import Asked, OpenTry, Try
from line.turn import AGAIN, LONGEST
from line.words import PlaceState, TryOutcome
from tests.unit.command_line import answer, hotline

BASE = 1795330800.0
AT = datetime.fromtimestamp(BASE, UTC)
NUMBER, OTHER = "+8613900000001", "+8613900000002"
CITIZEN, LINE = "PJSIP/citizen-00000001", "PJSIP/outbound-00000002"
ALLOWED = 2


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(home=tmp_path)


def asked(call: int = 1, number: str = NUMBER, joined: float = -30) -> Asked:
    return Asked(f"h-1795330000.{call}", "help", number, AT + timedelta(seconds=joined), AT)


async def keep(engine: AsyncEngine, one: Asked) -> bool:
    async with engine.begin() as connection:
        return await places.keep(connection, one)


async def claim(engine: AsyncEngine, at: datetime = AT) -> Try | None:
    async with engine.begin() as connection:
        [live] = await places.live(connection)
        return await places.claim(connection, live.id, at)


async def note(engine: AsyncEngine, claimed: Try, outcome: TryOutcome, at: datetime = AT) -> None:
    async with engine.begin() as connection:
        await places.note_outcome(connection, claimed.call_id, outcome, ALLOWED, at)


async def rows(
    engine: AsyncEngine, query: str = "SELECT call_id, state, tries, number FROM line_places ORDER BY id"
) -> Any:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_one_live_place_a_number_and_the_earlier_is_kept(engine: AsyncEngine) -> None:
    assert await keep(engine, asked(1))
    assert not await keep(engine, asked(2, joined=-60))
    assert await keep(engine, asked(3, OTHER))
    assert [(row[0][-1], row[1]) for row in await rows(engine)] == [
        ("1", "waiting"),
        ("2", "withdrawn"),
        ("3", "waiting"),
    ]
    async with engine.begin() as connection:
        assert [one.call_id for one in await places.live(connection)] == [asked(1).call_id, asked(3).call_id]
        known = await places.known(connection, [asked(2).call_id, "h-1795330000.9"])
    assert known == {asked(2).call_id}, "what holds a place for it may go"


async def test_read_twice_it_is_the_same_and_another_number_is_rung_instead(engine: AsyncEngine) -> None:
    assert await keep(engine, asked())
    assert await keep(engine, asked())
    assert await keep(engine, asked(number=OTHER))
    assert [row[3] for row in await rows(engine)] == [OTHER]
    await keep(engine, asked(2))
    assert await keep(engine, asked(1, NUMBER)), "somebody else has that number in line: the old one stays"
    assert [row[3] for row in await rows(engine)] == [OTHER, NUMBER]


async def test_a_try_is_written_once_and_answered_is_served(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    claimed = await claim(engine)
    assert claimed is not None
    assert is_outgoing(claimed.call_id)
    assert claimed.place.number == NUMBER
    async with engine.begin() as connection:
        assert await places.claim(connection, claimed.place.id, AT) is None
        assert await places.open_tries(connection) == [OpenTry(claimed.call_id, AT)]
        assert set(await places.tried(connection, AT)) == {claimed.call_id}
    await note(engine, claimed, TryOutcome.ANSWERED)
    await note(engine, claimed, TryOutcome.NO_ANSWER)
    assert await rows(engine) == [(asked().call_id, "served", 1, NUMBER)]


async def test_no_answer_is_tried_again_soon_and_then_somebody_is_missed(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    for _ in range(ALLOWED):
        claimed = await claim(engine)
        assert claimed is not None
        await note(engine, claimed, TryOutcome.NO_ANSWER, AT - AGAIN)
    assert await rows(engine) == [(asked().call_id, "given_up", 2, NUMBER)]
    assert await rows(engine, "SELECT number, call_id FROM missed_callers") == [(NUMBER, asked().call_id)]


async def test_it_is_not_tried_again_at_the_same_moment(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    first = await claim(engine)
    assert first is not None
    await note(engine, first, TryOutcome.BUSY)
    assert await claim(engine) is None
    assert await claim(engine, AT + AGAIN) is not None


async def test_what_was_never_dialled_does_not_count(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    for n in range(5):
        claimed = await claim(engine, AT + n * AGAIN)
        assert claimed is not None
        await note(engine, claimed, TryOutcome.NOT_DIALLED, AT + n * AGAIN)
    assert await rows(engine) == [(asked().call_id, "waiting", 0, NUMBER)]


async def test_what_the_log_says_later_still_counts(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    first = await claim(engine)
    assert first is not None
    await note(engine, first, TryOutcome.UNKNOWN, AT - AGAIN)
    second = await claim(engine)
    assert second is not None
    await note(engine, first, TryOutcome.NO_ANSWER)
    assert (await rows(engine))[0][1] == "ringing", "it is of the try before"
    await note(engine, second, TryOutcome.UNKNOWN)
    assert (await rows(engine))[0][1] == "given_up"
    await note(engine, second, TryOutcome.ANSWERED)
    assert (await rows(engine))[0][1] == "served"


async def test_withdrawn_stays_withdrawn(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    claimed = await claim(engine)
    assert claimed is not None
    async with engine.begin() as connection:
        await places.got_through(connection, NUMBER, asked().call_id, AT + AGAIN)
    assert (await rows(engine))[0][1] == "ringing", "the call in which he asked"
    async with engine.begin() as connection:
        await places.got_through(connection, NUMBER, "h-1795330000.8", AT - AGAIN)
    assert (await rows(engine))[0][1] == "ringing", "before he asked"
    async with engine.begin() as connection:
        await places.got_through(connection, NUMBER, "h-1795330000.8", AT + AGAIN)
    await note(engine, claimed, TryOutcome.NO_ANSWER)
    assert (await rows(engine))[0][1] == "withdrawn"


async def test_nobody_is_rung_in_the_night(engine: AsyncEngine) -> None:
    await keep(engine, asked())
    async with engine.begin() as connection:
        assert await places.give_up_old(connection, AT + LONGEST - timedelta(minutes=1)) == 0
        assert await places.give_up_old(connection, AT + LONGEST) == 1
    assert len(await rows(engine, "SELECT id FROM missed_callers")) == 1


async def test_another_node_s_places_are_not_ours(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await places.keep(connection, asked(), "b")
        assert await places.live(connection, "a") == []
        assert len(await places.live(connection, "b")) == 1
        assert await places.give_up_old(connection, AT + 2 * LONGEST, "a") == 0


async def test_the_list_tells_each_try(engine: AsyncEngine) -> None:
    await keep(engine, asked(2, OTHER))
    await keep(engine, asked(1, NUMBER, -90))
    async with engine.begin() as connection:
        await places.give_up_old(connection, asked().joined_at + LONGEST)
        [live] = await places.list_places(connection, limit=9)
        assert (live["number"], live["ticket"], live["rung"]) == (OTHER, None, [])
        both = await places.list_places(connection, limit=9, ended=True)
    assert [one["state"] for one in both] == ["waiting", "given_up"]


@pytest.mark.usefixtures("instance")
def test_hotline_calls_places() -> None:
    [waiting] = answer("calls", "places")
    assert (waiting["number"], waiting["state"], waiting["rung"]) == (OTHER, "waiting", [])
    both = answer("calls", "places", "--all")
    assert [(one["state"], [tried["outcome"] for tried in one["rung"]]) for one in both] == [
        ("waiting", []),
        ("served", ["answered"]),
    ]
    shown = hotline("calls", "places", "--all").output
    assert "已回电" in shown
    assert "接听" in shown
    assert OTHER in shown


@pytest.fixture
def instance(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))

    async def fill() -> None:
        engine = create_hotline_engine(database_url)
        await keep(engine, asked())
        claimed = await claim(engine)
        assert claimed is not None
        await note(engine, claimed, TryOutcome.ANSWERED)
        await keep(engine, asked(2, OTHER))
        await engine.dispose()

    asyncio.run(fill())


# ---- what the log says ---------------------------------------------------------------------------------------------


def event(at: float, kind: str, name: str = "", /, **extra: str) -> CelEvent:
    return CelEvent(round(at * 1000), BASE + at, "h-1795330000.1", kind, name, extra, CITIZEN, "h-1795330000.1")


JOINED = {"queue": "help", "joined": f"{BASE + 5:.0f}000"}
ARRIVED = [
    event(0, "USER", "ARRIVED", via="test", number="13900000001", pres="allowed"),
    event(0, "ANSWER"),
    event(4, "USER", "DECISION", kind="queue", to="help", category="help", by="key"),
    event(5, "USER", "QUEUE", name="help"),
]
ASKED = event(60, "USER", "PLACE", **JOINED, number="13900000001")
HUNG_UP = event(70, "HANGUP", hangupsource=CITIZEN)


def call_of(*events: Event) -> Call:
    found = fold("h-1795330000.1", events)
    assert found is not None
    return found


def test_whoever_kept_a_place_was_not_missed_and_has_one_ticket() -> None:
    call = call_of(*ARRIVED, ASKED, HUNG_UP)
    assert call.place == Place("help", BASE + 5, BASE + 60, "13900000001")
    assert (call.missed, call.abandoned) == (False, False)
    request = request_of(call, caller_of(call.number, call.presentation))
    assert request is not None
    assert "保留排队位置" in request.summary
    assert [one.what for one in call.timeline][-2:] == ["place", "hung_up"]


def test_whoever_goes_on_waiting_and_hangs_up_was_missed() -> None:
    call = call_of(*ARRIVED, ASKED, event(65, "USER", "PLACE_LEFT"), HUNG_UP)
    assert (call.place, call.missed) == (None, True)


@pytest.mark.parametrize("wrong", [{"queue": "Help!"}, {"number": "1'; --"}, {"number": ""}, {"queue": ""}])
def test_what_is_no_place_is_none(wrong: dict[str, str]) -> None:
    given = {**JOINED, "number": "13900000001", **wrong}
    assert call_of(*ARRIVED, event(60, "USER", "PLACE", **given), HUNG_UP).missed


def test_nobody_joined_after_he_asked() -> None:
    late = call_of(*ARRIVED, event(60, "USER", "PLACE", queue="help", joined="1999999999000", number="13900000001"))
    assert late.place is not None
    assert late.place.joined_at == BASE + 60


PLACE_CALL = "pl-1795330900.7"


def back(at: float, kind: str, name: str = "", /, **extra: str) -> CelEvent:
    return CelEvent(round(at * 1000), BASE + at, PLACE_CALL, kind, name, extra, LINE, PLACE_CALL)


ANSWERED: list[Event] = [
    back(100, "CHAN_START"),
    back(105, "ANSWER"),
    back(105.1, "USER", "CALLED", number=NUMBER, place="h-1795330000.1", queue="help"),
    back(110, "USER", "QUEUE", name="help"),
]


def rung_back(*events: Event) -> Call:
    found = fold(PLACE_CALL, [*ANSWERED, *events])
    assert found is not None
    return found


def test_a_call_for_a_place_has_no_ticket_and_is_missed_where_nobody_came() -> None:
    over = back(120, "HANGUP", hangupsource=LINE)
    gave_up = QueueEvent(1, int(BASE + 120), PLACE_CALL, "ABANDON", "help", "", ("1", "1", "10"))
    for call in (rung_back(over), rung_back(gave_up, over), fold(PLACE_CALL, [*ANSWERED[:3], over])):
        assert call is not None
        assert (call.via, call.number, call.missed, call.wish) == ("place", NUMBER, True, False)
        assert request_of(call, caller_of(call.number, call.presentation)) is None
    [called] = [one for one in rung_back().timeline if one.what == "called"]
    assert called.detail == {"place": "h-1795330000.1", "queue": "help"}
    assert fold(PLACE_CALL, ANSWERED[:1]) is None


async def test_the_log_makes_moves_and_ends_a_place(engine: AsyncEngine, settings: Settings) -> None:
    caller = caller_of("13900000001", "allowed")
    before, after = call_of(*ARRIVED), call_of(*ARRIVED, ASKED, HUNG_UP)
    async with engine.begin() as connection:
        await note_changed(settings, connection, [(before, caller, None)])
        await note_changed(settings, connection, [(after, caller, before)])
        [live] = await places.live(connection)
        assert (live.number, live.joined_at, live.queue) == (NUMBER, AT + timedelta(seconds=5), "help")
        claimed = await places.claim(connection, live.id, AT + timedelta(seconds=100))
        assert claimed is not None
        answered = replace(rung_back(), id=claimed.call_id)
        await note_changed(settings, connection, [(answered, caller_of(NUMBER, "allowed"), None)])
        assert await places.live(connection) == []
    [row] = await rows(engine, "SELECT outcome, answered_at FROM line_place_tries")
    assert row == ("answered", AT + timedelta(seconds=105))


async def test_unanswered_calls_are_noted_when_they_end(engine: AsyncEngine, settings: Settings) -> None:
    await keep(engine, asked())
    claimed = await claim(engine)
    assert claimed is not None
    ended = fold_attempt(PLACE_CALL, [back(100, "CHAN_START"), back(125, "HANGUP", hangupcause="19")])
    assert ended is not None
    async with engine.begin() as connection:
        await note_ended(settings, connection, [replace(ended, call_id=claimed.call_id)])
    assert await rows(engine, "SELECT outcome, ended_at FROM line_place_tries") == [
        ("no_answer", AT + timedelta(seconds=125))
    ]
    assert (await rows(engine))[0][1:3] == ("waiting", 1)


async def test_a_place_left_and_a_call_of_his_own(engine: AsyncEngine, settings: Settings) -> None:
    caller = caller_of("13900000001", "allowed")
    kept, left = call_of(*ARRIVED, ASKED), call_of(*ARRIVED, ASKED, event(65, "USER", "PLACE_LEFT"))
    async with engine.begin() as connection:
        await note_changed(settings, connection, [(kept, caller, None), (left, caller, kept)])
        assert await places.live(connection) == []
        await places.keep(connection, asked(2))
        spoke = replace(call_of(*ARRIVED), id="h-1795330000.3", human_at=BASE + 90, agent="1001")
        await note_changed(settings, connection, [(spoke, caller, None)])
        assert await places.live(connection) == []
    assert {row[1] for row in await rows(engine)} == {PlaceState.WITHDRAWN.value}


async def test_a_number_that_nobody_can_ring_is_somebody_s_task(engine: AsyncEngine, settings: Settings) -> None:
    asking = call_of(*ARRIVED, event(60, "USER", "PLACE", **JOINED, number="0123456789"))
    async with engine.begin() as connection:
        await note_changed(settings, connection, [(asking, caller_of("", "prohib"), None)])
    assert await rows(engine) == []
    assert await rows(engine, "SELECT kind FROM alerts") == [("place_not_kept",)]
    assert "等候回电" in summary_of(asking)
