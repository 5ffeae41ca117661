"""Calls as Asterisk's log brings them in, read by the real reader's functions, for the tests of the calls' API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.events import CEL
from calls.listing import load_timeline
from calls.store import StoredLine, append_events, upsert_calls
from calls.tables import calls
from hotline.intake import caller_of

CITIZEN, AGENT = "PJSIP/citizen-00000000", "PJSIP/1001-00000001"
NUMBER, CALLER = "+8613900001111", "139 0000 1111"
QUEUE = "help"


@dataclass(frozen=True)
class Line:
    """``at``: seconds after the call's arrival. ``kind``: Asterisk's, or the name of an event of ours."""

    at: float
    kind: str
    fields: tuple[tuple[str, str], ...] = ()
    channel: str = CITIZEN
    ours: bool = True


def ours(at: float, name: str, /, **fields: str) -> Line:
    return Line(at, name, tuple(fields.items()))


def own(at: float, kind: str, channel: str = CITIZEN, /, **extra: str) -> Line:
    """An event of Asterisk's own."""
    return Line(at, kind, tuple(extra.items()), channel, ours=False)


def written(call: str, arrived: datetime, line: Line) -> str:
    """As ``cel_custom`` writes it."""
    extra: dict[str, Any] = {"extra": urlencode(line.fields)} if line.ours else dict(line.fields)
    unique = call if line.channel == CITIZEN else f"hotline-{int(arrived.timestamp())}.999"
    time = f"{arrived.timestamp() + line.at:.6f}"
    fields = [line.kind, time, line.kind if line.ours else "", json.dumps(extra), "", "", "12345", "public"]
    fields += [line.channel, "", unique, call, "", "", ""]
    return ",".join('"' + one.replace('"', '""') + '"' for one in fields)


async def put_call(
    engine: AsyncEngine, call: str, arrived: datetime, lines: Sequence[Line], begin: int = 0, **facts: Any
) -> str:
    """Its events, and the row folded from them; ``begin``: position of the first line. ``facts``: columns of the row
    that are to be otherwise."""
    async with engine.begin() as connection:
        stored = [StoredLine(call, CEL, begin + n, written(call, arrived, one)) for n, one in enumerate(lines)]
        await append_events(connection, stored)
        folded = await load_timeline(connection, call)
        assert folded is not None
        await upsert_calls(connection, [(folded, caller_of(folded.number, folded.presentation))])
        if facts:
            await connection.execute(update(calls).where(calls.c.id == call).values(**facts))
    return call
