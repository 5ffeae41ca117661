"""Writes down what was said, one recording after the other, and drafts the ticket from it.

A recording counts as tried before it is begun, so one that ends the process is given up after a few times. What is
found is stored in one transaction, on the condition that nobody has done so meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls import transcripts
from calls.alerts import Alert, raise_alerts
from calls.listing import load_timeline
from calls.message import message_start
from calls.recording_seal import NO_KEYS, Keys
from calls.transcripts import CALLER, OTHER, Claim, Made, Said, Seal
from hotline.scribe_model import Model
from hotline.scribe_sound import BadSound, Span, length, spans_of_caller, spans_of_people, windows
from hotline.settings import SettingsError
from speech.port import EngineError
from tickets.draft import Draft, add_draft
from tickets.number import today
from tickets.rulebook import Rulebook
from tickets.sealing import NoBox
from web.keeping import lock_tickets, sealed_for

log = logging.getLogger(__name__)

LONGEST_TEXT = 2_000
State = Literal["idle", "working", "no model", "faulty", "off"]


@dataclass(frozen=True)
class Writer:
    """``engine_name`` and ``model_name`` go into what is written. ``draft`` makes a ticket's draft of it, if the caller
    said anything. ``tell`` is told how it stands. ``keys`` open the recordings; they are asked for each time. ``node``:
    whose recordings these are. ``window_seconds``: for so much sound the model is not free for anybody else;
    None: :data:`hotline.scribe_sound.WINDOW_SECONDS`."""

    engine: AsyncEngine
    root: Path
    model: Model
    engine_name: str
    model_name: str
    draft: Callable[[Made], Draft | None]
    rulebook: Callable[[], Rulebook]
    stop: asyncio.Event
    tell: Callable[[State, str], None]
    keys: Callable[[], Keys] = lambda: NO_KEYS
    node: str = ""
    window_seconds: float | None = None

    async def begin(self) -> None:
        """First of all: what one that died had in hand waits no longer."""
        async with self.engine.begin() as connection:
            await transcripts.take_up_again(connection)
        await self.sweep()

    async def sweep(self) -> int:
        """All that wait, the newest first. Returns how many were looked at; none without a model."""
        count = 0
        try:
            self.model.check()
            while not self.stop.is_set():
                async with self.engine.begin() as connection:
                    await self._give_up(connection)
                    due = await transcripts.any_due(connection, self.node)
                if not due:
                    break
                await self.model.get_ready()
                async with self.engine.begin() as connection:
                    one = await transcripts.claim(connection, self.node)
                if one is None:
                    break
                self.tell("working", one.call_id)
                await self._one(one)
                count += 1
        except EngineError as error:
            self.tell("no model", str(error))
            return count
        self.tell("idle", "")
        return count

    async def _give_up(self, connection: AsyncConnection) -> None:
        ended = await transcripts.give_up(connection)
        if late := sum(state == "none" for _, state in ended):
            log.warning("%d recordings have waited %d days and are not written down", late, transcripts.LATE_DAYS)
        if failed := [call_id for call_id, state in ended if state == "failed"]:
            words = f"来电 {failed[0]} 等 {len(failed)} 个录音无法转写"
            await raise_alerts(connection, [Alert("transcript_failed", today(), words, failed[0])])

    async def _one(self, one: Claim) -> None:
        done = False
        try:
            made = await self._write(one)
            await self._store(one, made)
            done = True
        except (EngineError, asyncio.CancelledError):
            raise
        except (OSError, BadSound, NoBox, SettingsError) as error:
            log.warning("recording of call %s not written down (try %d): %s", one.call_id, one.attempt, error)
            await self._say_why(one, str(error))
            done = True
        except Exception as error:
            log.exception("recording of call %s not written down (try %d)", one.call_id, one.attempt)
            await self._say_why(one, type(error).__name__)
            done = True
        finally:
            if not done:
                await self._hand_back(one)

    async def _write(self, one: Claim) -> Made:
        path = self.root / one.path
        async with self.engine.connect() as connection:
            call = await load_timeline(connection, one.call_id)
        keys = await asyncio.to_thread(self.keys)
        whole = await asyncio.to_thread(length, path, keys)
        said = await self._side(path, 0, CALLER, spans_of_caller(call), keys)
        said += await self._side(path, 1, OTHER, spans_of_people(call), keys)
        said.sort(key=lambda one: (one.start_ms, one.channel))
        start = message_start(call)
        return Made(tuple(said), self.engine_name, self.model_name, whole.seconds, whole.cut, start)

    async def _side(self, path: Path, side: int, channel: str, spans: Sequence[Span] | None, keys: Keys) -> list[Said]:
        found: list[Said] = []
        pieces = windows(path, side, spans, keys, self.window_seconds)
        while (window := await asyncio.to_thread(next, pieces, None)) is not None:
            for one in await self.model.transcribe(window.pcm):
                text = one.text.replace("\0", "").strip()[:LONGEST_TEXT]
                if text:
                    start, end = (window.start_ms + round(seconds * 1000) for seconds in (one.start, one.end))
                    found.append(Said(channel, start, max(start, end), text))
        return found

    async def _store(self, one: Claim, made: Made) -> None:
        draft = await asyncio.to_thread(self.draft, made) if made.said else None
        at = datetime.now(UTC)
        async with self.engine.begin() as connection:
            # The tickets first, as whoever makes one confidential does.
            tickets = await lock_tickets(connection, one.call_id)
            secret = sealed_for(tickets)
            written = await transcripts.finish(connection, one, made, at, secret, self._sealer(secret))
            ticket = next((it for it in tickets if it.call_id == one.call_id), None)
            # What was said in a confidential ticket's call stands in no open one's draft.
            if written and draft and ticket is not None and (ticket.confidential or not secret):
                by = {"call_id": one.call_id, "engine": made.engine, "model": made.model}
                await add_draft(connection, self.rulebook(), ticket, draft, at, **by)

    def _sealer(self, ticket: str) -> Seal | None:
        if not ticket:
            return None
        box = self.rulebook().sealing()
        return lambda text: box.seal(text, ticket)

    async def _say_why(self, one: Claim, reason: str) -> None:
        async with self.engine.begin() as connection:
            await transcripts.say_why(connection, one, reason)

    async def _hand_back(self, one: Claim) -> None:
        async with self.engine.begin() as connection:
            await transcripts.hand_back(connection, one)
