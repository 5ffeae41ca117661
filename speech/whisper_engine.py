"""Whisper by faster-whisper: hears at the end of a turn; also writes down whole recordings.

Its encoder is made for half a minute of audio, most of it padding for what is said on the telephone. Here it is given
the turn and five seconds more, which costs a quarter. A caller waits for the words: hearing doubtful turns again in
full won half a hundredth of the syllables, and brought their decisions two seconds after the end of speech.
No prompt is given: the domain's words, or a sentence of Mandarin, made more errors than they cured (docs/speech.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speech import models
from speech.audio import Samples, to_16k
from speech.catalogue import WHISPER_BASE
from speech.port import FRAME_BYTES, FRAME_MS, RATE, EngineError, Grammar
from speech.priority import lowered
from speech.text import tidy, unlooped, without_inventions
from speech.vad import VoiceActivity

_WANTED = 16000
_LONGEST_SECONDS = 28.0
"""What is said in one go; the encoder's window is 30 s."""
_SHORTEST_SECONDS = 0.3
_MEL_FRAMES_A_SECOND = 100
_WHOLE_WINDOW = 30 * _MEL_FRAMES_A_SECOND
_ROOM = 5 * _MEL_FRAMES_A_SECOND
_LANGUAGE = "zh"
_TOKENS_A_SECOND = 14
"""Nobody speaks faster (a Chinese character is one token or two): more of them is a loop."""
_BEAM = 5
"""On training recordings 14.8 % of syllables wrong instead of 17.2 % with one, for no measurable time: short texts."""
_HOPELESS = -1.6
"""Mean log probability of the tokens, below which they are thrown away. Noise of all kinds came out below -1.8, the
most misheard sentence above -1.3."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech: seconds from the beginning of the recording, and its words."""

    start: float
    end: float
    text: str


class WhisperRecogniser:
    name = "whisper"
    streaming = False

    def __init__(self, model: Path, threads: int) -> None:
        """Loads for a second or so; nothing is ever asked of a network. Raises :class:`EngineError`."""
        try:
            from ctranslate2 import StorageView
            from faster_whisper import WhisperModel
            from faster_whisper.tokenizer import Tokenizer
            from opencc import OpenCC
        except (ImportError, OSError) as error:
            raise EngineError(f"whisper: {error}") from error
        if not (model / "tokenizer.json").is_file():
            raise EngineError(f"whisper: {model} has no tokenizer.json")  # the library would fetch one
        try:
            # A worker with one thread each: two turns at once take no longer than one.
            self._model = lowered(
                lambda: WhisperModel(
                    str(model),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=1,
                    num_workers=max(1, threads),
                    local_files_only=True,
                )
            )
            self._tokens = Tokenizer(self._model.hf_tokenizer, multilingual=True, task="transcribe", language=_LANGUAGE)
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineError(f"whisper: {model}: {error}") from error
        self._view = StorageView.from_array
        self._simplified = OpenCC("tw2s").convert
        self._prompt = self._model.get_prompt(self._tokens, [], without_timestamps=True)
        self._suppressed = [-1, *_special(self._tokens)]

    def open(self, grammar: Grammar | None = None) -> WhisperUtterance:
        return WhisperUtterance(self)

    def hear(self, pcm: bytes) -> str:
        """All the words of what was said in one go; what lies beyond 28 s is not heard."""
        return next(iter(self.readings(pcm)), "")

    def readings(self, pcm: bytes) -> list[str]:
        """As :meth:`hear`, and what else it may have been, the likeliest first; empty if there is nothing to hear."""
        audio = to_16k(pcm)[: int(_LONGEST_SECONDS * _WANTED)]
        if len(audio) < _SHORTEST_SECONDS * _WANTED:
            return []
        mel = self._model.feature_extractor(audio)
        spoken = -(-len(audio) * _MEL_FRAMES_A_SECOND // _WANTED)
        return self._decode(mel, spoken, min(_WHOLE_WINDOW, spoken + _ROOM))

    def _decode(self, mel: Samples, spoken: int, window: int) -> list[str]:
        # Padded with silence as the model would see it, not with zeros, which are loud in its logarithmic scale.
        heard = np.pad(mel[:, :spoken], ((0, 0), (0, window - spoken)), constant_values=float(mel.min()))
        encoded = self._model.model.encode(self._view(np.ascontiguousarray(heard[np.newaxis], np.float32)))
        result = self._model.model.generate(
            encoded,
            [self._prompt],
            beam_size=_BEAM,
            num_hypotheses=_BEAM,
            max_length=len(self._prompt) + 6 + spoken * _TOKENS_A_SECOND // _MEL_FRAMES_A_SECOND,
            suppress_tokens=self._suppressed,
            return_scores=True,
        )[0]
        if result.scores[0] < _HOPELESS:
            return []
        texts = (self._simplified(self._tokens.decode(tokens).strip()) for tokens in result.sequences_ids)
        # Without what the model makes up where there is nothing to hear.
        return [tidy(unlooped(without_inventions(text))) for text in texts]


def _special(tokens: Any) -> list[int]:
    found = [tokens.transcribe, tokens.translate, tokens.sot, tokens.sot_prev, tokens.sot_lm, tokens.no_speech]
    return sorted(token for token in found if token is not None)


class WhisperUtterance:
    def __init__(self, recogniser: WhisperRecogniser) -> None:
        self.alternatives: tuple[str, ...] = ()
        self._recogniser = recogniser
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> str:
        if len(self._pcm) < _LONGEST_SECONDS * RATE * 2:
            self._pcm += pcm
        return ""

    def finish(self) -> str:
        words, *others = self._recogniser.readings(bytes(self._pcm)) or [""]
        self.alternatives = tuple(others)
        return words

    def close(self) -> None:
        self._pcm.clear()


class Scribe:
    """Writes down recordings. Its one method blocks for about a tenth of what is spoken: a thread's work."""

    def __init__(self, models_dir: Path, threads: int) -> None:
        """``threads``: how many recordings at once. Raises :class:`EngineError`."""
        self._recogniser = load(models_dir, threads)

    def transcribe(self, pcm: bytes) -> list[Segment]:
        """Any length, 16 bit, mono, 8 kHz; one channel of a call at a time. Silence gives no segments."""
        segments = []
        for begin, end in _stretches(pcm):
            text = self._recogniser.hear(pcm[begin * FRAME_BYTES : end * FRAME_BYTES])
            if text:
                segments.append(Segment(begin * FRAME_MS / 1000, end * FRAME_MS / 1000, text))
        return segments


_MARGIN = 400 // FRAME_MS
_PAUSE = 800 // FRAME_MS
_CUT_AFTER = 12_000 // FRAME_MS
"""A stretch this long ends at the next breath."""
_BREATH = 200 // FRAME_MS
_LONGEST = int(_LONGEST_SECONDS * 1000) // FRAME_MS - 2 * _MARGIN


def _stretches(pcm: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of what is spoken between pauses, in frames, margins included."""
    activity = VoiceActivity()
    frames = len(pcm) // FRAME_BYTES
    begin = last = -1
    for frame in range(frames):
        if activity.is_speech(pcm[frame * FRAME_BYTES : (frame + 1) * FRAME_BYTES]):
            begin, last = (frame if begin < 0 else begin), frame
        if begin < 0:
            continue
        pause = _BREATH if frame - begin > _CUT_AFTER else _PAUSE
        if frame - last >= pause or frame - begin >= _LONGEST:
            yield max(0, begin - _MARGIN), min(frames, last + _MARGIN)
            begin = -1
    if begin >= 0:
        yield max(0, begin - _MARGIN), min(frames, last + _MARGIN)


def load(models_dir: Path, threads: int) -> WhisperRecogniser:
    """``threads``: turns at once, each on one core. Raises :class:`EngineError`."""
    return WhisperRecogniser(models.usable(models_dir, WHISPER_BASE), threads)
