"""SIPp: so many calls a second for so long, and what became of them."""

from __future__ import annotations

import csv
import random
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import key

CALL_SECONDS = 3.4
SPARE_SECONDS = 15.0
"""After the last call should have ended, SIPp is ended."""
CALLERS = 5000
_SCENARIO = Path(__file__).with_name("citizen.xml")
_PLAY = '  <nop><action><exec play_pcap_audio="caller.pcap"/></action></nop>'
_INFO = """  <pause milliseconds="2500"/>
  <send retrans="500"><![CDATA[

INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 INFO
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal=2
Duration=100
]]></send>
  <recv response="200"/>"""


@dataclass(frozen=True)
class LoadResult:
    """``rate``: calls really begun a second."""

    calls: int
    failed: int
    rate: float
    peak: int
    retransmissions: int


def may_send_raw() -> bool:
    """SIPp plays packets over a raw socket: root, or CAP_NET_RAW."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


class Load:
    """One SIPp; use as a context manager: it never outlives the block."""

    def __init__(
        self, sipp: Path, folder: Path, source: tuple[str, int, int], target: tuple[str, int], number: str
    ) -> None:
        """``source``: address, SIP port, media port. ``target``: Asterisk. ``number``: what is dialled."""
        self._sipp = sipp
        self._folder = folder
        self._source = source
        self._target = target
        self._number = number
        self._process: subprocess.Popen[bytes] | None = None
        self._seconds = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        raw = may_send_raw()
        scenario = _SCENARIO.read_text(encoding="utf-8").replace("<!-- key -->", _PLAY if raw else _INFO)
        (folder / "citizen.xml").write_text(scenario, encoding="utf-8")
        key.write_capture(folder / "caller.pcap")
        numbers = random.Random(12345).sample(range(13_000_000_000, 13_999_999_999), CALLERS)
        (folder / "callers.csv").write_text("RANDOM\n" + "".join(f"{one};\n" for one in numbers), encoding="utf-8")

    def start(self, rate: int, seconds: float) -> None:
        self._seconds = seconds
        address, port, media = self._source
        self._statistics.unlink(missing_ok=True)
        options = {
            "-sf": "citizen.xml",
            "-s": self._number,
            "-inf": "callers.csv",
            "-i": address,
            "-p": port,
            "-mi": address,
            "-mp": media,
            "-r": rate,
            "-m": round(rate * seconds),
            "-l": round(rate * 20 + 20),
            "-stf": self._statistics.name,
            "-fd": 1,
            "-timeout": round(seconds + CALL_SECONDS + SPARE_SECONDS),
            "-error_file": "errors.log",
            "-buff_size": 4 << 20,
        }
        command = [str(self._sipp), f"{self._target[0]}:{self._target[1]}"]
        command += [str(part) for option in options.items() for part in option]
        command += ["-trace_stat", "-trace_err", "-nostdin", "-timeout_error", "-skip_rlimit"]
        with (self._folder / "sipp.out").open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def _statistics(self) -> Path:
        return self._folder / "statistics.csv"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def result(self) -> LoadResult:
        """After its end. A SIPp that left no figures counts as one failed call."""
        try:
            with self._statistics.open(newline="") as file:
                return read_statistics(list(csv.DictReader(file, delimiter=";")), self._seconds)
        except (OSError, KeyError, ValueError):
            return LoadResult(calls=0, failed=1, rate=0.0, peak=0, retransmissions=0)


def read_statistics(rows: list[dict[str, str]], seconds: float) -> LoadResult:
    """SIPp's statistics file: a row a second, ``(C)`` counted from the beginning, ``(P)`` in that second."""
    last = rows[-1]
    created = int(last["TotalCallCreated"])
    # The second in which the last call was begun; SIPp says so only by row.
    took = next((n for n, row in enumerate(rows) if int(row["TotalCallCreated"]) == created), len(rows))
    return LoadResult(
        calls=created,
        failed=created - int(last["SuccessfulCall(C)"]),
        rate=round(created / max(seconds, took - 1.0), 2),
        peak=max(int(row["CurrentCall"]) for row in rows),
        retransmissions=int(last["Retransmissions(C)"]),
    )
