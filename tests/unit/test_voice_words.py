"""What the voice server says at its start about an engine with a fixed vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hotline import voice
from hotline.rules import load_rules
from hotline.settings import Settings
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Sounds
from ivr.audio.speech import Speech
from ivr.prompts import FOLDER
from speech.fake import FakeRecogniser


class Choosy(FakeRecogniser):
    def __init__(self, *unknown: str) -> None:
        super().__init__()
        self._unknown = unknown
        self.asked: tuple[str, ...] = ()

    def unheard(self, phrases: Sequence[str]) -> tuple[str, ...]:
        self.asked = tuple(phrases)
        return tuple(phrase for phrase in phrases if phrase in self._unknown)


@pytest.mark.parametrize("unknown", [("查询进度", "救命"), ()])
async def test_what_the_model_cannot_hear_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, unknown: tuple[str, ...]
) -> None:
    recogniser = Choosy(*unknown)
    speech = Speech(AudioServer(port=0), Sounds(FOLDER))
    talk = voice._Talk()
    settings = Settings(home=tmp_path)
    await voice._learn_to_listen(settings, lambda *_: recogniser, speech, talk, load_rules().flows)
    assert speech.ears is not None
    await speech.server.stop()
    await speech.ears.aclose()
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == bool(unknown)
    assert all(phrase in lines[0] for phrase in unknown)
    assert {"幺", "投诉", "查询进度", "着火了"} <= set(recogniser.asked)
