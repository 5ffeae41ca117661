"""One hotline, one Chromium and one network of their own for all tests of the pages.

Asterisk never offers a loopback address to a browser's telephone, so all of this runs in a network namespace with an
address of its own (`tests/asterisk/namespaces.py`); the pages themselves come from 127.0.0.1, which browsers trust with
a microphone. All of these tests run on one event loop, because the browser does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from pytest_asyncio import is_async_test

from hotline.settings import CHECKOUT
from tests.asterisk import namespaces
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.browser.browsing import DESKTOP, Tab, Window, binary, chromium, window
from tools.build_pages import UNAVAILABLE

HERE, BESIDE = "10.99.0.1/24", "10.99.0.2/24"
HERE_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE_FOLDER):
            item.add_marker(pytest.mark.asterisk)
            item.add_marker(pytest.mark.timeout(240))
            if is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def browser_path() -> str:
    path = binary()
    if path is None:
        pytest.skip("NO BROWSER: `python -m tools.bootstrap --dev` looks for one; the pages are NOT tested")
    return path


@pytest.fixture(scope="session")
def private_network() -> Iterator[None]:
    """From here on this process, and whatever it starts, is in a network without a way out."""
    trouble = namespaces.trouble()
    if trouble is not None:
        pytest.skip(f"NO NETWORK OF ITS OWN ({trouble}): the pages are NOT tested")
    # The other machine is there so that the bridge has a cable in it, without which its address would not be offered.
    with namespaces.network([HERE], [BESIDE]):
        yield


@pytest.fixture(scope="session")
def built_pages() -> None:
    """The pages as their sources are now. Before the network is private: a package may have to be fetched."""
    done = subprocess.run([sys.executable, "-m", "tools.build_pages"], cwd=CHECKOUT, capture_output=True, text=True)
    if done.returncode == UNAVAILABLE:
        pytest.skip(f"{done.stdout.strip()}; they are NOT tested")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def hotline(
    browser_path: str, built_pages: None, private_network: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    """Shared by all: leave it as it was found."""
    instance = Instance(tmp_path_factory.mktemp("hotline"))
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(browser_path: str, private_network: None) -> AsyncIterator[Browser]:
    async with chromium(browser_path) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def phones(hotline: Instance) -> AsyncIterator[Phones]:
    async with Phones(hotline) as opened:
        yield opened


Somebody = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def somebody(hotline: Instance, browser: Browser) -> AsyncIterator[Somebody]:
    """``tab = await somebody("/desk/")``: a browser of somebody's own, at this address. ``size``, ``microphone`` and
    what Playwright's ``new_context`` takes may be given. At the end no page may have complained."""
    windows: list[Window] = []
    async with AsyncExitStack() as stack:

        async def come(path: str = "/", *, size: tuple[int, int] = DESKTOP, **more: Any) -> Tab:
            opened: AbstractAsyncContextManager[Window] = window(
                browser, f"http://127.0.0.1:{hotline.web}", size=size, **more
            )
            windows.append(await stack.enter_async_context(opened))
            return await windows[-1].open(path)

        yield come
    assert [text for one in windows for text in one.complaints] == []
