"""How heavy each page is, and after how long somebody can use it."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from playwright.async_api import CDPSession

from bench.pages_rig import Rig, Visitor
from bench.pages_server import EMPTY, Pace
from people.roles import Role

SCRIPT = Path(__file__).with_name("pages_weight.js").read_text(encoding="utf-8")
USABLE_SECONDS = 60.0
TAIL_SECONDS = 0.5
"""What comes right after the page can be used is part of its weight."""
LINE_MBIT, LINE_DELAY_MS = 10, 40


@dataclass(frozen=True)
class Visited:
    """``wanted``: the CSS selector of what is there only once the API has answered."""

    path: str
    wanted: str
    role: Role | None = None


PAGES = {
    "empty page": Visited(EMPTY, "main"),
    "citizen": Visited("/", "main form"),
    "sign-in": Visited("/desk/sign-in", "main form button[type=submit]"),
    "agent": Visited("/desk/agent", ".agent .state-bar", Role.AGENT),
    "dispatch": Visited("/desk/dispatch", "article.ticket", Role.DISPATCHER),
    "unit": Visited("/desk/unit", "article.ticket", Role.UNIT_OFFICER),
    "wall": Visited("/desk/wall", "button.agent", Role.SUPERVISOR),
}


@dataclass(frozen=True)
class Way:
    """``slower``: as if the processor were so many times slower. ``plain``: nothing packed, nothing kept. ``line``: as
    if over a line with :data:`LINE_MBIT` and :data:`LINE_DELAY_MS` there and back."""

    name: str
    warm: bool = False
    slower: float = 1.0
    plain: bool = False
    line: bool = False


WAYS = (
    Way("first"),
    Way("again", warm=True),
    Way("first, 4 times slower", slower=4),
    Way("again, 4 times slower", warm=True, slower=4),
    Way("plain, 4 times slower", slower=4, plain=True),
    Way("first, line", line=True),
    Way("again, line", warm=True, line=True),
    Way("plain, line", plain=True, line=True),
)


@dataclass(frozen=True)
class Visit:
    """``requests``: those that reached the server. Bytes with the answers' headers on the wire, without unpacked."""

    milliseconds: float
    requests: int
    wire: int
    unpacked: int


@dataclass
class _Wire:
    """What the browser asked for and got, by request."""

    asked: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    wire: dict[str, int] = field(default_factory=dict)
    unpacked: dict[str, int] = field(default_factory=dict)

    def listen(self, cdp: CDPSession) -> None:
        def asked(event: dict[str, Any]) -> None:
            if event["request"]["url"].startswith("http"):
                self.asked.add(event["requestId"])

        def began(event: dict[str, Any]) -> None:
            response = event["response"]
            if response.get("fromDiskCache"):
                self.kept.add(event["requestId"])
            self.wire[event["requestId"]] = response["encodedDataLength"]

        def came(event: dict[str, Any]) -> None:
            one = event["requestId"]
            self.unpacked[one] = self.unpacked.get(one, 0) + event["dataLength"]
            self.wire[one] = self.wire.get(one, 0) + event["encodedDataLength"]

        def ended(event: dict[str, Any]) -> None:
            self.wire[event["requestId"]] = event["encodedDataLength"]

        cdp.on("Network.requestWillBeSent", asked)
        cdp.on("Network.requestServedFromCache", lambda event: self.kept.add(event["requestId"]))
        cdp.on("Network.responseReceived", began)
        cdp.on("Network.dataReceived", came)
        cdp.on("Network.loadingFinished", ended)

    def told(self, milliseconds: float) -> Visit:
        sent = self.asked - self.kept
        return Visit(
            milliseconds,
            len(sent),
            int(sum(self.wire.get(one, 0) for one in sent)),
            sum(self.unpacked.get(one, 0) for one in sent),
        )


async def visit(visitor: Visitor, origin: str, page: Visited, way: Way) -> Visit:
    """Raises ClickException when nobody could use the page in time."""
    tab, cdp = await visitor.tab()
    wire = _Wire()
    await cdp.send("Network.enable")
    wire.listen(cdp)
    if way.slower > 1:
        await cdp.send("Emulation.setCPUThrottlingRate", {"rate": way.slower})
    if way.plain:
        await cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await cdp.send("Network.setExtraHTTPHeaders", {"headers": {"Accept-Encoding": "identity"}})
    if way.line:
        speed = LINE_MBIT * 1_000_000 / 8
        conditions = {
            "offline": False,
            "latency": LINE_DELAY_MS,
            "downloadThroughput": speed,
            "uploadThroughput": speed,
        }
        await cdp.send("Network.emulateNetworkConditions", conditions)
    await tab.add_init_script(f"window.benchWanted = {page.wanted!r}")
    await tab.add_init_script(SCRIPT)
    try:
        async with asyncio.timeout(USABLE_SECONDS):
            await tab.goto(origin + page.path, wait_until="commit")
            await tab.wait_for_function("() => window.bench.at > 0")
    except TimeoutError:
        raise click.ClickException(f"{page.path}: no {page.wanted}") from None
    await asyncio.sleep(TAIL_SECONDS)
    milliseconds = float(await tab.evaluate("() => window.bench.usable()"))
    found = wire.told(milliseconds)
    await tab.close()
    return found


async def weigh(rig: Rig, runs: int, say: Callable[[str], None]) -> dict[str, dict[str, Visit]]:
    """The median of each figure, by page and way. All pages and ways in turn, so that a slow minute hits all alike."""
    seen: dict[str, dict[str, list[Visit]]] = {name: {way.name: [] for way in WAYS} for name in PAGES}
    with rig.serving(Pace(0)):
        for run in range(runs):
            for name, page in PAGES.items():
                for way in WAYS:
                    async with rig.visitor(page.role) as visitor:
                        if way.warm:
                            await visit(visitor, rig.origin, page, Way(""))
                        seen[name][way.name].append(await visit(visitor, rig.origin, page, way))
                        if visitor.complaints:
                            raise click.ClickException(f"{name}: {visitor.complaints[0]}")
            say(f"run {run + 1} of {runs}")
    return {name: {way: _median(found) for way, found in ways.items()} for name, ways in seen.items()}


def _median(found: list[Visit]) -> Visit:
    return Visit(
        statistics.median(one.milliseconds for one in found),
        round(statistics.median(one.requests for one in found)),
        round(statistics.median(one.wire for one in found)),
        round(statistics.median(one.unpacked for one in found)),
    )
