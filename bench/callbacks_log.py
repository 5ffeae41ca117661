"""Who held a line when, and who waited, out of Asterisk's own event log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calls.cel import CelEvent, parse
from calls.events import MalformedLine
from calls.outgoing import PREFIX


@dataclass(frozen=True, slots=True)
class Span:
    """Epoch seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Caller:
    """One call that came in, in epoch seconds: answered, in the queue, connected with a person."""

    answered: float
    queued: float
    connected: float

    @property
    def wait(self) -> float:
        return self.connected - self.answered


def read_log(file: Path, offset: int = 0) -> list[CelEvent]:
    """From a byte on; lines that say nothing are left out."""
    found = []
    with file.open("rb") as log:
        log.seek(offset)
        for line in log:
            try:
                event = parse(0, line.decode("utf-8", "replace").rstrip("\n"))
            except MalformedLine:
                continue
            if event is not None:
                found.append(event)
    return found


def our_calls(events: Iterable[CelEvent]) -> list[Span]:
    """From when to when each outbound call held its line."""
    starts: dict[str, float] = {}
    found = []
    for event in sorted(events, key=lambda one: one.at):
        if not event.unique.startswith(PREFIX):
            continue
        if event.kind == "CHAN_START":
            starts[event.unique] = event.at
        elif event.kind == "CHAN_END" and event.unique in starts:
            found.append(Span(starts.pop(event.unique), event.at))
    return sorted(found, key=lambda span: span.start)


def callers(events: Iterable[CelEvent]) -> list[Caller]:
    """The calls that came in and reached a person."""
    moments: dict[str, dict[str, float]] = {}
    for event in sorted(events, key=lambda one: one.at):
        if event.unique != event.call or event.call.startswith(PREFIX):
            continue
        what = event.name if event.kind == "USER" else event.kind
        moments.setdefault(event.call, {}).setdefault(what, event.at)
    wanted = ("ANSWER", "QUEUE", "BRIDGE_ENTER")
    return [Caller(*(of[name] for name in wanted)) for of in moments.values() if all(name in of for name in wanted)]


def levels(spans: Iterable[Span]) -> Iterator[tuple[float, int]]:
    """Each moment at which the number of spans changes, and the number from then on."""
    changes = sorted([(span.start, 1) for span in spans] + [(span.end, -1) for span in spans])
    level = 0
    for at, change in changes:
        level += change
        yield at, level


def peak(spans: Sequence[Span]) -> int:
    """The most at once. One that ends at the moment another begins is not beside it."""
    return max((level for _, level in levels(spans)), default=0)


def mean(spans: Iterable[Span], within: Span) -> float:
    """How many on average over ``within``."""
    held = sum(max(0.0, min(span.end, within.end) - max(span.start, within.start)) for span in spans)
    return held / within.seconds


def filled(spans: Sequence[Span], cap: int, last: float) -> Span:
    """From when the cap is reached first until ``last``, the moment from which on nobody was left to be rung."""
    begins = next((at for at, level in levels(spans) if level >= cap), None)
    if begins is None or begins >= last:
        raise ValueError(f"the cap of {cap} was not reached while anybody was left to be rung")
    return Span(begins, last)


def longest_wait(found: Iterable[Caller]) -> Span:
    """The longest time in which without a break somebody waited in a queue."""
    best, begins = Span(0.0, 0.0), 0.0
    for at, level in levels([Span(one.queued, one.connected) for one in found]):
        if level and not begins:
            begins = at
        elif not level:
            best = max(best, Span(begins, at), key=lambda span: span.seconds)
            begins = 0.0
    return best


def yielded_after(spans: Iterable[Span], waiting: Span) -> float:
    """Seconds after somebody began to wait until the last call was begun while somebody waited; 0: none was."""
    return max((span.start - waiting.start for span in spans if waiting.start < span.start < waiting.end), default=0.0)
