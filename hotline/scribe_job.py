"""The job that writes down what was said. One job sweeps all that wait, as with the recordings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import transcripts
from hotline.recordings_job import DEFER, of_node

QUEUE = "transcripts"
LOCK = "transcripts"
TASK = "transcripts:sweep"
STALLED_SECONDS = 60.0


async def expect(connection: AsyncConnection, call_ids: Sequence[str], node: str = "") -> None:
    """Within the transaction that marks these recordings as ready. Does not defer while a sweep waits to run."""
    await transcripts.expect(connection, call_ids)
    queue, lock = of_node(QUEUE, node), of_node(LOCK, node)
    await connection.execute(DEFER, {"queue": queue, "task": TASK, "lock": lock, "delay": 0})


def create_app(url: str, sweep_all: Callable[[], Awaitable[object]], node: str = "") -> App:
    """procrastinate's application for libpq's ``url``."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=2, timeout=10))
    queue = of_node(QUEUE, node)

    @app.task(name=TASK, queue=queue, queueing_lock=of_node(LOCK, node))
    async def sweep() -> None:
        await sweep_all()

    # What failed comes up again by itself, and so does all that waited for a model.
    @app.periodic(cron="*/5 * * * *", periodic_id=of_node("transcripts", node))
    @app.task(name="transcripts:again", queue=queue, queueing_lock=of_node("transcripts-again", node))
    async def again(timestamp: int) -> None:
        await sweep_all()

    return app


async def work(app: App, begin: Callable[[], Awaitable[object]], node: str = "") -> None:
    """``begin`` first, then whatever comes, until cancelled; raises what the database raises."""
    async with app.open_async():
        for job in await app.job_manager.get_stalled_jobs(
            queue=of_node(QUEUE, node), seconds_since_heartbeat=STALLED_SECONDS
        ):
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        await begin()
        await app.run_worker_async(
            queues=[of_node(QUEUE, node)],
            concurrency=1,
            fetch_job_polling_interval=5.0,
            install_signal_handlers=False,
            shutdown_graceful_timeout=1,
            delete_jobs=DeleteJobCondition.ALWAYS,
        )
