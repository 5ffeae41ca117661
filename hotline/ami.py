"""An AMI connection for one command or one process, with the instance's own secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hotline.secrets import load_secrets
from hotline.settings import Settings
from routing.ami import Ami

USER = "hotline"
FLOOR = "floor"
"""Hears only what the live floor is made of (the same file)."""
SEATS = "seats"
"""Writes into Asterisk's own database (the same file)."""
DIALLER = "dialler"
"""Hears only what the dialler counts lines by (``asterisk_conf/manager.conf.j2``)."""

OUTBOUND = "outbound"
"""The endpoint of the calls to citizens (``asterisk_conf/pjsip.conf.j2``)."""


@asynccontextmanager
async def open_ami(settings: Settings, user: str = USER) -> AsyncIterator[Ami]:
    """Connect and log in; raises :class:`routing.ami.AmiError` when Asterisk is not there."""
    ami = Ami("127.0.0.1", settings.ami.port, user, load_secrets(settings).ami)
    await ami.connect()
    try:
        yield ami
    finally:
        await ami.close()
