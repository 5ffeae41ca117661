"""The live floor over HTTP: who sees what, a snapshot and what changes it, and never more than one can take."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from routing.floor import Fold
from routing.floor_plan import Sitting
from routing.floor_rows import Floor, TodayNow
from tests.unit import api_peer
from tests.unit.api_peer import Api, api_for
from tests.unit.floor_recorded import PLAN, Mark, steps
from web.api import events as stream
from web.api.services import Services
from web.floor import Floors, Viewer

STEPS = list(steps())
KEYS = {"queues": "id", "agents": "extension", "calls": "id"}
SEATS = {"1001": Sitting("agent", "agent"), "1002": Sitting("dispatcher", "dispatcher")}


class Screen:
    """What a page makes of the events."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.snapshots = 0

    def take(self, event: Mapping[str, Any]) -> None:
        if event["kind"] == "snapshot":
            self.snapshots += 1
            self.state = {part: {row[key]: row for row in event[part]} for part, key in KEYS.items()}
            self.state |= {"ready": event["ready"], "today": event["today"]}
            return
        for part, key in KEYS.items():
            self.state[part] |= {row[key]: row for row in event[part]}
        for gone in event["gone"]:
            del self.state["calls"][gone]
        self.state["ready"] = event["ready"]
        self.state["today"] = event["today"] or self.state["today"]


def shown(floors: Floors, who: Viewer) -> dict[str, Any]:
    screen = Screen()
    screen.take(json.loads(floors.snapshot(who).model_dump_json()))
    return screen.state


class Story:
    """The recorded calls, as far as one likes."""

    def __init__(self, floors: Floors) -> None:
        self.floors = floors
        self.fold = Fold(PLAN)
        self.fold.set_ready(True)
        self.fold.set_seats(SEATS)
        self.steps = iter(STEPS)

    def until(self, mark: str) -> Floor:
        for at, step in self.steps:
            if not isinstance(step, Mark):
                self.fold.apply(step, at)
            elif step.name == mark:
                return self.publish(at)
        raise AssertionError(mark)

    def publish(self, at: datetime) -> Floor:
        floor = self.fold.take(at)
        self.floors.publish(floor, at)
        return floor


@pytest.fixture
def floors() -> Floors:
    return Floors()


@pytest_asyncio.fixture
async def api(
    engine: AsyncEngine, database_url: str, tmp_path: Path, floors: Floors, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    plain: Callable[..., Services] = api_peer.services_for

    def services(*args: Any, **more: Any) -> Services:
        return replace(plain(*args, **more), floors=floors)

    monkeypatch.setattr(api_peer, "services_for", services)
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


@contextlib.asynccontextmanager
async def watching(api: Api, who: str) -> AsyncIterator[Callable[[], Any]]:
    """Returns what reads the next floor event."""
    answer = await api.ask(who, "GET", "/events?floor=true")
    assert answer.status == 200

    async def following() -> Any:
        name = ""
        async with asyncio.timeout(20):
            while line := await answer.content.readline():
                field, _, value = line.decode().rstrip("\n").partition(": ")
                name = value if field == "event" else name
                if field == "data" and name == "floor":
                    return json.loads(value)
                assert not (field == "id" and name == "floor"), "floor events have no position"
                name = "" if not field else name
        raise EOFError

    try:
        yield following
    finally:
        answer.close()


async def test_a_snapshot_and_then_what_changes(api: Api, floors: Floors) -> None:
    story = Story(floors)
    story.until("begin")
    screen = Screen()
    async with watching(api, "supervisor") as following:
        screen.take(await following())
        for mark in ("talking", "held", "waiting", "asks 110", "handed over", "after callback"):
            story.until(mark)
            patch = await following()
            assert patch["kind"] == "patch"
            screen.take(patch)
            assert screen.state == shown(floors, Viewer("supervisor", all_calls=True, numbers=True))
    assert screen.snapshots == 1
    async with watching(api, "supervisor") as following:
        assert (await following())["kind"] == "snapshot"


async def test_who_sees_which_calls(api: Api, floors: Floors) -> None:
    floor = Story(floors).until("transferred")
    [call] = floor.calls.values()
    assert call.agent == "1002"
    # It is the dispatcher's telephone in this test.
    seen = {
        who: (await api.json(who, "GET", "/floor"))["calls"] for who in ("supervisor", "manager", "agent", "dispatcher")
    }
    assert [row["number"] for row in seen["supervisor"]] == ["139****0006"]
    assert [(row["id"], row["number"]) for row in seen["manager"]] == [(call.id, "")]
    assert seen["agent"] == []
    assert seen["dispatcher"] == seen["supervisor"]
    for who in ("officer", "leader", "administrator"):
        assert (await api.ask(who, "GET", "/floor")).status == 403


async def test_an_agent_sees_the_own_call_come_and_go(api: Api, floors: Floors) -> None:
    story = Story(floors)
    story.until("begin")
    async with watching(api, "agent") as following:
        screen = Screen()
        screen.take(await following())
        call = next(iter(story.until("talking").calls))
        screen.take(await following())
        assert set(screen.state["calls"]) == {call}
        story.fold.set_seats({})
        story.publish(datetime.now(UTC))
        screen.take(await following())
        assert screen.state["calls"] == {}


async def test_who_may_not_see_it_hears_of_tickets_alone(api: Api, floors: Floors) -> None:
    Story(floors).until("talking")
    answer = await api.ask("officer", "GET", "/events?floor=true")
    assert answer.status == 200
    assert not floors.watched
    answer.close()


async def test_asterisk_away_is_told(api: Api, floors: Floors) -> None:
    story = Story(floors)
    story.until("talking")
    async with watching(api, "supervisor") as following:
        assert (await following())["ready"] is True
        story.fold.set_ready(False)
        story.publish(datetime.now(UTC))
        patch = await following()
        assert (patch["ready"], patch["calls"], patch["agents"], patch["gone"]) == (False, [], [], [])
        story.fold.set_ready(True)
        story.publish(datetime.now(UTC))
        assert (await following())["ready"] is True


async def test_many_changes_are_no_question_to_the_database(
    api: Api, floors: Floors, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def still(*args: Any) -> bool:
        asked.append(args)
        return True

    monkeypatch.setattr(stream, "still_admitted", still)
    story = Story(floors)
    story.until("begin")
    async with watching(api, "supervisor") as following:
        await following()
        for offered in range(1, 20):
            story.fold.set_today(TodayNow(offered=offered))
            story.publish(datetime.now(UTC))
            assert (await following())["today"]["offered"] == offered
    assert asked == []


async def test_whoever_is_signed_out_sees_no_more(api: Api, floors: Floors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.5)
    story = Story(floors)
    story.until("begin")
    async with watching(api, "supervisor") as following:
        await following()
        await api.json("administrator", "POST", "/users/supervisor/disable")

        async def busy() -> None:
            offered = 0
            while True:
                story.fold.set_today(TodayNow(offered=(offered := offered + 1)))
                story.publish(datetime.now(UTC))
                await following()

        with pytest.raises(EOFError):
            async with asyncio.timeout(20):
                await busy()


async def test_a_client_that_takes_nothing_is_cut_off_and_costs_nothing(
    api: Api, floors: Floors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept for it meanwhile; it comes back to the whole."""
    monkeypatch.setattr(stream, "_WRITE_SECONDS", 0.5)
    story = Story(floors)
    floor = story.until("talking")
    # Rows large enough to fill what lies between the two.
    large = {str(n): replace(next(iter(floor.calls.values())), id=str(n), others=("1" * 500,)) for n in range(2000)}
    answer = await api.ask("supervisor", "GET", "/events?floor=true")
    try:
        async with asyncio.timeout(30):
            while not floors.watched:
                await asyncio.sleep(0)
            held = True
            while floors.watched:
                held = not held
                calls = {key: replace(row, held=held) for key, row in large.items()}
                floors.publish(replace(floor, calls=calls), datetime.now(UTC))
                await asyncio.sleep(0)
    finally:
        answer.close()


async def test_without_a_telephone_system(api: Api, database_url: str) -> None:
    # Services are frozen: the application of the other tests has none.
    object.__setattr__(api.services, "floors", None)
    assert (await api.ask("supervisor", "GET", "/floor")).status == 503


_WHO = [
    Viewer("supervisor", all_calls=True, numbers=True),
    Viewer("manager", all_calls=True),
    Viewer("agent", numbers=True),
    Viewer("dispatcher", numbers=True),
    Viewer("nobody", numbers=True),
]


@given(st.lists(st.tuples(st.integers(1, 25), st.lists(st.sampled_from(_WHO), unique=True)), max_size=30))
def test_snapshot_and_patches_are_the_next_snapshot(turns: list[tuple[int, list[Viewer]]]) -> None:
    """Whoever looks when: what the page makes of it is what it would be sent now."""
    floors = Floors()
    story = Story(floors)
    screens = {who: Screen() for who in _WHO}
    sent: dict[Viewer, Floor | None] = dict.fromkeys(_WHO)
    for count, looking in turns:
        at = datetime.now(UTC)
        for _ in range(count):
            at, step = next(story.steps, (at, None))
            if step is None or isinstance(step, Mark):
                continue
            story.fold.apply(step, at)
        story.publish(at)
        for who in looking:
            sent[who], text = floors.news(who, sent[who])
            if text:
                screens[who].take(json.loads(text))
            assert screens[who].state == shown(floors, who)
