"""AudioSocket's frames, and what must not pass for one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.audio.wire import AUDIO, END, HANG_UP, IDENTITY, KEY, MAX_BUFFERED, SILENCE, Parser, WireError, packet

UUID = bytes(range(16))
STREAM = packet(IDENTITY, UUID) + SILENCE + packet(KEY, b"7") + packet(AUDIO, bytes(160)) + HANG_UP
FRAMES = [(IDENTITY, UUID), (AUDIO, bytes(320)), (KEY, b"7"), (AUDIO, bytes(160)), (END, b"")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_frames_come_out_however_they_were_cut(cuts: list[int]) -> None:
    parser, edges = Parser(), [0, *sorted(cuts), len(STREAM)]
    found = [frame for begin, end in itertools.pairwise(edges) for frame in parser.feed(STREAM[begin:end])]
    assert found == FRAMES


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\xff\xff",
        b"\x10\x00\x03",
        b"\x01\x00\x0f",
        b"\x03\x00\x00",
        b"\x03\x00\x02",
        b"\x00\x00\x01",
        b"\x02\x00\x00",
        b"\xff\x00\x01",
    ],
)
def test_anything_else_is_refused_by_its_header(data: bytes) -> None:
    with pytest.raises(WireError):
        list(Parser().feed(data))


@given(st.binary(max_size=4000))
def test_nothing_is_kept_beyond_a_frame(data: bytes) -> None:
    parser = Parser()
    try:
        for byte in data:
            list(parser.feed(bytes([byte])))
            assert len(parser._rest) <= MAX_BUFFERED
    except WireError:
        pass
