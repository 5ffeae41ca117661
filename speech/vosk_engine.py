"""Vosk: hears while one speaks, and at closed steps listens for given phrases only, at a twentieth of the cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from speech import models
from speech.catalogue import VOSK_CN
from speech.grammar import split
from speech.port import RATE, EngineError, Grammar
from speech.priority import lowered
from speech.text import tidy
from speech.vosk_shelf import Shelf

_UNKNOWN = ("[unk]", "<UNK>", "<unk>")
"""The word for everything else, by the habit of whoever trained the model."""
_ERRORS_ONLY = -2


class VoskRecogniser:
    name = "vosk"
    streaming = True

    def __init__(self, model: Path, threads: int = 1) -> None:
        """Loads for a second or two. Raises :class:`EngineError`."""
        try:
            import vosk
        except (ImportError, OSError) as error:
            raise EngineError(f"vosk: {error}") from error
        vosk.SetLogLevel(_ERRORS_ONLY)
        try:
            self._model = vosk.Model(str(model))
        except Exception as error:  # the library raises nothing narrower
            raise EngineError(f"vosk: {model} is no model of its") from error
        self._new = vosk.KaldiRecognizer
        self._unknown = [word for word in _UNKNOWN if self.knows(word)][:1]
        self._shelf = lowered(lambda: Shelf(lambda: self._new(self._model, RATE), threads))
        self._compiled = lru_cache(maxsize=256)(self._compile)

    def knows(self, word: str) -> bool:
        """Whether the model has this word."""
        return bool(self._model.vosk_model_find_word(word) >= 0)

    def unheard(self, phrases: Sequence[str]) -> tuple[str, ...]:
        """Those that cannot be listened for: they are not made of the model's words."""
        return tuple(phrase for phrase in phrases if self._words_of(phrase) is None)

    def open(self, grammar: Grammar | None = None) -> VoskUtterance:
        """Raises :class:`EngineError` if no phrase of the grammar can be listened for."""
        if grammar is None:
            return VoskUtterance(self._shelf.take(), self._shelf.give_back)
        return VoskUtterance(self._new(self._model, RATE, self._compiled(grammar)))

    def _words_of(self, phrase: str) -> str | None:
        try:
            return " ".join(split(phrase, self.knows))
        except EngineError:
            return None

    def _compile(self, grammar: Grammar) -> str:
        # One odd phrase costs itself, not the call's speech; the start has named it.
        phrases = dict.fromkeys(words for phrase in grammar.phrases if (words := self._words_of(phrase)))
        if not phrases:
            raise EngineError(f"vosk: the model has no words for any of {', '.join(grammar.phrases)}")
        return json.dumps([*phrases, *self._unknown], ensure_ascii=False)


class VoskUtterance:
    """The library cuts at pauses: what is before the last cut is final, what follows it may still change."""

    alternatives: tuple[str, ...] = ()

    def __init__(self, recogniser: Any, give_back: Callable[[Any], None] | None = None) -> None:
        self._recogniser: Any = recogniser
        self._give_back = give_back
        self._final: list[str] = []
        self._finished = False

    def feed(self, pcm: bytes) -> str:
        recogniser = self._alive()
        if recogniser.AcceptWaveform(pcm):
            self._final.append(json.loads(recogniser.Result())["text"])
            return self._words()
        return self._words(json.loads(recogniser.PartialResult())["partial"])

    def finish(self) -> str:
        self._final.append(json.loads(self._alive().FinalResult())["text"])
        self._finished = True
        return self._words()

    def close(self) -> None:
        recogniser, self._recogniser = self._recogniser, None
        if recogniser is not None and self._give_back is not None:
            if not self._finished:
                recogniser.FinalResult()
            self._give_back(recogniser)

    def _words(self, more: str = "") -> str:
        return tidy(" ".join([*self._final, more]))

    def _alive(self) -> Any:
        if self._recogniser is None:
            raise EngineError("vosk: the turn is over")
        return self._recogniser


def load(models_dir: Path, threads: int) -> VoskRecogniser:
    """The Chinese model, for about so many threads. Raises :class:`EngineError`."""
    return VoskRecogniser(models.usable(models_dir, VOSK_CN), threads)
