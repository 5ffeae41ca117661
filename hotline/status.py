"""How the hotline is now, from the supervisor's word, from Asterisk and from the database; what is away is left out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import list_alerts
from calls.placed import is_hold
from calls.transcripts import count_pending
from hotline.agent_state import states
from hotline.ami import open_ami
from hotline.db import open_engine
from hotline.guard import free_bytes
from hotline.health import probes
from hotline.heart import SCRIBE_HEARTBEAT
from hotline.hours_job import closed_now
from hotline.metrics_lag import lags
from hotline.rules import load_rules
from hotline.settings import Settings, SettingsError
from hotline.supervisor import read_status
from routing.ami import AmiError
from routing.live import ChannelRow, QueueRow, channels, queue_status
from routing.queues import AGENT_QUEUE

MAX_ALERTS = 20
ASK_SECONDS = 8.0
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PartState:
    name: str
    state: str
    pid: int | None
    restarts: int
    works: bool | None
    """What its own probe says; None: it has none."""


@dataclass
class Status:
    supervised: bool = False
    """Whether `hotline run` keeps the parts. Containers and service managers keep them otherwise."""
    parts: list[PartState] = field(default_factory=list)
    calls_now: int | None = None
    queues: list[QueueRow] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    """Queues outside their hours, and when they open again."""
    agents: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    unread_bytes: int | None = None
    free_mb: int = 0
    recording_off: bool = False
    scribe: str = ""
    """What the scribe says of itself: ``idle``, ``working``, ``no model``, ``faulty``, ``off``; empty: not running."""
    scribe_detail: str = ""
    unwritten: int | None = None
    """Recordings that wait to be written down."""

    @property
    def ok(self) -> bool:
        return bool(self.parts) and all(part.state == "ready" and part.works is not False for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}


async def read_all(settings: Settings) -> Status:
    """Never raises for a part that is away: that is what the caller wants to be told."""
    status = Status()
    written = read_status(settings)
    status.supervised = written is not None
    status.recording_off = settings.recording_off_flag.exists()
    status.closed = {name: until.isoformat(timespec="minutes") for name, until in closed_now(settings).items()}
    if settings.recordings_dir.exists():
        status.free_mb = free_bytes(settings.recordings_dir) >> 20
    status.scribe, status.scribe_detail = _scribe(settings)
    works: dict[str, bool] = {}
    try:
        async with open_engine(settings, pool_size=2) as engine:
            works = await _probe(settings, engine)
            if works.get("database"):
                await _or_nothing(_from_database(settings, engine, status))
        if works.get("asterisk"):
            await _or_nothing(_from_asterisk(settings, status))
    except SettingsError:
        pass  # never started: no secrets yet
    status.parts = _parts(written, works)
    return status


def _parts(written: dict[str, Any] | None, works: dict[str, bool]) -> list[PartState]:
    """What the supervisor says beside what each part's probe says; without a supervisor, what the probes say."""
    if written is None:
        return [PartState(name, "ready" if ok else "not answering", None, 0, ok) for name, ok in works.items()]
    names = {"postgres": "database"}
    return [
        PartState(name, part["state"], part["pid"], part["restarts"], works.get(names.get(name, name)))
        for name, part in (written.get("parts") or {}).items()
    ]


async def _probe(settings: Settings, engine: AsyncEngine) -> dict[str, bool]:
    async def one(name: str, probe: Awaitable[bool]) -> tuple[str, bool]:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return name, await probe
        except (OSError, TimeoutError, SQLAlchemyError, AmiError):
            return name, False

    return dict(await asyncio.gather(*(one(name, probe()) for name, probe in probes(settings, engine).items())))


async def _or_nothing(work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await work
    except (OSError, TimeoutError, SQLAlchemyError, AmiError):
        return


def calls_in(rows: Iterable[ChannelRow]) -> int:
    """What holds a place in line has nobody on it."""
    return len({row.call_id for row in rows if not is_hold(row.channel)})


async def _from_asterisk(settings: Settings, status: Status) -> None:
    async with open_ami(settings) as ami:
        rows = await channels(ami)
        status.calls_now = calls_in(rows)
        now = await queue_status(ami)
        status.queues = [row for row in now.queues if not row.queue.startswith(AGENT_QUEUE)]
        found = await states(ami, load_rules().agents)
        status.agents = [
            {"agent": one.extension, "name": one.name, "paused": one.paused, "in_call": one.in_call}
            for one in found
            if one.queues
        ]


async def _from_database(settings: Settings, engine: AsyncEngine, status: Status) -> None:
    async with engine.connect() as connection:
        alerts = await list_alerts(connection, include_closed=False, limit=MAX_ALERTS)
        status.alerts = [{"id": row["id"], "kind": row["kind"], "text": row["text"]} for row in alerts]
        status.unread_bytes = sum(lag.unread for lag in await lags(connection, settings))
        status.unwritten = await count_pending(connection)


def _scribe(settings: Settings) -> tuple[str, str]:
    try:
        found = json.loads((settings.run_dir / SCRIBE_HEARTBEAT).read_text(encoding="utf-8"))
        return str(found["state"]), str(found["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
