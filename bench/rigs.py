"""The three IVRs, each on an Asterisk of its own with the same binary, configuration, recording and event log."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path

from hotline import asterisk
from hotline.render import render
from hotline.settings import CHECKOUT, Settings
from hotline.trial import Trial, TrialError

RTP_PORTS = (16_000, 31_999)
"""Two a call; below the ports that the kernel gives out by itself."""
AGENT = "1001"
QUEUE = "complaint"
KINDS = ("hotline", "dialplan", "process")
NUMBERS = {"hotline": "12345", "dialplan": "20002", "process": "20003"}
START_SECONDS = 20.0


class Rig:
    """Started by :meth:`start`; whatever happens, :meth:`stop` ends and removes all of it."""

    def __init__(self, kind: str, home: Path) -> None:
        self.kind = kind
        self.number = NUMBERS[kind]
        self._trial = Trial(home, sip={"rtp_start": RTP_PORTS[0], "rtp_end": RTP_PORTS[1]})
        self._alone: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        return self._trial.settings

    @property
    def target(self) -> tuple[str, int]:
        return "127.0.0.1", self._trial.sip

    @property
    def writes(self) -> bool:
        """It has a database, and all that a call leaves is to be written there."""
        return self.kind == "hotline"

    def pids(self) -> dict[str, int]:
        if self._alone is not None:
            return {"asterisk": self._alone.pid}
        parts = self._trial.state().get("parts", {})
        return {name: parts[name]["pid"] for name in ("asterisk", "voice", "worker", "postgres")}

    def start(self) -> None:
        """Raises TrialError."""
        if self.writes:
            self._trial.start()
        else:
            self._start_alone()
        # A logged-in agent who is on a break: callers wait in the queue, and nobody's telephone rings.
        self.ask(f"queue add member PJSIP/{AGENT} to {QUEUE}")
        self.ask(f"queue pause member PJSIP/{AGENT} queue {QUEUE}")
        if f"PJSIP/{AGENT}" not in self.ask(f"queue show {QUEUE}"):
            raise TrialError(f"the agent did not get into the queue {QUEUE}")

    def _start_alone(self) -> None:
        settings = self.settings
        config = render(settings)
        folder = config.parent
        extra = Path(__file__).with_name("bench.conf").read_text(encoding="utf-8")
        script = CHECKOUT / "bench" / "agi_call.py"
        (folder / "bench.conf").write_text(extra.format(python=sys.executable, script=script), encoding="utf-8")
        with (folder / "extensions.conf").open("a", encoding="utf-8") as dialplan:
            dialplan.write("\n#include bench.conf\n")
        with (settings.home / "asterisk.out").open("wb") as out:
            self._alone = subprocess.Popen(
                asterisk.command_line(asterisk.find_asterisk(), config),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        begin = time.monotonic()
        while not asyncio.run(asterisk.is_ready(asterisk.control_socket(settings))):
            if self._alone.poll() is not None or time.monotonic() - begin > START_SECONDS:
                raise TrialError("Asterisk did not start:\n" + (settings.home / "asterisk.out").read_text()[-2000:])
            time.sleep(0.05)

    def ask(self, command: str) -> str:
        return asyncio.run(asterisk.ask(asterisk.control_socket(self.settings), command))

    def calls(self) -> int:
        return asyncio.run(asterisk.active_calls(asterisk.control_socket(self.settings))) or 0

    def forget_recordings(self) -> None:
        """A few gigabytes a run otherwise."""
        for day in self.settings.recordings_dir.glob("*"):
            shutil.rmtree(day, ignore_errors=True)

    def stop(self) -> None:
        if self._alone is not None and self._alone.poll() is None:
            self._alone.terminate()
            try:
                self._alone.wait(10)
            except subprocess.TimeoutExpired:
                self._alone.kill()
                self._alone.wait()
        self._trial.stop()
        shutil.rmtree(self._trial.home, ignore_errors=True)
