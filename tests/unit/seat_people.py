"""A telephone system of a table, for the API's tests: who is ready, and what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from routing.seat import Doing, Seat, SipAccount, SpyMode, Standing, Target, TelephoneFault, Working

SEATS = {
    "1001": Seat("1001", "张敏", "desk", {"help": 0}),
    "2001": Seat("2001", "孙悦", "browser", {"help": 1}),
    "3001": Seat("3001", "梁雪", "browser"),
}


@dataclass
class Switchboard:
    """``away``: Asterisk is not there. ``slow``: it does not answer. ``asked``: what was, in order."""

    away: bool = False
    slow: bool = False
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    now: dict[str, Standing] = field(default_factory=dict)
    admitted: dict[str, str] = field(default_factory=dict)
    seats: Mapping[str, Seat] = field(default_factory=lambda: SEATS)
    queues: Mapping[str, str] = field(default_factory=lambda: {"help": "求助", "agents": "人工服务"})
    pause_reasons: Sequence[str] = ("小休", "用餐")

    def account(self, extension: str, sitting: str) -> SipAccount | None:
        if self.seats[extension].phone == "desk":
            return None
        return SipAccount(f"sip:{extension}@hotline.invalid", extension, "geheim")

    async def admit(self, extension: str, sitting: str) -> None:
        if self.away:
            raise TelephoneFault("no_telephone", "电话系统没有应答，未执行")
        self.admitted[extension] = sitting

    async def dismiss(self, extension: str) -> None:
        if self.away:
            raise TelephoneFault("no_telephone", "电话系统没有应答，未执行")
        self.admitted.pop(extension, None)

    async def standing(self, extension: str) -> Standing:
        self._ask("standing", extension)
        return self.now.get(extension, Standing(Working.OUT, "", True, False, {}))

    async def work(self, extension: str, working: Working, reason: str = "") -> Standing:
        if self.slow:
            await asyncio.Event().wait()
        self._ask("work", extension, working, reason)
        queues = {} if working is Working.OUT else self.seats[extension].queues
        self.now[extension] = Standing(working, reason, True, False, queues)
        return self.now[extension]

    async def serve(self, extension: str, queues: Mapping[str, int]) -> Standing:
        self._ask("serve", extension, queues)
        self.now[extension] = Standing(Working.READY, "", True, False, queues)
        return self.now[extension]

    async def act(self, extension: str, do: Doing, to: Target | None = None) -> str:
        self._ask("act", extension, do, to)
        return "hotline-1795330800.1"

    async def listen(self, call_id: str, mode: SpyMode, extension: str) -> str:
        self._ask("listen", call_id, mode, extension)
        return "1001"

    def _ask(self, *what: Any) -> None:
        if self.away:
            raise TelephoneFault("no_telephone", "电话系统没有应答，未执行")
        self.asked.append(what)
