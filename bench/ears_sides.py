"""The designs that ``bench.ears`` compares, behind one small interface. All use the same Vosk model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import vosk

from bench.ears_sound import Turn
from speech.pool import Ear, Ears
from speech.port import FRAME_BYTES, RATE, EngineError
from speech.vosk_engine import VoskRecogniser


class Call(Protocol):
    """One call. A turn begins, then its frames come."""

    @property
    def lag(self) -> float:
        """Seconds of sound that were delivered and are not yet decoded."""
        ...

    def begin(self, turn: Turn) -> None: ...

    def feed(self, frame: bytes) -> None: ...

    async def end(self) -> None: ...


class Side(Protocol):
    def call(self) -> Call: ...

    def decoding_s(self) -> float:
        """Processor seconds of all recognition threads until now."""
        ...

    async def aclose(self) -> None: ...


def open_side(name: str, model: Path) -> Side:
    return SIDES[name](model)


# ---- this project ----------------------------------------------------------------------------------------------


class _Ours:
    def __init__(self, model: Path, closed_steps: bool) -> None:
        cores = len(os.sched_getaffinity(0))
        self.ears = Ears(VoskRecogniser(model, cores), threads=cores, max_turns=1000, max_lag=60.0)
        self.closed_steps = closed_steps

    def call(self) -> Call:
        return _OurCall(self)

    def decoding_s(self) -> float:
        return self.ears.busy_s

    async def aclose(self) -> None:
        await self.ears.aclose()


class _OurCall:
    """An ear for every turn. Where nobody is asked anything, nobody listens."""

    def __init__(self, side: _Ours) -> None:
        self._side = side
        self._ear: Ear | None = None
        self._ends: set[asyncio.Task[None]] = set()

    @property
    def lag(self) -> float:
        return self._ear.lag if self._ear else 0.0

    def begin(self, turn: Turn) -> None:
        if self._ear is not None:
            task = asyncio.get_running_loop().create_task(_finish(self._ear))
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)
        phrases = turn.phrases if self._side.closed_steps else ()
        self._ear = self._side.ears.open(phrases, lambda words: None) if turn.listens else None

    def feed(self, frame: bytes) -> None:
        if self._ear is not None:
            self._ear.feed(frame)

    async def end(self) -> None:
        if self._ear is not None:
            self._ear.close()
        await asyncio.gather(*self._ends)


async def _finish(ear: Ear) -> None:
    with contextlib.suppress(EngineError):
        await ear.finish()


# ---- the usual design --------------------------------------------------------------------------------------------


class _Usual:
    """``closed_steps``: a new recogniser, with its grammar or without, for every step; else one for the whole call."""

    def __init__(self, model: Path, closed_steps: bool) -> None:
        vosk.SetLogLevel(-1)
        self._model = vosk.Model(str(model))
        self.closed_steps = closed_steps
        self.pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        self._spent = 0.0
        self._lock = threading.Lock()

    def call(self) -> Call:
        return _UsualCall(self)

    def decoding_s(self) -> float:
        return self._spent

    def open(self, phrases: tuple[str, ...]) -> Any:
        grammar = (json.dumps([*phrases, "[unk]"], ensure_ascii=False),) if phrases else ()
        return vosk.KaldiRecognizer(self._model, RATE, *grammar)

    def accept(self, recogniser: Any, frame: bytes) -> None:
        begin = time.thread_time()
        if recogniser.AcceptWaveform(frame):
            recogniser.Result()
        else:
            recogniser.PartialResult()
        with self._lock:
            self._spent += time.thread_time() - begin

    async def aclose(self) -> None:
        self.pool.shutdown(wait=True)


class _UsualCall:
    """A connection: its frames are taken one by one, as a server takes messages off its socket."""

    def __init__(self, side: _Usual) -> None:
        self._side = side
        self._waiting: deque[bytes | tuple[str, ...]] = deque()
        self._frames = 0
        self._over = False
        self._news = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    @property
    def lag(self) -> float:
        return self._frames * FRAME_BYTES / (RATE * 2)

    def begin(self, turn: Turn) -> None:
        if self._side.closed_steps:
            self._waiting.append(turn.phrases)

    def feed(self, frame: bytes) -> None:
        self._waiting.append(frame)
        self._frames += 1
        self._news.set()

    async def end(self) -> None:
        self._over = True
        self._waiting.clear()
        self._news.set()
        await self._task

    async def _serve(self) -> None:
        run = asyncio.get_running_loop().run_in_executor
        # A connection's own recogniser, made when it begins.
        recogniser = await run(self._side.pool, self._side.open, ())
        while not self._over:
            while self._waiting:
                one = self._waiting.popleft()
                if isinstance(one, tuple):
                    recogniser = await run(self._side.pool, self._side.open, one)
                else:
                    await run(self._side.pool, self._side.accept, recogniser, one)
                    self._frames -= 1
            self._news.clear()
            if not self._over:
                await self._news.wait()


SIDES: dict[str, Callable[[Path], Side]] = {
    "usual": lambda model: _Usual(model, closed_steps=False),
    "usual, grammars": lambda model: _Usual(model, closed_steps=True),
    "ours, all free": lambda model: _Ours(model, closed_steps=False),
    "ours": lambda model: _Ours(model, closed_steps=True),
}
