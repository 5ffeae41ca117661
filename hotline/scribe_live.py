"""Writes down what is being said in calls that go on, so that the agent sees it: the calls with a person in them, as
many as are allowed, the longest first.

Late words are of no use: what could not be heard in time is left out, and the transcript of the whole, which takes the
place of these lines, has it. Nothing here may ever keep a call, or anything else, waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import live_words
from calls.listing import load_timeline
from calls.live_words import Talk
from calls.recording import RATE
from calls.transcripts import CALLER, OTHER, Said
from hotline.live_cut import Cutter, Piece
from hotline.live_tail import Tail
from hotline.scribe_model import Model, Segment
from hotline.scribe_sound import Span, spans_of_people
from hotline.stopping import pause
from speech.port import EngineError
from web.keeping import lock_tickets, sealed_for

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
CLEAR_SECONDS = 60.0
WITHOUT_MODEL_SECONDS = 30.0
TOO_LATE_SECONDS = 15.0
STILL_SECONDS = 60.0
"""A file that does not grow for so long is of a call whose end was lost: its turn is another's."""
LONGEST_TEXT = 2_000
SIDES = (CALLER, OTHER)


@dataclass
class Followed:
    """One call."""

    talk: Talk
    tail: Tail
    cutters: tuple[Cutter, Cutter]
    grew_at: float
    still: bool = False


@dataclass
class Live:
    """``most`` calls at once. ``node``: whose recordings these are."""

    engine: AsyncEngine
    root: Path
    model: Model
    stop: asyncio.Event
    most: int
    node: str = ""
    clock: Callable[[], float] = monotonic
    _followed: dict[str, Followed] = field(default_factory=dict)
    _cleared_at: float = float("-inf")

    async def run(self) -> None:
        """Until ``stop`` is set; whatever fails is tried again."""
        while not self.stop.is_set():
            seconds = LOOK_SECONDS
            try:
                await self.look()
            except EngineError as error:
                log.warning("nothing is heard live: %s", error)
                seconds = WITHOUT_MODEL_SECONDS
            except (SQLAlchemyError, OSError) as error:
                log.warning("live words are left out: %s", error)
            await pause(self.stop, seconds)

    async def look(self) -> int:
        """Once: how many lines were written. Raises EngineError, SQLAlchemyError, OSError."""
        await self._choose()
        written = 0
        for one in list(self._followed.values()):
            written += await self._hear(one)
        return written

    async def _choose(self) -> None:
        now = self.clock()
        async with self.engine.begin() as connection:
            # Those whose files stand still are passed over, so there may be more than are followed.
            found = await live_words.talks(connection, self.most * 4, self.node)
            if now - self._cleared_at >= CLEAR_SECONDS:
                await live_words.clear_old(connection)
                self._cleared_at = now
        there = {talk.call_id: talk for talk in found}
        self._followed = {name: one for name, one in self._followed.items() if name in there}
        if there:
            self.model.check()
        for talk in found:
            if sum(not one.still for one in self._followed.values()) >= self.most:
                break
            if talk.call_id not in self._followed:
                self._followed[talk.call_id] = self._begin(talk, now)

    def _begin(self, talk: Talk, now: float) -> Followed:
        tail = Tail(self.root, talk.file, talk.since_ms * RATE // 1000)
        return Followed(talk, tail, (Cutter(tail.place), Cutter(tail.place)), now)

    async def _hear(self, one: Followed) -> int:
        if await asyncio.to_thread(one.tail.catch_up):
            one.cutters = Cutter(one.tail.place), Cutter(one.tail.place)
            log.info("call %s: live words left out, too far behind", one.talk.call_id)
        sides = await asyncio.to_thread(one.tail.read)
        now = self.clock()
        if len(sides[0]):
            one.grew_at, one.still = now, False
        elif now - one.grew_at >= STILL_SECONDS:
            one.still = True
        pieces = [
            (piece, channel)
            for cutter, samples, channel in zip(one.cutters, sides, SIDES, strict=True)
            for piece in cutter.feed(samples)
        ]
        if not pieces:
            return 0
        async with self.engine.connect() as connection:
            people = spans_of_people(await load_timeline(connection, one.talk.call_id))
        said: list[Said] = []
        begun = now
        for piece, channel in sorted(pieces, key=lambda found: found[0].start):
            if _with_people(piece, people) and self.clock() - begun < TOO_LATE_SECONDS:
                said += _lines(piece, channel, await self.model.transcribe(piece.pcm, first=True))
        if said:
            await self._write(one.talk.call_id, said)
        return len(said)

    async def _write(self, call_id: str, said: Sequence[Said]) -> None:
        async with self.engine.begin() as connection:
            # Locked: nobody makes one confidential between the question and the lines.
            if not sealed_for(await lock_tickets(connection, call_id)):
                await live_words.add(connection, call_id, said, datetime.now(UTC))


def _with_people(piece: Piece, people: Sequence[Span] | None) -> bool:
    """Whether somebody was there at its middle: prompts and music are nobody's words."""
    middle = (piece.start + len(piece.pcm) // 4) * 1000 // RATE
    return any(start <= middle <= end for start, end in people or ())


def _lines(piece: Piece, channel: str, segments: Sequence[Segment]) -> list[Said]:
    found = []
    begin = piece.start * 1000 // RATE
    for one in segments:
        text = one.text.replace("\0", "").strip()[:LONGEST_TEXT]
        if text:
            start, end = (begin + round(seconds * 1000) for seconds in (one.start, one.end))
            found.append(Said(channel, start, max(start, end), text))
    return found
