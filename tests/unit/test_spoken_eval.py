"""The list that ``hotline speech eval`` works through: whatever is wrong with it is said before any work."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from hotline.spoken_eval import ListError, read_list
from speech import wav
from speech.port import EngineError

SPOKEN = Path(__file__).parent.parent / "speech" / "wav"


def unknown_codec(file: Path) -> None:
    form = struct.pack("<HHIIHH", 0x1234, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 800) + bytes(800)
    file.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def test_a_file_without_a_decoder_is_an_engine_error(tmp_path: Path) -> None:
    unknown_codec(tmp_path / "a.wav")
    with pytest.raises(EngineError, match=r"a\.wav: no sound file that can be read"):
        wav.read(tmp_path / "a.wav")


def test_a_recording_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    shutil.copy(SPOKEN / "h001.wav", tmp_path / "a.wav")
    unknown_codec(tmp_path / "b.wav")
    lines = ["a\thelp\t-\t停水", "b\temergency\t119\t着火"]
    (tmp_path / "list.tsv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ListError, match=r"list\.tsv:2: .*b\.wav: no sound file"):
        read_list(tmp_path / "list.tsv", tmp_path)
    (tmp_path / "list.tsv").write_text(lines[0], encoding="utf-8")
    (found,) = read_list(tmp_path / "list.tsv", tmp_path)
    assert found.pcm == wav.read(SPOKEN / "h001.wav")
