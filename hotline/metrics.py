"""What the hotline tells Prometheus: every metric's name, kind and meaning, and how parts publish their own figures.

Each Python part writes its figures every few seconds, in Prometheus' text format, to ``<home>/run/metrics/<part>.prom``
(as node_exporter's textfile collector wants them); the web server reads them and adds what database, Asterisk and
supervisor know (:mod:`hotline.metrics_gather`). So no part listens on another port, and a part that is gone or frozen
is seen by the age of its file. No metric carries personal data.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hotline.metrics_names import METRICS
from hotline.stopping import pause

log = logging.getLogger(__name__)

SECONDS = 5.0
"""Between two writings of a part's figures."""
STALE_SECONDS = 20.0
"""Figures older than this are of a part that is gone, or frozen."""
_STARTED = time.time()

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a metric of :data:`hotline.metrics_names.METRICS`; ``labels`` in the order given there."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


Figures = Callable[[], Iterable[Figure]]


def families(figures: Iterable[Figure]) -> Iterator[Metric]:
    """Raises KeyError for a name that is not in the list, ValueError for other labels than it has there."""
    found: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for figure in figures:
        known = METRICS[figure.name]
        if figure.name not in found:
            family = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}[known.kind]
            found[figure.name] = family(figure.name, known.help, labels=known.labels)
        if len(figure.labels) != len(known.labels):
            raise ValueError(f"{figure.name} has the labels {known.labels}, not {figure.labels}")
        found[figure.name].add_metric(figure.labels, figure.value)
    yield from found.values()


def histogram(name: str) -> Histogram:
    known = METRICS[name]
    return Histogram(name, known.help, known.labels, registry=None, buckets=known.buckets)


class Publisher(Collector):
    """One part's figures: ``figures`` gives them each time it is asked, ``histograms`` (see :func:`histogram`) stand
    beside them."""

    def __init__(self, part: str, figures: Figures, *histograms: Histogram) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._part = part
        self._figures = figures
        for one in (self, *histograms):
            self.registry.register(one)

    def collect(self) -> Iterator[Metric]:
        return families([*process_figures(self._part), *self._figures()])

    def describe(self) -> Iterable[Metric]:
        return ()

    async def run(self, run_dir: Path, stop: asyncio.Event) -> None:
        """Until ``stop``. What goes wrong here never ends the part."""
        file = metrics_folder(run_dir) / f"{self._part}.prom"
        said = False
        written = 0
        try:
            while not stop.is_set():
                try:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_to_textfile(str(file), self.registry)
                    written = file.stat().st_ino
                    said = False
                except Exception as error:
                    if not said:  # a full disk, as a rule: once
                        log.warning("metrics not written: %s: %s", type(error).__name__, error)
                    said = True
                await pause(stop, SECONDS)
        finally:
            with contextlib.suppress(OSError):
                if file.stat().st_ino == written:  # else it is our successor's by now
                    file.unlink()


def metrics_folder(run_dir: Path) -> Path:
    return run_dir / "metrics"


def process_figures(part: str) -> Iterator[Figure]:
    """Of the process that asks, threads and ended children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    yield Figure("hotline_part_cpu_seconds_total", sum(one.ru_utime + one.ru_stime for one in used), (part,))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    yield Figure("hotline_part_resident_bytes", pages * os.sysconf("SC_PAGE_SIZE"), (part,))
    yield Figure("hotline_part_start_time_seconds", _STARTED, (part,))
    yield Figure("hotline_part_open_files", len(os.listdir("/proc/self/fd")), (part,))
