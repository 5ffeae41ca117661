"""What the robots wrote down of their own calls, whatever the hotline says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from calls.cel import CelEvent
from hotline.simulate.network import CALLERS

_CALLER = f"PJSIP/{CALLERS}-"


@dataclass(frozen=True, slots=True)
class Counted:
    """``calls``: dialled; ``answered``: of them, by the hotline; ``gave_up``: by what they did then; ``over``: ended.
    ``taken``: calls that robot agents took; ``rung`` and ``picked_up``: how often the hotline rang robot citizens, and
    one answered. ``busy``: robots on the line now."""

    calls: int = 0
    answered: int = 0
    gave_up: tuple[tuple[str, int], ...] = ()
    over: int = 0
    taken: int = 0
    rung: int = 0
    picked_up: int = 0
    busy: int = 0

    @property
    def under_way(self) -> int:
        return self.calls - self.over


class Counter:
    """Fed with the network's log, piece by piece."""

    def __init__(self) -> None:
        self._calls: set[str] = set()
        self._over: set[str] = set()
        self._answered: set[str] = set()
        self._gave_up: dict[str, str] = {}
        self._desks: set[str] = set()
        self._taken: set[str] = set()
        self._rung: set[str] = set()
        self._picked_up: set[str] = set()
        self._busy: set[str] = set()

    def feed(self, events: Iterable[CelEvent]) -> None:
        for event in events:
            if event.kind == "CHAN_START":
                self._busy.add(event.unique)
            elif event.kind == "HANGUP":
                self._busy.discard(event.unique)
            if event.channel.startswith(_CALLER):
                self._caller(event)
            elif event.name == "TAKEN":
                self._desks.add(event.unique)
            elif event.name == "RUNG":
                self._rung.add(event.unique)
            elif event.kind == "ANSWER" and event.unique in self._rung:
                self._picked_up.add(event.unique)
            elif event.kind == "ANSWER" and event.unique in self._desks:
                self._taken.add(event.unique)

    def _caller(self, event: CelEvent) -> None:
        one = event.unique
        match event.kind, event.name:
            case "CHAN_START", _:
                self._calls.add(one)
            case "ANSWER", _:
                self._answered.add(one)
            case "HANGUP", _:
                self._over.add(one)
            case "USER", "GAVE_UP":
                self._gave_up[one] = event.extra.get("then", "")
            case _:
                pass

    @property
    def counted(self) -> Counted:
        then = sorted(self._gave_up.values())
        return Counted(
            calls=len(self._calls),
            answered=len(self._answered),
            gave_up=tuple((one, then.count(one)) for one in dict.fromkeys(then)),
            over=len(self._over),
            taken=len(self._taken),
            rung=len(self._rung),
            picked_up=len(self._picked_up),
            busy=len(self._busy),
        )
