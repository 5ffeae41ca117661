"""A recording, cut into pieces that a recogniser takes: each side by itself, in windows that end where it is quiet."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calls.message import MARGIN_MS
from calls.record import Call
from calls.recording_seal import NO_KEYS, Keys, Unreadable, open_sound
from ivr.progress import ASKED

RATE = 8_000
WINDOW_SECONDS = 60.0
"""Bounds the memory, and how long a stop has to wait."""
SEEK_SECONDS = 10.0
"""At the end of a window a quiet place is looked for in so much of it."""
STEP_SECONDS = 0.1
LONGEST_SECONDS = 2 * 3600.0
"""What comes after is left out, and the transcript says so."""
QUIET_PEAK = 200
"""Of 32768: nobody speaks below it, and a recogniser that hears nothing makes something up."""

Span = tuple[int, int]
"""From and until, ms after the recording's beginning."""
Samples = npt.NDArray[np.int16]


class BadSound(Exception):
    """Not a recording of ours."""


@dataclass(frozen=True, slots=True)
class Window:
    """``pcm``: 16 bit, mono; ``start_ms`` after the recording's beginning."""

    start_ms: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Length:
    """``seconds``: of the whole; ``cut``: it is longer than what is written down."""

    seconds: float
    cut: bool


def length(path: Path, keys: Keys = NO_KEYS) -> Length:
    """Raises BadSound, OSError."""
    with _open(path, keys) as file:
        seconds = file.getnframes() / RATE
    return Length(seconds, seconds > LONGEST_SECONDS)


def windows(
    path: Path,
    side: int,
    spans: Sequence[Span] | None = None,
    keys: Keys = NO_KEYS,
    longest: float | None = None,
) -> Iterator[Window]:
    """``side``: 0 left (the caller), 1 right. What lies outside ``spans`` is silence; windows of silence are left out.
    ``longest``: seconds of one; None: WINDOW_SECONDS.

    Raises BadSound, OSError.
    """
    with _open(path, keys) as file:
        end = min(file.getnframes(), round(LONGEST_SECONDS * RATE))
        place = 0
        while place < end:
            file.setpos(place)
            both = np.frombuffer(file.readframes(min(round((longest or WINDOW_SECONDS) * RATE), end - place)), "<i2")
            samples = both[side::2].copy()
            if not len(samples):
                break
            if place + len(samples) < end:
                samples = samples[: _quietest(samples)]
            start_ms = place * 1000 // RATE
            place += len(samples)
            if spans is not None:
                _silence_outside(samples, [(a - start_ms, b - start_ms) for a, b in spans])
            if _peak(samples) >= QUIET_PEAK:
                yield Window(start_ms, samples.tobytes())


def spans_of_people(call: Call | None) -> list[Span] | None:
    """When somebody was there to talk with the caller. Outside, the other side is prompts, and music, of which a
    recogniser makes words. None: not known (the recording of a call that left no log)."""
    if call is None:
        return None
    begin = call.arrived_at * 1000 + (call.recording_offset_ms or 0)
    spans: list[Span] = []
    company, held, since = 0, False, 0
    for entry in call.timeline:
        now = round(entry.at * 1000 - begin)
        before = company > 0 and not held
        match entry.what:
            case "connected":
                company += 1
            case "left":
                company = max(0, company - 1)
            case "held":
                held = True
            case "unheld":
                held = False
        if not before and company > 0 and not held:
            since = now
        elif before and not (company > 0 and not held):
            spans.append((since - MARGIN_MS, now + MARGIN_MS))
    if company > 0 and not held:
        spans.append((since - MARGIN_MS, round(LONGEST_SECONDS * 1000)))
    return spans


def spans_of_caller(call: Call | None) -> list[Span] | None:
    """All but when the last four digits of a telephone were asked for: they are written down nowhere. None: all."""
    if call is None:
        return None
    begin = call.arrived_at * 1000 + (call.recording_offset_ms or 0)
    spans: list[Span] = []
    since, before = 0, call.arrived_at
    for last, entry in zip((None, *call.timeline), call.timeline, strict=False):
        asked = entry.what == "heard" and entry.detail.get("node") == ASKED
        gone = entry.what == "hung_up" and last is not None and last.what == "number"
        if asked or gone or entry.what == "progress":
            spans.append((since, round(before * 1000 - begin)))
            since = round(entry.at * 1000 - begin) + MARGIN_MS
        if not asked:
            before = entry.at
    whole = [*spans, (since, round(LONGEST_SECONDS * 1000))]
    return [(start, end) for start, end in whole if start < end] if spans else None


@contextmanager
def _open(path: Path, keys: Keys) -> Iterator[wave.Wave_read]:
    try:
        # A file that is handed to wave is not closed by it.
        with open_sound(path, keys) as opened, wave.open(opened, "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (2, 2, RATE):
                raise BadSound(f"{path.name}: not 8 kHz, 16 bit, two channels")
            yield file
    except (wave.Error, EOFError) as error:
        raise BadSound(f"{path.name}: {error}") from error
    except Unreadable as error:
        raise BadSound(str(error)) from error


def _quietest(samples: Samples) -> int:
    """Where to cut: in the middle of the quietest step of the last seconds."""
    step = round(STEP_SECONDS * RATE)
    tail = samples[-round(SEEK_SECONDS * RATE) :]
    steps = np.abs(tail[: len(tail) // step * step].astype(np.int32)).reshape(-1, step).sum(axis=1)
    return len(samples) - len(tail) + int(steps.argmin()) * step + step // 2 if len(steps) else len(samples)


def _silence_outside(samples: Samples, spans: Sequence[Span]) -> None:
    keep: npt.NDArray[Any] = np.zeros(len(samples), bool)
    for start, end in spans:
        keep[max(0, start * RATE // 1000) : max(0, end * RATE // 1000)] = True
    samples[~keep] = 0


def _peak(samples: Samples) -> int:
    return int(np.abs(samples.astype(np.int32)).max())
