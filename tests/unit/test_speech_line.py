"""The telephone line of the recordings: band, level of noise, A-law."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.speech.line import RATE, Samples, a_law, band, call, write_a_law


def tone(hz: float, seconds: float = 1.0) -> Samples:
    return np.asarray(0.5 * np.sin(2 * np.pi * hz * np.arange(int(RATE * seconds)) / RATE))


@pytest.mark.parametrize(("hz", "passes"), [(100, False), (500, True), (3000, True), (3800, False)])
def test_only_the_band_passes(hz: float, passes: bool) -> None:
    assert (float(np.std(band(tone(hz)))) > 0.3) == passes


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A), (1000, 0xFA), (-1000, 0x7A)]
)
def test_a_law(sample: int, code: int) -> None:
    assert a_law(np.array([sample])).tolist() == [code]


def test_the_same_seed_is_the_same_call() -> None:
    others = [tone(600), tone(700, 0.3)]
    first, second = (call(tone(800), others, (12, 30), np.random.default_rng(7)) for _ in range(2))
    assert first[0].tolist() == second[0].tolist()
    assert 12 <= first[2] <= 30


def test_noise_is_as_loud_as_said() -> None:
    voice = np.concatenate([tone(800), np.zeros(RATE)])
    for seed in range(10):
        heard, kind, snr = call(voice, [tone(600)], (20, 20), np.random.default_rng(seed))
        quiet = heard[-RATE // 2 :]
        loud = heard[RATE // 2 : RATE]
        assert snr == 20
        assert 10 < 20 * np.log10(np.std(loud) / np.std(quiet)) < 40, kind


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    write_a_law(tmp_path / "a.wav", tone(800, 0.5))
    data = (tmp_path / "a.wav").read_bytes()
    assert data[:4] == b"RIFF"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert data[20:22] == b"\x06\x00"
    assert data.count(b"data") == 1
    assert data[data.index(b"data") + 8 :] == a_law(np.round(tone(800, 0.5) * 32767).astype(np.int64)).tobytes()
