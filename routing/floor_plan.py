"""What the live floor consists of, and what it is told besides events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from routing.floor_rows import Via
from routing.live import ChannelRow, QueueStatus


@dataclass(frozen=True, slots=True)
class Seated:
    """An agent of the rule file."""

    name: str
    phone: Literal["desk", "browser"] = "desk"


@dataclass(frozen=True, slots=True)
class Sitting:
    """``user``: the name to sign in with, ``person``: what they are called."""

    user: str
    person: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change while the hotline runs. ``queues``: id → name; ``agents``: by extension; ``wrapup``: seconds
    by queue, the agents' own queues too; ``ours``: how ids of calls begin that we make, and what those are;
    ``mask``: what is shown of a number."""

    queues: Mapping[str, str]
    agents: Mapping[str, Seated]
    wrapup: Mapping[str, float] = field(default_factory=dict)
    ours: Mapping[str, Via] = field(default_factory=dict)
    mask: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Now:
    """Asterisk's lists of one moment. ``reachable``: extensions whose telephone would ring."""

    status: QueueStatus
    channels: Iterable[ChannelRow]
    reachable: frozenset[str]
