"""``GET /metrics``: what the parts wrote down of themselves, with what database, Asterisk and supervisor know now.

A source that is away leaves its figures out and is told by ``hotline_source_up``; the rest is there all the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.placed import is_hold
from hotline import metrics_database
from hotline.agent_state import states
from hotline.ami import open_ami
from hotline.backup_record import read_last
from hotline.guard import free_bytes
from hotline.health import Probe
from hotline.metrics import STALE_SECONDS, Figure, Publisher, families, metrics_folder
from hotline.rules import load_rules
from hotline.settings import Settings
from hotline.supervisor import read_status
from routing.ami import AmiError
from routing.live import queue_status
from routing.queues import AGENT_QUEUE, AgentBook

log = logging.getLogger(__name__)

KEEP_SECONDS = 2.0
"""Whoever asks again sooner gets the same answer."""
ASK_SECONDS = 8.0
"""For each source. Prometheus itself waits 10 s."""
MAX_BYTES = 1 << 20
"""Of one part's file."""
_PART_OF = {"postgres": "database"}
"""The supervisor's word for what the probes call otherwise."""


@dataclass
class Gather:
    """``probes`` as of :func:`hotline.health.probes`; ``own``: the web server's own figures."""

    settings: Settings
    engine: AsyncEngine
    probes: Mapping[str, Probe]
    own: Publisher
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made_at: float = -KEEP_SECONDS
    _text: bytes = b""

    async def __call__(self) -> bytes:
        """Prometheus' text format."""
        async with self._lock:
            if time.monotonic() - self._made_at >= KEEP_SECONDS:
                self._text = await self._make()
                self._made_at = time.monotonic()
            return self._text

    async def _make(self) -> bytes:
        sources = {"database": self._database(), "asterisk": self._asterisk(), "files": self._files()}
        ways = await asyncio.gather(self._parts(), *(_all_of(name, one) for name, one in sources.items()))
        found = [figure for figures in ways for figure in figures]
        written = await asyncio.to_thread(lambda: list(self._written()))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Merged([*families(found), *self.own.registry.collect(), *written]))
        return generate_latest(registry)

    def _written(self) -> Iterator[Metric]:
        for file in sorted(metrics_folder(self.settings.run_dir).glob("*.prom")):
            try:
                seen = file.stat()
                if time.time() - seen.st_mtime > STALE_SECONDS or seen.st_size > MAX_BYTES:
                    continue
                yield from text_string_to_metric_families(file.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                log.warning("%s: %s", file, error)

    async def _parts(self) -> list[Figure]:
        works: dict[str, bool] = {"web": True}
        took: dict[str, float] = {}

        async def one(name: str, probe: Probe) -> None:
            began = time.monotonic()
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    works[name] = await probe()
            except Exception:  # whatever is wrong with it: it does not work
                works[name] = False
            took[name] = time.monotonic() - began

        await asyncio.gather(*(one(name, probe) for name, probe in self.probes.items()))
        found = [Figure("hotline_part_up", ok, (name,)) for name, ok in works.items()]
        if works.get("voice"):
            found.append(Figure("hotline_agi_answer_seconds", took["voice"]))
        for name, part in ((read_status(self.settings) or {}).get("parts") or {}).items():
            found.append(Figure("hotline_part_restarts_total", part["restarts"], (_PART_OF.get(name, name),)))
        return found

    async def _database(self) -> AsyncIterator[Figure]:
        async with self.engine.connect() as connection:
            async for figure in metrics_database.figures(connection, self.settings):
                yield figure

    async def _asterisk(self) -> AsyncIterator[Figure]:
        book = await asyncio.to_thread(_agents)
        async with open_ami(self.settings) as ami:
            now = await queue_status(ami)
            agents = await states(ami, book)
        for row in now.queues:
            if row.queue.startswith(AGENT_QUEUE):
                continue
            waiting = [one for one in now.waiting if one.queue == row.queue]
            people = [one for one in waiting if not is_hold(one.channel)]
            longest = max((one.wait_seconds for one in people), default=0)
            yield Figure("hotline_queue_callers", len(people), (row.queue,))
            yield Figure("hotline_queue_places", len(waiting) - len(people), (row.queue,))
            yield Figure("hotline_queue_longest_wait_seconds", longest, (row.queue,))
            yield Figure("hotline_queue_completed_total", row.completed, (row.queue,))
            yield Figure("hotline_queue_abandoned_total", row.abandoned, (row.queue,))
        count = dict.fromkeys(("free", "talking", "paused", "logged_out"), 0)
        for agent in agents:
            state = "logged_out" if not agent.queues else "paused" if agent.paused else "free"
            count["talking" if agent.in_call else state] += 1
        for state, number in count.items():
            yield Figure("hotline_agents", number, (state,))

    async def _files(self) -> AsyncIterator[Figure]:
        for place, folder in (("home", self.settings.home), ("recordings", self.settings.recordings_dir)):
            if folder.exists():
                yield Figure("hotline_free_bytes", free_bytes(folder), (place,))
        yield Figure("hotline_recording_stopped", self.settings.recording_off_flag.exists())
        if (last := read_last(self.settings)) is not None:
            yield Figure("hotline_backup_time_seconds", last.at.timestamp())


async def _all_of(source: str, asked: AsyncIterator[Figure]) -> list[Figure]:
    """All the figures of a source, or none of them."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            found = [figure async for figure in asked]
    except (SQLAlchemyError, AmiError, OSError, TimeoutError) as error:
        log.warning("no figures of the %s: %s", source, " ".join(str(error).split())[:200] or type(error).__name__)
        return [Figure("hotline_source_up", 0, (source,))]
    return [*found, Figure("hotline_source_up", 1, (source,))]


class _Merged(Collector):
    """Metrics of the same name from several parts are one family."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._found: dict[str, Metric] = {}
        for metric in metrics:
            known = self._found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            known.samples.extend(metric.samples)

    def collect(self) -> Iterable[Metric]:
        return self._found.values()


def _agents() -> AgentBook:
    return load_rules().agents
