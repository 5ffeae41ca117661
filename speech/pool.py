"""Recognition for a server that must not wait: the event loop hands audio over, worker threads decode.

What makes it carry more calls than a recogniser per connection fed with every packet:

- silence is never decoded (:mod:`speech.gate`), and before the first word not even a recogniser exists;
- a turn is decoded when 200 ms have come together, or as much as has piled up when the machine is busy;
- whoever waits longest is next, a turn is on one thread at a time, and threads yield to the event loop (niceness).

Numbers to measure by: :attr:`Ear.lag`, :attr:`Ears.worst_lag`, :attr:`Ears.busy_s`, :attr:`Ears.decoded_s`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from speech.gate import Activity, Gate, margins
from speech.port import RATE, EngineError, Grammar, Recogniser, Utterance
from speech.priority import lower
from speech.vad import VoiceActivity

_log = logging.getLogger(__name__)
_About = TypeVar("_About")

_SECOND = RATE * 2
BATCH = _SECOND // 5
"""Bytes that are worth a decoder's while."""
_MOST_AT_ONCE = _SECOND // 2
"""A turn that fell behind catches up in pieces of half a second, so that the others get their share."""
_LONGEST_TURN = 60 * _SECOND
"""Of an engine that hears at the end; dialogues cut a turn long before."""


class Full(Exception):
    """As many turns as there may be are open, or those that are have fallen behind."""


class Ears:
    """One per process. Used from the event loop only; nothing here waits for an engine."""

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        threads: int,
        max_turns: int,
        max_lag: float = 1.0,
        activity: Callable[[], Activity] = VoiceActivity,
    ) -> None:
        self.name = recogniser.name
        self.streaming = recogniser.streaming
        self.max_lag = max_lag
        """Seconds. A turn that is further behind counts as lost; while one is half as far (with an engine that hears at
        the end: as far) no new one is taken."""
        self.busy_s = 0.0
        """Processor time of all threads together, in seconds; without what an engine does on threads of its own."""
        self.decoded_s = 0.0
        """Seconds of audio that went into the engine; the rest was silence."""
        self._recogniser = recogniser
        self.max_turns = max_turns
        self._open: set[Ear] = set()
        self._ready: deque[Ear] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._activity = activity
        activity()  # its model is loaded now, not while a caller waits
        self._threads = [
            threading.Thread(target=self._work, name=f"ears-{number}", daemon=True) for number in range(max(1, threads))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def open_turns(self) -> int:
        return len(self._open)

    @property
    def worst_lag(self) -> float:
        """Of all open turns, in seconds."""
        return max((ear.lag for ear in self._open), default=0.0)

    @property
    def full(self) -> bool:
        """Whether no turn would be taken now."""
        bound = self.max_lag / (2 if self.streaming else 1)
        return self._ending or self.open_turns >= self.max_turns or self.worst_lag > bound

    def has_room(self, yields: bool = False) -> bool:
        """Whether a turn would be taken now. ``yields``: for somebody who leaves half of the turns, of one the only
        one, to others."""
        return not self.full and not (yields and 2 * (self.open_turns + 1) > self.max_turns)

    def open(
        self, phrases: Sequence[str] = (), on_partial: Callable[[str], None] | None = None, yields: bool = False
    ) -> Ear:
        """A turn begins. ``phrases``: only these are listened for. ``on_partial`` is called on the event loop with the
        words so far whenever they changed. ``yields``: see :meth:`has_room`. Raises :class:`Full`.
        """
        if not self.has_room(yields):
            raise Full(f"{self.open_turns} turns are open, the slowest of them {self.worst_lag:.1f} s behind")
        ear = Ear(self, Grammar(tuple(phrases)) if phrases else None, on_partial)
        self._open.add(ear)
        return ear

    async def aclose(self) -> None:
        """Drop all turns and end the threads; takes as long as what is being decoded at this moment."""
        for ear in tuple(self._open):
            ear.close()
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    # From here on: between Ear and the threads.

    def _drop(self, ear: Ear) -> None:
        self._open.discard(ear)

    def _submit(self, ear: Ear) -> None:
        """``_changed`` is held."""
        if not ear._queued:
            ear._queued = True
            self._ready.append(ear)
            self._changed.notify()

    def _work(self) -> None:
        lower()
        while True:
            with self._changed:
                while not self._ready and not self._ending:
                    self._changed.wait()
                if not self._ready:
                    return
                ear = self._ready.popleft()
                pcm, last = ear._take(_MOST_AT_ONCE if self.streaming else _LONGEST_TURN)
            begun = time.thread_time()
            decoded = ear._decode(self._recogniser, pcm, last)
            with self._changed:
                self.busy_s += time.thread_time() - begun
                self.decoded_s += decoded / _SECOND
                ear._queued = False
                if ear._wants_a_thread():
                    self._submit(ear)


class Ear:
    """One turn. ``feed``, ``finish`` and ``close`` belong to the event loop."""

    def __init__(self, ears: Ears, grammar: Grammar | None, on_partial: Callable[[str], None] | None) -> None:
        self.alternatives: tuple[str, ...] = ()
        """To what :meth:`finish` said; see :class:`speech.port.Utterance`."""
        self._ears = ears
        self._grammar = grammar
        self._on_partial = on_partial
        self._loop = asyncio.get_running_loop()
        self._words: asyncio.Future[str] = self._loop.create_future()
        self._fed = bytearray()
        self._in_hand = 0
        self._finish_asked = 0.0
        self._finishing = self._closed = self._queued = False
        # The rest is touched by one worker at a time.
        self._gate = Gate(ears._activity(), *margins(ears.streaming))
        self._utterance: Utterance | None = None
        self._over = False
        self._partial = ""

    @property
    def lag(self) -> float:
        """How far behind, in seconds: audio fed and not yet decoded. An engine that hears at the end is behind by the
        time since that end.
        """
        if self._ears.streaming:
            return (len(self._fed) + self._in_hand) / _SECOND
        return time.monotonic() - self._finish_asked if self._finishing and not self._words.done() else 0.0

    def feed(self, pcm: bytes) -> None:
        """Never waits. A turn that is hopelessly behind has failed: its audio is dropped."""
        with self._ears._changed:
            if self._closed or self._finishing or self._over:
                return
            bound = int(2 * self._ears.max_lag * _SECOND) if self._ears.streaming else _LONGEST_TURN
            if len(self._fed) + len(pcm) > bound:
                self._fail(EngineError("recognition has fallen behind"))
                return
            self._fed += pcm
            if self._wants_a_thread():
                self._ears._submit(self)

    async def finish(self) -> str:
        """All the words; empty if there were none. The turn is over afterwards. Raises :class:`EngineError`."""
        with self._ears._changed:
            if not self._closed:
                self._finishing = True
                self._finish_asked = time.monotonic()
                if self._wants_a_thread():
                    self._ears._submit(self)
        try:
            return await self._words
        finally:
            self.close()

    def close(self) -> None:
        """Drop it, at any time, more than once: what is waiting to be decoded never will be."""
        with self._ears._changed:
            self._fail(EngineError("the turn was dropped"))
        self._ears._drop(self)

    # From here on: between this and the threads. ``_changed`` is held, except in ``_decode``.

    def _wants_a_thread(self) -> bool:
        if self._closed:
            return self._utterance is not None
        if self._over:  # the event loop has not looked yet
            return False
        return self._finishing or (self._ears.streaming and len(self._fed) >= BATCH)

    def _take(self, most: int) -> tuple[bytes, bool]:
        pcm = bytes(self._fed[:most])
        del self._fed[:most]
        self._in_hand = len(pcm)
        return pcm, self._finishing and not self._fed

    def _fail(self, error: EngineError) -> None:
        if self._closed:
            return
        self._closed = True
        self._fed.clear()
        if not self._words.done():
            self._words.set_exception(error)
            self._words.exception()  # nobody has to ask for it
        # A worker frees what the engine holds: that may take its time.
        if self._wants_a_thread():
            self._ears._submit(self)

    def _decode(self, recogniser: Recogniser, pcm: bytes, last: bool) -> int:
        """On a worker thread. Returns how many bytes the engine took."""
        if self._closed:
            self._free()
            return 0
        decoded = 0
        try:
            voiced = self._gate.pass_on(pcm)
            decoded = len(voiced)
            if voiced:
                if self._utterance is None:
                    self._utterance = recogniser.open(self._grammar)
                self._tell_partial(self._utterance.feed(voiced))
            if last:
                words = ""
                if self._utterance is not None:
                    words = self._utterance.finish()
                    self.alternatives = self._utterance.alternatives
                self._free()
                self._over = True
                self._tell(self._finished, words)
        except Exception as error:
            if not isinstance(error, EngineError):
                _log.exception("%s failed", recogniser.name)
            self._free()
            self._over = True
            self._tell(self._failed, EngineError(f"{recogniser.name}: {error}"))
        self._in_hand = 0
        return decoded

    def _free(self) -> None:
        if self._utterance is not None:
            self._utterance.close()
            self._utterance = None

    def _tell_partial(self, words: str) -> None:
        if words != self._partial and self._on_partial is not None:
            self._partial = words
            self._tell(self._hear_partial, words)

    def _tell(self, what: Callable[[_About], None], about: _About) -> None:
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(what, about)

    # On the event loop again.

    def _hear_partial(self, words: str) -> None:
        if not self._closed and self._on_partial is not None:
            self._on_partial(words)

    def _finished(self, words: str) -> None:
        if not self._words.done():
            self._words.set_result(words)

    def _failed(self, error: EngineError) -> None:
        with self._ears._changed:
            self._fail(error)
