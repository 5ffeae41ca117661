"""The job that writes down what was said. One job sweeps all that wait, as with the recordings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import transcripts
from hotline.recordings_job import DEFER

QUEUE = "transcripts"
LOCK = "transcripts"
TASK = "transcripts:sweep"
STALLED_SECONDS = 60.0


async def expect(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Within the transaction that marks these recordings as ready. Does not defer while a sweep waits to run."""
    await transcripts.expect(connection, call_ids)
    await connection.execute(DEFER, {"queue": QUEUE, "task": TASK, "lock": LOCK, "delay": 0})


def create_app(url: str, sweep_all: Callable[[], Awaitable[object]]) -> App:
    """procrastinate's application for libpq's ``url``."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=2, timeout=10))

    @app.task(name=TASK, queue=QUEUE, queueing_lock=LOCK)
    async def sweep() -> None:
        await sweep_all()

    # What failed comes up again by itself, and so does all that waited for a model.
    @app.periodic(cron="*/5 * * * *", periodic_id="transcripts")
    @app.task(name="transcripts:again", queue=QUEUE, queueing_lock="transcripts-again")
    async def again(timestamp: int) -> None:
        await sweep_all()

    return app


async def work(app: App, begin: Callable[[], Awaitable[object]]) -> None:
    """``begin`` first, then whatever comes, until cancelled; raises what the database raises."""
    async with app.open_async():
        for job in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS):
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        await begin()
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=1,
            fetch_job_polling_interval=5.0,
            install_signal_handlers=False,
            shutdown_graceful_timeout=1,
            delete_jobs=DeleteJobCondition.ALWAYS,
        )
