"""The dialler, which a test can kill at the two moments that matter: after a call is claimed and before Asterisk is
asked for it, and after Asterisk was asked and before it answered.

The traps are the files ``before`` and ``after`` in ``<home>/traps``; the one who steps into it takes it away.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, NoReturn

from hotline import dialler
from hotline.logs import configure_logging
from hotline.settings import home_folder
from routing.ami import Ami, Event

TRAPS = "traps"


class TrappedAmi(Ami):
    async def originate(self, channel: str, **given: Any) -> Event:
        if stepped_into("before"):
            die()
        if not stepped_into("after"):
            return await super().originate(channel, **given)
        asking = asyncio.create_task(super().originate(channel, **given))
        # The socket takes what is written in the task's first step; nothing has been read since.
        await asyncio.sleep(0)
        die(asking)


def stepped_into(name: str) -> bool:
    try:
        (Path(home_folder()) / TRAPS / name).unlink()
    except FileNotFoundError:
        return False
    return True


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


if __name__ == "__main__":
    setattr(dialler, "Ami", TrappedAmi)  # noqa: B010 - it is not meant to be set
    configure_logging()
    asyncio.run(dialler.main())
