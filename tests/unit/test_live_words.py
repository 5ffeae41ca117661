"""What is said in calls that go on: growing files cut into breaths, written down in time, read by who is in it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import live_words, transcripts
from calls.tables import calls, recordings
from calls.transcripts import Said
from hotline.live_cut import RATE, Cutter, Samples
from hotline.live_tail import BEHIND_SECONDS, Tail
from hotline.scribe_live import Live
from hotline.scribe_model import Model
from hotline.settings_sections import Speech
from people import seats
from speech.port import EngineError
from tests.unit import api_peer
from tests.unit.api_peer import Api, api_for
from tests.unit.call_people import AGENT, Line, ours, own, put_call
from tests.unit.recorded import Heard, add_called, add_ticket, joined, silence, tone
from tests.unit.test_api_calls import ticket_of, turn_secret
from web import streams

NOW = datetime.now(UTC)
START = NOW - timedelta(minutes=1)
CALLS = tuple(f"hotline-{int(START.timestamp())}.{n}" for n in range(4))
ONE = CALLS[0]
PERSON_AT = 2.0


def file_of(call: str) -> str:
    return f"2026/11/22/{call}.raw"


def lines_of(call: str) -> list[Line]:
    """The recording begins with the call; a person comes after two seconds."""
    return [
        ours(0.0, "ARRIVED", dialled="12345", via="public", number="13900001111", pres="allowed"),
        own(0.0, "ANSWER"),
        ours(0.0, "RECORDING", file=file_of(call), state="on"),
        own(PERSON_AT, "BRIDGE_ENTER", bridge_id="b"),
        own(PERSON_AT, "BRIDGE_ENTER", AGENT, bridge_id="b"),
    ]


def both(left: Samples, right: Samples) -> bytes:
    found = np.zeros((max(len(left), len(right)), 2), "<i2")
    found[: len(left), 0], found[: len(right), 1] = left, right
    return found.tobytes()


def append(root: Path, call: str, left: Samples, right: Samples) -> None:
    path = root / file_of(call)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(both(left, right))


def cut(samples: Samples, at_once: int = 800) -> list[tuple[float, float]]:
    """Begin and end of each piece, seconds."""
    cutter = Cutter(0)
    found = [piece for n in range(0, len(samples), at_once) for piece in cutter.feed(samples[n : n + at_once])]
    return [(round(one.start / RATE, 2), round(one.start / RATE + one.seconds, 2)) for one in found]


def test_a_piece_is_a_breath() -> None:
    sound = joined(silence(2), tone(1.5), silence(1), tone(0.5), silence(1))
    assert cut(sound) == [(1.7, 4.1), (4.2, 5.6)]
    assert cut(sound, 37) == cut(sound, 80_000) == cut(sound), "however it comes"
    assert cut(joined(silence(1), tone(0.1), silence(2))) == [], "a click"
    assert cut(silence(60)) == []


def test_who_never_pauses_is_cut_where_it_is_quietest() -> None:
    loud = tone(30)
    loud[round(7.2 * RATE) : round(7.3 * RATE)] //= 8
    pieces = cut(loud)
    assert pieces[0] == (0.0, 7.25)
    assert all(begin == end for (_, begin), (end, _) in pairwise(pieces)), "nothing is lost"
    assert max(end - begin for begin, end in pieces) <= 8.0
    hum = joined(*(part for _ in range(6) for part in (tone(1, 20_000), tone(1, 600))))
    assert len(cut(hum)) >= 5, "a pause is what is quiet beside the voice"


def test_a_file_that_grows_is_read_once(tmp_path: Path) -> None:
    tail = Tail(tmp_path, file_of(ONE))
    assert [len(side) for side in tail.read()] == [0, 0], "not there yet"
    append(tmp_path, ONE, tone(1), silence(1))
    left, right = tail.read()
    assert (len(left), left.max() > 7000, right.max()) == (RATE, True, 0)
    with (tmp_path / file_of(ONE)).open("ab") as file:
        file.write(b"\1\2\3")  # half a moment
    assert [len(side) for side in tail.read()] == [0, 0]
    assert not tail.catch_up()
    append(tmp_path, ONE, silence(BEHIND_SECONDS + 1), silence(1))
    assert tail.catch_up()
    assert [len(side) for side in tail.read()] == [0, 0]


def test_a_file_for_each_side(tmp_path: Path) -> None:
    for side, sound in (("in", tone(1)), ("out", silence(0.5))):
        path = tmp_path / file_of(ONE).replace(".raw", f"-{side}.raw")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound.astype("<i2").tobytes())
    tail = Tail(tmp_path, file_of(ONE))
    assert [len(side) for side in tail.read()] == [RATE // 2, RATE // 2]


def test_no_other_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.raw"
    secret.write_bytes(both(tone(1), tone(1)))
    (tmp_path / "in").mkdir()
    for name in ("../secret.raw", "secret.raw", str(secret), "2026/11/22/../../../secret.raw"):
        assert [len(side) for side in Tail(tmp_path / "in", name).read()] == [0, 0]


@dataclass
class Ears:
    """Hears how long it was; ``before``: on its thread."""

    given: list[float] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def transcribe(self, pcm: bytes) -> Sequence[Heard]:
        self.before()
        seconds = len(pcm) / 2 / RATE
        self.given.append(seconds)
        return [Heard(0.3, seconds, f"我家停水{len(self.given)}，电话13900002222")]


async def put(engine: AsyncEngine, call: str = ONE, people: bool = True) -> None:
    await put_call(engine, call, START, lines_of(call) if people else lines_of(call)[:3])
    async with engine.begin() as connection:
        await connection.execute(recordings.insert().values(call_id=call, file=file_of(call), offset_ms=0))


async def said(engine: AsyncEngine, call: str = ONE) -> list[Said]:
    async with engine.connect() as connection:
        return [one.said for one in await live_words.lines(connection, call)]


def live(engine: AsyncEngine, root: Path, ears: Ears, **more: Any) -> Live:
    return Live(engine, root, Model(lambda: ears), asyncio.Event(), **{"most": 2, **more})


async def test_what_both_say_once_a_person_is_there(engine: AsyncEngine, tmp_path: Path) -> None:
    await put(engine)
    ears = Ears()
    scribe = live(engine, tmp_path, ears)
    # Prompt and caller at the menu; then the person.
    append(tmp_path, ONE, joined(tone(1.5), silence(0.5)), joined(tone(1.9), silence(0.1)))
    assert await scribe.look() == 0
    append(tmp_path, ONE, joined(silence(1), tone(1), silence(1)), joined(tone(0.8), silence(2.2)))
    assert await scribe.look() == 2
    first, second = await said(engine)
    assert (first.channel, first.start_ms, first.text) == ("other", 2000 + 300, "我家停水1，电话13900002222")
    assert (second.channel, 2900 < second.start_ms < 3100) == ("caller", True)
    assert await scribe.look() == 0
    append(tmp_path, ONE, joined(tone(1), silence(1)), silence(2))
    assert await scribe.look() == 1
    assert len(await said(engine)) == 3


async def test_one_that_died_goes_on_where_it_was(engine: AsyncEngine, tmp_path: Path) -> None:
    await put(engine)
    append(tmp_path, ONE, joined(silence(2.5), tone(1), silence(1)), silence(4.5))
    assert await live(engine, tmp_path, Ears()).look() == 1
    append(tmp_path, ONE, joined(tone(1), silence(1)), silence(2))
    assert await live(engine, tmp_path, Ears()).look() == 1
    first, second = await said(engine)
    assert first.end_ms < second.start_ms


async def test_the_longest_calls_and_no_more(engine: AsyncEngine, tmp_path: Path) -> None:
    now = [0.0]
    for n, call in enumerate(CALLS):
        await put(engine, call, people=n > 0)
        append(tmp_path, call, joined(silence(2.5), tone(1), silence(1)), silence(4.5))
    scribe = live(engine, tmp_path, Ears(), clock=lambda: now[0])
    await scribe.look()
    assert [bool(await said(engine, call)) for call in CALLS] == [False, True, True, False]
    now[0] += 61  # the log never told that these two ended: their files do not grow
    await scribe.look()
    await scribe.look()
    assert await said(engine, CALLS[3])
    async with engine.begin() as connection:
        await connection.execute(update(calls).where(calls.c.id == CALLS[3]).values(ended_at=NOW))
    append(tmp_path, CALLS[3], joined(tone(1), silence(1)), silence(2))
    assert await scribe.look() == 0, "what is over is for the transcript"


@pytest.mark.parametrize("agents", [False, True])
async def test_of_a_confidential_ticket_nothing_stays(
    engine: AsyncEngine, database_url: str, tmp_path: Path, agents: bool
) -> None:
    """``agents``: of a call that an agent made about it."""
    await put(engine)
    scribe = live(engine, tmp_path, Ears())
    append(tmp_path, ONE, joined(silence(2.5), tone(1), silence(1)), silence(4.5))
    assert await scribe.look() == 1
    async with api_for(engine, database_url, tmp_path) as api:
        if agents:
            number = await add_ticket(engine, CALLS[1])
            await add_called(engine, number, ONE)
        else:
            number = await ticket_of(api, ONE)
        await turn_secret(api, number, "dispatcher")
    assert await said(engine) == []
    append(tmp_path, ONE, joined(tone(1), silence(1)), silence(2))
    assert await scribe.look() == 0
    await scribe._write(ONE, [Said("caller", 0, 1, "喂")])  # as if it had turned while the model listened
    assert await said(engine) == []


async def test_lines_go_when_the_transcript_comes_or_the_call_is_long_over(engine: AsyncEngine) -> None:
    await put(engine)
    await put(engine, CALLS[1])
    old = NOW - timedelta(hours=1)
    line = Said("caller", 0, 1, "喂")
    async with engine.begin() as connection:
        for call in CALLS[:2]:
            await live_words.add(connection, call, [line, line], NOW)
        await live_words.clear_old(connection)
        assert len(await live_words.lines(connection, ONE, 0)) == 1
        values = {"state": "done", "sha256": "x", "path": "x"}
        await connection.execute(update(recordings).where(recordings.c.call_id == ONE).values(values))
        await transcripts.expect(connection, [ONE])
        claim = await transcripts.claim(connection)
        assert claim is not None
        assert await transcripts.finish(connection, claim, transcripts.Made((line,), "w", "b", 1.0), NOW)
        assert await live_words.lines(connection, ONE) == []
        await connection.execute(update(calls).where(calls.c.id == CALLS[1]).values(ended_at=old))
        await live_words.clear_old(connection)
        assert await live_words.lines(connection, CALLS[1]) == []


async def test_whoever_waits_for_a_line_comes_before_finished_recordings() -> None:
    heard: list[str] = []
    begun, go = threading.Event(), threading.Event()

    class Slow:
        def transcribe(self, pcm: bytes) -> Sequence[Heard]:
            begun.set()
            assert go.wait(10)
            heard.append(pcm.decode())
            return []

    model = Model(Slow)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(model.transcribe(b"recording 1"))
        await asyncio.to_thread(begun.wait, 10)
        group.create_task(model.transcribe(b"recording 2"))
        group.create_task(model.transcribe(b"live", first=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        go.set()
    assert heard == ["recording 1", "live", "recording 2"]


async def test_without_a_model_and_after_it_came(engine: AsyncEngine, tmp_path: Path) -> None:
    await put(engine)
    missing = [EngineError("no model")]

    def check() -> None:
        if missing:
            raise missing[0]

    append(tmp_path, ONE, joined(silence(2.5), tone(1), silence(1)), silence(4.5))
    scribe = replace(live(engine, tmp_path, Ears()), model=Model(Ears, check))
    with pytest.raises(EngineError):
        await scribe.look()
    missing.clear()
    assert await scribe.look() == 1


def test_live_needs_transcripts() -> None:
    assert not Speech().live
    with pytest.raises(ValueError, match="live needs transcripts"):
        Speech(live=True, transcripts=False)


# ---- over the API ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def api(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    plain = api_peer.services_for
    monkeypatch.setattr(api_peer, "services_for", lambda *given: replace(plain(*given), live_words=True))
    await put(engine)
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def sit(api: Api, name: str, extension: str) -> None:
    async with api.engine.begin() as connection:
        user = await connection.scalar(text("SELECT id FROM users WHERE name = :name"), {"name": name})
        await seats.take(connection, extension, user, datetime.now(UTC))


async def write(api: Api, *words: str) -> None:
    async with api.engine.begin() as connection:
        found = [Said("caller", n * 1000, n * 1000 + 900, word) for n, word in enumerate(words)]
        await live_words.add(connection, ONE, found, datetime.now(UTC))


async def events(answer: Any, count: int) -> list[tuple[str, Any, str]]:
    """Name, data and id of the next ones."""
    found: list[tuple[str, Any, str]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            fields = {}
            while line := (await answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            assert fields, "the stream ended"
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))
    return found


async def test_the_agent_in_the_call_sees_its_lines_masked(api: Api) -> None:
    await write(api, "喂")
    await sit(api, "agent", "1001")
    answer = await api.ask("agent", "GET", f"/calls/{ONE}/words")
    assert (answer.status, answer.content_type) == (200, "text/event-stream")
    [(name, line, place)] = await events(answer, 1)
    assert (name, line["text"], line["channel"], place) == ("line", "喂", "caller", "0")
    await write(api, "我的电话是13900002222", "好")
    assert [one["text"] for _, one, _ in await events(answer, 2)] == ["我的电话是139****2222", "好"]
    answer.close()
    again = await api.ask("agent", "GET", f"/calls/{ONE}/words", headers={"Last-Event-ID": "1"})
    assert [(one["text"], place) for _, one, place in await events(again, 1)] == [("好", "2")]
    async with api.engine.begin() as connection:
        await connection.execute(update(calls).where(calls.c.id == ONE).values(ended_at=datetime.now(UTC)))
    assert await events(again, 1) == [("over", {"call_id": ONE}, "")]
    assert await again.content.read() == b""
    acts = (await api.json("manager", "GET", "/audit?action=call.words"))["items"]
    assert [(one["actor"], one["object"]) for one in acts] == [("user:agent", f"call:{ONE}")]


async def test_nobody_else_but_who_may_hear_recordings(api: Api) -> None:
    await write(api, "喂")
    await api.json("agent", "GET", f"/calls/{ONE}/words", 403)
    await sit(api, "agent", "1002")
    await api.json("agent", "GET", f"/calls/{ONE}/words", 403)
    for who in ("manager", "officer", "leader", "administrator"):
        await api.json(who, "GET", f"/calls/{ONE}/words", 403)
    for who in ("supervisor", "dispatcher"):
        answer = await api.ask(who, "GET", f"/calls/{ONE}/words")
        assert len(await events(answer, 1)) == 1
        answer.close()
    await api.json("supervisor", "GET", f"/calls/{CALLS[3]}/words", 404)


async def test_the_stream_ends_when_the_call_is_another_agents_or_confidential(api: Api) -> None:
    await write(api, "喂")
    await sit(api, "agent", "1001")
    mine = await api.ask("agent", "GET", f"/calls/{ONE}/words")
    theirs = await api.ask("dispatcher", "GET", f"/calls/{ONE}/words")
    for answer in (mine, theirs):
        await events(answer, 1)
    async with api.engine.begin() as connection:
        await connection.execute(update(calls).where(calls.c.id == ONE).values(agent="1005"))
    async with asyncio.timeout(20):
        assert await mine.content.read() == b""
    number = await ticket_of(api, ONE)
    await turn_secret(api, number, "supervisor")
    async with asyncio.timeout(20):
        assert await theirs.content.read() == b""


async def test_the_streams_end_when_the_server_goes(api: Api) -> None:
    await write(api, "喂")
    answer = await api.ask("dispatcher", "GET", f"/calls/{ONE}/words")
    await events(answer, 1)
    async with asyncio.timeout(20):
        await api.client.app.shutdown()
        assert await answer.content.read() == b""
    await api.json("dispatcher", "GET", f"/calls/{ONE}/words", 503)


async def test_one_person_reads_so_many_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OF_ONE", 2)
    await write(api, "喂")
    open_now = [await api.ask("dispatcher", "GET", f"/calls/{ONE}/words") for _ in range(2)]
    for answer in open_now:
        await events(answer, 1)
    await api.json("dispatcher", "GET", f"/calls/{ONE}/words", 503)
    other = await api.ask("supervisor", "GET", f"/calls/{ONE}/words")
    assert len(await events(other, 1)) == 1
    async with api.engine.begin() as connection:
        await connection.execute(update(calls).where(calls.c.id == ONE).values(ended_at=datetime.now(UTC)))
    for answer in open_now:
        assert await events(answer, 1) == [("over", {"call_id": ONE}, "")]
        assert await answer.content.read() == b""
    again = await api.ask("dispatcher", "GET", f"/calls/{ONE}/words")
    assert len(await events(again, 2)) == 2


async def test_off_unless_it_is_switched_on(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    async with api_for(engine, database_url, tmp_path) as api:
        assert (await api.json("supervisor", "GET", f"/calls/{ONE}/words", 409))["code"] == "off"
