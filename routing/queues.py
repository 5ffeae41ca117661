"""Queues 话务队列 and agents 座席 as data: who answers what, how long callers wait and where they go then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from datafile import DataFile, Rule
from routing.hours import Hours

MESSAGE = "message"
"""Where a caller goes when no queue can help: leave a message 留言."""
AGENTS = "agents"
"""The queue that stands behind everything else; the fallback sends callers there."""
RESERVED = (MESSAGE, "general")
"""``message`` is a destination; ``[general]`` in queues.conf is not a queue."""
EMERGENCY = "emergency"
HANDOVER = "handover"
"""Calls that 110, 119, 120 or 122 hand over to us."""
ALWAYS_OPEN = (AGENTS, EMERGENCY, HANDOVER)
"""12345 answers day and night: these have no hours, and what has some is never the last help."""
AGENT_QUEUE = "agent-"
"""Beginning of the names of the agents' own queues, of one member each: whom a caller spoke with last is rung first."""
EMERGENCY_NUMBERS = ("110", "119", "120", "122")
"""Police 公安, fire 消防, ambulance 急救, traffic accidents 交通事故."""

# Asterisk's own names: queues.conf(5), app_queue strategies that respect penalties.
Strategy = Literal["ringall", "leastrecent", "fewestcalls", "random", "rrmemory", "rrordered", "linear"]


Phone = Literal["desk", "browser"]
"""What stands at an extension: a SIP telephone, or the page in a browser (WebRTC)."""

# Written into Asterisk's files: nothing that means something there.
Name = Annotated[str, Field(pattern=r"^[\w·（）() -]{1,20}$")]


class Queue(Rule):
    """One queue. Times in seconds."""

    name: Name
    strategy: Strategy = "rrmemory"
    weight: int = Field(default=0, ge=0, le=100)
    """An agent free for two queues takes the heavier one first."""
    ring_seconds: int = Field(default=15, ge=5, le=60)
    retry_seconds: int = Field(default=1, ge=1, le=30)
    wrapup_seconds: int = Field(default=10, ge=0, le=600)
    announce_seconds: int = Field(default=30, ge=0, le=600)
    """Position and expected wait are spoken this often; 0 = never."""
    max_wait_seconds: int = Field(default=300, ge=10, le=3600)
    empty_wait_seconds: int = Field(default=20, ge=5, le=3600)
    """The longest wait when nobody is logged in."""
    max_callers: int = Field(default=200, ge=1, le=10_000)
    then: str = MESSAGE
    """After the longest wait: another queue, or ``message``."""
    hours: Hours | None = None
    """When it serves; None: day and night."""
    closed: str = ""
    """Outside its hours: another queue, or ``message``."""
    known: bool = False
    """Whoever was connected with an agent in the last hours gets that agent first (setting ``line.known_hours``)."""

    @property
    def leads_to(self) -> dict[str, str]:
        """Where callers may be sent on, by the key that says so."""
        return {"then": self.then} | ({"closed": self.closed} if self.hours is not None else {})


class QueueBook(Rule):
    queues: dict[str, Queue]

    @field_validator("queues")
    @classmethod
    def _names(cls, queues: dict[str, Queue]) -> dict[str, Queue]:
        for name in queues:
            if not (name.isascii() and name.replace("-", "").isalpha() and name.islower()):
                raise ValueError(f"queue {name!r}: only a-z and '-', so that it is safe in Asterisk's files")
            if name in RESERVED:
                raise ValueError(f"queue {name!r}: this name means something else")
        return queues


class Agent(Rule):
    name: Name
    phone: Phone = "desk"
    queues: dict[str, int] = Field(default_factory=dict)
    """Queue → penalty 技能等级: 0 answers first, higher only when all lower ones are taken. None: a supervisor's."""


class AgentBook(Rule):
    pause_reasons: list[Name] = Field(min_length=1)
    agents: dict[str, Agent]


def longest_wrapup(queues: Mapping[str, Queue], agent: Agent) -> int:
    """Seconds, in the agent's own queue: as much as in any that the agent serves."""
    return max((queues[name].wrapup_seconds for name in agent.queues), default=0)


def agent_queue(extension: str) -> str:
    """The agent's own queue. No queue of the file can be called so."""
    return AGENT_QUEUE + extension


def load_queues(path: Path) -> dict[str, Queue]:
    """Read and check the queue file. Raises :class:`datafile.DataFileError` naming file and line."""
    file = DataFile(path)
    queues = file.parse(QueueBook).queues
    for needed in (AGENTS, EMERGENCY, HANDOVER):
        if needed not in queues:
            raise file.error(f"queue {needed!r} is needed: fallback, emergencies, handed-over calls", "queues")
    for name, queue in queues.items():
        _check_hours(file, name, queue)
        for key, to in queue.leads_to.items():
            if to not in queues and to != MESSAGE:
                raise file.error(f"{key}: unknown queue {to!r}", "queues", name, key)
    _check_ends(file, queues)
    return queues


def _check_hours(file: DataFile, name: str, queue: Queue) -> None:
    if queue.hours is not None and not queue.closed:
        raise file.error("hours need closed: where callers go outside of them", "queues", name, "hours")
    if queue.closed and queue.hours is None:
        raise file.error("closed needs hours: without them it never is", "queues", name, "closed")
    if queue.hours is not None and name in ALWAYS_OPEN:
        raise file.error(f"queue {name!r} serves day and night", "queues", name, "hours")
    if queue.closed in (EMERGENCY, HANDOVER):
        raise file.error(f"closed: {queue.closed!r} is for emergencies", "queues", name, "closed")
    if queue.known and name in (EMERGENCY, HANDOVER):
        raise file.error("known: an emergency waits for nobody", "queues", name, "known")


def _check_ends(file: DataFile, queues: Mapping[str, Queue]) -> None:
    """Whatever is closed and however long they wait, callers come to an end: to a message."""
    ways = {name: set(queue.leads_to.values()) - {MESSAGE} for name, queue in queues.items()}
    try:
        TopologicalSorter(ways).prepare()
    except CycleError as error:
        # It lists them from what is led to, to what leads there.
        around: list[str] = error.args[1][::-1]
        name, to = around[:2]
        key = next(key for key, led in queues[name].leads_to.items() if led == to)
        raise file.error(f"callers would go round for ever: {' → '.join(around)}", "queues", name, key) from None


def load_agents(path: Path, queues: dict[str, Queue]) -> AgentBook:
    """Read and check the agent file against the queues."""
    file = DataFile(path)
    book = file.parse(AgentBook)
    for extension, agent in book.agents.items():
        if not re.fullmatch("[123][0-9]{3}", extension, re.ASCII):
            raise file.error(f"extension {extension!r}: four digits beginning with 1, 2 or 3", "agents", extension)
        if extension[:3] in EMERGENCY_NUMBERS:
            raise file.error(f"extension {extension!r} begins like an emergency number", "agents", extension)
        for queue, penalty in agent.queues.items():
            if queue not in queues:
                raise file.error(f"unknown queue {queue!r}", "agents", extension, "queues", queue)
            if not 0 <= penalty <= 9:
                raise file.error("penalty 0 to 9", "agents", extension, "queues", queue)
    for name in queues:
        if not any(name in agent.queues for agent in book.agents.values()):
            raise file.error(f"no agent serves queue {name!r}", "agents")
    return book
