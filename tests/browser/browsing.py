"""Chromium for the tests: pages with a microphone that the test speaks into and with ears that it hears by."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from hotline.settings import CHECKOUT
from tests.asterisk.sound import Samples, hears_tone, level

STATE = CHECKOUT / ".venv" / "browser.json"
DESKTOP, MOBILE = (1366, 768), (390, 844)
ACTION_SECONDS = 10.0
"""So long an element is waited for."""
_SOUND = Path(__file__).with_name("sound.js").read_text(encoding="utf-8")
_AXE = CHECKOUT / "pages" / "node_modules" / "axe-core" / "axe.min.js"
_LISTEN_SECONDS = 0.6
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d ")
"""Chromium says so of every answer of the API's that is a refusal; what comes of it is the page's to show."""
_FLAGS = (
    "--use-fake-device-for-media-stream",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
)


def binary() -> str | None:
    """The one that tools/get_browser.py found or fetched."""
    try:
        return str(json.loads(STATE.read_text(encoding="utf-8"))["binary"])
    except (OSError, ValueError, KeyError):
        return None


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # Without its own sandbox: it may run as root here, and only pages of ours are opened.
        browser = await playwright.chromium.launch(executable_path=path, args=[*_FLAGS], chromium_sandbox=False)
        try:
            yield browser
        finally:
            await browser.close()


class Window:
    """Somebody's browser: cookies and storage of its own, any number of tabs. ``origin``: ``http://127.0.0.1:8012``."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context, self.origin = context, origin
        self.complaints: list[str] = []
        """Errors in the console, of scripts, and what the pages' own policy forbade."""

    async def open(self, path: str = "/") -> Tab:
        page = await self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{error.name}: {error.message}"))
        await page.goto(self.origin + path)
        return Tab(self, page)

    def _said(self, message: ConsoleMessage) -> None:
        expected = _REFUSED.match(message.text) and "/api/" in message.location.get("url", "")
        if message.type == "error" and not expected:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


class Tab:
    """``page`` is Playwright's; what is added here is sound and accessibility."""

    def __init__(self, window: Window, page: Page) -> None:
        self.window, self.page = window, page

    async def run(self, expression: str, argument: object = None, seconds: float = ACTION_SECONDS) -> Any:
        """What a function in the page returns, awaited. Raises TimeoutError: Playwright alone would wait for ever."""
        async with asyncio.timeout(seconds):
            return await self.page.evaluate(expression, argument)

    async def tone(self, hertz: float) -> None:
        """A steady tone into the microphone from now on; 0 for silence."""
        await self.run("hertz => window.test.tone(hertz)", hertz)

    async def say(self, wav: Path, seconds: float = 60.0) -> None:
        """Until all of it is said."""
        await self.run("file => window.test.say(file)", base64.b64encode(wav.read_bytes()).decode(), seconds)

    async def hear(self, seconds: float) -> tuple[Samples, int]:
        """What the page plays from now on, -1 to 1, and the rate in Hz."""
        rate, text = await self.run("seconds => window.test.hear(seconds)", seconds, seconds + ACTION_SECONDS)
        return np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64) / 32768, int(rate)

    async def hears(self, hertz: float, seconds: float = 15.0) -> None:
        """Until the page plays this tone and little else. Raises AssertionError when it does not in time."""
        try:
            async with asyncio.timeout(seconds):
                while not hears_tone(*await self.hear(_LISTEN_SECONDS), hertz, 0.4):
                    pass
        except TimeoutError as error:
            raise AssertionError(f"no {hertz} Hz within {seconds} s") from error

    async def hears_somebody(self, seconds: float = 15.0) -> None:
        """Until the page plays anything that is not silence: a prompt, music, a voice."""
        try:
            async with asyncio.timeout(seconds):
                while level((await self.hear(0.2))[0]) < 0.01:
                    pass
        except TimeoutError as error:
            raise AssertionError(f"silence for {seconds} s") from error

    async def microphones(self, open: int) -> None:
        """Until so many streams of the microphone are open."""
        await self.page.wait_for_function("open => window.test.microphones() === open", arg=open)

    async def violations(self) -> list[str]:
        """What axe-core finds wrong with the page as it is shown now (WCAG 2.2 A and AA): rule and element."""
        # By way of the debugger, which the page's policy about scripts does not concern.
        if not await self.run("() => 'axe' in window"):
            await self.run(_AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found: dict[str, Any] = await self.run(
            "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", tags, 60.0
        )
        return [
            f"{rule['id']}: {' '.join(str(part) for part in node['target'])} ({rule['help']})"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]


@asynccontextmanager
async def window(
    browser: Browser, origin: str, *, size: tuple[int, int] = DESKTOP, microphone: bool = True, **more: Any
) -> AsyncIterator[Window]:
    """``microphone``: whether the person allows it. ``more``: of Playwright's ``new_context``."""
    viewport = {"width": size[0], "height": size[1]}
    context = await browser.new_context(
        **{"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": viewport, "reduced_motion": "reduce", **more}
    )
    context.set_default_timeout(1000 * ACTION_SECONDS)
    try:
        await context.add_init_script(_SOUND)
        if microphone:
            await context.grant_permissions(["microphone"], origin=origin)
        yield Window(context, origin)
    finally:
        await context.close()
