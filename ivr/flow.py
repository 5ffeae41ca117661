"""A conversation as data: what is played, which key and which words lead where. One file per flow in ``ivr/flows/``,
by dialled number.

GB/T 33358-2016 advises against long menus: a flow has a greeting, one level of keys and at most one number to enter,
and every path ends with a person (DESIGN decision 4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from datafile import DataFile, DataFileError, Rule
from ivr.progress_words import PROMPTS as PROGRESS_PROMPTS
from ivr.understanding import Class

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
# The categories of the vocabulary (诉求类别); a call that states none becomes `other`.
Category = Literal["consultation", "help", "complaint", "report", "suggestion", "other"]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Choice(Rule):
    """Where a key leads: to a queue at once, or to a number entry first; ``end`` says goodbye (announcement lines)."""

    label: str = Field(min_length=1, max_length=20)
    queue: Id | None = None
    enter: Id | None = None
    end: bool = False
    category: Category = "other"


class Entry(Rule):
    """A number the caller keys in, ended by ``#`` or by silence; it goes with the call to ``queue``."""

    prompt: str
    say: str
    """The prompt where the number may be said, too."""
    noted: str
    """Played when a number was entered."""
    queue: Id
    category: Category = "other"
    max_digits: int = Field(default=20, ge=1, le=32)
    silence_seconds: float = Field(default=5, ge=1, le=15)
    tells: Literal["progress"] | None = None
    """``progress``: with the last four digits of the telephone the caller is told how that ticket stands; ``queue`` is
    for what goes on to a person. Its prompts go by their names, ``progress-…``."""


SERVICES = ("110", "119", "120", "122")
CONFIRMED: frozenset[Class] = frozenset({"consultation", "help", "complaint", "report", "suggestion"})
"""What is said back before the queue: ``confirm-<class>``. The others are announced by what follows anyway."""


class Speech(Rule):
    """What changes where callers may say what they want. Other prompts go by their names: ``confirm-<class>``,
    ``ask-<class>`` and ``or-<class>`` (two choices), ``spoken-<service>``."""

    enabled: bool = True
    invite: str
    """Follows the greeting."""
    again: str
    """Played when nothing usable was said."""
    silence_seconds: float = Field(default=3, ge=1, le=15)
    """After the invitation; then the menu is read."""
    says: dict[Class, Choice] = Field(min_length=1)
    """Where each class of wishes leads. One that is missing leads to a person."""

    @property
    def named_prompts(self) -> frozenset[str]:
        """Those that go by their names."""
        said = [label for label in self.says if label != "agent"]
        pairs = [f"{part}-{label}" for label in said for part in ("ask", "or")]
        confirmed = [f"confirm-{label}" for label in said if label in CONFIRMED]
        return frozenset([*pairs, *confirmed, *(f"spoken-{service}" for service in SERVICES)])


class Flow(Rule):
    """One dialled number's conversation. Prompts are ids of ``ivr/prompts/zh.yaml``; times in seconds."""

    name: str
    numbers: list[Annotated[str, Field(pattern=r"^[0-9]{3,15}$")]] = Field(min_length=1)
    greeting: str
    """Contains the recording notice; any key interrupts it."""
    menu: str
    keys: dict[Key, Choice] = Field(min_length=1)
    wrong: str
    """Played once after a key that leads nowhere."""
    to_agent: str
    """Played when silence or a second wrong key leads to a person."""
    agent_queue: Id
    barred: str = "barred"
    """Told to callers on the list of malicious ones, who get nobody but 110 and the like."""
    maintenance: str = "maintenance"
    """Told to everybody while the line is maintained; a message can be left."""
    open_tickets: str | None = None
    """Told to a caller whose matter is being worked on: which key says how it stands."""
    silence_seconds: float = Field(default=5, ge=1, le=15)
    entries: dict[Id, Entry] = Field(default_factory=dict)
    speech: Speech | None = None
    """Without it this flow is by keys alone."""
    _queues: frozenset[str] = PrivateAttr(default=frozenset())

    def has_queue(self, name: str | None) -> bool:
        """Whether a queue that a topic of its own asks for is there."""
        return name in self._queues


def load_flow(path: Path, queues: Collection[str], prompts: Collection[str]) -> Flow:
    """Read and check one flow. Raises :class:`datafile.DataFileError` naming file and line."""
    file = DataFile(path)
    flow = file.parse(Flow)
    flow._queues = frozenset(queues)
    for where in ("greeting", "menu", "wrong", "to_agent", "barred", "maintenance", "open_tickets"):
        if getattr(flow, where) not in (None, *prompts):
            raise file.error(f"no prompt {getattr(flow, where)!r}", where)
    if flow.agent_queue not in queues:
        raise file.error(f"unknown queue {flow.agent_queue!r}", "agent_queue")
    for key, choice in flow.keys.items():
        _check_choice(file, flow, choice, "keys", key)
    if not any(choice.queue == flow.agent_queue for choice in flow.keys.values()):
        raise file.error(f"no key leads to a person (queue {flow.agent_queue!r})", "keys")
    for name, entry in flow.entries.items():
        if entry.queue not in queues:
            raise file.error(f"unknown queue {entry.queue!r}", "entries", name, "queue")
        for where in ("prompt", "say", "noted"):
            if getattr(entry, where) not in prompts:
                raise file.error(f"no prompt {getattr(entry, where)!r}", "entries", name, where)
        missing = sorted(PROGRESS_PROMPTS.difference(prompts)) if entry.tells == "progress" else []
        if missing:
            raise file.error(f"no prompt {missing[0]!r}", "entries", name, "tells")
        if not any(choice.enter == name for choice in flow.keys.values()):
            raise file.error(f"entry {name!r} cannot be reached by any key", "entries", name)
    if flow.speech is not None:
        _check_speech(file, flow, flow.speech, prompts)
    return flow


def _check_choice(file: DataFile, flow: Flow, choice: Choice, *at: str) -> None:
    if sum([choice.queue is not None, choice.enter is not None, choice.end]) != 1:
        raise file.error("one of queue, enter or end", *at)
    if choice.queue is not None and not flow.has_queue(choice.queue):
        raise file.error(f"unknown queue {choice.queue!r}", *at, "queue")
    if choice.enter is not None and choice.enter not in flow.entries:
        raise file.error(f"unknown entry {choice.enter!r}", *at, "enter")


def _check_speech(file: DataFile, flow: Flow, speech: Speech, prompts: Collection[str]) -> None:
    for where in ("invite", "again"):
        if getattr(speech, where) not in prompts:
            raise file.error(f"no prompt {getattr(speech, where)!r}", "speech", where)
    for label, choice in speech.says.items():
        at = ("speech", "says", label)
        if choice.end:
            raise file.error("words do not end a call: queue or enter", *at)
        _check_choice(file, flow, choice, *at)
    missing = sorted(speech.named_prompts.difference(prompts))
    if missing:
        raise file.error(f"no prompt {missing[0]!r}", "speech", "says", missing[0].partition("-")[2])


def load_flows(folder: Path, queues: Collection[str], prompts: Collection[str]) -> Mapping[str, Flow]:
    """All flows of a folder by dialled number. A number in two files is an error."""
    flows: dict[str, Flow] = {}
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise DataFileError(folder, 1, "no flow: nobody could be answered")
    for path in files:
        flow = load_flow(path, queues, prompts)
        for number in flow.numbers:
            if number in flows:
                raise DataFileError(path, 1, f"number {number} is answered by another flow too")
            flows[number] = flow
    return flows
