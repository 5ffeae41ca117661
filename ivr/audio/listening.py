"""One turn of one call: what is heard, what is played, and the recogniser, held together by :mod:`ivr.audio.turn`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ivr.audio import wire
from ivr.audio.server import MAX_BURST, Connection
from ivr.audio.sounds import Player
from ivr.audio.turn import Acts, Do, Turn
from ivr.leg import ALL_KEYS, Heard, HeardEnd
from speech.gate import Activity
from speech.pool import Ear, Ears, Full
from speech.port import FRAME_BYTES, FRAME_MS, EngineError

log = logging.getLogger(__name__)

LEAD_FRAMES = 400 // FRAME_MS
"""What is recognised begins this much before somebody counts as speaking."""
BATCH_FRAMES = 5
"""Frames handed to the recogniser at once."""
REWIND_MS = 400
"""After a pause for nothing the prompt goes on so much before it."""
DETECTOR_SECONDS = 0.03
"""By so much the detector tells a voice later than it begins (20 to 60 ms with clear voices)."""
PIECE_SECONDS = 2.0
"""Asterisk is sent away and comes again so often (context ``listen``): a frozen server is found out by not doing so."""
MISSING_FRAMES = 10
"""A telephone that sends nothing while nobody speaks: after so many frames the rest counts as silence."""
DECISION_SECONDS = 4.0
"""A caller waits no longer for what was made of the words: recognition is overloaded, keys serve better."""
_QUIET = bytes(FRAME_BYTES)


@dataclass(frozen=True)
class Request:
    """What a dialogue asks for; see :meth:`ivr.leg.CallLeg.listen`."""

    phrases: Sequence[str] = ()
    alarm: Callable[[str], bool] | None = None
    yields: bool = False
    """Half of the turns are left to others."""


class Listening:
    """An :class:`ivr.audio.server.Line`. ``heard`` is set when it ends; keys after that are in ``late_keys``."""

    def __init__(self, ears: Ears, request: Request, player: Player, turn: Turn, activity: Activity) -> None:
        """Raises :class:`speech.pool.Full`."""
        self.heard: Heard | None = None
        self.late_keys: list[str] = []
        self.gone = asyncio.Event()
        """No connection is open. (There were none, or all are closed.)"""
        self.gone.set()
        self._ears = ears
        self._request = request
        self._player = player
        self._turn = turn
        self._over = False
        self._connection: Connection | None = None
        self._connections = 0
        self._opened_at = self._ticked_at = 0.0
        self._voice = activity
        self._lead: deque[bytes] = deque(maxlen=LEAD_FRAMES)
        self._batch: list[bytes] = []
        self._hearing = False
        self._deciding: asyncio.Task[None] | None = None
        self._missing = 0
        self._prompt_over = player.over
        self._sent_at = self._rose_at = self._voiced_at = time.monotonic()
        self._barge_in_ms: int | None = None
        self._ear = self._open()

    # What the connection tells.

    def opened(self, connection: Connection) -> None:
        self._connection = connection
        self._connections += 1
        self._opened_at = time.monotonic()
        self.gone.clear()
        if self._over:
            connection.hang_up()
        elif self._ticked_at:  # not the first: what was due meanwhile
            for _ in range(min(MAX_BURST, int((self._opened_at - self._ticked_at) * 1000 / FRAME_MS))):
                connection.send(self._next())

    def audio(self, frame: bytes) -> None:
        self._missing -= self._missing > 0
        if not self._over:
            self._frame(frame, self._voice.is_speech(frame))

    def key(self, key: str) -> None:
        if key not in ALL_KEYS:
            return
        if self._over:
            self.late_keys.append(key)
            return
        if not self._player.paused and not self._player.over:
            self._note_pause(time.monotonic())
        self._end("key", key=key)

    def tick(self) -> bytes:
        if self._over:
            return wire.SILENCE
        packet = self._next()
        if self._connection is not None and self._ticked_at - self._opened_at >= PIECE_SECONDS:
            # Asterisk comes back at once, most times before the next packet is due.
            self._connection.send(packet)
            self._connection.hang_up()
            self._connection = None
        return packet

    def _next(self) -> bytes:
        self._ticked_at = time.monotonic()
        self._missing += 1
        if self._missing > MISSING_FRAMES:
            self._missing = MISSING_FRAMES
            self._frame(_QUIET, False)
        packet = self._player.next()
        if packet is not wire.SILENCE:
            self._sent_at = self._ticked_at
            if self._player.over and not self._prompt_over:
                self._prompt_over = True
                self._turn.prompt_over()
        return packet

    def closed(self, connection: Connection) -> None:
        self._connections -= 1
        if not self._connections:
            self.gone.set()
        if connection is self._connection:
            self._connection = None
            self.lose("closed")

    # What the leg tells.

    def lose(self, why: str) -> None:
        self._end("lost", why=why)

    def close(self) -> None:
        """Give everything back. May be called at any time, more than once."""
        self._over = True
        self._ear.close()
        if self._deciding is not None:
            self._deciding.cancel()
        if self._connection is not None:
            self._connection.hang_up()

    # The turn.

    def _open(self) -> Ear:
        return self._ears.open(self._request.phrases, self._partial, self._request.yields)

    def _frame(self, frame: bytes, voiced: bool) -> None:
        if voiced:
            self._voiced_at = time.monotonic()
            if not self._turn.rising:
                self._rose_at = self._voiced_at - FRAME_MS / 1000 - DETECTOR_SECONDS
        if self._hearing:
            self._batch.append(frame)
            if len(self._batch) >= BATCH_FRAMES:
                self._feed()
        else:
            self._lead.append(frame)
        self._do(self._turn.frame(voiced))

    def _do(self, acts: Acts) -> None:
        for act in acts:
            match act:
                case Do.PAUSE:
                    self._note_pause(time.monotonic())
                    self._player.paused = True
                case Do.RESUME:
                    self._player.resume(REWIND_MS)
                case Do.HEAR:
                    self._hearing = True
                    self._batch = list(self._lead)
                    self._lead.clear()
                    self._feed()
                case Do.FORGET:
                    self._forget()
                case Do.DECIDE:
                    self._hearing = False
                    self._feed()
                    self._deciding = asyncio.create_task(self._decide())
                case Do.END_SILENCE:
                    self._end("silence")
                case Do.END_UNUSABLE:
                    self._end("unusable", decided_ms=self._since_voice())
                case Do.END_WORDS:
                    pass  # told by _decide, which knows them

    def _feed(self) -> None:
        audio, self._batch = b"".join(self._batch), []
        self._ear.feed(audio)
        if self._ear.lag > self._ears.max_lag:
            self.lose("lag")

    def _forget(self) -> None:
        self._hearing = False
        self._batch = []
        self._ear.close()
        try:
            self._ear = self._open()
        except Full:
            self.lose("full")

    def _partial(self, text: str) -> None:
        if self._over or self._deciding is not None or not self._hearing:
            return
        if self._request.alarm is not None and text and self._request.alarm(text):
            since = self._since_voice()
            self._end("alarm", text=text, decided_ms=since if since > 2 * FRAME_MS else None)
        else:
            self._do(self._turn.partial(text))

    async def _decide(self) -> None:
        why, text, ear = "", "", self._ear
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                text = await ear.finish()
        except TimeoutError:
            why = "lag"
        except EngineError as error:
            why = "engine"
            if not self._over:
                log.warning("recognition failed: %s", error)
        self._deciding = None
        if why:
            self.lose(why)
        if self._over:
            return
        acts = self._turn.decided(text)
        if Do.END_WORDS in acts:
            self._end("words", text=text, alternatives=ear.alternatives, decided_ms=self._since_voice())
        else:
            self._do(acts)

    def _note_pause(self, now: float) -> None:
        silent_at = max(now, self._sent_at + FRAME_MS / 1000)
        began = self._rose_at if self._turn.rising else now
        self._barge_in_ms = max(0, round((silent_at - began) * 1000))

    def _since_voice(self) -> int:
        return round((time.monotonic() - self._voiced_at) * 1000)

    def _end(
        self,
        end: HeardEnd,
        *,
        key: str | None = None,
        text: str = "",
        alternatives: tuple[str, ...] = (),
        decided_ms: int | None = None,
        why: str = "",
    ) -> None:
        if self._over:
            return
        self.heard = Heard(
            end,
            key=key,
            text=text,
            alternatives=alternatives,
            sounds_done=self._player.sounds_done,
            played_ms=self._player.played_ms,
            barge_in_ms=self._barge_in_ms,
            decided_ms=decided_ms,
            engine=self._ears.name,
            why=why,
        )
        self.close()
