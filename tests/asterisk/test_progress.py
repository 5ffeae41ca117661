"""Key 4 on a real line: how a ticket stands, for whoever knows its number and the telephone on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hotline.db import open_engine
from hotline.desk_progress import progress
from hotline.rulebook import open_rulebook
from ivr.desk import Progress
from ivr.prompts import FOLDER as PROMPTS
from line.spoken import keep, name_of
from tests.asterisk.callbacks import EVERYTHING
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of, events, ticket_of
from tests.asterisk.sound import read_wav
from tests.asterisk.spoken import heard_whole
from tickets.book import create, execute
from tickets.commands import COMMAND
from tickets.permits import Actor
from tickets.ticket import NewRequest
from tickets.words import Category

pytestmark = pytest.mark.asterisk

UNIT = "system-busy"
"""The unit's name, as it was recorded."""
PERSON = Actor("测试", EVERYTHING, "某局")


async def dispatched(instance: Instance, caller: str) -> str:
    """The number of a ticket of this caller's that a unit works on."""
    book, at = open_rulebook(instance.settings), datetime.now(UTC) - timedelta(minutes=5)
    request = NewRequest(category=Category.HELP, title="路灯不亮", caller=caller, caller_e164=f"+86{caller}")
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        number = (await create(connection, book, request, PERSON, at)).number
        for step in ({"do": "accept"}, {"do": "dispatch", "unit": "某局"}):
            await execute(connection, book, number, COMMAND.validate_python(step), PERSON, at)
    return number


def told(call: dict[str, Any]) -> list[dict[str, str]]:
    return [entry["detail"] for entry in call["timeline"] if entry["event"] == "progress"]


def hears(path: Path, prompt: str) -> bool:
    """By any half second of its first two: over more, a busy machine loses a packet."""
    samples, rate = read_wav(path)
    sound, same = read_wav(PROMPTS / "zh" / f"{prompt}.wav")
    assert rate == same
    half = rate // 2
    pieces = [sound[at : at + half, 0] for at in range(0, min(len(sound), 2 * rate) - half + 1, half)]
    return any(heard_whole(samples[:, 0], piece) > 0.8 for piece in pieces)


async def test_who_knows_it_is_told(phones: Phones, tmp_path: Path) -> None:
    """One by the ticket's number, who then waits until the hotline hangs up; one by his own number, then an agent."""
    await asyncio.gather(_told_and_over(phones, tmp_path / "heard.wav"), _told_and_on_to_an_agent(phones))


async def _told_and_over(phones: Phones, heard: Path) -> None:
    number = await dispatched(phones.instance, "13900007001")
    keep(phones.instance.settings.spoken_dir, (PROMPTS / "zh" / f"{UNIT}.wav").read_bytes(), name_of("某局"))
    keys = f"w1,4,w1,{number.replace('-', '')}#,w1,7001"
    line = await phones.citizen("13800007001", keys=keys, record=heard)
    await line.ended(60)
    call = await call_of(phones.instance, "13800007001")
    assert told(call) == [{"result": "found", "ticket": number}]
    assert (call["missed"], call["ticket"], call["queue"]) == (False, None, "")
    assert "7001" not in str([entry for entry in call["timeline"] if entry["event"] != "arrived"])
    for prompt in ("progress-working", UNIT, "progress-handles", "progress-due", "progress-after", "goodbye"):
        assert hears(heard, prompt), prompt


async def _told_and_on_to_an_agent(phones: Phones) -> None:
    number = await dispatched(phones.instance, "13900007002")
    line = await phones.citizen("13900007002", keys="w1,4,w1,#,w1,7002,w1.5,0")
    await line.wait("connected", 25, detail="progress")
    await line.hangup()
    call = await call_of(phones.instance, "13900007002")
    assert told(call) == [{"result": "found", "ticket": number}]
    assert (call["queue"], call["missed"]) == ("progress", True)
    assert (await ticket_of(phones.instance, call))["category"] == "consultation"


async def test_wrong_three_times_is_for_an_agent(phones: Phones) -> None:
    number = (await dispatched(phones.instance, "13900007003")).replace("-", "")
    tries = ",".join(f"w0.6,{number}#,w0.6,{guess}" for guess in ("0001", "0002", "0003"))
    line = await phones.citizen("13800007003", keys=f"w1,4,{tries}")
    await line.wait("connected", 40, detail="progress")
    await line.hangup()
    call = await call_of(phones.instance, "13800007003")
    assert [detail["result"] for detail in told(call)] == ["wrong"] * 3
    assert [entry["detail"]["digits"] for entry in call["timeline"] if entry["event"] == "number"] == [number] * 3
    decided = next(entry["detail"] for entry in call["timeline"] if entry["event"] == "decided")
    assert (decided["to"], decided["by"]) == ("progress", "wrong")
    assert events(call).count("queued") == 1


async def test_who_has_guessed_fifty_times_is_told_nothing_any_more(phones: Phones) -> None:
    number = (await dispatched(phones.instance, "13900007004")).replace("-", "")
    async with open_engine(phones.instance.settings) as engine:
        guesses = (f"{guess:04d}" for guess in range(50))
        given = (phones.instance.settings, "13800007004", "allowed", number)
        answers = await asyncio.gather(*(progress(engine, *given, guess) for guess in guesses))
    most = phones.instance.settings.line.progress_tries
    assert (answers.count(Progress("wrong")), answers.count(Progress("limited"))) == (most, 50 - most)
    line = await phones.citizen("13800007004", keys=f"w1,4,w1,{number}#,w1,7004")
    await line.wait("connected", 25, detail="progress")
    await line.hangup()
    assert told(await call_of(phones.instance, "13800007004")) == [{"result": "limited", "ticket": number}]
