"""docker-compose.yml brought up under a project name and on ports of its own, and taken down again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hotline.trial import free_ports

CHECKOUT = Path(__file__).resolve().parent.parent.parent
RTP_PORTS = 40
BUILD_SECONDS = 1800.0
UP_SECONDS = 240
COMMAND_SECONDS = 60.0


class Failed(Exception):
    """What did not work, in one line or with the output that says so."""


class Stack:
    def __init__(self) -> None:
        self.project = f"hotline-test-{os.getpid()}"
        self.sip, self.web = free_ports(2)
        rtp = _free_range(RTP_PORTS)
        self.rtp = rtp, rtp + RTP_PORTS - 1
        self.outside = "192.0.2.10"
        """What this machine's address is said to be (RFC 5737): told to browsers, and to phones that are not local."""
        self.inner = "10.212.45.18"
        """Asterisk's own behind it, as docker-compose.yml gives it."""
        self.keep: dict[str, str] = {}
        """Passwords by user, from one step to the next."""
        self._environment = {
            # An operator's own settings for compose must not leak into the test.
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "HOTLINE_"))},
            "HOTLINE_SIP_PORT": str(self.sip),
            "HOTLINE_WEB_PORT": str(self.web),
            "HOTLINE_RTP_START": str(rtp),
            "HOTLINE_RTP_END": str(self.rtp[1]),
            "HOTLINE_EXTERNAL_ADDRESS": self.outside,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``docker compose …``, both outputs in one pipe."""
        return subprocess.Popen(
            self._command(arguments),
            cwd=CHECKOUT, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def compose(self, *arguments: str, seconds: float = COMMAND_SECONDS, may_fail: bool = False) -> str:
        """Run ``docker compose …`` and return its standard output. Raises Failed."""
        try:
            done = subprocess.run(
                self._command(arguments),
                cwd=CHECKOUT, env=self._environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Failed(f"docker compose {' '.join(arguments)}: not done after {seconds:.0f} s") from error
        if done.returncode != 0 and not may_fail:
            raise Failed(f"docker compose {' '.join(arguments)}: exit code {done.returncode}\n{_tail(done)}")
        return done.stdout

    def build(self) -> None:
        self.compose("--profile", "phone", "build", "--quiet", seconds=BUILD_SECONDS)

    def up(self) -> None:
        """Returns when everything is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS), seconds=UP_SECONDS + 60)

    def inside(self, service: str, *command: str, may_fail: bool = False) -> str:
        return self.compose("exec", "-T", service, *command, may_fail=may_fail)

    def ask(self, *command: str) -> Any:
        """What a command of ours with ``--json`` prints in the worker's container."""
        return json.loads(self.inside("worker", "hotline", *command, "--json"))

    def state(self, service: str) -> dict[str, Any]:
        """Of the service's container, as ``docker inspect`` has it."""
        identity = self.compose("ps", "--all", "--quiet", service).strip()
        done = subprocess.run(
            ["docker", "inspect", identity], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0]

    def down(self) -> None:
        """Containers, volumes, networks and the images built for this project."""
        self.compose("--profile", "phone", "down", "--volumes", "--timeout", "5", seconds=180)
        images = [f"{self.project}-{name}" for name in ("server", "asterisk", "phone")]
        subprocess.run(["docker", "image", "rm", *images], capture_output=True, timeout=COMMAND_SECONDS)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return ["docker", "compose", "--project-name", self.project, "--progress", "plain", *arguments]


def engine_trouble() -> str | None:
    """Why there is no Docker engine with compose v2 here, in one line; None when there is."""
    for command in (["docker", "compose", "version"], ["docker", "version", "--format", "{{.Server.Version}}"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        except FileNotFoundError:
            return "there is no `docker` command"
        except subprocess.TimeoutExpired:
            return f"`{' '.join(command)}` does not answer"
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return f"`{' '.join(command)}`: {lines[-1] if lines else f'exit code {done.returncode}'}"
    return None


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])


def _free_range(count: int) -> int:
    """The first of ``count`` neighbouring UDP ports that are free on loopback."""
    for first in range(10_000 + os.getpid() % 100 * 100, 20_000, count):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise Failed(f"no {count} neighbouring UDP ports are free")
