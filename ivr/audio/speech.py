"""What the calls of a voice server share for listening: recogniser, connection with Asterisk, recordings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from ivr.audio.listening import DECISION_SECONDS, Listening, Request
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Packets, Player, SoundError, Sounds
from ivr.audio.turn import Pace, Turn
from ivr.leg import Manner
from speech.gate import Activity
from speech.pool import Ears
from speech.port import FRAME_MS
from speech.vad import VoiceActivity

log = logging.getLogger(__name__)

SPARE_MS = 20_000
"""How much longer than prompt, silence and one sentence a turn may last: for what interrupts it for nothing."""
AFTER_PROMPT_MS = 1000
"""So much longer than prompt and silence lasts a turn that nothing holds up."""


@dataclass(frozen=True)
class Opened:
    """A turn that waits at ``port`` for Asterisk to bring the caller's voice under ``uuid``; it lasts ``seconds`` at
    most."""

    listening: Listening
    uuid: UUID
    port: int
    seconds: float


class Speech:
    """``ears`` is set once a recogniser is ready; until then, and without one, calls are served by keys."""

    def __init__(
        self,
        server: AudioServer,
        sounds: Sounds,
        *,
        pace: Pace = Pace(),  # noqa: B008  (frozen)
        activity: Callable[[], Activity] = VoiceActivity,
    ) -> None:
        self.ears: Ears | None = None
        self.server = server
        self.lost: Counter[str] = Counter()
        """Turns that failed, by why (:attr:`ivr.leg.Heard.why`)."""
        self._sounds = sounds
        self._pace = pace
        self._activity = activity

    def ready(self, yields: bool = False) -> bool:
        return self.ears is not None and self.ears.has_room(yields)

    def open(
        self,
        sounds: Sequence[str],
        *,
        silence_ms: int,
        phrases: Sequence[str],
        alarm: Callable[[str], bool] | None,
        max_ms: int,
        manner: Manner,
        yields: bool = False,
    ) -> Opened:
        """``yields``: to who calls in. Raises :class:`speech.pool.Full`, :class:`speech.port.EngineError`."""
        assert self.ears is not None
        packets = [self._packets(sound) for sound in sounds]
        longest_ms = sum(map(len, packets)) * FRAME_MS + silence_ms
        longest_ms += max_ms + SPARE_MS if manner.holds_up else AFTER_PROMPT_MS
        player = Player(packets)
        turn = Turn(
            self._pace,
            silence_ms=silence_ms,
            max_ms=max_ms,
            longest_ms=longest_ms,
            prompt=not player.over,
            manner=manner,
            streaming=self.ears.streaming,
        )
        listening = Listening(self.ears, Request(phrases, alarm, yields), player, turn, self._activity())
        uuid = self.server.expect(listening)
        return Opened(listening, uuid, self.server.port, longest_ms / 1000 + DECISION_SECONDS)

    def close(self, opened: Opened) -> None:
        self.server.forget(opened.uuid)
        opened.listening.close()

    def _packets(self, name: str) -> Packets:
        try:
            return self._sounds[name]
        except SoundError as error:
            # A caller must not be lost over one missing sound: words and keys work all the same.
            log.error("cannot play %s", error)
            return ()
