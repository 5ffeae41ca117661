"""Whether a dialplan can take the place of another while calls are in it. Pure.

Asterisk knows where a call is by context, extension and priority (a number). A call that waits in ``Queue()`` at
priority 50 goes on at 51 of whatever the dialplan says by then. So what lasts must keep its place from one version to
the next: such steps have numbers of their own in asterisk_conf/extensions.conf.j2. What has moved all the same is told
here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

LASTING = frozenset(
    {"AGI", "Queue", "Dial", "Read", "Record", "Playback", "TryExec", "Wait", "ChanSpy", "Bridge", "BridgeAdd"}
)
"""Applications in which a call stays for more than a moment."""
_HEAD = re.compile(r"\[([^]]+)]")
_STEP = re.compile(
    r"(?:exten\s*=>?\s*(?P<exten>[^,]+),(?P<first>\d+|n)|same\s*=>?\s*(?P<next>n|\d+))"
    r"(?:\([^)]*\))?,\s*(?P<application>\w+)"
)

Place = tuple[str, str, int]
"""Context, extension, priority."""


@dataclass(frozen=True, order=True)
class Step:
    context: str
    exten: str
    priority: int
    application: str

    def __str__(self) -> str:
        return f"{self.application} at {self.context},{self.exten},{self.priority}"


def moved(old: str, new: str) -> tuple[Step, ...]:
    """The lasting steps of ``old`` that are not at the same place in ``new``; both are the text of extensions.conf."""
    there = _read(new)
    return tuple(
        Step(*place, application)
        for place, application in sorted(_read(old).items())
        if application in LASTING and there.get(place) != application
    )


def held_up(steps: Collection[Step], calls: Collection[tuple[str, str]]) -> tuple[Step, ...]:
    """Those of ``steps`` that some call may be at; ``calls``: context and application of each channel.

    Within ``AGI()`` a caller who speaks is in the context ``listen``."""
    return tuple(
        step
        for step in steps
        if (step.context, step.application) in calls
        or (step.application == "AGI" and any(context == "listen" for context, _ in calls))
    )


def _read(text: str) -> Mapping[Place, str]:
    return {(step.context, step.exten, step.priority): step.application for step in _steps(text)}


def _steps(text: str) -> Iterator[Step]:
    context = exten = ""
    priority = 0
    for line in map(str.strip, text.splitlines()):
        if head := _HEAD.match(line):
            context, exten, priority = head[1], "", 0
        elif step := _STEP.match(line):
            exten = (step["exten"] or exten).strip()
            number = step["first"] or step["next"]
            priority = priority + 1 if number == "n" else int(number)
            yield Step(context, exten, priority, step["application"])
