"""A whole hotline beside the one in use: its own folder and ports, started and ended as an operator would.

``hotline demo``, ``make bench`` and the tests run on one of these.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hotline.settings import CHECKOUT, Settings, load_settings

START_SECONDS = 60.0
STOP_SECONDS = 40.0

# The ports of trials, above those of their RTP.
PORTS = (20_000, 32_000)


class TrialError(Exception):
    """The trial hotline did not start, or a command in it failed."""


def free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP on loopback. None of those that a system gives to outgoing connections
    (32768 and above on Linux): between being found and being used it could be given away."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(*PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET) as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class Trial:
    """``environment`` says where it lives; ``start()`` waits until every part is ready."""

    program = "hotline"
    commands: tuple[str, ...] = ("hotline",)
    prefix: Sequence[str] = ()
    """Before each command: into a network namespace, for instance."""

    def __init__(self, home: Path, **settings: Mapping[str, object]) -> None:
        """``settings``: sections and values of ``settings.toml`` beside the ports. Keys alone serve callers, and
        nothing is written down of what they say, unless there is something for ``speech``."""
        self.home = home
        self.sip, self.ami, self.agi, self.web, self.speech, self.centre, socket_port, chance = free_ports(8)
        rtp_start = 10_000 + chance % 80 * 100
        sections: dict[str, dict[str, object]] = {
            "sip": {
                "port": self.sip,
                "socket_port": socket_port,
                "rtp_start": rtp_start,
                "rtp_end": rtp_start + 1999,
            },
            "ami": {"port": self.ami},
            "agi": {"port": self.agi},
            "speech": {"port": self.speech, "engine": "none", "transcripts": "speech" in settings},
            "web": {"port": self.web},
            "emergency": {"test_port": self.centre},
            "recording": {"min_free_mb": 0},
        }
        for name, values in settings.items():
            sections.setdefault(name, {}).update(values)
        home.mkdir(parents=True, exist_ok=True)
        (home / "settings.toml").write_text(_toml(sections), encoding="utf-8")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")},
            "HOTLINE_HOME": str(home),
            "PYTHONPATH": str(CHECKOUT),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until ready; returns the seconds it took. Raises :class:`TrialError`."""
        begin = time.monotonic()
        with (self.home / "run.out").open("ab") as out:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", self.program, "run"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() - begin > START_SECONDS:
                self.stop()
                raise TrialError("the hotline did not start:\n" + (self.home / "run.out").read_text()[-4000:])
            time.sleep(0.05)
        return time.monotonic() - begin

    def _ready(self) -> bool:
        state = self.state()
        return self.process is not None and state.get("pid") == self.process.pid and state.get("ready") is True

    def state(self) -> dict[str, Any]:
        """The supervisor's status file; empty before there is one."""
        try:
            found = json.loads((self.home / "run" / "supervisor.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def stop(self) -> None:
        """End it in order, as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def hotline(self, *arguments: str) -> Any:
        """Run ``hotline ARGUMENTS --json`` in it and return what it printed. Raises :class:`TrialError`."""
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", *self.commands, *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise TrialError(f"hotline {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    @property
    def settings(self) -> Settings:
        return load_settings(self.home)


def _toml(sections: Mapping[str, Mapping[str, object]]) -> str:
    # JSON's numbers, strings and lists of strings are TOML's too.
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
