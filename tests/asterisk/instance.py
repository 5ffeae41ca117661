"""A hotline of a test's own, and ways to hurt it."""

from __future__ import annotations

import os
import signal

from hotline.secrets import load_secrets
from hotline.trial import Trial


class Instance(Trial):
    def pid(self, part: str) -> int:
        return int(self.state()["parts"][part]["pid"])

    def kill(self, part: str, number: signal.Signals) -> int:
        pid = self.pid(part)
        os.kill(pid, number)
        return pid

    def kill_supervisor(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def agent_password(self, extension: str) -> str:
        return load_secrets(self.settings).agents[extension]

    @property
    def asterisk_log(self) -> str:
        return (self.home / "asterisk" / "log" / "messages.log").read_text(errors="replace")
