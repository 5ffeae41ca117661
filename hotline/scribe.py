"""The scribe process: ``python -m hotline.scribe``. Writes down what was said in the recordings, behind everybody else.

Killing it loses nothing: what it was at is taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from datafile import DataFileError
from hotline.db import database_url, driver_url, open_engine
from hotline.heart import SCRIBE_HEARTBEAT
from hotline.jobs import run_jobs
from hotline.logs import configure_logging
from hotline.metrics import Publisher
from hotline.metrics_database import pool_figures
from hotline.recordings_keys import opening_keys
from hotline.rulebook import Rulebooks, open_rulebook
from hotline.scribe_draft import draft_of
from hotline.scribe_job import create_app, work
from hotline.scribe_live import Live
from hotline.scribe_model import Model, Scribe
from hotline.scribe_writer import State, Writer
from hotline.settings import Settings, SettingsError, load_settings
from hotline.stopping import pause
from routing.intent import load_understanding
from routing.intent.details import details
from routing.intent.model import WeightsError
from speech import models
from speech.catalogue import WHISPER_BASE

log = logging.getLogger(__name__)

ENGINE = "whisper"
HEARTBEAT_SECONDS = 1.0
RULES_SECONDS = 10.0
SHORT_WINDOW_SECONDS = 20.0
"""Of finished recordings, where calls are heard live: whoever talks waits for two seconds of the model's at most."""


class Heart:
    """A file whose change time says that the scribe lives, and whose words say what it does."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._said: tuple[State, str] = ("idle", "")
        self._write()

    def tell(self, state: State, detail: str) -> None:
        if (state, detail) == self._said:
            return
        if state == "no model" and self._said[0] != state:
            log.warning("nothing is written down: %s", detail)
        self._said = (state, detail)
        self._write()

    async def beat(self, stop: asyncio.Event, model: Model) -> None:
        while not stop.is_set():
            self._file.touch()
            model.free_if_idle()
            await pause(stop, HEARTBEAT_SECONDS)
        self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        state, detail = self._said
        new = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk
            new.write_text(json.dumps({"state": state, "detail": detail}, ensure_ascii=False), encoding="utf-8")
            new.replace(self._file)


async def serve(settings: Settings, stop: asyncio.Event, model: Model) -> None:
    """Run until ``stop`` is set."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    heart = Heart(settings.run_dir / SCRIBE_HEARTBEAT)
    async with asyncio.TaskGroup() as group:
        group.create_task(heart.beat(stop, model))
        if settings.speech.transcripts:
            group.create_task(_write(settings, stop, model, heart))
        else:
            heart.tell("off", "speech.transcripts = false")
            log.info("nothing is written down: speech.transcripts = false")


async def _write(settings: Settings, stop: asyncio.Event, model: Model, heart: Heart) -> None:
    while not stop.is_set():
        try:
            rulebook = Rulebooks(await asyncio.to_thread(open_rulebook, settings))
            understanding = await asyncio.to_thread(load_understanding)
            break
        except (SettingsError, DataFileError, WeightsError, OSError) as error:
            log.error("nothing is written down: %s", error)
            heart.tell("faulty", str(error))
            await pause(stop, RULES_SECONDS)
    else:
        return
    node = settings.node.name
    async with open_engine(settings, pool_size=2 + settings.speech.live) as engine:
        writer = Writer(
            engine=engine,
            root=settings.recordings_dir,
            model=model,
            engine_name=ENGINE,
            model_name=WHISPER_BASE.name,
            draft=lambda made: draft_of(made, understanding.request, details),
            rulebook=rulebook,
            stop=stop,
            tell=heart.tell,
            keys=lambda: opening_keys(settings),
            node=node,
            window_seconds=SHORT_WINDOW_SECONDS if settings.speech.live else None,
        )
        url = driver_url(database_url(settings))
        publisher = Publisher("scribe", lambda: pool_figures("scribe", engine))
        publishing = asyncio.create_task(publisher.run(settings.run_dir, stop))
        live = asyncio.create_task(_live(settings, engine, model, stop))
        await run_jobs(lambda: work(create_app(url, writer.sweep, node), writer.begin, node), stop)
        await publishing
        await live


async def _live(settings: Settings, engine: AsyncEngine, model: Model, stop: asyncio.Event) -> None:
    if settings.speech.live:
        await Live(
            engine=engine,
            root=settings.recordings_dir,
            model=model,
            stop=stop,
            most=settings.speech.live_calls,
            node=settings.node.name,
        ).run()


def whisper(settings: Settings) -> Model:
    """The library is loaded with the model: most of the time nobody needs it."""

    def check() -> None:
        models.usable(settings.models_dir, WHISPER_BASE)

    def load() -> Scribe:
        from speech.whisper_engine import Scribe as Whisper

        return Whisper(settings.models_dir, 1)

    return Model(load, check)


def step_back() -> None:
    """Behind the worker, which is behind the callers (:func:`hotline.worker.step_back` says why both)."""
    os.nice(19)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")


async def main(model_of: Callable[[Settings], Model] = whisper) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = load_settings()
    await serve(settings, stop, model_of(settings))
    log.info("stopped")


if __name__ == "__main__":
    configure_logging()
    step_back()
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    asyncio.run(main())
    # A thread of the recogniser's may still be at work.
    logging.shutdown()
    os._exit(0)
