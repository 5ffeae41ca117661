"""How loud a recording is, and what is refused as none."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from calls.recording_seal import Damaged, Keys, open_sound, seal_file
from calls.recording_shape import MOST_POINTS, Shape, loudest, shape_of
from tests.unit.recorded import RATE, joined, silence, tone, write_stereo

POINT = 160
"""Frames of the shortest point, at 8 kHz."""
PIECE = 1 << 18
"""The most bytes at a time."""


def chunk(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(content) if size is None else size) + content


def form(coding: int = 1, sides: int = 1, rate: int = RATE, bits: int = 16, frame: int | None = None) -> bytes:
    frame = sides * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", coding, sides, rate, rate * frame % 2**32, frame, bits))


def wav(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def shaped(content: bytes) -> Shape:
    return shape_of(io.BytesIO(content), "it.wav")


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


def test_the_loudest_moment_of_each_side_whichever_way_it_swings() -> None:
    assert loudest(pcm(1, -2, -3, 1, 2, 0), 2) == [3 / 32768, 2 / 32768]
    assert loudest(pcm(-32768, 0), 1) == [1.0]
    assert loudest(pcm(32767, -32768), 2) == [32767 / 32768, 1.0]


@pytest.mark.parametrize("sealed", [False, True])
def test_who_speaks_when(tmp_path: Path, sealed: bool) -> None:
    """The caller in the first quarter, loudly; the other in the last, more quietly."""
    left = joined(tone(4, 16_384), silence(12))
    path = write_stereo(tmp_path / "it.wav", left, joined(silence(12), tone(4, 8_192)))
    keys = Keys({"test": bytes(range(32))})
    if sealed:
        seal_file(path, keys)
    with open_sound(path, keys, sealed=sealed) as file:
        shape = shape_of(file, path.name)
    assert shape.seconds == 16.0
    caller, other = shape.sides
    assert len(caller) == len(other) == MOST_POINTS
    assert caller == pytest.approx([0.5] * 200 + [0.0] * 600, abs=0.01)
    assert other == pytest.approx([0.0] * 600 + [0.25] * 200, abs=0.01)


class Reading(io.BufferedReader):
    """Knows the most that was read in one go."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.most = max(self.most, len(found))
        return found


def test_a_long_one_has_no_more_points_and_is_read_in_pieces(tmp_path: Path) -> None:
    """One loud moment, at the very end of the last point; each is longer than a piece."""
    path = tmp_path / "it.wav"
    length = MOST_POINTS * PIECE + 2
    with path.open("wb") as sparse:
        sparse.write(wav(form(), chunk(b"data", b"", length)))
        sparse.seek(length - 2, io.SEEK_CUR)
        sparse.write(pcm(16_384))
    with Reading(io.FileIO(path)) as file:
        shape = shape_of(file, path.name)
    assert shape.seconds == length / 2 / RATE
    assert len(shape.sides[0]) in range(MOST_POINTS - 1, MOST_POINTS + 1)
    assert shape.sides == [[0.0] * (len(shape.sides[0]) - 1) + [0.5]]
    assert file.most <= PIECE


def test_a_short_one_is_not_cut_finer_than_20_ms() -> None:
    samples = pcm(*[8_192] * POINT, *[-16_384] * POINT, 32_767)
    assert shaped(wav(form(), chunk(b"data", samples))) == Shape(321 / RATE, [[0.25, 0.5, 1.0]])
    assert shaped(wav(form(), chunk(b"data", b""))) == Shape(0.0, [[]])
    assert shaped(wav(form(sides=2), chunk(b"data", pcm(1)))) == Shape(0.0, [[], []])
    assert len(shaped(wav(form(rate=2**32 - 1), chunk(b"data", pcm(1, 2, 3)))).sides[0]) == 1


def test_what_says_another_length_than_it_has() -> None:
    """Who wrote it was killed, or it was cut off; other chunks are passed over, those of an odd length too."""
    samples = pcm(16_384, 16_384)
    expected = Shape(2 / RATE, [[0.5]])
    assert shaped(chunk(b"RIFF", b"WAVE" + form() + chunk(b"data", samples, 0), 0)) == expected
    assert shaped(wav(form(), chunk(b"data", samples, 2**32 - 1))) == expected
    assert (
        shaped(wav(chunk(b"LIST", b"odd") + b"\0", form(), chunk(b"data", samples), chunk(b"id3 ", b"1"))) == expected
    )


DATA = chunk(b"data", pcm(1, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        bytes(100),
        wav(),
        wav(form()),
        wav(DATA),
        wav(DATA, form()),
        wav(form(coding=7, bits=8), DATA),
        wav(form(bits=8), DATA),
        wav(form(sides=0), DATA),
        wav(form(sides=3), DATA),
        wav(form(rate=0), DATA),
        wav(form(frame=0), DATA),
        wav(chunk(b"fmt ", b"short"), DATA),
        wav(chunk(b"fmt ", b"", 2**32 - 1), DATA),
        wav(chunk(b"LIST", b"", 2**32 - 1), form(), DATA),
        wav(*[chunk(b"LIST", b"")] * 100, form(), DATA),
    ],
)
def test_what_is_no_sound_of_ours(content: bytes) -> None:
    with pytest.raises(Damaged, match=r"^it\.wav: not a"):
        shaped(content)


def test_what_becomes_shorter_while_it_is_read(tmp_path: Path) -> None:
    path = write_stereo(tmp_path / "it.wav", tone(60), tone(60))

    class Shrinking(io.BufferedReader):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            found = super().seek(offset, whence)
            if whence == io.SEEK_END:
                with path.open("r+b") as file:
                    file.truncate(1_000)
            return found

    shrinking: BinaryIO
    with Shrinking(io.FileIO(path)) as shrinking, pytest.raises(Damaged, match="became shorter"):
        shape_of(shrinking, path.name)
