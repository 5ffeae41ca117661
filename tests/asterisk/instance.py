"""A whole hotline of a test's own: its folder, its ports, started and stopped as an operator would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from hotline.secrets import load_secrets
from hotline.settings import Settings, load_settings

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 40.0


def free_ports(count: int) -> list[int]:
    """Ports that are free for TCP and UDP on every address used here, held open together so that they differ."""
    found: list[int] = []
    held: list[socket.socket] = []
    while len(found) < count:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(("127.0.0.1", port))
        except OSError:
            tcp.close()
            continue
        held.append(tcp)
        found.append(port)
    for one in held:
        one.close()
    return found


class Instance:
    """``HOTLINE_HOME`` and ports of one running hotline. ``start()`` waits until every part is ready."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.sip, self.ami, self.agi, self.web, self.centre, rtp = free_ports(6)
        # 600 RTP ports somewhere above what the kernel gives to others
        rtp_start = 10_000 + rtp % 200 * 100
        self.environment = {
            **os.environ,
            "HOTLINE_HOME": str(home),
            "HOTLINE_SIP__PORT": str(self.sip),
            "HOTLINE_SIP__RTP_START": str(rtp_start),
            "HOTLINE_SIP__RTP_END": str(rtp_start + 999),
            "HOTLINE_AMI__PORT": str(self.ami),
            "HOTLINE_AGI__PORT": str(self.agi),
            "HOTLINE_WEB__PORT": str(self.web),
            "HOTLINE_EMERGENCY__TEST_PORT": str(self.centre),
            "HOTLINE_RECORDING__MIN_FREE_MB": "0",
            "PYTHONPATH": str(CHECKOUT),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until ready; returns the seconds it took."""
        self.home.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        with (self.home / "run.out").open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hotline", "run"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() - begin > START_SECONDS:
                self.stop()
                raise RuntimeError("the hotline did not start:\n" + (self.home / "run.out").read_text()[-4000:])
            time.sleep(0.05)
        return time.monotonic() - begin

    def ready(self) -> bool:
        state = self.state()
        return state.get("pid") == (self._process.pid if self._process else None) and state.get("ready") is True

    def state(self) -> dict[str, Any]:
        """The supervisor's status file; empty before there is one."""
        try:
            found = json.loads((self.home / "run" / "supervisor.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def pid(self, part: str) -> int:
        return int(self.state()["parts"][part]["pid"])

    def kill(self, part: str, number: signal.Signals) -> int:
        pid = self.pid(part)
        os.kill(pid, number)
        return pid

    def kill_supervisor(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def hotline(self, *arguments: str, check: bool = True) -> Any:
        """Run ``hotline ARGUMENTS --json`` and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "hotline", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"hotline {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    @property
    def settings(self) -> Settings:
        """As the instance's own processes read them."""
        values = {key: value for key, value in self.environment.items() if key.startswith("HOTLINE_")}
        with mock.patch.dict(os.environ, values):
            return load_settings()

    def agent_password(self, extension: str) -> str:
        return load_secrets(self.settings).agents[extension]

    @property
    def asterisk_log(self) -> str:
        return (self.home / "asterisk" / "log" / "messages.log").read_text(errors="replace")
