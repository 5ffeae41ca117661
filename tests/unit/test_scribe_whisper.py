"""A call written down by the real Whisper: the caller on the left, an agent on the right, a minute long."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from pypinyin import lazy_pinyin
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import transcripts
from calls.transcripts import CALLER, OTHER
from hotline.scribe import whisper
from hotline.scribe_draft import draft_of
from hotline.scribe_writer import Writer
from hotline.settings import Settings
from routing.intent import load_understanding
from routing.intent.details import details
from speech import wav
from tests.speech.whisper import need_whisper
from tests.unit.recorded import Samples, add_recording, add_ticket, joined, silence
from tests.unit.ticket_people import rulebook
from tickets.draft import draft_of as stored_draft
from tickets.words import Category

SPOKEN = Path(__file__).parent.parent / "speech"
TURNS = tuple("h001 c001 t001 c003 h002 c005 t007 c002 h004 c004 t002 c006 t003 c007 h003".split())
"""Said in turns, the caller first."""


def texts() -> dict[str, str]:
    rows = (SPOKEN / "utterances.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {name: text for name, _, _, text in (row.split("\t") for row in rows)}


def sound(name: str) -> Samples:
    return np.frombuffer(wav.read(SPOKEN / "wav" / f"{name}.wav"), "<i2")


def sides() -> tuple[Samples, Samples]:
    left, right = [silence(1)], [silence(1)]
    for number, name in enumerate(TURNS):
        said = joined(sound(name), silence(1))
        hush = np.zeros_like(said)
        left.append(hush if number % 2 else said)
        right.append(said if number % 2 else hush)
    return joined(*left), joined(*right)


def likeness(heard: str, meant: str) -> float:
    """Of the syllables that were said, how many were heard in that order. Tones and characters do not count."""
    a, b = lazy_pinyin(heard), lazy_pinyin(meant)
    best = [0] * (len(b) + 1)
    for one in a:
        before = best[:]
        for place, other in enumerate(b):
            best[place + 1] = before[place] + 1 if one == other else max(before[place + 1], best[place])
    return best[-1] / len(b)


@pytest.mark.timeout(600)
async def test_a_minute_of_talk(engine: AsyncEngine, tmp_path: Path) -> None:
    need_whisper()
    left, right = sides()
    call = await add_recording(engine, tmp_path, 0, left, right)
    number = await add_ticket(engine, call)
    understanding = load_understanding()
    writer = Writer(
        engine=engine,
        root=tmp_path,
        model=whisper(Settings(home=tmp_path)),
        engine_name="whisper",
        model_name="whisper-base",
        draft=lambda made: draft_of(made, understanding.request, details),
        rulebook=rulebook,
        stop=asyncio.Event(),
        tell=lambda state, detail: None,
    )
    await writer.model.get_ready()
    began, cpu = time.monotonic(), time.process_time()
    assert await writer.sweep() == 1
    seconds = len(left) / 8000
    print(f"{seconds:.0f} s written down in {time.monotonic() - began:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
    async with engine.connect() as connection:
        found = await transcripts.load(connection, call, lambda envelope, ticket: envelope)
        draft = await stored_draft(connection, rulebook(), number)
    assert found is not None
    assert draft is not None
    known = texts()
    for channel, names in ((CALLER, TURNS[0::2]), (OTHER, TURNS[1::2])):
        heard = "".join(one.text for one in found.said if one.channel == channel)
        meant = "".join(known[name] for name in names)
        print(channel, heard)
        assert likeness(heard, meant) >= 0.6
        # Nothing came over from the other side.
        assert len(heard) <= 1.3 * len(meant)
    starts = [one.start_ms for one in found.said]
    assert starts == sorted(starts)
    assert max(one.end_ms for one in found.said) <= seconds * 1000
    print(draft)
    assert draft.category in (Category.HELP, Category.COMPLAINT)
    assert draft.summary in "".join(one.text for one in found.said if one.channel == CALLER)
