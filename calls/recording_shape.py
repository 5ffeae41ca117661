"""How loud a recording is from its beginning to its end: what a wave is drawn from, and nothing said can be made out.

One number for each side and 20 ms or longer: of a voice that leaves where somebody speaks, not what.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from calls.recording_seal import Damaged

MOST_POINTS = 800
"""A screen's width has little more."""
SHORTEST_SECONDS = 0.02
"""Of a point."""
_PIECE = 1 << 18
_MOST_CHUNKS = 64
_MOST_SIDES = 2
_SAMPLE = 2
"""Bytes."""
_FULL = 32768


@dataclass(frozen=True, slots=True)
class Shape:
    """``sides``: for each channel its loudest moment in equal parts of the time, 0 to 1; all are of one length."""

    seconds: float
    sides: list[list[float]]


def shape_of(file: BinaryIO, name: str) -> Shape:
    """``file``: a WAV file of 16-bit samples, open at its beginning; read in pieces. ``name`` is for error texts.

    Raises Damaged when it is none or becomes shorter meanwhile; what ``file`` raises."""
    sides, rate, frames = _header(file, name)
    step = max(-(-frames // MOST_POINTS), round(rate * SHORTEST_SECONDS), 1)
    points = [_point(file, name, sides, min(step, frames - at)) for at in range(0, frames, step)]
    return Shape(frames / rate, [[point[side] for point in points] for side in range(sides)])


def loudest(pcm: bytes, sides: int) -> list[float]:
    """Of each channel, 0 to 1. ``pcm``: whole frames of 16 bits, little endian, interleaved; at least one."""
    import numpy as np  # not before somebody wants a wave: every web server would load it

    samples = np.frombuffer(pcm, "<i2")
    # Side by side: along an axis of a table numpy takes thirty times as long. Not abs(): of -32768 there is none.
    channels = [samples[side::sides] for side in range(sides)]
    return [max(int(one.max()), -int(one.min())) / _FULL for one in channels]


def _point(file: BinaryIO, name: str, sides: int, frames: int) -> list[float]:
    found = [0.0] * sides
    left = frames * sides * _SAMPLE
    while left:
        pcm = file.read(min(left, _PIECE))
        if len(pcm) < min(left, _PIECE):
            raise Damaged(f"{name}: became shorter while it was read")
        left -= len(pcm)
        found = [max(pair) for pair in zip(found, loudest(pcm, sides), strict=True)]
    return [round(one, 3) for one in found]


def _header(file: BinaryIO, name: str) -> tuple[int, int, int]:
    """Sides, frames a second and how many there are; ``file`` is then at the first of them.

    Not by ``wave``: Asterisk writes a clip's lengths when it closes it, and of one that was killed they are 0. Players
    play those, too: such a clip reaches to the file's end."""
    if (head := file.read(12))[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise Damaged(f"{name}: not a WAV file")
    sides = rate = 0
    for _ in range(_MOST_CHUNKS):
        if len(chunk := file.read(8)) < 8:
            break
        kind, size = struct.unpack("<4sI", chunk)
        begin = file.tell()
        if kind == b"data":
            if not (1 <= sides <= _MOST_SIDES and rate):
                break
            there = file.seek(0, 2) - begin
            file.seek(begin)
            return sides, rate, min(size or there, there) // (sides * _SAMPLE)
        if kind == b"fmt " and size >= 16 and len(form := file.read(16)) == 16:
            coding, sides, rate, _, frame, bits = struct.unpack("<HHIIHH", form)
            if (coding, bits, frame) != (1, 8 * _SAMPLE, sides * _SAMPLE):
                break
        file.seek(begin + size + size % 2)
    raise Damaged(f"{name}: not a sound of 16-bit samples in one or two channels")
