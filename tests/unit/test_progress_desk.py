"""Who is told how a ticket stands, and how often one may guess: a real PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import logging
import wave
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.desk_progress import progress
from hotline.rulebook import open_rulebook
from hotline.settings import Settings
from hotline.settings_sections import Line
from ivr.desk import Progress
from line.progress import STAGES, Answer, Told, enquire, is_one_of, number_of, telephones
from line.spoken import keep, name_of, sound_of
from people.units import Unit, UnitKind, save_unit
from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MORNING,
    PlainBox,
    dispatched,
    do,
    leader,
    officer,
    request,
    rulebook,
)  # fmt: skip
from tickets.book import create, edit
from tickets.split import merge
from tickets.ticket import Edit
from tickets.words import State

CALLER = "+8613900001111"
MOST = 10


async def ask(
    engine: AsyncEngine, ticket: str, last_four: str, caller: str = "+8613700000000", most: int = MOST
) -> Answer:
    async with engine.begin() as connection:
        return await enquire(connection, PlainBox().open, caller, ticket.replace("-", ""), last_four, most)


async def number_known(engine: AsyncEngine, **changes: Any) -> str:
    given = {"caller": "139 0000 1111", "caller_e164": CALLER, **changes}
    return (await dispatched(engine, **given)).number


async def tries(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        return [
            tuple(row)
            for row in await connection.execute(text("SELECT caller, ticket FROM progress_tries ORDER BY id"))
        ]


# ---- right and wrong -------------------------------------------------------------------------------------------------


async def test_number_and_digits_tell_state_unit_and_day(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    told = await ask(engine, number, "1111")
    assert isinstance(told, Told)
    assert (told.number, told.state, told.unit) == (number, State.DISPATCHED, "housing")
    async with engine.connect() as connection:
        due = await connection.scalar(text("SELECT due_at AT TIME ZONE 'Asia/Shanghai' FROM tickets"))
    assert told.due == due.date()
    assert told.due > date(2026, 9, 17)
    assert await tries(engine) == []


async def test_the_number_that_the_agent_took_down_counts_too(engine: AsyncEngine) -> None:
    hidden = await number_known(engine, caller="号码隐藏", caller_e164=None, contact="王女士 0411-8234 5678，下班后打")
    assert isinstance(await ask(engine, hidden, "5678"), Told)
    assert await ask(engine, hidden, "1111") == "wrong"


async def test_a_ticket_without_a_telephone_is_told_of_to_nobody(engine: AsyncEngine) -> None:
    number = await number_known(engine, caller="号码隐藏", caller_e164=None)
    for digits in ("", "0000", "----", "1111", "号码隐藏"):
        assert await ask(engine, number, digits) == "wrong"


async def test_nobody_learns_which_of_the_two_was_wrong(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    for ticket, digits in ((number, "1112"), ("20990101000001", "1111"), ("1", "1111"), (number, "111"), (number, "")):
        assert await ask(engine, ticket, digits) == "wrong"
    assert [ticket for _, ticket in await tries(engine)] == [number, "20990101-000001", "1", number, number]


async def test_the_callers_own_number_finds_what_is_worked_on(engine: AsyncEngine) -> None:
    older = await number_known(engine)
    newer = await number_known(engine, title="路灯不亮")
    async with engine.begin() as connection:
        # A call that came to nothing makes a ticket, too.
        lost = request(caller="139 0000 1111", caller_e164=CALLER)
        await create(connection, rulebook(), lost, AGENT, MORNING + timedelta(hours=5))
    told = await ask(engine, "", "1111", CALLER)
    assert isinstance(told, Told)
    assert told.number == newer != older
    assert await ask(engine, "", "1112", CALLER) == "wrong"
    assert await ask(engine, "", "1111", "+8613900002222") == "wrong"
    assert await tries(engine) == [(CALLER, newer), ("+8613900002222", "")]


async def test_of_an_office_with_thousands_of_tickets_only_the_latest_are_looked_at(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_on = await number_known(engine)
    async with engine.begin() as connection:
        for hour in (5, 6):
            lost = request(caller="139 0000 1111", caller_e164=CALLER)
            await create(connection, rulebook(), lost, AGENT, MORNING + timedelta(hours=hour))
    found = []
    for latest in (3, 2):
        monkeypatch.setattr("line.known.LATEST", latest)
        told = await ask(engine, "", "1111", CALLER)
        assert isinstance(told, Told)
        found.append(told.number == worked_on)
    assert found == [True, False]


async def test_a_hidden_number_has_no_ticket_of_its_own(engine: AsyncEngine) -> None:
    await number_known(engine, caller="号码隐藏", caller_e164=None, contact="13900001111")
    assert await ask(engine, "", "1111", "") == "wrong"


async def test_a_merged_ticket_stands_where_the_other_does(engine: AsyncEngine) -> None:
    main = await dispatched(engine, unit="water")
    async with engine.begin() as connection:
        again = await create(
            connection, rulebook(), request(caller="138 0000 2222", caller_e164="+8613800002222"), AGENT, MORNING
        )
        await merge(connection, rulebook(), again.number, main.number, DISPATCHER, MORNING + timedelta(hours=1))
    told = await ask(engine, again.number, "2222")
    assert isinstance(told, Told)
    assert (told.number, told.state, told.unit) == (main.number, State.DISPATCHED, "water")
    assert await ask(engine, again.number, "1111") == "wrong"


async def test_after_completion_there_is_no_day(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    async with engine.begin() as connection:
        at = MORNING + timedelta(hours=2)
        await do(connection, number, "contact", officer("housing"), at)
        done = {"result": "已修好", "basis": "物业管理条例", "leader_approval": True}
        await do(connection, number, "complete", leader("housing"), at, **done)
    told = await ask(engine, number, "1111")
    assert isinstance(told, Told)
    assert (told.state, told.unit, told.due) == (State.COMPLETED, "housing", None)


# ---- confidential ----------------------------------------------------------------------------------------------------


async def confidential(engine: AsyncEngine) -> str:
    number = await number_known(engine)
    change = Edit(confidential=True, handler="housing-officer")
    async with engine.begin() as connection:
        await edit(connection, rulebook(), number, change, DISPATCHER, MORNING + timedelta(hours=2))
    return number


async def test_of_a_confidential_ticket_the_state_alone_is_told(engine: AsyncEngine) -> None:
    number = await confidential(engine)
    assert await ask(engine, number, "1111") == Told(number, State.DISPATCHED)
    assert await ask(engine, number, "1112") == "wrong"


async def test_no_telephone_finds_a_confidential_ticket_by_itself(engine: AsyncEngine) -> None:
    await confidential(engine)
    for caller in (CALLER, rulebook().mark(CALLER), ""):
        assert await ask(engine, "", "1111", caller) == "wrong"


# ---- guessing --------------------------------------------------------------------------------------------------------


async def test_guessed_fifty_times_by_one_caller(engine: AsyncEngine) -> None:
    """Over tickets that are there and tickets that are not; the right digits come too late."""
    numbers = [await number_known(engine) for _ in range(5)]
    answers = [await ask(engine, number, f"{guess:04d}") for guess in range(10) for number in numbers]
    assert answers == ["wrong"] * MOST + ["limited"] * 40
    assert await ask(engine, numbers[0], "1111") == "limited"
    assert len(await tries(engine)) == MOST, "what was refused makes it no longer"
    assert isinstance(await ask(engine, numbers[4], "1111", "+8613711111111"), Told), "others are told"


async def test_guessed_fifty_times_by_fifty_callers(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    answers = [await ask(engine, number, f"{guess:04d}", f"+86137{guess:08d}") for guess in range(50)]
    assert answers == ["wrong"] * MOST + ["limited"] * 40
    assert await ask(engine, number, "1111", CALLER) == "limited"
    assert isinstance(await ask(engine, await number_known(engine), "1111", CALLER), Told)


async def test_guessed_fifty_times_at_once(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    answers = await asyncio.gather(
        *(ask(engine, number, f"{guess:04d}", f"+8613700000{guess % 2}") for guess in range(50))
    )
    assert answers.count("wrong") == MOST
    assert answers.count("limited") == 40


async def test_numbers_that_do_not_exist_are_limited_alike(engine: AsyncEngine) -> None:
    answers = [await ask(engine, "20990101000001", "1111", f"+86137{guess:08d}") for guess in range(12)]
    assert answers == ["wrong"] * MOST + ["limited"] * 2


async def test_hidden_callers_count_as_one(engine: AsyncEngine) -> None:
    numbers = [await number_known(engine) for _ in range(6)]
    answers = [await ask(engine, number, "0000", "") for number in numbers for _ in range(2)]
    assert answers == ["wrong"] * MOST + ["limited"] * 2


async def test_right_answers_cost_nothing_and_a_day_later_all_is_forgotten(engine: AsyncEngine) -> None:
    number = await number_known(engine)
    for _ in range(MOST - 1):
        assert await ask(engine, number, "0000") == "wrong"
    for _ in range(3):
        assert isinstance(await ask(engine, number, "1111"), Told)
    assert await ask(engine, number, "0000") == "wrong"
    assert await ask(engine, number, "1111") == "limited"
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE progress_tries SET at = at - interval '24 hours 1 second'"))
    assert isinstance(await ask(engine, number, "1111"), Told)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE progress_tries SET at = at - interval '1 day'"))
    assert await ask(engine, number, "0000") == "wrong"
    assert len(await tries(engine)) == 1


# ---- pure parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyed", "number"),
    [
        ("20261121000123", "20261121-000123"),
        ("20261121123", "20261121-000123"),
        ("202611211234567", "20261121-1234567"),
        ("20261121", "20261121"),
        ("", ""),
    ],
)
def test_a_ticket_number_as_keyed(keyed: str, number: str) -> None:
    assert number_of(keyed) == number


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (("+8613900001111", "139 0000 1111"), ["1111"]),
        (("", "号码隐藏", "13900001111 13900002222"), ["1111", "2222"]),
        (("0411-82345678转8001",), ["5678"]),
        (("（０４１１）８２３４５６７８",), ["5678"]),
        (("8234567",), ["4567"]),
        (("12345", "110", "微信 abc123456", "12 34 56"), []),
        (("1" * 30,), []),
        (tuple(f"1390000{n}" for n in range(1000, 1009)), ["1000", "1001", "1002", "1003"]),
    ],
)
def test_last_digits_of_the_telephones_in_words(words: tuple[str, ...], ends: list[str]) -> None:
    assert telephones(words) == ends


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        ("1111", ["1111"], True), ("1111", ["2222", "1111"], True), ("1111", ["2222"], False), ("1111", [], False),
        ("----", [], False), ("", [], False), ("", [""], False), ("11111", ["1111"], False),
        ("１１１１", ["1111"], False),
    ],
)  # fmt: skip
def test_the_digits_must_be_the_same(given: str, known: list[str], right: bool) -> None:
    assert is_one_of(given, known) is right


# ---- as a caller hears it --------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, line=Line(progress_tries=3))


async def hear(engine: AsyncEngine, settings: Settings, ticket: str, last_four: str, **more: str) -> Progress:
    who = {"number": "13700000000", "presentation": "allowed", **more}
    return await progress(engine, settings, who["number"], who["presentation"], ticket.replace("-", ""), last_four)


async def test_every_state_is_said() -> None:
    assert set(STAGES) == set(State)


async def test_the_units_name_is_said_once_it_was_recorded(engine: AsyncEngine, settings: Settings) -> None:
    number = await number_known(engine)
    async with engine.begin() as connection:
        await save_unit(connection, Unit("housing", "市住建局", UnitKind.DEPARTMENT))
    unknown = await hear(engine, settings, number, "1111")
    assert (unknown.result, unknown.ticket) == ("found", number)
    assert unknown.sounds[:4] == ("progress-ticket", "progress-working", "progress-by-unit", "progress-due")
    keep(settings.spoken_dir, tone(), name_of("市住建局"))
    known = await hear(engine, settings, number, "1111")
    name = sound_of(settings.spoken_dir, name_of("市住建局"))
    assert known.sounds[:5] == ("progress-ticket", "progress-working", "progress-by", name, "progress-handles")
    assert known.sounds[5:] == unknown.sounds[3:]


async def test_the_own_number_as_the_line_delivers_it(engine: AsyncEngine, settings: Settings) -> None:
    number = await number_known(engine)
    found = await hear(engine, settings, "", "1111", number="013900001111")
    assert (found.result, found.ticket, found.sounds[0]) == ("found", number, "progress-own")
    assert await hear(
        engine, settings, "", "1111", number="13900001111", presentation="prohib_not_screened"
    ) == Progress("wrong")
    assert await tries(engine) == [("", "")]


async def test_a_landline_that_shows_no_area_code_counts_by_itself(engine: AsyncEngine, settings: Settings) -> None:
    number = await number_known(engine, caller="82345678", caller_e164=None)
    assert (await hear(engine, settings, "", "5678", number="82345678")).ticket == number
    await hear(engine, settings, number, "0000", number="82345679")
    await hear(engine, settings, number, "0000", number="anonymous")
    await hear(engine, settings, number, "0000", number="sip:mallory")
    assert [caller for caller, _ in await tries(engine)] == ["82345679", "", ""]
    assert await hear(engine, settings, number, "5678", number="82345678") == Progress("limited")


async def test_a_confidential_ticket_is_opened_with_the_instances_keys(
    engine: AsyncEngine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    book = open_rulebook(settings, "dalian-2015", create=True)
    async with engine.begin() as connection:
        secret = request(confidential=True, handler="agent", caller="139 0000 1111", caller_e164=CALLER)
        number = (await create(connection, book, secret, AGENT, MORNING)).number
    told = await hear(engine, settings, number, "1111")
    assert told == Progress("found", ("progress-ticket", "progress-received"), number)
    assert await hear(engine, settings, number, "1112") == Progress("wrong")
    (settings.home / "confidential.keys").unlink()
    with caplog.at_level(logging.ERROR):
        assert await hear(engine, settings, number, "1111") == Progress("unknown")
    assert "confidential.keys" in caplog.text


def tone() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\x00\x20\x00\xe0" * 4000)
    return written.getvalue()
