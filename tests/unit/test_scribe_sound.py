"""Recordings cut into pieces: sides, windows, what is silence, and when somebody was there to talk with."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calls.message import message_start
from calls.record import Call, Entry
from hotline import scribe_sound
from hotline.scribe_sound import BadSound, length, spans_of_caller, spans_of_people, windows
from tests.unit.recorded import RATE, joined, silence, tone, write_stereo


def samples(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(pcm, "<i2")


def test_each_side_by_itself(tmp_path: Path) -> None:
    path = write_stereo(tmp_path / "a.wav", tone(1), silence(1))
    (left,) = windows(path, 0)
    assert (left.start_ms, len(left.pcm)) == (0, 2 * RATE)
    assert list(windows(path, 1)) == []
    assert length(path).seconds == 1.0


def test_long_ones_are_cut_where_it_is_quiet_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe_sound, "WINDOW_SECONDS", 3.0)
    monkeypatch.setattr(scribe_sound, "SEEK_SECONDS", 1.0)
    left = joined(tone(2.3), silence(0.4), tone(2.0), silence(0.4), tone(2.0))
    found = list(windows(write_stereo(tmp_path / "a.wav", left, silence(1)), 0))
    assert b"".join(one.pcm for one in found) == left.tobytes()
    assert len(found) == 3
    for one in found[1:]:
        # Each cut lies in a pause: the piece before ends, and this one begins, with silence.
        place = one.start_ms * RATE // 1000
        assert not left[place - 80 : place + 80].any()


def test_only_the_beginning_of_a_very_long_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scribe_sound, "LONGEST_SECONDS", 2.0)
    path = write_stereo(tmp_path / "a.wav", tone(5), tone(5))
    assert length(path).cut
    assert sum(len(one.pcm) for one in windows(path, 0)) == 2 * 2 * RATE


def test_outside_the_spans_it_is_silent(tmp_path: Path) -> None:
    path = write_stereo(tmp_path / "a.wav", silence(1), tone(4))
    (one,) = windows(path, 1, [(1000, 2000)])
    heard = samples(one.pcm)
    assert not heard[:RATE].any()
    assert heard[RATE : 2 * RATE].any()
    assert not heard[2 * RATE :].any()
    assert list(windows(path, 1, [])) == []


def test_a_hiss_is_silence(tmp_path: Path) -> None:
    path = write_stereo(tmp_path / "a.wav", tone(2, loud=100), silence(2))
    assert list(windows(path, 0)) == []


def test_what_is_no_recording_of_ours(tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    mono = tmp_path / "mono.wav"
    with wave.open(str(mono), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"\0\0")
    for path in (empty, mono):
        with pytest.raises(BadSound):
            length(path)


def call(*entries: tuple[float, str], **fields: object) -> Call:
    timeline = tuple(Entry(100.0 + at, what, {"seconds": "7"}) for at, what in entries)
    return Call(id="hotline-1795296063.0", arrived_at=100.0, recording_at=100.5, timeline=timeline, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "spans"),
    [
        ([], []),
        ([(10, "connected"), (20, "left")], [(8500, 20500)]),
        ([(10, "connected")], [(8500, 7_200_000)]),
        ([(10, "connected"), (20, "held"), (30, "unheld"), (40, "left")], [(8500, 20500), (28500, 40500)]),
        ([(10, "connected"), (15, "connected"), (20, "left"), (30, "left")], [(8500, 30500)]),
        ([(10, "left"), (20, "connected"), (30, "left")], [(18500, 30500)]),
    ],
)
def test_when_somebody_was_there(entries: list[tuple[float, str]], spans: list[tuple[int, int]]) -> None:
    assert spans_of_people(call(*entries)) == spans


def test_of_an_unknown_call_everything_may_be_talk() -> None:
    assert spans_of_people(None) is None


@pytest.mark.parametrize(
    ("entries", "hidden"),
    [
        ([(10, "number", "ticket"), (20, "decided", "")], []),
        ([(5, "key", "main"), (10, "number", "ticket"), (20, "progress", "")], [(9500, 20500)]),
        # digits in two groups, then the call goes to a person
        ([(10, "number", "ticket"), (15, "heard", "last-four"), (18, "heard", "last-four"), (20, "decided", "")],
         [(9500, 18500)]),
        # wrong, and once more
        ([(10, "number", "ticket"), (16, "heard", "last-four"), (17, "progress", ""), (30, "number", "ticket"),
          (36, "progress", "")], [(9500, 17500), (29500, 36500)]),
        ([(10, "number", "ticket"), (14, "hung_up", "")], [(9500, 14500)]),
    ],
)  # fmt: skip
def test_the_last_four_digits_of_a_telephone_are_not_written_down(
    entries: list[tuple[float, str, str]], hidden: list[tuple[int, int]]
) -> None:
    timeline = tuple(Entry(100.0 + at, what, {"node": node}) for at, what, node in entries)
    spans = spans_of_caller(replace(call(), timeline=timeline))
    edges = [0, *(edge for pair in hidden for edge in pair), 7_200_000]
    assert spans == (list(zip(edges[::2], edges[1::2], strict=True)) if hidden else None)


def test_where_a_message_begins() -> None:
    assert message_start(None) is None
    assert message_start(call((30, "message"))) is None
    assert message_start(call((30, "message"), message_file="x.wav")) == 30_000 - 500 - 7_000 - 1_000
    assert message_start(call((3, "message"), message_file="x.wav")) == 0
