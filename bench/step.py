"""One step: a rate held for some time, and everything that was seen meanwhile."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.load import CALL_SECONDS, Load, LoadResult
from bench.meter import Meter
from bench.rigs import Rig
from bench.written import Done, Writing
from hotline.settings import CHECKOUT

PROMPT_LIMIT_MS = 300.0
LOG_GRACE = 2.0
"""Seconds by which the database may be behind Asterisk's log, at the end of the window and after the last call."""
RECORDING_GRACE = 15.0
"""Seconds after its end by which a call's recording must have become a WAV file; 5 s of them are waited on purpose."""
PROBE_RATE = 3.0
LOOK_SECONDS = 0.5
PATIENCE = 60.0


@dataclass(frozen=True)
class Step:
    """``cpu_ms``: CPU milliseconds a call, by part. ``failures``: why the step did not pass."""

    kind: str
    rate: int
    seconds: float
    calls: int
    failed: int
    reached: float
    peak: int
    retransmissions: int
    prompt_ms: dict[str, float]
    cpu_ms: dict[str, float]
    cores: float
    """All parts together, SIPp apart."""
    memory_mb: dict[str, float]
    log_lag: float | None
    log_drained: float | None
    recordings_behind: float | None
    recordings_drained: float | None
    rows: dict[str, int]
    """Written in this step, by table."""
    failures: list[str]

    @property
    def passed(self) -> bool:
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}


@dataclass
class _Drain:
    """The writing side: how far behind at the end of the window, and how long it took after the last call."""

    log_lag: float | None = None
    log_drained: float | None = None
    behind: float | None = None
    converted: float | None = None
    done: Done | None = None
    rows: dict[str, int] = field(default_factory=dict)


@dataclass
class Place:
    """What a step needs beside the IVR: SIPp, a folder, addresses."""

    sipp: Path
    folder: Path
    address: str
    sip_port: int
    media_port: int
    probe_port: int


def run_step(rig: Rig, place: Place, rate: int, seconds: float) -> Step:
    """Never raises for a failing IVR; that is in the result."""
    writing = Writing(rig.settings) if rig.writes else None
    began = time.time()
    source = (place.address, place.sip_port, place.media_port)
    drain = _Drain()
    before = writing.rows() if writing is not None else {}
    try:
        with Load(place.sipp, place.folder, source, rig.target, rig.number) as load:
            load.start(rate, seconds)
            meter = Meter({**rig.pids(), "sipp": load.pid}, split=["asterisk"])
            probe = _start_probe(rig, place, seconds)
            try:
                sipp_cpu = _watch(load, meter, writing, drain, seconds)
                result = load.result()
                heard = _probe_result(probe)
            finally:
                if probe.poll() is None:
                    probe.kill()
                probe.wait()
        calls = result.calls + len(heard["delays_ms"]) + len(heard["failed"])
        if writing is not None:
            _wait_written(writing, drain, began, calls)
            drain.rows = {table: count - before[table] for table, count in writing.rows().items()}
        used = meter.used() | {"sipp": sipp_cpu}
    finally:
        if writing is not None:
            writing.close()
    left = _wait_idle(rig)
    rig.forget_recordings()
    return _judge(rig, rate, seconds, result, heard, used, meter, drain, left)


def _watch(load: Load, meter: Meter, writing: Writing | None, drain: _Drain, seconds: float) -> float:
    """Until SIPp ends; returns its CPU seconds."""
    begin = time.monotonic()
    sipp_cpu = 0.0
    limit = seconds + CALL_SECONDS + 30
    while load.running and time.monotonic() - begin < limit:
        time.sleep(LOOK_SECONDS)
        meter.look()
        if load.running:
            sipp_cpu = max(sipp_cpu, meter.used()["sipp"])
        if writing is not None:
            lag = writing.lag(time.time())
            if drain.log_lag is None and time.monotonic() - begin >= seconds:
                drain.log_lag, drain.behind = round(lag, 2), round(writing.recordings_behind(), 2)
    return sipp_cpu


def _wait_written(writing: Writing, drain: _Drain, began: float, calls: int) -> None:
    begin = time.monotonic()
    while (took := time.monotonic() - begin) < PATIENCE:
        drain.done = writing.done(began)
        if drain.log_drained is None and writing.at_end() and drain.done.complete >= calls:
            drain.log_drained = round(took, 2)
        if drain.done.converted >= drain.done.calls:
            drain.converted = round(took, 2)
        if drain.converted is not None and (drain.log_drained is not None or took > LOG_GRACE + 8):
            return
        time.sleep(0.1)


def _wait_idle(rig: Rig) -> int:
    """Calls that are still there after the load has ended."""
    left = 0
    for _ in range(50):
        left = rig.calls()
        if left == 0:
            break
        time.sleep(0.1)
    return left


def _start_probe(rig: Rig, place: Place, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.probe", "--source", f"{place.address}:{place.probe_port}"]
    command += ["--target", f"{rig.target[0]}:{rig.target[1]}", "--number", rig.number]
    command += ["--rate", str(PROBE_RATE), "--seconds", str(seconds)]
    return subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def _probe_result(probe: subprocess.Popen[bytes]) -> dict[str, Any]:
    try:
        out, _ = probe.communicate(timeout=30)
        found: dict[str, Any] = json.loads(out)
    except (subprocess.TimeoutExpired, ValueError):
        return {"delays_ms": [], "failed": ["the probe did not end"]}
    return found


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(round(share * len(ordered), 6)) - 1))] if ordered else 0.0


def _judge(
    rig: Rig,
    rate: int,
    seconds: float,
    load: LoadResult,
    heard: dict[str, Any],
    used: dict[str, float],
    meter: Meter,
    drain: _Drain,
    left: int,
) -> Step:
    delays: list[float] = heard["delays_ms"]
    calls = load.calls + len(delays) + len(heard["failed"])
    failures = []
    if load.failed:
        failures.append(f"{load.failed} of {load.calls} calls failed")
    if load.rate < 0.97 * rate:
        failures.append(f"only {load.rate} calls/s were begun")
    if heard["failed"]:
        failures.append(f"{len(heard['failed'])} probe calls failed: {heard['failed'][0]}")
    prompt = {f"p{share:g}": percentile(delays, share / 100) for share in (50, 95, 99)}
    if not delays or prompt["p95"] >= PROMPT_LIMIT_MS:
        failures.append(f"first prompt p95 {prompt['p95']:.0f} ms")
    if left:
        failures.append(f"{left} calls were still there afterwards")
    if rig.writes:
        failures += _unwritten(drain, calls)
    cores = sum(spent for part, spent in used.items() if part != "sipp") / (seconds + CALL_SECONDS)
    return Step(
        kind=rig.kind,
        rate=rate,
        seconds=seconds,
        calls=calls,
        failed=load.failed + len(heard["failed"]),
        reached=load.rate,
        peak=load.peak,
        retransmissions=load.retransmissions,
        prompt_ms=prompt,
        cpu_ms={part: round(spent * 1000 / max(1, calls), 2) for part, spent in used.items()},
        cores=round(cores, 2),
        memory_mb=dict(meter.peak_mb),
        log_lag=drain.log_lag,
        log_drained=drain.log_drained,
        recordings_behind=drain.behind,
        recordings_drained=drain.converted,
        rows=drain.rows,
        failures=failures,
    )


def _unwritten(drain: _Drain, calls: int) -> list[str]:
    found = []
    if drain.log_lag is not None and drain.log_lag > LOG_GRACE:
        found.append(f"the database was {drain.log_lag} s behind at the end of the window")
    if drain.log_drained is None:
        complete = drain.done.complete if drain.done else 0
        found.append(f"{calls - complete} of {calls} calls are not completely written")
    elif drain.log_drained > LOG_GRACE:
        found.append(f"calls were written only {drain.log_drained} s after the last one")
    if drain.behind is not None and drain.behind > RECORDING_GRACE:
        found.append(f"recordings were {drain.behind} s behind at the end of the window")
    if drain.converted is None:
        found.append("recordings were not converted")
    elif drain.converted > RECORDING_GRACE:
        found.append(f"recordings were converted only {drain.converted} s after the last call")
    return found
