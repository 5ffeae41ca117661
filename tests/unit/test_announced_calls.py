"""What Asterisk's log says of announcements, barred callers and maintenance, in a call's record."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import store
from calls.cel import CelEvent
from calls.record import Call
from calls.store import Caller
from calls.tables import calls
from calls.timeline import fold
from hotline.intake import caller_of, request_of

CALL = "hotline-1795296063.5"
LINE, AGENT = "PJSIP/citizens-0000001a", "PJSIP/1001-0000001b"
START = 1795296063.0
ANNOUNCED = ("ANNOUNCED", {"id": "7"})
QUEUED = [
    ("DECISION", {"kind": "queue", "to": "help", "category": "help", "by": "speech"}),
    ("QUEUE", {"name": "help"}),
]
MESSAGE = {"file": "2026/11/22/x-message.wav", "seconds": "20", "status": "DTMF"}


def event(at: float, kind: str, channel: str = LINE, name: str = "", /, **extra: str) -> CelEvent:
    return CelEvent(round(at * 1000), START + at, CALL, kind, name, extra, channel, CALL)


def call(*told: tuple[str, dict[str, str]], hung_up: str | None = LINE) -> Call:
    events = [
        event(0, "USER", LINE, "ARRIVED", dialled="12345", via="public", number="13900001111", pres="allowed"),
        event(0.1, "ANSWER"),
        *(event(1 + n, "USER", LINE, name, **fields) for n, (name, fields) in enumerate(told)),
    ]
    if hung_up is not None:
        events.append(event(60, "HANGUP", hangupsource=hung_up))
    found = fold(CALL, events)
    assert found is not None
    return found


def test_who_hangs_up_at_an_announcement_is_informed_and_not_missed() -> None:
    of = call(ANNOUNCED)
    assert (of.announced, of.informed, of.missed, of.wish) == ((7,), True, False, False)
    assert [entry.what for entry in of.timeline] == ["arrived", "answered", "announced", "hung_up"]
    assert request_of(of, caller_of(of.number, of.presentation)) is None


def test_also_who_hangs_up_at_that_of_a_topic_or_at_the_menu_after_it() -> None:
    said = (
        "HEARD",
        {"node": "main", "end": "words", "text": "停水", "class": "help", "topic": "water", "score": "0.9"},
    )
    assert call(said, ANNOUNCED).informed
    assert call(ANNOUNCED, ("ANNOUNCED", {"id": "8"})).announced == (7, 8)


def test_who_hears_of_his_ticket_or_of_the_end_of_the_menu_was_served_otherwise() -> None:
    assert not call(ANNOUNCED, ("PROGRESS", {"result": "found"})).informed
    end = {"kind": "end", "to": "", "category": "other", "by": "key"}
    assert not call(ANNOUNCED, ("DECISION", end)).informed


def test_who_goes_on_is_not() -> None:
    queued = call(ANNOUNCED, *QUEUED)
    assert (queued.announced, queued.informed, queued.missed) == ((7,), False, True)
    urgent = call(ANNOUNCED, ("EMERGENCY", {"service": "119", "by": "typed"}))
    assert (urgent.informed, urgent.emergency) == (False, "119")


@pytest.mark.parametrize("hung_up", ["", None])
def test_only_the_caller_himself_hangs_up_for_that(hung_up: str | None) -> None:
    assert not call(ANNOUNCED, hung_up=hung_up).informed


@pytest.mark.parametrize("id", ["", "x", "-1", "9" * 30, "１"])
def test_what_is_no_announcement_counts_for_none(id: str) -> None:
    of = call(("ANNOUNCED", {"id": id}))
    assert (of.announced, of.informed) == ((), False)


def test_a_barred_caller_is_neither_missed_nor_informed() -> None:
    end = ("DECISION", {"kind": "end", "to": "", "category": "other", "by": "barred"})
    of = call(("BARRED", {}), end)
    assert (of.decided_by, of.missed, of.informed, of.wish) == ("barred", False, False, False)
    assert "barred" in [entry.what for entry in of.timeline]


def test_who_hangs_up_because_of_maintenance_is_missed() -> None:
    of = call(ANNOUNCED, ("MAINTENANCE", {}))
    assert (of.missed, of.informed, of.wish) == (True, False, False)


def test_who_leaves_a_message_is_not() -> None:
    leaves = ("DECISION", {"kind": "message", "to": "", "category": "other", "by": "maintenance"})
    assert call(("MAINTENANCE", {}), leaves).missed
    of = call(("MAINTENANCE", {}), leaves, ("MESSAGE", MESSAGE))
    assert (of.missed, of.wish, of.message_file) == (False, True, MESSAGE["file"])


def test_in_whatever_order_the_events_are_read() -> None:
    one = [event(0, "USER", LINE, "ARRIVED", number="1"), event(1, "USER", LINE, "ANNOUNCED", id="7"),
           event(2, "USER", LINE, "ANNOUNCED", id="8"), event(9, "HANGUP", hangupsource=LINE)]  # fmt: skip
    assert fold(CALL, one) == fold(CALL, list(reversed(one)))


async def test_it_is_in_the_calls_row(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await store.upsert_calls(connection, [(call(ANNOUNCED, ("ANNOUNCED", {"id": "8"})), Caller())])
        row = (await connection.execute(select(calls))).one()
        assert (row.announced, row.informed) == ([7, 8], True)
