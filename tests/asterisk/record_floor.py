"""``python -m tests.asterisk.record_floor FILE``: calls of every kind on a hotline of their own, and what Asterisk
tells the live view of them: its events, and its lists between them. For ``tests/replay/asterisk-22-floor``."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hotline.agent_state import pause, resume
from hotline.ami import FLOOR
from hotline.phone import Account
from hotline.secrets import load_secrets
from routing.ami import Ami, Event
from routing.floor import EVENTS
from routing.live import channels, queue_status
from tests.asterisk.callbacks import CallingHotline
from tests.asterisk.phones import Phones, outbound_reached, taken

KEPT = frozenset(
    "Event Channel ChannelStateDesc CallerIDNum ConnectedLineNum Context Exten Uniqueid Linkedid BridgeUniqueid Queue"
    " Interface Paused PausedReason LastCall DialString DestChannel DestChannelStateDesc DestCallerIDNum DestContext"
    " DestConnectedLineNum DestExten DestUniqueid DestLinkedid Peer PeerStatus UserEvent Reason".split()
)
CALM = 0.6
"""Seconds between the steps of a scene, so that each can be seen."""


class Recorder:
    def __init__(self, hotline: CallingHotline, phones: Phones, ami: Ami, orders: Ami) -> None:
        self.hotline, self.phones, self.ami, self.orders = hotline, phones, ami, orders
        self.lines: list[dict[str, Any]] = []
        self.agents: dict[str, Account] = {}
        ami.on_event("*", self._heard)

    def _heard(self, event: Event) -> None:
        if event["Event"] in EVENTS:
            self._write(event={key: value for key, value in event.items() if key in KEPT})

    async def mark(self, name: str) -> None:
        """What the lists say now."""
        await asyncio.sleep(CALM)
        status, rows = await queue_status(self.ami), await channels(self.ami)
        members, waiting = ([asdict(row) for row in found] for found in (status.members, status.waiting))
        self._write(mark=name, members=members, waiting=waiting, channels=[asdict(row) for row in rows])

    def _write(self, **line: Any) -> None:
        self.lines.append({"at": round(time.time(), 3), **line})

    async def scenes(self) -> None:
        self.agents["1001"] = await self.phones.agent("1001", answer_after=0.8)
        self.agents["1002"] = await self.phones.agent("1002", log_in=False, answer_after=1.0)
        scenes: list[Callable[[], Awaitable[None]]] = [
            self.held, self.message, self.emergency, self.added, self.blind, self.consulted, self.place,
            self.outgoing, self.callback,
        ]  # fmt: skip
        for scene in scenes:
            await pause(self.hotline.settings, "1001", "小休")
            await resume(self.hotline.settings, "1001")
            await scene()
            await self.mark(f"after {scene.__name__}")

    async def talk(self, number: str) -> tuple[Any, Any]:
        line = await self.phones.citizen(number, keys="w1,1")
        return line, await taken(self.agents["1001"])

    async def held(self) -> None:
        line, talk = await self.talk("13922220001")
        await self.mark("talking")
        await talk.do("hold")
        await self.mark("held")
        await talk.do("unhold")
        await asyncio.sleep(CALM)
        await talk.hangup()
        await line.ended(5)

    async def message(self) -> None:
        await pause(self.hotline.settings, "1001", "小休")
        line = await self.phones.citizen("13922220003", keys="w1,1")
        await line.wait("connected", 10, detail="consultation")
        await self.mark("waiting")
        await line.do("keys", keys="3,w1,3")
        await asyncio.sleep(2)
        await self.mark("message")
        await line.hangup()
        await line.ended(5)

    async def emergency(self) -> None:
        line = await self.phones.citizen("13922220004", keys="w1,119")
        await line.wait("connected", 10, detail="119")
        await self.mark("emergency")
        await line.hangup()
        await line.ended(5)

    async def added(self) -> None:
        line, talk = await self.talk("13922220005")
        await talk.do("keys", keys="w1,*2,w1,110")
        await asyncio.sleep(4)
        await self.mark("asks 110")
        await talk.do("keys", keys="*3")
        await asyncio.sleep(1)
        await self.mark("three-way")
        await talk.hangup()
        await self.mark("110 alone")
        await line.hangup()
        await line.ended(5)

    async def blind(self) -> None:
        line, talk = await self.talk("13922220006")
        await talk.do("keys", keys="w1,##,w1,1002")
        second = await taken(self.agents["1002"])
        await self.mark("transferred")
        await second.hangup()
        await line.ended(5)

    async def consulted(self) -> None:
        line, talk = await self.talk("13922220007")
        await talk.do("keys", keys="w1,*2,w1,1002")
        second = await taken(self.agents["1002"])
        await self.mark("consults")
        await talk.hangup()
        await self.mark("handed over")
        await second.hangup()
        await line.ended(5)

    async def place(self) -> None:
        await pause(self.hotline.settings, "1001", "小休")
        host, _, port = self.hotline.network.rpartition(":")
        network = await self.phones.centre(host, int(port))
        await outbound_reached(self.orders)
        line = await self.phones.citizen("13922220008", keys="w1,3")
        await line.wait("connected", 10, detail="help")
        await line.do("keys", keys="2,w1,2")
        await asyncio.sleep(3)
        await line.hangup()
        await self.mark("place held")
        await resume(self.hotline.settings, "1001")
        rung = await taken(network)
        await self.mark("rung for the place")
        await rung.hangup()

    async def outgoing(self) -> None:
        await self._originate("PJSIP/1001", "ag-1795351800.5", "outgoing", "citizen", {
            "OUT_NUMBER": "13922220009", "OUT_DIALLED": "13922220009", "OUT_AGENT": "1001",
            "OUT_TICKET": "", "OUT_UNIT": "",
        })  # fmt: skip
        talk = await taken(self.agents["1001"])
        await asyncio.sleep(1)
        await self.mark("agent calls")
        await talk.hangup()

    async def callback(self) -> None:
        await self._originate("PJSIP/13922220010@outbound", "cb-1795351800.7", "callback", "answered", {
            "CB_NUMBER": "13922220010", "CB_SURVEY": "satisfaction", "CB_SCALE": "",
        })  # fmt: skip
        await self.mark("callback")
        await self.orders.action("Hangup", {"Channel": "/^PJSIP/"})

    async def _originate(self, channel: str, id: str, context: str, exten: str, variables: dict[str, str]) -> None:
        shown = variables.get("OUT_NUMBER", "12345")
        await self.orders.originate(
            channel, channel_id=id, context=context, exten=exten, caller_id=shown, variables=variables
        )


async def main(file: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="floor-"))
    hotline = CallingHotline(home, line={"place_ring_seconds": 5})
    hotline.start()
    try:
        secret = load_secrets(hotline.settings).ami
        ami, orders = (Ami("127.0.0.1", hotline.ami, user, secret) for user in (FLOOR, "hotline"))
        async with Phones(hotline) as phones:
            recorder = Recorder(hotline, phones, ami, orders)
            await ami.connect()
            await orders.connect()
            await recorder.mark("begin")
            await recorder.scenes()
            await ami.close()
            await orders.close()
        file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in recorder.lines))
    finally:
        hotline.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
