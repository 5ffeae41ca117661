"""The worker process: ``python -m hotline.worker``. Reads Asterisk's log, converts recordings, runs the tickets' clock,
opens and closes the queues, watches the disk.

The database may come and go: every part waits for it and goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from procrastinate import App
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.alerts import Alert, announce_open, close_alerts, raise_alerts
from calls.retention import load_retention
from datafile import DataFileError
from hotline import notices_job, scribe_job
from hotline.asterisk import ask, control_socket
from hotline.callback_job import CallbackJob, note_ended
from hotline.clock_job import ClockJob
from hotline.db import database_url, driver_url, open_engine
from hotline.guard import HomeGuard, SpaceGuard, StopRecordings
from hotline.heart import HEARTBEAT, beat
from hotline.hours_job import keep_hours
from hotline.jobs import run_jobs
from hotline.log_rotation import Rotation
from hotline.logs import configure_logging
from hotline.lost_calls import watch_open_calls
from hotline.metrics import Publisher
from hotline.metrics_calls import CallTally
from hotline.metrics_database import pool_figures
from hotline.nodes import Nodes, note_cut, take_name
from hotline.place_log import on_changed, on_outgoing
from hotline.reader import Reader
from hotline.recordings_job import QUEUE, Sweeper, create_app, defer_sweep, nothing_more, of_node
from hotline.recordings_keeping import Keeper
from hotline.recordings_keys import check_sound_keys, load_keys
from hotline.repeats_job import look_for_repeats
from hotline.rulebook import Rulebooks, check_keys, open_rulebook
from hotline.settings import Settings, SettingsError, load_settings
from hotline.stop_recordings import stop_recordings
from hotline.stopping import pause
from web.sealing import seal_left_open

log = logging.getLogger(__name__)

MAX_BACK_OFF = 2.0
STALLED_SECONDS = 60.0
RULES_SECONDS = 10.0
SOUND_KEYS_SECONDS = 600.0
RULES_FAULTY = "rules_faulty"


async def serve(settings: Settings, stop: asyncio.Event, stop_recordings: StopRecordings) -> None:
    """Run until ``stop`` is set. A failure of one part that is not the database's ends them all."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    settings.recordings_dir.mkdir(parents=True, exist_ok=True)
    async with open_engine(settings) as engine:
        node = settings.node.name
        reader = Reader(
            engine,
            settings.cel_file,
            settings.queue_log_file,
            on_ended=partial(defer_sweep, node=node),
            on_outgoing=on_outgoing(settings, note_ended),
            on_cut=partial(note_cut, node),
            on_changed=on_changed(settings),
            node=node,
        )
        guard = SpaceGuard(
            settings.recordings_dir,
            settings.recording_off_flag,
            settings.recording.min_free_mb << 20,
            engine,
            stop_recordings,
        )
        home_guard = HomeGuard(settings.home, (settings.recording.min_free_mb << 20) // 4, engine)
        rotation = Rotation(
            engine,
            settings.cel_file,
            settings.queue_log_file,
            settings.queue_log_file.with_name("messages.log"),
            partial(reopen_logs, settings),
            node,
        )
        written_down = partial(scribe_job.expect, node=node) if settings.speech.transcripts else nothing_more
        keys = partial(load_keys, settings)
        sweeper = Sweeper(engine, settings.recordings_dir, reader.caught_up, stop, written_down, keys, node)
        rules = partial(load_retention, settings.recording.retention)
        keeper = Keeper(engine, settings.recordings_dir, rules, stop, node=node)
        async with asyncio.TaskGroup() as group:
            group.create_task(beat(settings.run_dir / HEARTBEAT, stop))
            group.create_task(say_open_alerts(engine, node, stop))
            group.create_task(read(settings, engine, reader, stop))
            group.create_task(keep_hours(settings, stop))
            group.create_task(guard.run(stop))
            group.create_task(home_guard.run(stop))
            group.create_task(rotation.run(stop))
            group.create_task(watch_open_calls(settings, engine, reader, stop))
            url = driver_url(database_url(settings))
            tally = CallTally()
            group.create_task(tally.run(engine, url, stop))
            publisher = Publisher("worker", lambda: (*pool_figures("worker", engine), *tally.figures()), tally.to_human)
            group.create_task(publisher.run(settings.run_dir, stop))
            group.create_task(run_jobs(lambda: _work(create_app(url, sweeper, keeper.run_or_say), sweeper), stop))
            group.create_task(watch_sound_keys(settings, engine, stop))
            group.create_task(look_for_repeats(settings, engine, stop))
            group.create_task(serve_tickets(settings, engine, stop))
            if node:
                group.create_task(Nodes(settings, engine, reader).run(stop))
    log.info("stopped")


async def serve_tickets(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """The clock, the answers and the callbacks. A faulty rule file stops these alone, until it is mended; it is an
    alert."""
    while not stop.is_set():
        try:
            rulebooks = Rulebooks(await asyncio.to_thread(open_rulebook, settings))
            break
        except (SettingsError, DataFileError, OSError) as error:
            log.error("tickets: no clock, no answers, no callbacks: %s", error)
            alert = Alert(RULES_FAULTY, "rules", f"规定、放假安排或密钥文件有误，时限与答复暂停：{error}"[:500])
            try:
                async with engine.begin() as connection:
                    await raise_alerts(connection, [alert])
            except (SQLAlchemyError, OSError) as fault:
                log.warning("database: %s", " ".join(str(fault).split())[:200])
            await pause(stop, RULES_SECONDS)
    else:
        return

    async def mended(connection: AsyncConnection) -> None:
        await close_alerts(connection, RULES_FAULTY)
        await check_keys(connection, settings)

    async def left_open() -> None:
        if count := await seal_left_open(engine, rulebooks().sealing()):
            log.info("%d transcripts of confidential tickets' calls were in the open and are sealed", count)

    await until_done(engine, mended, stop)
    answers = notices_job.sender(engine, rulebooks, notices_job.outlets(settings))
    url = driver_url(database_url(settings))
    async with asyncio.TaskGroup() as group:
        sealing = group.create_task(until_there(left_open, stop))
        group.create_task(ClockJob(engine, rulebooks).run(stop))
        group.create_task(CallbackJob(settings, engine, rulebooks).run(stop))
        group.create_task(run_jobs(lambda: notices_job.work(notices_job.create_app(url, answers)), stop))
        await stop.wait()
        sealing.cancel()  # it may look for long, and the next start does the rest


async def watch_sound_keys(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """The first key is made here; a lost one is an alert, at the start and while it runs."""
    while not stop.is_set():
        try:
            async with engine.begin() as connection:
                await check_sound_keys(connection, settings)
        except (SettingsError, SQLAlchemyError, OSError) as error:
            log.warning("recordings' keys: %s", " ".join(str(error).split())[:200])
        await pause(stop, SOUND_KEYS_SECONDS)


async def reopen_logs(settings: Settings) -> None:
    """Raises AsteriskError."""
    await ask(control_socket(settings), "logger reload")


async def read(settings: Settings, engine: AsyncEngine, reader: Reader, stop: asyncio.Event) -> None:
    async def name_it(connection: AsyncConnection) -> None:
        await take_name(connection, settings.node.name, settings.cel_file)

    await until_done(engine, name_it, stop)
    await reader.run(stop)


async def say_open_alerts(engine: AsyncEngine, node: str, stop: asyncio.Event) -> None:
    async def say(connection: AsyncConnection) -> None:
        await announce_open(connection)
        await defer_sweep(connection, 0, node)

    await until_done(engine, say, stop)


async def until_done(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Once, in a transaction, as soon as the database is there."""

    async def once() -> None:
        async with engine.begin() as connection:
            await work(connection)

    await until_there(once, stop)


async def until_there(work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Again until the database lets it be done."""
    back_off = 0.25
    while not stop.is_set():
        try:
            return await work()
        except (SQLAlchemyError, OSError) as error:
            log.warning("database: %s", " ".join(str(error).split())[:200])
            await pause(stop, back_off)
            back_off = min(back_off * 2, MAX_BACK_OFF)


async def _work(app: App, sweeper: Sweeper) -> None:
    queue = of_node(QUEUE, sweeper.node)
    async with app.open_async():
        # A job whose worker died would stay "doing" for ever.
        for job in await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=STALLED_SECONDS):
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        await sweeper.caught_up.wait()
        await sweeper.adopt_orphans()
        await app.run_worker_async(
            queues=[queue],
            concurrency=1,
            fetch_job_polling_interval=1.0,
            install_signal_handlers=False,
            shutdown_graceful_timeout=5,
            delete_jobs=DeleteJobCondition.ALWAYS,
        )


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = load_settings()
    await serve(settings, stop, partial(stop_recordings, settings))


def step_back() -> None:
    """Callers come first: what is written down may be a second late when the machine is full.

    Each part has a session of its own, so nice(2) alone would change nothing (sched(7), "The autogroup feature").
    """
    os.nice(5)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("3", encoding="ascii")


if __name__ == "__main__":
    configure_logging()
    step_back()
    # A line for every job is too many.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    asyncio.run(main())
