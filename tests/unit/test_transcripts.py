"""Recordings are written down once each, whoever dies in between, sealed where the ticket is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.listing import load_timeline
from calls.transcripts import Claim, Made, Said, Transcript
from hotline import scribe_sound
from hotline.reader import Reader
from hotline.recordings_job import Sweeper, defer_sweep
from hotline.scribe_job import QUEUE, expect
from hotline.scribe_model import IDLE_SECONDS, Model
from hotline.scribe_writer import Writer
from speech.port import EngineError
from tests.unit.recorded import FakeScribe, add_called, add_recording, add_ticket, call_id, joined, silence, tone
from tests.unit.ticket_people import AGENT, SUPERVISOR, assert_sound, rulebook
from tickets.book import edit, get
from tickets.draft import Draft, draft_of
from tickets.history import events_of
from tickets.ticket import Edit
from tickets.words import Category
from web.sealing import seal_left_open, seal_transcripts

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"
WATER = Draft(summary="我家停水两天了", category=Category.HELP, topic="water", phones=("13900001111",))
NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
Make = Callable[..., Writer]


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def writer(engine: AsyncEngine, tmp_path: Path, told: list[tuple[str, str]]) -> Make:
    def make(scribe: FakeScribe | Exception, draft: Draft | None = WATER) -> Writer:
        def load() -> FakeScribe:
            if isinstance(scribe, Exception):
                raise scribe
            return scribe

        return Writer(
            engine=engine,
            root=tmp_path,
            model=Model(load),
            engine_name="fake",
            model_name="tiny",
            draft=lambda made: draft,
            rulebook=rulebook,
            stop=asyncio.Event(),
            tell=lambda state, detail: told.append((state, detail)),
        )

    return make


async def stored(engine: AsyncEngine, call: str = call_id(0)) -> Transcript:
    async with engine.connect() as connection:
        found = await transcripts.load(connection, call, rulebook().sealing().open)
    assert found is not None
    return found


async def value(engine: AsyncEngine, query: str) -> Any:
    async with engine.begin() as connection:
        return await connection.scalar(text(query))


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def drafts(engine: AsyncEngine, number: str) -> list[Any]:
    async with engine.connect() as connection:
        return [event for event in await events_of(connection, rulebook(), number) if event.kind == "drafted"]


async def test_both_sides_and_a_draft(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(2), tone(3))
    number = await add_ticket(engine, call)
    scribe = FakeScribe(["我家停水两天了", "请问您的地址"])
    assert await writer(scribe).sweep() == 1
    found = await stored(engine)
    assert (found.state, found.engine, found.model, found.seconds, found.cut) == ("done", "fake", "tiny", 3.0, False)
    assert found.said == (
        Said("caller", 500, 1000, "我家停水两天了"),
        Said("other", 500, 1000, "请问您的地址"),
    )
    (event,) = await drafts(engine, number)
    assert (event.actor, event.data["engine"], event.data["call_id"]) == ("system", "fake", call)
    async with engine.connect() as connection:
        ticket = await get(connection, rulebook(), number, AGENT)
        assert await draft_of(connection, rulebook(), number) == WATER
    # Beside the ticket, never in it.
    assert (ticket.version, ticket.title, ticket.content, ticket.summary) == (1, "", "", "来电未按键 其他")
    assert (ticket.life.category, ticket.policy) == ("other", "")
    assert await assert_sound(engine, rulebook()) == 1


async def test_before_a_person_came_the_other_side_is_prompts_and_music(
    engine: AsyncEngine, tmp_path: Path, writer: Make
) -> None:
    """A call that a real Asterisk wrote down."""
    reader = Reader(engine, STREAMS / "cel.csv", STREAMS / "queue_log", on_ended=defer_sweep)
    await reader.step()
    reader.forget()
    async with engine.connect() as connection:
        call = await load_timeline(connection, call_id(0))
    assert call is not None
    assert call.human_at is not None
    ended = call.ended_at or 0.0
    await add_recording(engine, tmp_path, 0, silence(1), tone(ended - call.arrived_at))
    scribe = FakeScribe(["您好"])
    await writer(scribe).sweep()
    (pcm,) = scribe.given
    quiet = np.flatnonzero(np.frombuffer(pcm, "<i2"))[0] / 8000
    assert quiet == pytest.approx(call.human_at - call.arrived_at - 1, abs=0.1)
    assert [one.channel for one in (await stored(engine)).said] == ["other"]


async def test_it_is_done_once(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)
    scribe = FakeScribe(["停水"])
    assert await writer(scribe).sweep() == 1
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))  # the same sound, marked as converted again
    assert await writer(scribe).sweep() == 0
    assert (len(scribe.given), len(await drafts(engine, number))) == (1, 1)
    await add_recording(engine, tmp_path, 0, tone(2), silence(1))  # another sound of the same call
    assert await writer(FakeScribe(["没水了"])).sweep() == 1
    assert [one.text for one in (await stored(engine)).said] == ["没水了"]


async def test_of_two_who_write_at_once_one_is_heard(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)
    async with engine.begin() as connection:
        first = await transcripts.claim(connection)
        assert first is not None
        assert await transcripts.claim(connection) is None  # it is taken
        await transcripts.take_up_again(connection)
    assert await writer(FakeScribe(["停水"])).sweep() == 1
    late = Made((Said("caller", 0, 1, "晚了"),), "fake", "tiny", 1.0)
    async with engine.begin() as connection:
        assert not await transcripts.finish(connection, first, late, NOW)
    assert [one.text for one in (await stored(engine)).said] == ["停水"]
    assert len(await drafts(engine, number)) == 1


class Killed(BaseException):
    """As far as the database sees, the process is gone."""


async def test_killed_in_the_middle(
    engine: AsyncEngine, tmp_path: Path, writer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)

    async def nothing(self: Writer, one: Claim) -> None:
        """A killed process hands nothing back."""

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_hand_back", nothing)

        async def killed(*_: object, **__: object) -> None:
            raise Killed

        # Once while it listens, once while it writes: after the transcript, before the draft.
        with pytest.raises(Killed):
            await writer(FakeScribe(before=lambda: (_ for _ in ()).throw(Killed()))).sweep()
        patch.setattr("hotline.scribe_writer.add_draft", killed)
        with pytest.raises(Killed):
            await writer(FakeScribe(["停水"])).begin()
    found = await stored(engine)
    assert (found.state, found.said) == ("pending", ())
    assert await writer(FakeScribe(["停水"])).sweep() == 0  # its time has not come
    await writer(FakeScribe(["停水"])).begin()
    assert (await stored(engine)).state == "done"
    assert len(await drafts(engine, number)) == 1


async def test_one_that_ends_the_process_is_given_up(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    for _ in range(transcripts.MAX_ATTEMPTS):
        async with engine.begin() as connection:
            await transcripts.take_up_again(connection)
            assert await transcripts.claim(connection) is not None
    scribe = FakeScribe(["停水"])
    await writer(scribe).begin()
    found = await stored(engine)
    assert (found.state, found.reason, scribe.given) == ("failed", "ended in the middle", [])
    assert await value(engine, "SELECT kind FROM alerts") == "transcript_failed"


async def test_a_fault_of_the_engines_is_tried_again(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    faulty = FakeScribe(before=lambda: (_ for _ in ()).throw(RuntimeError("bad weights")))
    assert await writer(faulty).sweep() == 1
    found = await stored(engine)
    assert (found.state, found.reason) == ("pending", "RuntimeError")
    await writer(FakeScribe(["停水"])).begin()
    assert (await stored(engine)).state == "done"


async def test_a_lost_file_fails_after_some_tries(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    (tmp_path / "2026/11/22" / f"{call}.wav").unlink()
    for _ in range(transcripts.MAX_ATTEMPTS + 1):
        await writer(FakeScribe()).begin()
    found = await stored(engine)
    assert found.state == "failed"
    assert "No such file" in found.reason


async def test_without_a_model_all_wait(
    engine: AsyncEngine, tmp_path: Path, writer: Make, told: list[tuple[str, str]]
) -> None:
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    for _ in range(5):
        assert await writer(EngineError("whisper-base is not there: hotline models fetch")).sweep() == 0
    assert told[-1] == ("no model", "whisper-base is not there: hotline models fetch")
    assert (await stored(engine)).state == "pending"
    assert await value(engine, "SELECT attempts FROM transcripts") == 0
    assert await writer(FakeScribe(["停水"])).sweep() == 1
    assert told[-1] == ("idle", "")


async def test_no_work_no_model(engine: AsyncEngine, writer: Make) -> None:
    idle = writer(FakeScribe())
    assert await idle.sweep() == 0
    assert not idle.model.loaded


@pytest.mark.parametrize("lost", ["DELETE FROM recordings", "UPDATE recordings SET sha256 = 'another'"])
async def test_nothing_to_write_from_is_no_work(engine: AsyncEngine, tmp_path: Path, writer: Make, lost: str) -> None:
    """One that cannot be taken up is no reason to load the model; after a week it is given up."""
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    await run(engine, lost)
    idle = writer(FakeScribe())
    assert await idle.sweep() == 0
    assert (idle.model.loaded, (await stored(engine)).state) == (False, "pending")
    await run(engine, "UPDATE transcripts SET expected_at = now() - interval '8 days'")
    assert await idle.sweep() == 0
    assert (idle.model.loaded, (await stored(engine)).reason) == (False, "late")


async def test_the_model_is_freed_when_it_is_idle() -> None:
    now = [0.0]
    model = Model(FakeScribe, clock=lambda: now[0])
    await model.transcribe(b"")
    now[0] = IDLE_SECONDS - 1
    model.free_if_idle()
    assert model.loaded
    now[0] = IDLE_SECONDS
    model.free_if_idle()
    assert not model.loaded


async def test_the_newest_first_and_the_oldest_not_at_all(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    for number in range(3):
        await add_recording(engine, tmp_path, number, tone(1), silence(1))
        await run(
            engine,
            f"UPDATE transcripts SET expected_at = now() - interval '{(8, 2, 1)[number]} days'"
            f" WHERE call_id = '{call_id(number)}'",
        )
    assert await writer(FakeScribe(["新", "旧"])).sweep() == 2
    assert [(await stored(engine, call_id(n))).state for n in range(3)] == ["none", "done", "done"]
    assert (await stored(engine, call_id(0))).reason == "late"
    assert [(await stored(engine, call_id(n))).said[0].text for n in (1, 2)] == ["旧", "新"]


async def test_a_stop_leaves_it_to_the_next(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    loop = asyncio.get_running_loop()
    began, go_on = asyncio.Event(), asyncio.Event()

    def hold() -> None:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    one = writer(FakeScribe(["停水"], before=hold))
    working = asyncio.create_task(one.sweep())
    await began.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    go_on.set()
    assert await value(engine, "SELECT attempts FROM transcripts") == 0
    assert await writer(FakeScribe(["停水"])).sweep() == 1


async def test_nothing_said(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, silence(3), silence(3))
    number = await add_ticket(engine, call)
    scribe = FakeScribe(["谢谢观看"])
    await writer(scribe).sweep()
    found = await stored(engine)
    assert (found.state, found.reason, found.seconds) == ("none", "silent", 3.0)
    assert (scribe.given, await drafts(engine, number)) == ([], [])


async def test_a_long_call_goes_in_windows(
    engine: AsyncEngine, tmp_path: Path, writer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe_sound, "WINDOW_SECONDS", 2.0)
    monkeypatch.setattr(scribe_sound, "SEEK_SECONDS", 0.5)
    monkeypatch.setattr(scribe_sound, "LONGEST_SECONDS", 5.0)
    await add_recording(engine, tmp_path, 0, joined(tone(1.8), silence(0.3), tone(9)), silence(1))
    scribe = FakeScribe(["一", "二", "三", "四"])
    await writer(scribe).sweep()
    found = await stored(engine)
    assert (found.cut, round(found.seconds or 0, 1)) == (True, 11.1)
    assert max(len(pcm) for pcm in scribe.given) <= 2 * 2 * 8000
    starts = [one.start_ms for one in found.said]
    assert starts == sorted(starts)
    assert sum(len(pcm) for pcm in scribe.given) == 5 * 2 * 8000


SECRET = Edit(confidential=True, handler="dispatcher")


async def plain_words(engine: AsyncEngine) -> int:
    """Rows in which the words stand in the open."""
    return int(
        await value(
            engine,
            "SELECT (SELECT count(*) FROM transcript_segments) + (SELECT count(*) FROM ticket_events"
            " WHERE kind = 'drafted' AND (words IS NOT NULL OR data::text LIKE '%停水%'))"
            " + (SELECT count(*) FROM transcripts WHERE sealed LIKE '%停水%')",
        )
    )


async def test_a_confidential_tickets_call_is_sealed(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)
    async with engine.begin() as connection:
        await edit(connection, rulebook(), number, SECRET, AGENT, NOW)
    await writer(FakeScribe(["我家停水"])).sweep()
    assert await plain_words(engine) == 0
    assert [one.text for one in (await stored(engine)).said] == ["我家停水"]
    async with engine.connect() as connection:
        assert await draft_of(connection, rulebook(), number) == WATER
        await get(connection, rulebook(), number, SUPERVISOR)


async def test_what_was_written_before_is_sealed_too(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    number = await add_ticket(engine, call)
    await writer(FakeScribe(["我家停水"])).sweep()
    assert await plain_words(engine) == 2
    async with engine.begin() as connection:
        await edit(connection, rulebook(), number, SECRET, AGENT, NOW)
        await seal_transcripts(connection, rulebook().sealing(), number)
        await seal_transcripts(connection, rulebook().sealing(), number)
    assert await plain_words(engine) == 0
    assert [one.text for one in (await stored(engine)).said] == ["我家停水"]
    async with engine.connect() as connection:
        assert await draft_of(connection, rulebook(), number) == WATER


async def test_calls_that_an_agent_made_about_it_are_sealed_as_well(
    engine: AsyncEngine, tmp_path: Path, writer: Make
) -> None:
    """One was written down before the ticket turned confidential, one after."""
    number = await add_ticket(engine, call_id(0))
    for n in (1, 2):
        await add_called(engine, number, await add_recording(engine, tmp_path, n, tone(1), silence(1)))
        await writer(FakeScribe(["我家停水"])).sweep()
        async with engine.begin() as connection:
            if n == 1:
                await edit(connection, rulebook(), number, SECRET, AGENT, NOW)
                await seal_transcripts(connection, rulebook().sealing(), number)
        assert await plain_words(engine) == 0
        assert [one.text for one in (await stored(engine, call_id(n))).said] == ["我家停水"]


async def test_a_confidential_calls_words_stand_in_no_open_draft(
    engine: AsyncEngine, tmp_path: Path, writer: Make
) -> None:
    """A call about one ticket that made another."""
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    made, secret = await add_ticket(engine, call), await add_ticket(engine, call_id(9))
    await add_called(engine, secret, call)
    async with engine.begin() as connection:
        await edit(connection, rulebook(), secret, SECRET, AGENT, NOW)
    await writer(FakeScribe(["我家停水"])).sweep()
    assert await plain_words(engine) == 0
    assert await drafts(engine, made) == []


async def test_what_an_older_version_left_open_is_sealed(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    number, other = await add_ticket(engine, call_id(0)), await add_ticket(engine, call_id(9))
    for n, of in ((1, number), (2, number), (3, other)):
        await add_called(engine, of, await add_recording(engine, tmp_path, n, tone(1), silence(1)))
    await writer(FakeScribe(["我家停水"] * 3)).sweep()
    async with engine.begin() as connection:
        await edit(connection, rulebook(), number, SECRET, AGENT, NOW)
    assert await plain_words(engine) == 3
    assert await seal_left_open(engine, rulebook().sealing()) == 2
    assert await plain_words(engine) == 1
    assert await seal_left_open(engine, rulebook().sealing()) == 0
    for n in (1, 2, 3):
        assert [one.text for one in (await stored(engine, call_id(n))).said] == ["我家停水"]


async def test_deleted_is_deleted(engine: AsyncEngine, tmp_path: Path, writer: Make) -> None:
    call = await add_recording(engine, tmp_path, 0, tone(1), silence(1))
    await writer(FakeScribe(["停水"])).sweep()
    async with engine.begin() as connection:
        assert await transcripts.delete_one(connection, call)
        assert not await transcripts.delete_one(connection, "hotline-1.1")
    await add_recording(engine, tmp_path, 0, tone(2), silence(1))
    assert await writer(FakeScribe(["停水"])).sweep() == 0
    found = await stored(engine)
    assert (found.state, found.reason, found.said) == ("none", "deleted", ())


RAW = b"\1\0\2\0" * 8000


@pytest.mark.parametrize("on", [True, False])
async def test_off_nothing_is_expected(engine: AsyncEngine, tmp_path: Path, on: bool) -> None:
    """With the setting off, a recording that becomes ready leaves no trace here."""
    raw = tmp_path / f"2026/11/22/{call_id(0)}.raw"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(RAW)
    os.utime(raw, (1, 1))
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO recordings (call_id, file) VALUES (:id, :file)"),
            {"id": call_id(0), "file": f"2026/11/22/{call_id(0)}.raw"},
        )
    caught_up = asyncio.Event()
    hook = (expect,) if on else ()
    assert await Sweeper(engine, tmp_path, caught_up, asyncio.Event(), *hook).sweep() == 1
    assert await value(engine, "SELECT state FROM recordings") == "done"
    assert await value(engine, "SELECT count(*) FROM transcripts") == (1 if on else 0)
    jobs = await value(engine, f"SELECT count(*) FROM procrastinate_jobs WHERE queue_name = '{QUEUE}'")
    assert jobs == (1 if on else 0)
