"""A page as somebody sees it who is not the one it was tried with: in the other language, on a telephone's screen, by a
screen reader, and complete, not half loaded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, Request

from tests.browser.browsing import DESKTOP, MOBILE, Tab

LANGUAGES = {"zh": "zh-CN", "en": "en"}
SCREENS = {"desktop": DESKTOP, "mobile": MOBILE}
AXE = {("zh", "desktop"), ("en", "mobile")}
"""Each language and each screen once: axe takes a second a page."""
SETTLE_SECONDS = 15.0
_CHINESE = re.compile("[\u4e00-\u9fff]")
_APP = "document.querySelector('#app').__vue_app__.config.globalProperties"
_ROUTES = f"() => {_APP}.$router.getRoutes().map(({{name, path, meta}}) => ({{name, path, meta: {{...meta}}}}))"
_NOW = f"async () => {{ await {_APP}.$router.isReady(); return {_APP}.$router.currentRoute.value.name }}"
_SPEAK = f"([language, tag]) => {{ {_APP}.$i18n.locale = language; document.documentElement.lang = tag }}"
_LOADING = "() => !document.querySelector('.el-skeleton, .el-loading-mask:not([style*=\"display: none\"])')"
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
_WIDER = """() => {
  const page = document.documentElement
  if (page.scrollWidth <= page.clientWidth) return []
  // Named is what sticks out and is in nothing that scrolls by itself.
  const out = [...document.body.querySelectorAll('*')].filter(one => {
    if (one.getBoundingClientRect().right <= page.clientWidth + 1) return false
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return false
    return true
  })
  const wide = `${page.scrollWidth - page.clientWidth} px too wide`
  return [wide, ...out.slice(0, 3).map(one => one.outerHTML.slice(0, 120))]
}"""


@dataclass(frozen=True)
class Route:
    """``path``: below /desk, with ``:name`` where something has to be put in."""

    name: str
    path: str
    needs: Sequence[str]
    open: bool


async def routes(tab: Tab) -> list[Route]:
    """Of the desk as it was built."""
    found = await tab.run(_ROUTES)
    return [
        Route(one["name"], one["path"], one["meta"].get("needs", []), one["meta"].get("open", False)) for one in found
    ]


async def turn(tab: Tab, name: str, **params: str) -> None:
    """To another page without loading anything anew: what goes on there, goes on."""
    await tab.run(f"async ([name, params]) => {{ await {_APP}.$router.push({{name, params}}) }}", [name, params])


async def route_now(tab: Tab) -> str:
    return str(await tab.run(_NOW))


class Quiet:
    """Knows what a page has asked the API for and not got yet; the stream of events never ends and is not counted."""

    def __init__(self, page: Page) -> None:
        self._asked: set[Request] = set()
        self._changed = asyncio.Event()
        page.on("request", self._began)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _began(self, request: Request) -> None:
        if "/api/" in request.url and "/events" not in request.url and "/words" not in request.url:
            self._asked.add(request)

    def _ended(self, request: Request) -> None:
        self._asked.discard(request)
        self._changed.set()

    async def settled(self, tab: Tab) -> None:
        """Until everything is there and drawn."""
        async with asyncio.timeout(SETTLE_SECONDS):
            await tab.page.wait_for_function(_LOADING)
            while True:
                await tab.run(_DRAWN)
                if not self._asked:
                    return
                self._changed.clear()
                await self._changed.wait()


async def faults(tab: Tab, where: str, quiet: Quiet) -> list[str]:
    """What is wrong with the page as it stands: what makes it wider than the screen, and a name in its tab that is of
    another language, in both languages on both screens; and what axe-core finds, in Chinese on the desktop's and in
    English on the telephone's. It is left as it was."""
    found: list[str] = []
    for screen, (width, height) in SCREENS.items():
        await tab.page.set_viewport_size({"width": width, "height": height})
        for language, tag in LANGUAGES.items():
            await tab.run(_SPEAK, [language, tag])
            await quiet.settled(tab)
            wrong: list[Any] = await tab.run(_WIDER)
            title = await tab.page.title()
            if (_CHINESE.search(title) is not None) != (language == "zh"):
                wrong.append(f"its title is {title!r}")
            if (language, screen) in AXE:
                wrong += await tab.violations()
            found += [f"{where} ({language}, {screen}): {one}" for one in wrong]
    await tab.run(_SPEAK, ["zh", LANGUAGES["zh"]])
    await tab.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    await quiet.settled(tab)
    return found
