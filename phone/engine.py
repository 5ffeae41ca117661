"""pjsua2 run by one thread: its events, our timers and the commands on standard input take turns.

pjsua2 is started without worker threads and only ever called from here, because Python callbacks arriving on its own
threads would race with Python's garbage collector over the same C++ objects. Audio keeps its own C threads.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import select
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phone.limits import MAX_CALLS, MAX_TRANSPORTS
from phone.pj import pj
from phone.script import CommandError
from phone.wav import WavError, to_mono16

POLL_SECONDS = 0.02
MAX_LINE_BYTES = 65536
CLOCK_RATE = 8000
"""Telephone band: everything is G.711."""


class Timer:
    """A pending action; :meth:`cancel` is safe at any time."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Engine:
    """One pjsua2 endpoint with a null sound device. ``close`` must be called; a second engine needs a new process."""

    def __init__(self, output: int, verbose: bool = False) -> None:
        self._output = output
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._transports: dict[tuple[str, int], int] = {}
        self._played: dict[tuple[Path, int], Path] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="phone-")
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_endpoint_config(verbose))
        self.endpoint.audDevManager().setNullDev()
        codecs = self.endpoint.codecEnum2()
        for codec in codecs:
            priority = {"PCMA": 255, "PCMU": 254}.get(codec.codecId.split("/")[0], 0)
            self.endpoint.codecSetPriority(codec.codecId, priority)
        self.endpoint.libStart()

    @property
    def silence(self) -> Any:
        """The null device's microphone: a steady stream of silence, so that RTP never pauses."""
        return self.endpoint.audDevManager().getCaptureDevMedia()

    def transport(self, address: str, port: int) -> int:
        """The id of a UDP transport bound to ``address``; port 0 takes a free one, shared by all who ask for 0."""
        key = (address, port)
        if key not in self._transports:
            if len(self._transports) >= MAX_TRANSPORTS:
                raise CommandError(f"one phone process binds at most {MAX_TRANSPORTS} addresses")
            config = pj.TransportConfig()
            config.boundAddress = address
            config.port = port
            try:
                self._transports[key] = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config)
            except pj.Error as error:
                raise CommandError(f"cannot bind {address}:{port}: {reason(error)}") from error
        return self._transports[key]

    def playable(self, path: Path) -> Path:
        """A copy of ``path`` that pjsip can play, made once per version of the file."""
        try:
            key = (path, path.stat().st_mtime_ns)
            if key not in self._played:
                self._played[key] = to_mono16(path, Path(self._folder.name))
            return self._played[key]
        except (OSError, WavError) as error:
            raise CommandError(str(error)) from error

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def emit(self, event: str, **fields: Any) -> None:
        """One JSON line; ``at`` is the time of day in epoch seconds. A reader that went away ends the program."""
        record = {"event": event, "at": round(time.time(), 3)} | fields
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        while line:
            line = line[os.write(self._output, line) :]

    def turn(self) -> None:
        """Handle what is due: SIP events (waiting up to 20 ms for one), then timers."""
        wait = POLL_SECONDS
        if self._timers:
            wait = min(wait, max(0.0, self._timers[0][0] - time.monotonic()))
        self.endpoint.libHandleEvents(int(wait * 1000) + 1)
        while self._timers and self._timers[0][0] <= time.monotonic():
            action = heapq.heappop(self._timers)[2].action
            if action is not None:
                action()

    def run_until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self.turn()

    def close(self) -> None:
        self.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
        self._folder.cleanup()


class CommandLines:
    """Lines of a pipe as they arrive, without blocking. A line past 64 KiB is an error of the sender."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False

    def read(self) -> list[bytes]:
        if self.ended or not select.select([self._descriptor], [], [], 0)[0]:
            return []
        chunk = os.read(self._descriptor, MAX_LINE_BYTES)
        self.ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self.ended = True
        return [line for line in lines if line.strip()]


def reason(error: Any) -> str:
    """pjsua2's error as one short line."""
    return " ".join(str(error.reason or error.title).split())


def _endpoint_config(verbose: bool) -> Any:
    config = pj.EpConfig()
    config.uaConfig.maxCalls = MAX_CALLS
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = "hotline-phone"
    config.uaConfig.mwiUnsolicitedEnabled = False
    config.logConfig.consoleLevel = 0
    config.logConfig.level = 5 if verbose else 0
    config.logConfig.filename = "/dev/stderr" if verbose else ""
    config.medConfig.clockRate = CLOCK_RATE
    config.medConfig.sndClockRate = CLOCK_RATE
    config.medConfig.channelCount = 1
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    return config


def private_stdout() -> int:
    """Keep standard output for JSON: pjsip's C code prints its banner there, so that now goes to standard error."""
    output = os.dup(sys.stdout.fileno())
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, sys.stdout.fileno())
    os.close(silent)
    return output
