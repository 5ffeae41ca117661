"""``python -m tests.browser.pictures [NAME…]``: docs/pictures/*.png, the pages at work: a sample city loaded, citizens
who call, an agent who talks and writes, an emergency. ``-mobile``: as a telephone shows it.

Taken in a network of its own like the tests; names without a picture are an error. What is shown is in
``tests/browser/scenes.py``.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from hotline.settings import CHECKOUT
from tests.asterisk import namespaces
from tests.asterisk.instance import Instance
from tests.browser.browsing import binary, chromium
from tests.browser.conftest import BESIDE, HERE
from tests.browser.scenes import FIRST, SCENES, Studio
from tools import build_pages

OUT = CHECKOUT / "docs" / "pictures"
CITY = "dalian"


async def _all(hotline: Instance, names: list[str]) -> None:
    async with chromium(binary() or "") as browser:
        studio = Studio(hotline, browser, OUT)
        for name in [one for one in names if one in FIRST]:
            await studio.play(name)
        hotline.hotline("demo", "load", CITY)
        for name in [one for one in names if one not in FIRST]:
            await studio.play(name)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in SCENES]
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
                asyncio.run(_all(hotline, names or list(SCENES)))
            finally:
                hotline.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
