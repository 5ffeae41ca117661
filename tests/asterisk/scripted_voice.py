"""The voice server with a recogniser that hears what ``<home>/heard.json`` says at the moment a sentence begins.

``{"text": "我家停水了", "partials": [[0.5, "我家"]], "seconds": 0.4}``; ``seconds``: how long it takes to decide.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from hotline.settings import home_folder
from hotline.voice import main
from speech.fake import FakeRecogniser, FakeUtterance, Script
from speech.port import Grammar


class Slow(FakeUtterance):
    def __init__(self, recogniser: FakeRecogniser, script: Script, seconds: float) -> None:
        super().__init__(recogniser, script)
        self._seconds = seconds

    def finish(self) -> str:
        time.sleep(self._seconds)
        return super().finish()


class Scripted(FakeRecogniser):
    name = "scripted"

    def __init__(self, file: Path) -> None:
        super().__init__(streaming=json.loads(file.read_text()).get("streaming", False))
        self._file = file

    def open(self, grammar: Grammar | None = None) -> FakeUtterance:
        said = json.loads(self._file.read_text())
        partials = tuple((after, words) for after, words in said.get("partials", ()))
        self.open_utterances += 1
        return Slow(self, Script(said["text"], partials), said.get("seconds", 0.0))


def load(engine: str, models_dir: Path, threads: int) -> Scripted:
    return Scripted(home_folder() / "heard.json")


if __name__ == "__main__":
    main(load)
