"""漏接: one row a person, made of calls, ended by talking, whoever rang whom; and nobody is rung by two."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.record import Call, Entry
from calls.store import Caller, upsert_calls
from hotline import missed as missed_log
from hotline.cli import main
from hotline.intake import caller_of
from line import missed
from line.faults import LineFault
from line.missed import TAKEN_FOR, Missed
from line.owed import Settled, can_be_rung, owes, settles
from line.words import MissedEnd
from tickets.store import Received, receive

BASE = 1795330800.0
NOW = datetime.fromtimestamp(BASE + 3600, UTC)
A, B = "13900001111", "13900002222"
TALK = Entry(BASE + 10, "connected", {"party": "1001"})
Changed = tuple[Call, Caller, Call | None]


def call(n: int, number: str = A, at: float = 0.0, **given: object) -> Call:
    """Missed, unless something else is given. Begins ``at`` seconds after :data:`BASE` and lasts half a minute."""
    values: dict[str, object] = {
        "via": "public",
        "number": number,
        "presentation": "allowed",
        "wish": True,
        "missed": True,
        "ended_at": BASE + at + 30,
    }
    return Call(id=f"hotline-1795330800.{n}", arrived_at=BASE + at, **(values | given))  # type: ignore[arg-type]


def talked(n: int, number: str = A, at: float = 0.0, **given: object) -> Call:
    talk = (Entry(BASE + at + 10, "connected", {"party": given.pop("party", "1001")}),)  # type: ignore[dict-item]
    values: dict[str, object] = {"missed": False, "human_at": BASE + at + 10, "agent": "1001", "timeline": talk}
    return call(n, number, at, **(values | given))


def changed(one: Call, old: Call | None = None) -> Changed:
    return one, caller_of(one.number, one.presentation), old


async def note(engine: AsyncEngine, *changes: Changed) -> None:
    """As a step of the reader does."""
    async with engine.begin() as connection:
        await upsert_calls(connection, [(one, caller) for one, caller, _ in changes])
        await missed_log.note(connection, changes)


async def listed(engine: AsyncEngine, *, ended: bool = True) -> list[Missed]:
    async with engine.connect() as connection:
        return await missed.list_missed(connection, limit=100, ended=ended)


def told(rows: Sequence[Missed]) -> list[tuple[str, int, str, str]]:
    return [(one.number[3:], one.calls, one.ended, one.ended_by) for one in rows]


async def test_one_row_a_person_the_longest_waiting_first(engine: AsyncEngine) -> None:
    await note(engine, changed(call(1, B, 60)), changed(call(2, A, 0)), changed(call(3, A, 100)))
    await note(engine, changed(call(4, A, 200)))
    found = await listed(engine)
    assert told(found) == [(A, 3, "", ""), (B, 1, "", "")]
    assert (found[0].call_id, found[0].first_at.timestamp(), found[0].last_at.timestamp()) == (
        "hotline-1795330800.4",
        BASE + 30,
        BASE + 230,
    )


async def test_the_same_calls_read_again_change_nothing(engine: AsyncEngine) -> None:
    """The reader forgets what it has in memory when the database was away, and reads a call's last line once more."""
    await note(engine, changed(call(1)), changed(call(2, B)))
    before = await listed(engine)
    await note(engine, changed(call(1)), changed(call(2, B)))
    assert await listed(engine) == before
    await note(engine, changed(talked(3, at=100)))
    await note(engine, changed(call(1)))
    assert told(await listed(engine)) == [(A, 1, "got_through", "1001"), (B, 1, "", "")]


@pytest.mark.parametrize("seed", range(6))
async def test_in_whatever_pieces_it_is_read(engine: AsyncEngine, seed: int) -> None:
    dice = random.Random(seed)
    records = [call(1, A, 0), call(2, B, 10), call(3, A, 60), talked(4, A, 120), call(5, A, 300), talked(6, B, 400)]
    while records:
        many = dice.randint(1, len(records))
        step, records = records[:many], records[many:]
        await note(engine, *(changed(one) for one in step))
    assert told(await listed(engine)) == [(A, 2, "got_through", "1001"), (B, 1, "got_through", "1001"), (A, 1, "", "")]


async def test_who_was_missed_while_somebody_of_that_number_talked_is_owed(engine: AsyncEngine) -> None:
    await note(engine, changed(talked(1, at=0)), changed(call(2, at=5)))
    assert told(await listed(engine)) == [(A, 1, "", "")]


async def test_hidden_and_costly_numbers_are_counted_not_listed(engine: AsyncEngine) -> None:
    hidden = [call(1, "", presentation="prohib"), call(2, "4001234567"), call(3, "95588"), call(4, "12345")]
    await note(engine, *map(changed, [*hidden, call(5, A), call(6, B, -8 * 86400)]))
    assert told(await listed(engine)) == [(B, 1, "", ""), (A, 1, "", "")]
    async with engine.connect() as connection:
        week = datetime.fromtimestamp(BASE, UTC) - timedelta(days=7)
        assert await missed.unlisted(connection, week) == 4


@pytest.mark.parametrize(
    ("one", "end", "by"),
    [
        (talked(1), MissedEnd.GOT_THROUGH, "1001"),
        (talked(1, via="outgoing"), MissedEnd.REACHED, "1001"),
        (talked(1, via="callback"), MissedEnd.REACHED, "1001"),
        (talked(1, via="place"), MissedEnd.REACHED, "1001"),
        (talked(1, ended_at=None), MissedEnd.GOT_THROUGH, "1001"),
        (
            call(
                1,
                via="callback",
                missed=False,
                timeline=(Entry(BASE, "answer", {"question": "wanted", "value": "no"}),),
            ),
            MissedEnd.REACHED,
            "survey",
        ),
    ],
)
def test_what_settles_it(one: Call, end: MissedEnd, by: str) -> None:
    found = settles(one, caller_of(one.number, one.presentation))
    assert found is not None
    assert (found.number, found.end, found.by) == ("+8613900001111", end, by)


@pytest.mark.parametrize(
    "one",
    [
        call(1),
        talked(1, party="emergency-1", emergency="110"),  # not about what was missed
        talked(1, number="", presentation="prohib"),
        call(1, missed=False, message_file="a.wav"),
        talked(1, via="outgoing", timeline=(Entry(BASE, "outgoing", {"agent": "1001", "unit": "water"}), TALK)),
        call(1, via="callback", missed=False, timeline=(Entry(BASE, "answer", {"question": "solved", "value": "no"}),)),
        call(
            1, via="callback", missed=False, timeline=(Entry(BASE, "answer", {"question": "wanted", "value": "yes"}),)
        ),
    ],
)
def test_what_does_not(one: Call) -> None:
    assert settles(one, caller_of(one.number, one.presentation)) is None


def test_who_is_owed_a_call() -> None:
    caller = caller_of(A, "allowed")
    assert owes(call(1), caller)
    assert not owes(call(1, ended_at=None), caller)
    assert not owes(call(1, missed=False), caller)
    assert not owes(call(1), caller_of("", "prohib"))
    assert can_be_rung("+8613900001111")
    assert not any(map(can_be_rung, (None, "", "+864001234567", "+86110", "110", "1390000")))


async def test_a_later_miss_is_not_settled_by_an_earlier_talk(engine: AsyncEngine) -> None:
    await note(engine, changed(call(1, at=100)))
    async with engine.begin() as connection:
        early = Settled("+8613900001111", BASE + 50, MissedEnd.GOT_THROUGH, "1001")
        assert await missed.settle(connection, [early]) == 0


async def test_who_was_rung_for_his_place_in_vain_is_owed_a_call_about_his_first(engine: AsyncEngine) -> None:
    """Given up, or rung, answered, and missed once more."""
    async with engine.begin() as connection:
        for n, number, state in ((1, A, "given_up"), (2, B, "served")):
            await connection.execute(
                text(
                    "INSERT INTO line_places (id, call_id, queue, number, joined_at, asked_at, next_at, state,"
                    " ended_at) VALUES (:n, :call, 'complaint', :number, :at, :at, :at, :state, :at)"
                ),
                {"n": n, "call": f"hotline-1795330800.{n}", "number": f"+86{number}", "state": state, "at": NOW},
            )
        await connection.execute(
            text("INSERT INTO line_place_tries (place_id, call_id, begun_at) VALUES (2, 'pl-1795330800.1', :at)"),
            {"at": NOW},
        )
        await missed.owe_places(connection, [1, 2])
    again = call(9, B, 3700, via="place")
    again.id = "pl-1795330800.1"
    await note(engine, changed(again))
    assert [(one.number[3:], one.call_id) for one in await listed(engine)] == [
        (A, "hotline-1795330800.1"),
        (B, "hotline-1795330800.2"),
    ]


async def test_taken_by_one_until_it_comes_to_nothing(engine: AsyncEngine) -> None:
    await note(engine, changed(call(1)))
    [row] = await listed(engine)
    async with engine.begin() as connection:
        taken = await missed.take(connection, row.id, "1001", NOW)
        assert (taken.taken_by, taken.taken(NOW)) == ("1001", True)
        with pytest.raises(LineFault, match="1001"):
            await missed.take(connection, row.id, "1002", NOW + timedelta(minutes=1))
        await missed.take(connection, row.id, "1001", NOW + timedelta(minutes=1))
        later = NOW + timedelta(minutes=1) + TAKEN_FOR
        assert (await missed.take(connection, row.id, "1002", later)).taken_by == "1002"
        with pytest.raises(LineFault, match="工单"):
            assert taken.about
        closed = await missed.close(connection, row.id, "1002", later)
        assert (closed.ended, closed.ended_by) == ("closed", "1002")
        for act in (missed.take, missed.close):
            with pytest.raises(LineFault) as fault:
                await act(connection, row.id, "1001", later)
            assert fault.value.code == "ended"
            with pytest.raises(LineFault) as fault:
                await act(connection, 999, "1001", later)
            assert fault.value.code == "unknown"
    assert await listed(engine, ended=False) == []
    await note(engine, changed(call(2, at=9000)))
    assert told(await listed(engine, ended=False)) == [(A, 1, "", "")], "missed once more"


async def test_it_is_about_the_ticket_of_the_last_call(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        request = Received("hotline-1795330800.1", NOW, "help", False, A, f"+86{A}", "", "")
        [number] = (await receive(connection, [request])).values()
    await note(engine, changed(call(1)))
    [row] = await listed(engine)
    assert (row.ticket, row.about, row.place) == (number, number, False)


async def test_pages(engine: AsyncEngine) -> None:
    await note(engine, *(changed(call(n, f"1390000{n:04}", n)) for n in range(5)))
    found: list[Missed] = []
    async with engine.connect() as connection:
        while page := await missed.list_missed(connection, limit=2, after=found[-1].id if found else 0):
            found += page
    assert [one.number[-4:] for one in found] == [f"{n:04}" for n in range(5)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--ticket", "20261121-000123", "--missed", "1"],
        ["--unit", "water"],
        ["--unit", "water", "--missed", "1"],
    ],
)
def test_one_thing_to_ring_about(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["agent", "dial", "1001", *arguments])
    assert (done.exit_code, "give --ticket" in done.output) == (2, True)
