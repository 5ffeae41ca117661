"""Recordings for the tests: stereo WAV files as ours are, rows that say so, and a scribe that hears what it is told."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.events import CEL
from calls.store import StoredLine, append_events
from hotline import scribe_job
from tickets.store import Received, receive

RATE = 8_000
DAY = "2026/11/22"
Samples = npt.NDArray[np.int16]


def tone(seconds: float, loud: int = 8_000) -> Samples:
    return (loud * np.sin(np.arange(round(seconds * RATE)) / 5)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def joined(*parts: Samples) -> Samples:
    return np.concatenate(parts)


def write_stereo(path: Path, left: Samples, right: Samples) -> Path:
    """The shorter side is filled up with silence."""
    both = np.zeros((max(len(left), len(right)), 2), "<i2")
    both[: len(left), 0] = left
    both[: len(right), 1] = right
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(both.tobytes())
    return path


def call_id(number: int) -> str:
    return f"hotline-1795296063.{number}"


async def add_recording(
    engine: AsyncEngine, root: Path, number: int, left: Samples, right: Samples, *, expect: bool = True
) -> str:
    """A converted recording that is, unless told otherwise, expected to be written down."""
    name = call_id(number)
    path = write_stereo(root / DAY / f"{name}.wav", left, right)
    seconds = max(len(left), len(right)) / RATE
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO recordings (call_id, file, state, path, sha256, offset_ms, seconds)"
                " VALUES (:id, :raw, 'done', :path, :sha, 0, :seconds)"
                " ON CONFLICT (call_id) DO UPDATE SET state = 'done', path = excluded.path, sha256 = excluded.sha256"
            ),
            {"id": name, "raw": f"{DAY}/{name}.raw", "path": f"{DAY}/{name}.wav", "sha": digest, "seconds": seconds},
        )
        if expect:
            await scribe_job.expect(connection, [name])
    return name


def menu_lines(call: str, said: str) -> list[str]:
    """Lines of Asterisk's event log: a call comes in and says something at the menu."""
    events = [
        ("ARRIVED", "exten=12345&via=public"),
        ("HEARD", urlencode({"node": "main", "end": "words", "text": said})),
    ]
    return [
        f'"{name}","1795296063.{at}","{name}","{{""extra"":""{extra}""}}","","","12345","public",'
        f'"PJSIP/citizen-00000000","CELGenUserEvent","{call}","{call}","","",""'
        for at, (name, extra) in enumerate(events)
    ]


async def add_menu(engine: AsyncEngine, call: str, said: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO calls (id, arrived_at) VALUES (:id, to_timestamp(1795296063))"), {"id": call}
        )
        await append_events(
            connection, [StoredLine(call, CEL, at, line) for at, line in enumerate(menu_lines(call, said))]
        )


async def add_ticket(engine: AsyncEngine, call: str) -> str:
    """A ticket as a call brings it in; returns its number."""
    request = Received(
        call,
        datetime(2026, 11, 22, tzinfo=UTC),
        "other",
        False,
        "139 0000 1111",
        "+8613900001111",
        "",
        "来电未按键 其他",
    )
    async with engine.begin() as connection:
        return (await receive(connection, [request]))[call]


async def add_called(engine: AsyncEngine, number: str, call: str) -> None:
    """``call`` is one that an agent made about the ticket."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO ticket_events (number, kind, actor, data)"
                " VALUES (:number, 'called', 'agent', jsonb_build_object('call_id', CAST(:call AS text)))"
            ),
            {"number": number, "call": call},
        )


@dataclass(frozen=True)
class Heard:
    start: float
    end: float
    text: str


@dataclass
class FakeScribe:
    """Hears ``words`` one after the other, one for each window; then nothing."""

    words: Sequence[str] = ()
    given: list[bytes] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def transcribe(self, pcm: bytes) -> list[Heard]:
        self.before()
        self.given.append(pcm)
        at = len(self.given) - 1
        return [Heard(0.5, 1.0, self.words[at])] if at < len(self.words) else []
