"""The dialler: who was claimed is asked for once, whatever goes wrong, and nobody while Asterisk is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from callback import manage
from callback.campaign import Campaign
from callback.manage import Act
from callback.store import NewTarget, add_targets
from callback.words import Kind
from hotline import dialler as dialler_module
from hotline.db import create_hotline_engine, driver_url
from hotline.dialler import Dialler, listen, serve
from hotline.parts import dialler_part
from hotline.rulebook import open_rulebook
from hotline.secrets import load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Ami as AmiSettings
from hotline.settings_sections import Callback, Database
from hotline.trial import free_ports
from routing.ami import Ami, AmiError, AmiLost, AmiRefused, AmiTimeout, Event
from tests.unit.callback_people import NOW, running
from tests.unit.ticket_people import rulebook

STOP = asyncio.Event()


class Exchange(Ami):
    """Stands where Asterisk does: writes down what it is asked for, and answers as it is told."""

    def __init__(self, fault: AmiError | None = None, *, away: bool = False) -> None:
        super().__init__("127.0.0.1", 1, "hotline", "secret")
        self.fault, self.away = fault, away
        self.asked: list[dict[str, Any]] = []
        self.rang = asyncio.Event()

    def start(self) -> None:
        if not self.away:
            self.connected.set()

    async def close(self) -> None:
        self.connected.clear()

    async def originate(self, channel: str, **given: Any) -> Event:
        self.asked.append({"channel": channel, **given})
        self.rang.set()
        if self.fault is not None:
            raise self.fault
        return {"Event": "OriginateResponse", "Response": "Success"}

    def tell(self, name: str, **fields: str) -> None:
        """An event, as it is handed out."""
        for pattern, regexp in self._patterns.patterns:
            if regexp.match(name):
                for handler in self._patterns.callbacks[pattern]:
                    handler({"Event": name, **fields})

    @property
    def calls(self) -> list[str]:
        return [one["channel_id"] for one in self.asked]


@pytest_asyncio.fixture
async def campaign(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Campaign]:
    """Of ten numbers, open at any hour of the day that the tests run."""
    monkeypatch.setattr("callback.hours.Hours.is_open", lambda hours, at: True)
    made = await running(engine, Kind.LIST, max_lines=10)
    await people(engine, made, range(10))
    yield made


async def people(engine: AsyncEngine, campaign: Campaign, numbers: range) -> None:
    new = [NewTarget(f"{n}", f"+861390000{n:04}", NOW, scale=("satisfied", "dissatisfied")) for n in numbers]
    async with engine.begin() as connection:
        await add_targets(connection, campaign.id, new, NOW)


def make(engine: AsyncEngine, ami: Ami, *, voice: bool = True, **settings: Any) -> Dialler:
    given = Callback(**{"per_second": 100.0, "lines": 100, **settings})

    async def obstacle() -> str:
        return "" if voice else "nobody is there"

    return Dialler(engine, ami, given, "tests", rulebook().days.is_working_day, obstacle)


async def steps(dialler: Dialler, times: int = 3, tokens: int = 100) -> int:
    count = 0
    for _ in range(times):
        count += await dialler.step(STOP)
        await refill(dialler._engine, tokens)
        await asyncio.sleep(0)
    return count


async def refill(engine: AsyncEngine, tokens: int) -> None:
    """As if time had passed at the trunk."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE outbound_pace SET tokens = :tokens"), {"tokens": tokens})


async def rows(engine: AsyncEngine, query: str) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(text(query)))


async def test_each_is_asked_for_once(engine: AsyncEngine, campaign: Campaign) -> None:
    ami = Exchange()
    assert await steps(make(engine, ami, prefix="9")) == 10
    claimed = {row.call_id: row for row in await rows(engine, "SELECT * FROM callback_attempts")}
    assert sorted(ami.calls) == sorted(claimed)
    one = ami.asked[0]
    assert one["channel"] == f"PJSIP/9{claimed[one['channel_id']].number.removeprefix('+86')}@outbound"
    assert (one["context"], one["exten"], one["caller_id"]) == ("callback", "answered", "12345")
    assert one["ring_seconds"] == 30
    assert one["variables"] == {
        "CB_SURVEY": "ticket",
        "CB_SCALE": "satisfied-dissatisfied",
        "CB_NUMBER": claimed[one["channel_id"]].number,
    }


@pytest.mark.parametrize("fault", [AmiLost("cut"), AmiTimeout("no answer"), AmiRefused("no"), AmiError("full")])
async def test_what_went_wrong_is_not_repeated(engine: AsyncEngine, campaign: Campaign, fault: AmiError) -> None:
    ami = Exchange(fault)
    dialler = make(engine, ami)
    await steps(dialler, 5)
    assert len(ami.calls) == len(set(ami.calls)) == 10
    open_ones = await rows(engine, "SELECT outcome, freed_at FROM callback_attempts")
    assert set(open_ones) == {(None, None)}, "whoever decides about lost attempts decides"


async def test_without_asterisk_nobody_is_claimed(engine: AsyncEngine, campaign: Campaign) -> None:
    assert await steps(make(engine, Exchange(away=True))) == 0
    assert await rows(engine, "SELECT id FROM callback_attempts") == []


async def test_while_nobody_would_ask_nobody_is_claimed(engine: AsyncEngine, campaign: Campaign) -> None:
    assert await steps(make(engine, Exchange(), voice=False)) == 0
    assert await rows(engine, "SELECT id FROM callback_attempts") == []


async def test_after_the_word_to_stop_nobody_is_claimed(engine: AsyncEngine, campaign: Campaign) -> None:
    stopped = asyncio.Event()
    stopped.set()
    assert await make(engine, Exchange()).step(stopped) == 0


async def test_a_claim_that_lay_about_is_not_dialled(
    engine: AsyncEngine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "FRESH_SECONDS", 0.0)
    ami = Exchange()
    assert await steps(make(engine, ami)) == 10
    assert ami.calls == []


async def test_a_line_that_is_free_again_is_used_again(engine: AsyncEngine, campaign: Campaign) -> None:
    ami = Exchange()
    dialler = make(engine, ami, lines=1)
    for n in range(1, 4):
        await steps(dialler)
        assert len(ami.calls) == n
        ami.tell("Hangup", Channel="PJSIP/outbound-1", Uniqueid=ami.calls[-1])
    freed = await rows(engine, "SELECT outcome FROM callback_attempts WHERE freed_at IS NOT NULL")
    assert freed == [(None,), (None,)], "and nothing is said of what came of it"


async def test_who_calls_in_comes_first(engine: AsyncEngine, campaign: Campaign) -> None:
    ami = Exchange()
    dialler = make(engine, ami, trunk_lines=12, reserve=2)
    ami.tell("QueueCallerJoin", Queue="agents", Uniqueid="h-1.1")
    assert await steps(dialler) == 0
    ami.tell("QueueCallerLeave", Queue="agents", Uniqueid="h-1.1")
    for n in range(8):
        ami.tell("Newchannel", Channel=f"PJSIP/trunk-{n}", Uniqueid=f"h-1.{n}")
    ami.tell("Newchannel", Channel="PJSIP/outbound-8", Uniqueid="h-1.8")
    ami.tell("Newchannel", Channel="PJSIP/1001-9", Uniqueid="h-1.9")
    assert await steps(dialler) == 1, "twelve lines, nine taken, two kept"
    for n in range(9):
        ami.tell("Hangup", Channel=f"PJSIP/trunk-{n}", Uniqueid=f"h-1.{n}")
    assert await steps(dialler) == 9


async def test_two_diallers_ring_each_once(database_url: str, engine: AsyncEngine, campaign: Campaign) -> None:
    await people(engine, campaign, range(10, 100))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE campaigns SET rules = rules || '{\"max_lines\": 100}'"))
    engines = [create_hotline_engine(database_url) for _ in range(2)]
    exchanges = [Exchange(), Exchange()]
    diallers = [make(one, ami, per_second=5.0) for one, ami in zip(engines, exchanges, strict=True)]
    async with asyncio.timeout(20):
        while sum(len(ami.calls) for ami in exchanges) < 100:
            await asyncio.gather(*(steps(one, 1, tokens=5) for one in diallers))
            diallers.reverse()
    assert all(ami.calls for ami in exchanges), "both had work"
    asked = [call for ami in exchanges for call in ami.calls]
    numbers = [one["variables"]["CB_NUMBER"] for ami in exchanges for one in ami.asked]
    assert len(asked) == len(set(asked)) == len(set(numbers)) == 100
    for one in engines:
        await one.dispose()


async def test_nothing_to_do_costs_one_query(engine: AsyncEngine) -> None:
    asked: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    ami = Exchange()
    dialler = make(engine, ami)
    for _ in range(50):
        await dialler.step(STOP)
    assert not ami.connected.is_set(), "nor are Asterisk's events listened to"
    assert len([one for one in asked if "campaigns" in one]) == len(asked) == 1


async def test_it_hears_that_a_campaign_begins_and_outlives_the_database(
    database_url: str, engine: AsyncEngine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "IDLE_SECONDS", 600.0)
    async with engine.begin() as connection:
        await manage.act(connection, campaign.id, Act.PAUSE, NOW)
    ami, stop = Exchange(), asyncio.Event()
    dialler = make(engine, ami)
    tasks = [asyncio.create_task(dialler.run(stop)), asyncio.create_task(listen(driver_url(database_url), dialler))]
    other = create_hotline_engine(database_url)
    async with asyncio.timeout(20):
        while not await rows(other, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"):
            await asyncio.sleep(0.01)
        await rows(other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        while not await rows(other, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"):
            await asyncio.sleep(0.01)
        assert not ami.connected.is_set()
        async with other.begin() as connection:
            await manage.act(connection, campaign.id, Act.RESUME, NOW)
        await ami.rang.wait()
        stop.set()
        await tasks[0]
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await other.dispose()


async def test_the_process_lives_while_database_and_asterisk_are_away(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = Settings(
        home=tmp_path, database=Database(url=f"postgresql://u:p@127.0.0.1:{port}/x"), ami=AmiSettings(port=port)
    )
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    works = dialler_part(settings).works
    async with asyncio.timeout(20):
        while not await works():
            await asyncio.sleep(0.02)
        stop.set()
        await serving
    assert not await works(), "it says itself that it has ended"
