"""Callers who speak: several SIPp, one a sentence, each with so many calls at once."""

from __future__ import annotations

import csv
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.ears_sound import RECORDINGS, hiss
from speech.wav import read
from tests.speech.line import a_law

LEAD_SECONDS = 2.5
"""The caller speaks into the greeting, as most do who have called before."""
TAIL_SECONDS = 45.0
SPARE_SECONDS = 60.0
_SCENARIO = Path(__file__).with_name("spoken.xml")


@dataclass(frozen=True)
class Calls:
    begun: int
    failed: int


class Speakers:
    """One SIPp for each sentence; use as a context manager: none outlives the block."""

    def __init__(self, sipp: Path, folder: Path, address: str, ports: Sequence[int], target: tuple[str, int]) -> None:
        """``ports``: a SIP port for each sentence; media ports are taken above 40000."""
        self._sipp = sipp
        self._folder = folder
        self._address = address
        self._ports = ports
        self._target = target
        self._running: list[tuple[Path, subprocess.Popen[bytes]]] = []

    def start(self, at_once: int, total: int, rate: float, seconds: float) -> None:
        """``at_once`` calls held up by new ones until there were ``total``; ``rate`` a second begin at the start."""
        recordings = sentences()
        shares = [share for share in _shares(at_once, len(self._ports)) if share]
        for number, share in enumerate(shares):
            folder = self._folder / f"speaker-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "spoken.xml").write_text(_SCENARIO.read_text(encoding="utf-8"), encoding="utf-8")
            (folder / "voice.alaw").write_bytes(_sound(recordings[number % len(recordings)], number))
            numbers = random.Random(number).sample(range(13_000_000_000, 13_999_999_999), 2000)
            (folder / "callers.csv").write_text("RANDOM\n" + "".join(f"{one};\n" for one in numbers), encoding="utf-8")
            self._start_one(
                folder, number, share, max(share, total * share // at_once), rate * share / at_once, seconds
            )

    def _start_one(self, folder: Path, number: int, at_once: int, total: int, rate: float, seconds: float) -> None:
        media = 40_000 + number * 1500
        options = {
            "-sf": "spoken.xml", "-s": "12345", "-inf": "callers.csv",
            "-i": self._address, "-mi": self._address, "-p": self._ports[number],
            "-min_rtp_port": media, "-max_rtp_port": media + 1400,
            "-r": max(1, round(rate * 10)), "-rp": 10_000, "-m": total, "-l": at_once,
            "-stf": "statistics.csv", "-fd": 1, "-error_file": "errors.log",
            "-timeout": round(seconds + SPARE_SECONDS), "-buff_size": 1 << 20,
        }  # fmt: skip
        command = [str(self._sipp), f"{self._target[0]}:{self._target[1]}"]
        command += [str(part) for option in options.items() for part in option]
        command += ["-trace_stat", "-trace_err", "-nostdin", "-timeout_error", "-skip_rlimit"]
        (folder / "statistics.csv").unlink(missing_ok=True)
        with (folder / "sipp.out").open("wb") as out:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self._running.append((folder, process))

    @property
    def running(self) -> bool:
        return any(process.poll() is None for _, process in self._running)

    @property
    def pids(self) -> list[int]:
        return [process.pid for _, process in self._running]

    def __enter__(self) -> Speakers:
        return self

    def __exit__(self, *error: object) -> None:
        for _folder, process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()

    def result(self) -> Calls:
        """After their end. A SIPp that left no figures counts as one failed call."""
        begun = failed = 0
        for folder, _ in self._running:
            try:
                with (folder / "statistics.csv").open(newline="") as file:
                    last = list(csv.DictReader(file, delimiter=";"))[-1]
                begun += int(last["TotalCallCreated"])
                failed += int(last["TotalCallCreated"]) - int(last["SuccessfulCall(C)"])
            except (OSError, KeyError, ValueError, IndexError):
                failed += 1
        return Calls(begun, failed)


def sentences() -> list[Path]:
    """Recordings that lead to a queue: emergencies would ring the centre."""
    with (RECORDINGS.parent / "utterances.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    chosen: list[Path] = []
    for label in ("complaint", "help", "consultation", "report", "suggestion", "agent"):
        chosen += [RECORDINGS / f"{row['id']}.wav" for row in rows if row["class"] == label][:2]
    return chosen


def _shares(count: int, parts: int) -> list[int]:
    return [count // parts + (number < count % parts) for number in range(parts)]


def _sound(path: Path, seed: int) -> bytes:
    """A quiet line, the sentence, and a quiet line until the call is over, as A-law."""
    noise = np.random.default_rng(seed)
    parts = [hiss(noise, LEAD_SECONDS), read(path), hiss(noise, TAIL_SECONDS)]
    return a_law(np.frombuffer(b"".join(parts), "<i2").astype(np.int64)).tobytes()
