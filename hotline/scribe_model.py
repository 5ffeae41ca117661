"""The scribe's model: loaded when there is something to write down, freed when there was nothing for a while."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

log = logging.getLogger(__name__)

IDLE_SECONDS = 120.0
Found = TypeVar("Found")


class Segment(Protocol):
    """Seconds after the beginning of what was given."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def text(self) -> str: ...


class Scribe(Protocol):
    def transcribe(self, pcm: bytes) -> Sequence[Segment]:
        """8 kHz, 16 bit, mono. Blocks."""
        ...


class Model:
    """``load`` blocks; it and ``check``, which is quick, raise :class:`speech.port.EngineError` without a model."""

    def __init__(
        self,
        load: Callable[[], Scribe],
        check: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self.check = check
        self._clock = clock
        self._scribe: Scribe | None = None
        self._used_at = 0.0
        self._busy = False
        self._firsts = 0
        self._turns = asyncio.Condition()

    @property
    def loaded(self) -> bool:
        return self._scribe is not None

    async def get_ready(self) -> None:
        """Raises EngineError."""
        if self._scribe is None:
            began = self._clock()
            self._scribe = await _in_thread(self._load)
            log.info("model loaded in %.1f s", self._clock() - began)
        self._used_at = self._clock()

    async def transcribe(self, pcm: bytes, *, first: bool = False) -> Sequence[Segment]:
        """One after the other; ``first``: somebody waits for it, and it passes those for whom nobody does."""
        async with self._turn(first=first):
            await self.get_ready()
            assert self._scribe is not None
            scribe = self._scribe
            try:
                return await _in_thread(lambda: scribe.transcribe(pcm))
            finally:
                self._used_at = self._clock()

    @contextlib.asynccontextmanager
    async def _turn(self, *, first: bool) -> AsyncIterator[None]:
        self._firsts += first
        try:
            async with self._turns:
                await self._turns.wait_for(lambda: not self._busy and (first or not self._firsts))
                self._busy = True
        finally:
            self._firsts -= first
        try:
            yield
        finally:
            self._busy = False
            async with self._turns:
                self._turns.notify_all()

    def free_if_idle(self) -> None:
        if self._scribe is not None and not self._busy and self._clock() - self._used_at >= IDLE_SECONDS:
            self._scribe = None
            gc.collect()
            log.info("model freed")


async def _in_thread(work: Callable[[], Found]) -> Found:
    """On a thread that the end of the process does not wait for: what is under way cannot be interrupted, and nothing
    is lost with it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Found] = loop.create_future()

    def tell(how: Callable[[], None]) -> None:
        if not done.done():
            how()

    def run() -> None:
        try:
            how = partial(done.set_result, work())
        except BaseException as error:
            how = partial(done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            loop.call_soon_threadsafe(tell, how)

    threading.Thread(target=run, daemon=True, name="scribe").start()
    return await done
