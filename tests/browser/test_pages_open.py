"""Every page that needs no sign-in opens without a complaint of the browser's, and everybody can use it."""

from __future__ import annotations

import pytest

from tests.browser.browsing import DESKTOP, MOBILE
from tests.browser.conftest import Somebody


@pytest.mark.parametrize("size", [DESKTOP, MOBILE], ids=["desktop", "mobile"])
@pytest.mark.parametrize("path", ["/", "/desk/"])
async def test_it_opens_and_everybody_can_use_it(somebody: Somebody, path: str, size: tuple[int, int]) -> None:
    tab = await somebody(path, size=size)
    await tab.page.get_by_role("main").first.wait_for()
    assert await tab.violations() == []
    wide = await tab.run("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nobody has to move it sideways"
