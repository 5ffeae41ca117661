"""Sound that grows, cut into what was said in one breath: a piece ends at a pause, or where it is quietest. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

RATE = 8_000
STEP = RATE // 20
"""Samples of 50 ms, judged together."""
PAUSE_STEPS = 12
LONGEST_STEPS = 160
"""Eight seconds: on a noisy line a piece ends without a pause."""
SEEK_STEPS = 40
LEAD_STEPS = 6
"""So much before the first sound belongs to it."""
SHORTEST_STEPS = 4
"""Less is a click."""
QUIET_PEAK = 200
"""Of 32768, as for whole recordings; in a louder piece a twentieth of its loudest moment."""
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Piece:
    """``start``: in samples after the recording's beginning. ``pcm``: 16 bit, mono."""

    start: int
    pcm: bytes

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / RATE


@dataclass(slots=True)
class Cutter:
    """One side of one call. ``place``: of the next sample, after the recording's beginning."""

    place: int
    _rest: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    _steps: list[Samples] = field(default_factory=list)
    _peaks: list[int] = field(default_factory=list)
    _speaking: bool = False

    def feed(self, samples: Samples) -> list[Piece]:
        found: list[Piece] = []
        whole = np.concatenate([self._rest, samples])
        end = len(whole) // STEP * STEP
        for begin in range(0, end, STEP):
            piece = self._step(whole[begin : begin + STEP])
            if piece is not None:
                found.append(piece)
        self._rest = whole[end:]
        return found

    def _step(self, step: Samples) -> Piece | None:
        self.place += STEP
        self._steps.append(step)
        self._peaks.append(int(np.abs(step.astype(np.int32)).max()))
        if not self._speaking:
            if self._peaks[-1] >= QUIET_PEAK:
                self._speaking = True
            elif len(self._steps) > LEAD_STEPS:
                self._drop(1)
            return None
        quiet = max(QUIET_PEAK, max(self._peaks) // 20)
        if len(self._peaks) >= PAUSE_STEPS and max(self._peaks[-PAUSE_STEPS:]) < quiet:
            return self._cut(len(self._steps), quiet)
        if len(self._steps) >= LONGEST_STEPS:
            latest = self._peaks[-SEEK_STEPS:]
            return self._cut(len(self._steps) - SEEK_STEPS + int(np.argmin(latest)) + 1, quiet)
        return None

    def _cut(self, steps: int, quiet: int) -> Piece | None:
        """The first ``steps`` of what is held are one piece; None if it was a click."""
        start = self.place - len(self._steps) * STEP
        loud = sum(peak >= quiet for peak in self._peaks[:steps])
        pcm = np.concatenate(self._steps[:steps]).tobytes()
        self._drop(steps)
        self._speaking = any(peak >= quiet for peak in self._peaks)
        return Piece(start, pcm) if loud >= SHORTEST_STEPS else None

    def _drop(self, steps: int) -> None:
        del self._steps[:steps]
        del self._peaks[:steps]
