"""``hotline call --say``: any sound file reaches the phone as one that it plays."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from hotline.cli.call import playable
from speech import wav
from tests.unit.command_line import hotline

A_LAW = Path(__file__).parent.parent / "speech" / "wav" / "h001.wav"


def test_a_law_is_played_as_16_bit_pcm_and_nothing_is_left() -> None:
    with playable(str(A_LAW)) as file:
        assert file is not None
        with wave.open(file) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
            assert sound.readframes(sound.getnframes()) == wav.read(A_LAW)
    assert not Path(file).parent.exists()
    with playable(None) as nothing:
        assert nothing is None


@pytest.mark.parametrize("name", ["absent.wav", "text.wav"])
def test_what_is_no_sound_is_one_line_and_a_bad_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    (tmp_path / "text.wav").write_text("no sound")
    result = hotline("call", "12345", "--from", "1", "--say", str(tmp_path / name))
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert name in result.output
