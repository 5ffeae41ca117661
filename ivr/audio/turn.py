"""When to stop talking and when to stop listening: one turn of a caller as a pure machine.

It is told of every 20 ms of the caller's sound whether there is a voice in it, of the words so far and of the words at
the end, and says what to do. Its clock is the sound itself: a server that was busy for a second hears that second
afterwards and decides as if it had been there. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ivr.leg import Manner
from speech.port import FRAME_MS


@dataclass(frozen=True)
class Pace:
    """Milliseconds."""

    begins: int = 60
    """So much of voice is somebody speaking. The detector has needed about as much before it said so."""
    ends: int = 650
    """After so much silence the sentence is over."""
    ends_singly: int = 1000
    """The same where words come one by one: digits."""
    cough: int = 340
    """A shorter voice is not even recognised, unless a single syllable may be the answer. The detector adds about
    100 ms to it."""
    cough_over: int = 300
    """So much silence tells that it was a cough."""
    patience: int = 2500
    """A voice without a word (an engine tells them as they are said) holds the prompt up no longer than this."""
    patience_without_words: int = 6000
    """The same with an engine that has no words before the end: sentences are shorter, talk in the street is not."""
    last_decision: int = 500
    """In a turn that nothing holds up, a decision may take so much longer than the turn."""
    interruptions: int = 2
    """The prompt is paused for nothing so often in a turn; after that it takes words to pause it."""


class Do(Enum):
    PAUSE = auto()
    RESUME = auto()
    HEAR = auto()
    """Recognise from a little before now on."""
    FORGET = auto()
    """What was recognised so far is not needed."""
    DECIDE = auto()
    """Say which words there were: answered by :meth:`Turn.decided`."""
    END_WORDS = auto()
    END_UNUSABLE = auto()
    END_SILENCE = auto()


Acts = tuple[Do, ...]
_NOTHING: Acts = ()


class Turn:
    """``prompt``: something is played; ``streaming``: the engine tells words while they are said. ``longest_ms``: the
    end of the turn, come what may, but for a decision under way."""

    def __init__(
        self,
        pace: Pace,
        *,
        silence_ms: int,
        max_ms: int,
        longest_ms: int,
        prompt: bool,
        manner: Manner = Manner(),  # noqa: B008  (frozen)
        streaming: bool = False,
    ) -> None:
        self._pace = pace
        self._silence = silence_ms
        self._max = max_ms
        self._longest = longest_ms
        self._holds_up = manner.holds_up
        self._cough = 0 if manner.short else pace.cough
        self._ends = pace.ends_singly if manner.singly else pace.ends
        self._patience = pace.patience if streaming else pace.patience_without_words
        self._now = 0
        self._prompt_playing = prompt
        self._prompt_paused = False
        self._prompt_over_at = 0
        self._interrupted_for_nothing = 0
        self._score = 0
        """Milliseconds of voice lately: grows with voice, shrinks with silence."""
        self._speaking = False
        self._began = 0
        self._voiced = 0
        self._last_voice = 0
        self._words = False
        self._deciding = False

    @property
    def rising(self) -> bool:
        """A voice was heard just now, whether or not it will count as somebody speaking."""
        return self._score > 0

    def frame(self, voiced: bool) -> Acts:
        self._now += FRAME_MS
        if voiced:
            self._score = min(self._score + FRAME_MS, self._pace.begins)
            self._last_voice = self._now
        else:
            self._score = max(self._score - FRAME_MS, 0)
        if self._deciding:
            late = not self._holds_up and self._now >= self._longest + self._pace.last_decision
            return (Do.END_UNUSABLE,) if late else _NOTHING
        if self._speaking:
            if voiced:
                self._voiced += FRAME_MS
            return self._while_speaking()
        if self._score >= self._pace.begins:
            return self._begin()
        return self._while_silent()

    def prompt_over(self) -> None:
        self._prompt_playing = False
        self._prompt_over_at = self._now

    def partial(self, text: str) -> Acts:
        if not text or self._words or not self._speaking or self._deciding:
            return _NOTHING
        self._words = True
        return self._pause()

    def decided(self, text: str) -> Acts:
        self._deciding = False
        if text:
            return (Do.END_WORDS,)
        if self._prompt_over or self._now >= self._longest:
            return (Do.END_UNUSABLE,)
        return self._go_on()

    @property
    def _prompt_over(self) -> bool:
        return not self._prompt_playing and not self._prompt_paused

    def _begin(self) -> Acts:
        self._speaking = True
        self._words = False
        self._began = self._now - self._score
        self._voiced = self._score
        if self._interrupted_for_nothing >= self._pace.interruptions:
            return (Do.HEAR,)
        return (Do.HEAR, *self._pause())

    def _pause(self) -> Acts:
        if not self._prompt_playing or not self._holds_up:
            return _NOTHING
        self._prompt_playing = False
        self._prompt_paused = True
        return (Do.PAUSE,)

    def _resume(self) -> Acts:
        if not self._prompt_paused:
            return _NOTHING
        self._interrupted_for_nothing += 1
        self._prompt_paused = False
        self._prompt_playing = True
        return (Do.RESUME,)

    def _while_silent(self) -> Acts:
        if self._now >= self._longest:
            return (Do.END_SILENCE,)
        if self._prompt_over and not self._score and self._now - self._prompt_over_at >= self._silence:
            return (Do.END_SILENCE,)
        return _NOTHING

    def _while_speaking(self) -> Acts:
        quiet = self._now - self._last_voice
        if self._voiced < self._cough and not self._words and quiet >= self._pace.cough_over:
            return self._go_on()
        if quiet >= self._ends or self._now - self._began >= self._max or self._now >= self._longest:
            self._deciding = True
            return (Do.DECIDE,)
        if not self._words and self._now - self._began >= self._patience:
            return self._resume()
        return _NOTHING

    def _go_on(self) -> Acts:
        """Nobody said anything."""
        self._speaking = False
        self._score = 0
        return (Do.FORGET, *self._resume())
