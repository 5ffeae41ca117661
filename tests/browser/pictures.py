"""``python -m tests.browser.pictures [NAME…]``: docs/pictures/*.png, what the pages look like with a sample city loaded
and a call going on. Taken in a network of its own like the tests; names without a picture are an error."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

from hotline.agent_state import pause
from hotline.settings import CHECKOUT
from people.roles import Role
from tests.asterisk import namespaces
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.browser.browsing import DESKTOP, MOBILE, Tab, binary, chromium, window
from tests.browser.conftest import BESIDE, HERE
from tests.browser.pages import answer, be_ready, employed, enter, hang_up, sit_down, stand_up
from tools import build_pages

OUT = CHECKOUT / "docs" / "pictures"
CITY = "dalian"
SIZES = {"": DESKTOP, "-mobile": MOBILE}
_QUIET_SECONDS = 2.0
"""So long charts and lists may still come after the page itself. Live pages never fall silent on the wire."""


@dataclass(frozen=True)
class Picture:
    """``role``: whose page it is; None: a citizen's. ``mobile``: also as a telephone shows it."""

    path: str
    role: Role | None = None
    mobile: bool = False


PICTURES = {
    "citizen": Picture("/", mobile=True),
    "citizen-phone": Picture("/#phone", mobile=True),
    "sign-in": Picture("/desk/"),
    "agent": Picture("/desk/agent", Role.AGENT),
    "dispatch": Picture("/desk/dispatch", Role.DISPATCHER),
    "tickets": Picture("/desk/tickets", Role.DISPATCHER, mobile=True),
    "calls": Picture("/desk/calls", Role.SUPERVISOR),
    "wall": Picture("/desk/wall", Role.SUPERVISOR),
    "board": Picture("/desk/board", Role.SUPERVISOR),
    "line": Picture("/desk/line", Role.SUPERVISOR),
    "users": Picture("/desk/users", Role.ADMINISTRATOR),
    "demo": Picture("/desk/demo", Role.ADMINISTRATOR),
}


class Studio:
    def __init__(self, hotline: Instance, browser: Browser, phones: Phones, out: Path) -> None:
        self.hotline, self.browser, self.phones, self.out = hotline, browser, phones, out
        self._origin = f"http://127.0.0.1:{hotline.web}"

    async def take(self, name: str) -> None:
        picture = PICTURES[name]
        for suffix, size in SIZES.items() if picture.mobile else [("", DESKTOP)]:
            async with window(self.browser, self._origin, size=size, device_scale_factor=1.5) as opened:
                if picture.role is None:
                    tab = await opened.open(picture.path)
                else:
                    person = await employed(self.hotline, f"{name}{suffix}", picture.role, display_name="周燕")
                    tab = await enter(opened, person, picture.path)
                await SCENES.get(name, _plain)(self, tab, self.out / f"{name}{suffix}.png")

    async def in_a_call(self, tab: Tab, file: Path) -> None:
        """An agent who talks with a citizen."""
        await sit_down(tab, "2001")
        await be_ready(tab)
        line = await self.phones.citizen("13800138000", keys="w1,1", tone=440)
        await answer(tab)
        await _plain(self, tab, file)
        await hang_up(tab)
        await line.ended(15)
        await stand_up(tab)

    async def busy(self, tab: Tab, file: Path) -> None:
        """Two agents talk, one has just gone on a break, somebody waits."""
        for extension in ("1001", "1002", "1003"):
            await self.phones.agent(extension)
        await pause(self.hotline.settings, "1003", "用餐")
        lines = [await self.phones.citizen(f"1380013800{one}", keys="w1,1", tone=440) for one in range(1, 4)]
        await tab.page.get_by_text("通话 2", exact=True).wait_for()
        await _plain(self, tab, file)
        for line in lines:
            await line.hangup()


async def _plain(studio: Studio, tab: Tab, file: Path) -> None:
    await tab.page.get_by_role("main").first.wait_for()
    await tab.page.wait_for_timeout(1000 * _QUIET_SECONDS)
    await tab.page.screenshot(path=file, animations="disabled")
    print(f"  {file.name}", flush=True)


SCENES: dict[str, Callable[[Studio, Tab, Path], Awaitable[None]]] = {"agent": Studio.in_a_call, "wall": Studio.busy}


async def _all(hotline: Instance, names: list[str], out: Path) -> None:
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium(binary() or ""))
        phones = await stack.enter_async_context(Phones(hotline))
        studio = Studio(hotline, browser, phones, out)
        for name in names:
            await studio.take(name)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PICTURES]
    trouble = namespaces.trouble() or (None if binary() else "no browser: `python -m tools.bootstrap --dev`")
    if unknown or trouble or build_pages.build(again=True):
        print(f"no such picture: {' '.join(unknown)}" if unknown else f"no pictures: {trouble or 'no pages'}")
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="hotline-pictures-"))
    try:
        with namespaces.network([HERE], [BESIDE]):
            hotline = Instance(home)
            hotline.start()
            try:
                hotline.hotline("demo", "load", CITY)
                asyncio.run(_all(hotline, names or list(PICTURES), OUT))
            finally:
                hotline.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
