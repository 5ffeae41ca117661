"""Positions in line as callers heard them, against how many were really before them. Pure, from Asterisk's own log.

Before somebody are all who joined the same queue earlier and are still in it, and all who left it on a promise to be
rung in their turn (:class:`Place`) and were not reached yet. What was said is what was played: ``queue-youarenext``,
or the digits after ``queue-thereare``. A caller's position is looked up at the moment in which its first digit began.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calls.cel import CelEvent, Sound
from calls.parties import is_agent

_LEAVES = frozenset({"QUEUE", "OVERFLOW", "EMERGENCY", "MESSAGE", "PLACE", "LAST_AGENT"})
_NEXT, _THERE_ARE = "queue-youarenext", "queue-thereare"
_DIGITS = "digits/"
_MESSAGE = "leave-message"
_WORDS: Mapping[str, int] = {"liang": 2, "yi": 1}
_TIMES: Mapping[str, int] = {"hundred": 100, "thousand": 1000}


@dataclass(frozen=True, slots=True)
class Place:
    """``call``: in which it was asked for; ``rung``: the calls that rang for it. Epoch seconds; ``until`` None: still
    kept."""

    call: str
    queue: str
    joined_at: float
    asked_at: float
    until: float | None
    rung: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """``really``: 0 where the caller was in no queue by then."""

    call: str
    queue: str
    at: float
    position: int
    really: int

    @property
    def off(self) -> int:
        return abs(self.position - self.really)


@dataclass(frozen=True, slots=True)
class _Step:
    """``who`` joins ``queue``, leaves where he is (empty), or hears a position ``said``."""

    at: float
    who: str
    queue: str = ""
    joined_at: float = 0.0
    said: int = 0


@dataclass(slots=True)
class _Saying:
    at: float
    digits: list[str] = field(default_factory=list)


class Positions:
    """Fed with the log in its order; judged at the end."""

    def __init__(self) -> None:
        self._steps: list[tuple[float, int, _Step]] = []
        self._saying: dict[str, _Saying] = {}

    def heard(self, sound: Sound) -> None:
        """A sound began to play to a channel."""
        if sound.app == "Playback" or sound.name == _MESSAGE:
            # By a key to leave a message, which the log names when it has been left.
            self._step(_Step(sound.at, sound.unique))
        saying = self._saying.get(sound.unique)
        if sound.name == _NEXT:
            self._say(sound.unique, sound.at, 1)
        elif sound.name == _THERE_ARE:
            self._saying[sound.unique] = _Saying(0.0)
        elif saying is not None and sound.name.startswith(_DIGITS):
            saying.at = saying.at or sound.at
            saying.digits.append(sound.name.removeprefix(_DIGITS))
        elif saying is not None:
            del self._saying[sound.unique]
            if saying.digits:
                self._say(sound.unique, saying.at, number_of(saying.digits))

    def happened(self, event: CelEvent) -> None:
        if event.kind == "USER" and event.name in _LEAVES:
            queue = event.extra.get("name", "") if event.name == "QUEUE" else ""
            self._step(_Step(event.at, event.unique, queue, event.at))
        elif event.kind == "HANGUP":
            self._step(_Step(event.at, event.unique))
        elif event.kind == "ANSWER" and is_agent(event.channel):
            # Asterisk takes the caller, whom the call is named after, out of the queue, and then connects the two.
            self._step(_Step(event.at, event.call))

    def judged(self, places: Sequence[Place] = ()) -> list[Said]:
        """Every position that was said."""
        # Who is rung for his place is in line by it, wherever Asterisk has the call that rang.
        whose = {call: f"place {place.call}" for place in places for call in place.rung}
        line = _Line()
        found = []
        for _, _, step in sorted([*self._steps, *_kept(places)], key=lambda step: step[:2]):
            who = whose.get(step.who, step.who)
            if step.said:
                found.append(Said(step.who, line.queue_of(who), step.at, step.said, line.position(who)))
            elif who != step.who:
                continue
            elif step.queue:
                line.join(who, step.queue, step.joined_at)
            else:
                line.leave(who)
        return found

    def _say(self, call: str, at: float, position: int) -> None:
        self._step(_Step(at, call, said=position))

    def _step(self, step: _Step) -> None:
        self._steps.append((step.at, len(self._steps), step))


def _kept(places: Iterable[Place]) -> Iterable[tuple[float, int, _Step]]:
    """Before the step in which its caller leaves the line."""
    for place in places:
        who = f"place {place.call}"
        yield place.asked_at, -1, _Step(place.asked_at, who, place.queue, place.joined_at)
        if place.until is not None:
            yield place.until, -1, _Step(place.until, who)


class _Line:
    """Who is in which queue, in the order of joining."""

    def __init__(self) -> None:
        self._in: dict[str, tuple[str, float]] = {}
        self._queues: dict[str, list[tuple[float, str]]] = {}

    def join(self, who: str, queue: str, at: float) -> None:
        self.leave(who)
        self._in[who] = queue, at
        insort(self._queues.setdefault(queue, []), (at, who))

    def leave(self, who: str) -> None:
        queue, at = self._in.pop(who, ("", 0.0))
        if queue:
            self._queues[queue].remove((at, who))

    def queue_of(self, who: str) -> str:
        return self._in.get(who, ("", 0.0))[0]

    def position(self, who: str) -> int:
        queue, at = self._in.get(who, ("", 0.0))
        return bisect_left(self._queues[queue], (at, who)) + 1 if queue else 0


def number_of(digits: Iterable[str]) -> int:
    """As Asterisk says numbers in Chinese: ``2 hundred 30 5`` is 235, ``1 hundred 0 5`` is 105."""
    total = pending = 0
    for one in digits:
        if one in _TIMES:
            total, pending = total + max(1, pending) * _TIMES[one], 0
        elif one in _WORDS:
            pending = _WORDS[one]
        elif one.isdigit():
            value = int(one)
            total, pending = (total + value, 0) if value >= 10 else (total, value)
    return total + pending
