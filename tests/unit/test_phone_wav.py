from __future__ import annotations

import wave
from array import array
from pathlib import Path

import pytest

from phone.wav import WavError, check_playable, complete, mix_down, seconds, to_16_bit, to_mono16


def write(path: Path, data: bytes, width: int = 2, channels: int = 1, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(data)
    return path


def test_every_width_becomes_16_bit() -> None:
    assert to_16_bit(b"\x00\x80\xff", 1) == array("h", [-32768, 0, 32512])
    assert to_16_bit(b"\x34\x12", 2) == array("h", [0x1234])
    assert to_16_bit(b"\xff\x34\x12", 3) == array("h", [0x1234])
    assert to_16_bit(b"\xff\xff\x00\x80", 4) == array("h", [-32768])


def test_channels_are_mixed() -> None:
    assert mix_down(array("h", [100, 300, -32768, -32768]), 2) == array("h", [200, -32768])


def test_a_short_file_is_padded_and_keeps_its_rate(tmp_path: Path) -> None:
    made = to_mono16(write(tmp_path / "in.wav", b"\0" * 12, width=3, channels=2, rate=44100), tmp_path)
    with wave.open(str(made)) as out:
        assert (out.getframerate(), out.getnchannels(), out.getsampwidth()) == (44100, 1, 2)
    assert seconds(made) == pytest.approx(0.5)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello world, not audio at all"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(WavError, match="not a PCM WAV file"):
        check_playable(path)
    with pytest.raises(WavError, match="No such file"):
        check_playable(tmp_path / "absent.wav")


def test_a_recording_is_complete_when_its_header_is(tmp_path: Path) -> None:
    path = write(tmp_path / "r.wav", b"\0" * 16000)
    assert complete(path)
    with path.open("ab") as file:
        file.write(b"\0\0")
    assert not complete(path)
    assert not complete(tmp_path / "absent.wav")
    assert seconds(tmp_path / "absent.wav") == 0.0
