"""A hotline of a test's own, and ways to hurt it."""

from __future__ import annotations

import os
import signal

from hotline.rules import load_rules
from hotline.secrets import load_secrets
from hotline.telephone import Telephones
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

    async def page_password(self, extension: str) -> str:
        """What a page at this seat would be given: of a sitting of the test's own."""
        telephone = Telephones(self.settings, load_rules())
        await telephone.admit(extension, "a test")
        account = telephone.account(extension, "a test")
        assert account is not None
        return account.password

    @property
    def asterisk_log(self) -> str:
        return (self.home / "asterisk" / "log" / "messages.log").read_text(errors="replace")
