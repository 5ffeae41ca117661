"""Whose turn it is of those who kept a place, and where they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calls.placed import HOLD
from line.turn import AGAIN, Exchange, Steps, Waiting, after, on_the_line, steps, unknown_holds
from line.words import PlaceState, TryOutcome
from routing.live import MemberRow, QueueRow, QueueStatus, WaitingRow
from routing.queues import Queue

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FREE, TALKING, RINGING = 1, 2, 6
QUEUES = {
    "help": Queue(name="求助", then="agents", wrapup_seconds=10),
    "complaint": Queue(name="投诉", then="agents", wrapup_seconds=0),
    "agents": Queue(name="人工", wrapup_seconds=0),
}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def place(number: int, joined: float, queue: str = "help", **more: object) -> Waiting:
    made = Waiting(
        id=number,
        call_id=f"h-1795300000.{number}",
        queue=queue,
        number=f"+861390000{number:04}",
        joined_at=ago(joined),
        state=PlaceState.WAITING,
        tries=0,
        next_at=ago(joined),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def held(one: Waiting, position: int, wait: int = 5) -> WaitingRow:
    channel = f"{HOLD}{one.call_id}@place-hold-0000000{one.id};2"
    return WaitingRow(one.queue, position, channel, f"h-1795300000.9{one.id}", "", wait)


def caller(name: str, position: int, wait: int, queue: str = "help") -> WaitingRow:
    return WaitingRow(queue, position, f"PJSIP/trunk-{position:08}", name, "139", wait)


def agent(extension: str, status: int = FREE, queue: str = "help", **more: object) -> MemberRow:
    made = MemberRow(queue, f"PJSIP/{extension}", extension, 0, False, "", status == TALKING, status, 0)
    return replace(made, **more)  # type: ignore[arg-type]


def exchange(*rows: WaitingRow | MemberRow, live: tuple[str, ...] = (), **more: object) -> Exchange:
    queues = tuple(
        QueueRow(name, "rrmemory", 0, 0, 0, 0, weight)
        for name, weight in (("help", 2), ("agents", 0), ("complaint", 0))
    )
    members = tuple(row for row in rows if isinstance(row, MemberRow))
    waiting = tuple(row for row in rows if isinstance(row, WaitingRow))
    made = Exchange(QueueStatus(queues, members, waiting), frozenset(live), QUEUES, {}, NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def rung(places: list[Waiting], seen: Exchange) -> list[int]:
    return [hold.place.id for hold in steps(places, seen).ring]


@pytest.mark.parametrize(("agents", "expected"), [(0, []), (1, []), (2, [2]), (3, [2])])
def test_he_is_rung_when_fewer_are_ahead_than_agents_are_free(agents: int, expected: list[int]) -> None:
    b = place(2, 20)
    free = [agent(f"100{n}") for n in range(agents)]
    assert rung([b], exchange(caller("a", 1, 30), held(b, 2), caller("c", 3, 10), *free)) == expected


def test_places_ahead_count_like_callers_and_each_takes_one_agent() -> None:
    one, two, three = place(1, 30), place(2, 20), place(3, 10)
    seen = exchange(held(one, 1), held(two, 2), held(three, 3), agent("1001"), agent("1002"))
    assert rung([three, two, one], seen) == [2, 1]
    ringing = replace(one, state=PlaceState.RINGING)
    assert rung([ringing, two, three], seen) == [2]


def test_whoever_is_being_answered_has_an_agent_already() -> None:
    b = place(2, 20)
    seen = (caller("a", 1, 30), held(b, 2), agent("1001", RINGING))
    assert rung([b], exchange(*seen)) == []
    assert rung([b], exchange(*seen, agent("1002"))) == [2]


@pytest.mark.parametrize(
    "busy",
    [
        {"status": TALKING},
        {"paused": True},
        {"in_call": True},
        {"last_call": int(NOW.timestamp()) - 9},
        {"status": 5},
    ],
)
def test_only_who_could_answer_now_is_free(busy: dict[str, object]) -> None:
    b = place(2, 20)
    assert rung([b], exchange(held(b, 1), agent("1001", **busy))) == []  # type: ignore[arg-type]


def test_wrap_up_ends() -> None:
    b = place(2, 20)
    assert rung([b], exchange(held(b, 1), agent("1001", last_call=int(NOW.timestamp()) - 10))) == [2]


def test_a_heavier_queue_comes_first() -> None:
    b = place(2, 20, queue="agents")
    light = (held(b, 1), agent("1001", queue="agents"), agent("1001"))
    assert rung([b], exchange(*light)) == [2]
    assert rung([b], exchange(*light, caller("a", 1, 1))) == []
    assert rung([b], exchange(*light, caller("a", 1, 1), agent("1002"), agent("1002", queue="agents"))) == [2]


def test_of_two_queues_alike_whoever_waits_longer_gets_the_only_agent() -> None:
    b = place(2, 20, queue="agents")
    both = (agent("1001", queue="agents"), agent("1001", queue="complaint"))
    assert rung([b], exchange(held(b, 1, 20), caller("a", 1, 30, "complaint"), *both)) == []
    assert rung([b], exchange(held(b, 1, 20), caller("a", 1, 10, "complaint"), *both)) == [2]


def test_nobody_is_rung_before_his_time_or_while_he_is_still_on_the_line() -> None:
    b = place(2, 20)
    seen = exchange(held(b, 1), agent("1001"))
    assert rung([b], seen) == [2]
    assert rung([replace(b, next_at=NOW + AGAIN)], seen) == []
    assert rung([b], replace(seen, live=frozenset({b.call_id}))) == []
    assert rung([], seen) == []


def test_what_is_not_held_is_made_at_one_more_than_the_earlier_arrivals() -> None:
    b, d = place(2, 20), place(4, 5)
    seen = exchange(caller("a", 1, 30), caller("c", 2, 10), caller("e", 3, 1))
    made = steps([d, b], seen).make
    assert [(hold.place.id, hold.position) for hold in made] == [(2, 2), (4, 4)]
    after_a_restart = exchange(caller("new", 1, 3))
    assert [(hold.place.id, hold.position) for hold in steps([d, b], after_a_restart).make] == [(2, 1), (4, 2)]


def test_a_citizen_who_was_rung_counts_from_when_he_joined() -> None:
    first, b = place(1, 60), place(2, 20)
    back = caller("pl-1795300000.7", 1, 2)
    seen = exchange(back, live=("pl-1795300000.7",), tried={"pl-1795300000.7": first})
    assert [(hold.place.id, hold.position) for hold in steps([b], seen).make] == [(2, 2)]


def test_whoever_has_answered_is_not_held_a_second_time() -> None:
    b = place(2, 20)
    call = "pl-1795300000.7"
    on_the_line = exchange(live=(call,), tried={call: b})
    assert steps([replace(b, state=PlaceState.RINGING)], on_the_line).make == ()
    assert steps([b], on_the_line).make == (), "what he answered is not read yet"
    assert len(steps([b], exchange(tried={call: b})).make) == 1


def test_the_place_of_whoever_has_answered_is_held_until_he_is_in_the_queue() -> None:
    b, d = place(2, 20), place(4, 10)
    call = "pl-1795300000.7"
    served = replace(b, state=PlaceState.SERVED)
    seen = exchange(held(b, 1), held(d, 2), agent("1001"), live=(call,), tried={call: served})
    assert steps([d], seen) == Steps(), "the agent is kept for him"
    assert unknown_holds([d, *on_the_line(seen)], seen.status) == {}
    over = replace(seen, live=frozenset())
    assert rung([d], over) == [4]
    assert list(unknown_holds([d, *on_the_line(over)], over.status)) == [held(b, 1).channel]


def test_a_place_is_held_once_and_in_its_own_queue() -> None:
    b = place(2, 20)
    elsewhere = replace(held(b, 1), queue="agents", channel=f"{HOLD}{b.call_id}@place-hold-00000008;2")
    twice = replace(held(b, 2), channel=f"{HOLD}{b.call_id}@place-hold-00000009;2")
    found = steps([b], exchange(held(b, 1), twice, elsewhere, agent("1001")))
    assert set(found.drop) == {twice.channel, elsewhere.channel}
    assert found.make == ()


@pytest.mark.parametrize(("waited", "status", "moves"), [(299, FREE, 0), (300, FREE, 1), (19, 5, 0), (20, 5, 1)])
def test_who_waited_too_long_goes_on_to_the_next_queue(waited: int, status: int, moves: int) -> None:
    b = place(2, waited)
    found = steps([b], exchange(held(b, 1), agent("1001", status)))
    assert [(one.place.id, one.queue, one.channel) for one in found.move] == [(2, "agents", held(b, 1).channel)] * moves
    assert len(found.ring) == (status == FREE and not moves)
    for stays in (replace(b, state=PlaceState.RINGING), replace(b, queue="agents")):
        assert steps([stays], exchange(replace(held(b, 1), queue=stays.queue))).move == ()


def test_what_holds_no_place_is_named() -> None:
    b, gone = place(2, 20), place(3, 20)
    seen = exchange(held(b, 1), held(gone, 2), caller("a", 3, 1))
    assert unknown_holds([b], seen.status) == {held(gone, 2).channel: gone.call_id}
    assert rung([b], exchange(held(gone, 1), held(b, 2), agent("1001"))) == [2], "it takes nobody's agent"


@pytest.mark.parametrize(
    ("outcome", "tries", "expected"),
    [
        (TryOutcome.ANSWERED, 1, PlaceState.SERVED),
        (TryOutcome.NO_ANSWER, 1, PlaceState.WAITING),
        (TryOutcome.NO_ANSWER, 2, PlaceState.GIVEN_UP),
        (TryOutcome.BUSY, 2, PlaceState.GIVEN_UP),
        (TryOutcome.UNKNOWN, 2, PlaceState.GIVEN_UP),
        (TryOutcome.NOT_DIALLED, 2, PlaceState.WAITING),
    ],
)
def test_what_comes_after_a_try(outcome: TryOutcome, tries: int, expected: PlaceState) -> None:
    assert after(outcome, tries, 2) is expected
