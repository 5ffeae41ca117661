"""What is over its time goes, with its words; what is held stays, whatever else says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import keeping, transcripts
from calls.alerts import list_alerts
from calls.keeping import KeepingFault
from calls.listing import list_calls
from calls.recording_files import remove
from calls.recording_seal import Keys
from calls.retention import LOOK_AGAIN_OPEN, CallClass, Retention, load_retention
from calls.transcripts import Made, Said
from datafile import DataFileError
from hotline.recordings_keeping import HELD_AGAIN, RULES_FAULTY, SETTLED, Keeper
from hotline.recordings_keys import LOST_KEY, check_sound_keys, load_keys
from hotline.secrets import SOUND_KEY_FILE, add_recording_key
from hotline.settings import Settings, SettingsError
from hotline.settings_sections import Recording
from tests.unit.recorded import add_ticket, menu_lines
from tests.unit.recording_people import (
    ARRIVED,
    DAY,
    KEYS,
    NEW_KEYS,
    add_call,
    audited,
    call_id,
    files,
    put_raw,
    recorded,
    row,
    sweep,
)

RULES = load_retention()
TWO_YEARS = ARRIVED + timedelta(days=730)
LATER = ARRIVED + timedelta(days=40_000)
SECOND = timedelta(seconds=1)
BY = {"reason": "诉讼保全", "by": "user:li", "at": ARRIVED}


def keeper(engine: AsyncEngine, root: Path, at: datetime, rules: Retention = RULES) -> Keeper:
    return Keeper(engine, root, lambda: rules, asyncio.Event(), lambda: at)


async def close_tickets(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET state = 'archived'"))


async def hold(engine: AsyncEngine, **what: str) -> int:
    async with engine.begin() as connection:
        return await keeping.hold(connection, **what, **BY)  # type: ignore[arg-type]


async def release(engine: AsyncEngine, **what: str) -> int:
    async with engine.begin() as connection:
        return await keeping.release(connection, **what, **BY)  # type: ignore[arg-type]


async def test_an_ordinary_call_goes_at_the_second_and_not_before(engine: AsyncEngine, tmp_path: Path) -> None:
    call = await recorded(engine, tmp_path, 1)
    assert await keeper(engine, tmp_path, TWO_YEARS - SECOND).run() == 0
    assert (await row(engine, call)).keep_class == "ordinary"
    assert files(tmp_path) == [f"{call}.wav"]
    assert await keeper(engine, tmp_path, TWO_YEARS).run() == 1
    found = await row(engine, call)
    assert (found.state, found.erased_at, found.erased_by) == ("erased", TWO_YEARS, "system")
    assert found.reason == "保存期满：普通通话（730 天）"
    assert (found.kept, files(tmp_path)) == ((), [])
    ((actor, action, detail),) = await audited(engine, f"call:{call}")
    assert (actor, action, len(detail["sha256"])) == ("system", "recording.erase", 64)
    assert await keeper(engine, tmp_path, LATER).run() == 0


async def test_each_call_by_what_it_was(engine: AsyncEngine, tmp_path: Path) -> None:
    """All at once, a second before each class's end and at it."""
    calls = {
        "ordinary": await recorded(engine, tmp_path, 1),
        "abandoned": await recorded(engine, tmp_path, 2, abandoned=True),
        "callback": await recorded(engine, tmp_path, 3, via="callback", clip="comment"),
        "message": await recorded(engine, tmp_path, 4, clip="message", missed=True),
        "outgoing": await recorded(engine, tmp_path, 5, via="outgoing"),
        "emergency": await recorded(engine, tmp_path, 6, emergency="119", abandoned=True),
        "complaint": await recorded(engine, tmp_path, 7),
        "disputed": await recorded(engine, tmp_path, 8),
    }
    for of in ("complaint", "disputed"):
        await add_ticket(engine, calls[of])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET category = 'complaint'"))
        await connection.execute(
            text('UPDATE tickets SET life = life || \'{"rating": "dissatisfied"}\' WHERE call_id = :call'),
            {"call": calls["disputed"]},
        )
    await close_tickets(engine)
    ends: dict[datetime, set[str]] = {}
    for of in calls:
        end = RULES.classes[CallClass(of)].over_at(ARRIVED)
        assert end is not None
        ends.setdefault(end, set()).add(of)
    gone: set[str] = set()
    for end, classes in sorted(ends.items()):
        assert await keeper(engine, tmp_path, end - SECOND).run() == 0
        assert {of for of, call in calls.items() if (await row(engine, call)).state == "erased"} == gone
        assert await keeper(engine, tmp_path, end).run() == len(classes)
        gone |= classes
        assert {of for of, call in calls.items() if (await row(engine, call)).state == "erased"} == gone
    assert gone == set(calls)
    assert files(tmp_path) == []


async def test_the_words_go_with_the_sound(engine: AsyncEngine, tmp_path: Path) -> None:
    call = await recorded(engine, tmp_path, 0)
    await add_ticket(engine, call)
    await close_tickets(engine)
    async with engine.begin() as connection:
        for at, line in enumerate(menu_lines(call, "我家停水")):
            await connection.execute(
                text("INSERT INTO call_events VALUES (:call, 'cel', :at, :line)"),
                {"call": call, "at": at, "line": line},
            )
        one = await transcripts.claim(connection)
        assert one is not None
        said = (Said("caller", 0, 100, "我家停水"),)
        assert await transcripts.finish(connection, one, Made(said, "whisper", "base", 1.0), ARRIVED)
    assert await keeper(engine, tmp_path, LATER).run() == 1
    async with engine.connect() as connection:
        found = await transcripts.load(connection, call, lambda *_: "")
        assert found is not None
        assert (found.state, found.reason, found.said) == ("none", "deleted", ())
        lines = "".join(await connection.scalars(text("SELECT line FROM call_events")))
    assert "%E6%88%91" not in lines
    assert "HEARD" in lines


async def test_a_hold_on_the_call_beats_the_time(engine: AsyncEngine, tmp_path: Path) -> None:
    call = await recorded(engine, tmp_path, 1, clip="message")
    assert await hold(engine, call_id=call) == 1
    assert await keeper(engine, tmp_path, LATER).run() == 0
    with pytest.raises(KeepingFault, match="依法留存，不得删除（user:li：诉讼保全）") as refused:
        async with engine.begin() as connection:
            await keeping.erase_one(connection, call, reason="误录", by="user:wang", at=LATER)
    assert refused.value.code == "held"
    with pytest.raises(KeepingFault):
        async with engine.begin() as connection:
            await keeping.check_free(connection, call)
    assert len(files(tmp_path)) == 2
    assert await release(engine, call_id=call) == 1
    assert await keeper(engine, tmp_path, LATER + HELD_AGAIN - SECOND).run() == 0
    assert await keeper(engine, tmp_path, LATER + HELD_AGAIN).run() == 1
    assert files(tmp_path) == []


async def test_a_hold_on_a_ticket_holds_every_call_of_the_matter(engine: AsyncEngine, tmp_path: Path) -> None:
    """The one that made it, the agent's call about it, the callback, the call of a ticket that was merged into it."""
    made, rung, asked, merged, other = [await recorded(engine, tmp_path, number) for number in range(5)]
    ticket, second = await add_ticket(engine, made), await add_ticket(engine, merged)
    async with engine.begin() as connection:
        for statement in (
            "UPDATE tickets SET duplicate_of = :ticket WHERE number = :second",
            "INSERT INTO ticket_events (number, kind, actor, data) VALUES"
            " (:ticket, 'called', 'agent', jsonb_build_object('call_id', CAST(:rung AS text)))",
            "INSERT INTO campaigns (id, name, kind, survey, starts_on, created_by)"
            " VALUES (1, 'a', 'tickets', 's', '2026-11-22', 'li')",
            "INSERT INTO callback_targets (id, campaign_id, about, ticket, number, due_at, next_at)"
            " VALUES (1, 1, :ticket, :ticket, '+8613900001111', now(), now())",
            "INSERT INTO callback_attempts (target_id, campaign_id, number, call_id, dialler)"
            " VALUES (1, 1, '+8613900001111', :asked, 'd')",
        ):
            values = {"ticket": ticket, "second": second, "rung": rung, "asked": asked}
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), used)
    await close_tickets(engine)
    assert await hold(engine, ticket=ticket) == 4
    assert await keeper(engine, tmp_path, LATER).run() == 1
    assert (await row(engine, other)).state == "erased"
    assert [(await row(engine, call)).held for call in (made, rung, asked, merged)] == [True] * 4
    async with engine.connect() as connection:
        (one,) = await keeping.holds_of(connection, asked)
        found = await keeping.list_recordings(connection, limit=10, ticket=ticket)
        assert (one.ticket, one.by) == (ticket, "user:li")
        assert [each.call_id for each in found] == [made, rung, asked, merged]
        assert len(await keeping.list_recordings(connection, limit=10, held=True)) == 4
    # A hold on one of its calls alone is not lifted with the ticket's.
    await hold(engine, call_id=rung)
    assert await release(engine, ticket=ticket) == 1
    assert await keeper(engine, tmp_path, LATER + HELD_AGAIN).run() == 3
    assert (await row(engine, rung)).state == "done"
    with pytest.raises(KeepingFault) as refused:
        await release(engine, ticket=ticket)
    assert refused.value.code == "not_held"


async def test_an_open_ticket_keeps_its_call_and_a_dispute_is_seen_at_the_last_moment(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    call = await recorded(engine, tmp_path, 1)
    await add_ticket(engine, call)
    assert await keeper(engine, tmp_path, TWO_YEARS).run() == 0
    await close_tickets(engine)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tickets SET supervised = true"))
    assert await keeper(engine, tmp_path, TWO_YEARS + LOOK_AGAIN_OPEN).run() == 0
    assert (await row(engine, call)).keep_class == "disputed"


async def test_new_rules_are_applied_to_all(engine: AsyncEngine, tmp_path: Path) -> None:
    for number in range(3):
        await recorded(engine, tmp_path, number)
    day = ARRIVED + timedelta(days=31)
    assert await keeper(engine, tmp_path, day).run() == 0
    classes = dict(RULES.classes)
    classes[CallClass.ORDINARY] = classes[CallClass.ORDINARY].model_copy(update={"days": 30})
    shorter = RULES.model_copy(update={"classes": classes})
    assert await keeper(engine, tmp_path, day, shorter).run() == 3


async def test_what_is_not_there_any_more_goes_too(engine: AsyncEngine, tmp_path: Path) -> None:
    """A missing file's row, and a recording that no call is known of."""
    call = await recorded(engine, tmp_path, 1)
    remove(tmp_path, f"{DAY}/{call}.raw")
    put_raw(tmp_path, 2)
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO recordings (call_id, file) VALUES (:id, :file)"),
            {"id": call_id(2), "file": f"{DAY}/{call_id(2)}.raw"},
        )
    assert await sweep(engine, tmp_path) == 1
    # Its time is in its name, some hours before the other call.
    moment = datetime.fromtimestamp(1_795_296_063, UTC) + timedelta(days=730)
    assert await keeper(engine, tmp_path, moment - SECOND).run() == 0
    assert await keeper(engine, tmp_path, moment).run() == 1
    assert (await row(engine, call_id(2))).state == "erased"
    assert await keeper(engine, tmp_path, TWO_YEARS).run() == 1


async def test_of_a_call_that_was_not_recorded_the_words_go(engine: AsyncEngine, tmp_path: Path) -> None:
    call = await add_call(engine, 0)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM recordings"))
        for at, line in enumerate(menu_lines(call, "我家停水")):
            await connection.execute(
                text("INSERT INTO call_events VALUES (:call, 'cel', :at, :line)"),
                {"call": call, "at": at, "line": line},
            )
    ended = ARRIVED + timedelta(minutes=2)
    assert await keeper(engine, tmp_path, ended + SETTLED).run() == 0
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM recordings")) == 0
    assert await keeper(engine, tmp_path, ended + SETTLED + SECOND).run() == 0
    assert (await row(engine, call)).state == "none"
    async with engine.connect() as connection:
        (shown,) = await list_calls(connection, limit=1)
        assert shown["recording"] is None
    assert await keeper(engine, tmp_path, TWO_YEARS).run() == 1
    async with engine.connect() as connection:
        assert "%E6%88%91" not in "".join(await connection.scalars(text("SELECT line FROM call_events")))
        assert not await connection.scalar(text("SELECT unremoved FROM recordings"))


async def test_a_crash_between_the_row_and_the_files(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await recorded(engine, tmp_path, 1, clip="comment")

    def no_disk(root: Path, file: str) -> int:
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr("hotline.recordings_keeping.remove", no_disk)
        assert await keeper(engine, tmp_path, LATER).run() == 1
    assert len(files(tmp_path)) == 2
    assert await keeper(engine, tmp_path, LATER).remove_files() == 1
    assert files(tmp_path) == []
    assert await keeper(engine, tmp_path, LATER).remove_files() == 0
    # A raw file that turns up afterwards, as after a crash of the machine, does not bring it back.
    put_raw(tmp_path, 1)
    caught_up = asyncio.Event()
    caught_up.set()
    from hotline.recordings_job import Sweeper

    assert await Sweeper(engine, tmp_path, caught_up, asyncio.Event()).adopt_orphans() == 0
    assert await keeper(engine, tmp_path, LATER).remove_files() == 1
    assert files(tmp_path) == []
    assert (await row(engine, call)).state == "erased"


async def test_erased_while_it_is_converted(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_raw(tmp_path, 1)
    call = await add_call(engine, 1)
    from calls.recording import Sound, convert

    loop = asyncio.get_running_loop()

    async def erase() -> None:
        async with engine.begin() as connection:
            await keeping.erase_one(connection, call, reason="误录", by="user:li", at=ARRIVED)

    def meanwhile(root: Path, file: str, spare: Path, keys: Keys) -> Sound:
        asyncio.run_coroutine_threadsafe(erase(), loop).result(20)
        return convert(root, file, spare, keys)

    monkeypatch.setattr("hotline.recordings_job.convert", meanwhile)
    await sweep(engine, tmp_path)
    assert (await row(engine, call)).state == "erased"
    assert files(tmp_path) == [f"{call}.wav"]
    assert await keeper(engine, tmp_path, ARRIVED).run() == 0
    assert files(tmp_path) == []


async def test_a_call_under_way_is_not_erased(engine: AsyncEngine, tmp_path: Path) -> None:
    call = await add_call(engine, 1, ended=False)
    for at, code in ((call, "under_way"), (call_id(9), "unknown")):
        with pytest.raises(KeepingFault) as refused:
            async with engine.begin() as connection:
                await keeping.erase_one(connection, at, reason="误录", by="user:li", at=ARRIVED)
        assert refused.value.code == code
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE recordings SET state = 'missing'"))
    assert await keeper(engine, tmp_path, LATER).run() == 0


async def first_of(*works: Callable[[], Awaitable[object]]) -> list[object]:
    return await asyncio.gather(*(work() for work in works), return_exceptions=True)


async def test_a_hold_and_an_erasure_at_once_take_turns(engine: AsyncEngine, tmp_path: Path) -> None:
    """Either it is held and there, or it is gone and nobody was told that it is held."""
    for number in range(10):
        call = await recorded(engine, tmp_path, number)

        async def erase(call: str = call) -> object:
            async with engine.begin() as connection:
                return await keeping.erase_one(connection, call, reason="误录", by="user:wang", at=ARRIVED)

        async def held(call: str = call) -> object:
            return await hold(engine, call_id=call)

        results = await first_of(*((erase, held) if number % 2 else (held, erase)))
        faults = [one for one in results if isinstance(one, KeepingFault)]
        assert len(faults) == 1
        found = await row(engine, call)
        assert (found.state, found.held) == (("done", True) if faults[0].code == "held" else ("erased", False))


async def alerts(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [one["kind"] for one in await list_alerts(connection, include_closed=False, limit=10)]


async def test_a_faulty_rule_file_removes_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    await recorded(engine, tmp_path, 1)

    def faulty() -> Retention:
        raise DataFileError(tmp_path, 3, "days: 0")

    await Keeper(engine, tmp_path, faulty, asyncio.Event(), lambda: LATER).run_or_say()
    assert await alerts(engine) == [RULES_FAULTY]
    assert len(files(tmp_path)) == 1
    await keeper(engine, tmp_path, LATER).run_or_say()
    assert await alerts(engine) == []
    assert files(tmp_path) == []


async def test_keys_are_made_once_and_missed_when_they_are_lost(engine: AsyncEngine, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, recording=Recording(encrypt=True, dir=tmp_path))
    with pytest.raises(SettingsError, match=SOUND_KEY_FILE):
        load_keys(settings)
    # Without a key nothing is converted in the open.
    put_raw(tmp_path, 1)
    call = await add_call(engine, 1)
    await sweep(engine, tmp_path, lambda: load_keys(settings))
    found = await row(engine, call)
    assert (found.state, found.reason, files(tmp_path)) == ("pending", "no key", [f"{call}.raw"])
    async with engine.begin() as connection:
        await check_sound_keys(connection, settings)
        await connection.execute(text("UPDATE recordings SET next_try_at = now()"))
    path = tmp_path / SOUND_KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    await sweep(engine, tmp_path, lambda: load_keys(settings))
    (kept,) = (await row(engine, call)).kept
    assert kept.key_id == load_keys(settings).seals_with != ""
    second = add_recording_key(settings)
    assert load_keys(settings).seals_with == second
    assert kept.key_id in load_keys(settings)
    hidden = path.rename(tmp_path / "away")
    async with engine.begin() as connection:
        await check_sound_keys(connection, settings)
    assert await alerts(engine) == [LOST_KEY]
    assert not path.exists()
    hidden.rename(path)
    async with engine.begin() as connection:
        await check_sound_keys(connection, settings)
    assert await alerts(engine) == []
    off = Settings(home=tmp_path, recording=Recording(dir=tmp_path))
    assert load_keys(off).seals_with == ""


async def test_the_scribe_hears_sealed_recordings(engine: AsyncEngine, tmp_path: Path) -> None:
    from hotline.scribe_sound import BadSound, length, windows

    call = await recorded(engine, tmp_path, 3, keys=KEYS)
    path = tmp_path / f"{DAY}/{call}.wav"
    assert length(path, NEW_KEYS).seconds == 1.0
    (window,) = windows(path, 0, None, KEYS)
    assert len(window.pcm) == 16_000
    with pytest.raises(BadSound, match="key old"):
        length(path)
