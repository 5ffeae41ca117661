"""The recorded stream of the live floor (``tests/replay/asterisk-22-floor``), folded step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calls.outgoing import PREFIX
from calls.placed import CALLS
from people.masking import mask_phone
from routing.ami_wire import Event
from routing.floor_plan import Now, Plan, Seated
from routing.floor_rows import Via
from routing.live import ChannelRow, MemberRow, QueueStatus, WaitingRow

STREAM = Path(__file__).parent.parent / "replay" / "asterisk-22-floor" / "events.jsonl"
PLAN = Plan(
    queues={"consultation": "咨询", "help": "求助", "agents": "人工服务", "emergency": "紧急"},
    agents={"1001": Seated("张敏"), "1002": Seated("李静"), "2001": Seated("高兰", "browser")},
    wrapup={"consultation": 10.0, "help": 10.0, "agents": 10.0, "emergency": 0.0, "agent-1001": 10.0},
    ours={PREFIX: Via.CALLBACK, CALLS: Via.PLACE, "ag-": Via.OUTGOING},
    mask=mask_phone,
)


@dataclass(frozen=True)
class Mark:
    """Between two steps: what Asterisk's lists say."""

    name: str
    now: Now


def steps() -> Iterator[tuple[datetime, Event | Mark]]:
    for text in STREAM.read_text(encoding="utf-8").splitlines():
        line: dict[str, Any] = json.loads(text)
        at = datetime.fromtimestamp(line["at"], UTC)
        yield at, line["event"] if "event" in line else _mark(line)


def _mark(line: dict[str, Any]) -> Mark:
    members = tuple(MemberRow(**row) for row in line["members"])
    waiting = tuple(WaitingRow(**row) for row in line["waiting"])
    rows = tuple(ChannelRow(**row) for row in line["channels"])
    there = {row.interface.removeprefix("PJSIP/") for row in members if row.status != 5}
    return Mark(line["mark"], Now(QueueStatus((), members, waiting), rows, frozenset(there)))
