"""Citizens and agents of a test: the project's own SIP phones (``hotline/phone.py``), with less to write."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from hotline.agent_state import login, logout
from hotline.ami import OUTBOUND, open_ami
from hotline.phone import Account, Line, PhoneBank
from routing.ami import Ami
from routing.live import is_reachable
from tests.asterisk.instance import Instance

CITIZEN = "127.0.0.10"
ANSWER_SECONDS = 15.0
QUALIFY_SECONDS = 2.2
"""``qualify_timeout`` of the endpoint of the calls to citizens, and a little."""


class Phones:
    """``async with Phones(instance) as phones``; everybody who logged in is logged out at the end."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.bank = PhoneBank("127.0.0.1", instance.sip)
        self._logged_in: list[str] = []

    async def __aenter__(self) -> Phones:
        await self.bank.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.bank.__aexit__(None, None, None)
        for extension in self._logged_in:
            await logout(self.instance.settings, extension)

    async def citizen(self, number: str, *, to: str = "12345", **script: Any) -> Line:
        """Dial and wait until answered. ``script``: keys, say, tone, record, for, ... of ``phone/script.py``."""
        line = await self.dial(number, to=to, **script)
        await line.wait("answered", ANSWER_SECONDS)
        return line

    async def dial(self, number: str, *, to: str = "12345", bind: str = CITIZEN, **script: Any) -> Line:
        return await self.bank.call(to, bind=bind, from_user=number, **_plain(script))

    async def agent(self, extension: str, *, log_in: bool = True, **script: Any) -> Account:
        """A registered agent's phone that answers after 0.2 s unless told otherwise; logged in by default."""
        password = self.instance.agent_password(extension)
        account = await self.bank.register(extension, password, **_plain({"answer_after": 0.2, **script}))
        if log_in:
            await login(self.instance.settings, extension)
            self._logged_in.append(extension)
        await self._reachable(extension)
        return account

    async def _reachable(self, extension: str) -> None:
        """Asterisk answers a REGISTER before what it says of the telephone has changed."""
        async with asyncio.timeout(ANSWER_SECONDS), open_ami(self.instance.settings) as ami:
            while not await is_reachable(ami, extension):
                await asyncio.sleep(0.05)  # between two questions

    async def centre(self, bind: str, port: int, **script: Any) -> Account:
        """A phone that plays an emergency centre."""
        return await self.bank.listen(
            f"centre-{bind}", bind=bind, port=port, calls=4, **_plain({"answer_after": 0.2, **script})
        )


async def outbound_reached(ami: Ami) -> None:
    """Until Asterisk would send calls to the citizens' network, and goes on to. By itself it asks every few seconds
    only, and what it asked before anybody was there counts as unanswered two seconds later (pjsip.conf)."""
    async with asyncio.timeout(20):
        since = time.monotonic()
        while time.monotonic() - since < QUALIFY_SECONDS:
            if not await is_reachable(ami, OUTBOUND):
                since = time.monotonic()
            await ami.action("PJSIPQualify", {"Endpoint": OUTBOUND})
            await asyncio.sleep(0.1)  # between two questions


async def taken(account: Account, timeout: float = 20.0) -> Line:
    """The next call that reaches this phone, answered."""
    async with asyncio.timeout(timeout):
        line = await account.incoming.get()
    await line.wait("answered", timeout)
    return line


def _plain(script: dict[str, Any]) -> dict[str, Any]:
    renamed = {{"seconds": "for"}.get(key, key): value for key, value in script.items()}
    return {key: str(value) if isinstance(value, Path) else value for key, value in renamed.items()}
