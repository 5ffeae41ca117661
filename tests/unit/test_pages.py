"""The pages as a browser is given them, and the document that their client is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hotline.settings import CHECKOUT
from web.api import document
from web.pages import mount_pages, policy

Client = TestClient[Any, Any]


@pytest_asyncio.fixture
async def folder(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text('<html><style nonce="__CSP_NONCE__"></style>市民')
    (built / "desk.html").write_text("<html>坐席")
    (built / "favicon.svg").write_text("<svg/>")
    (built / ".secret.txt").write_text("no")
    (built / "assets" / "main-1a2b3c4d.js").write_text("1")
    (tmp_path / "outside.txt").write_text("no")
    return built


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[Client]:
    app = web.Application()
    mount_pages(app, folder, https=False)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_each_page_answers_for_the_addresses_below_it(client: Client) -> None:
    for path in ("/", "/progress", "/web-phone"):
        answer = await client.get(path)
        assert (answer.status, "市民" in await answer.text()) == (200, True), path
    for path in ("/desk", "/desk/", "/desk/tickets/20261122-000001", "/desk/calls/hotline-1795356381.68"):
        answer = await client.get(path)
        assert (answer.status, await answer.text()) == (200, "<html>坐席"), path
        assert answer.headers["Cache-Control"] == "no-store"


async def test_no_script_but_our_files_and_each_time_another_nonce(client: Client) -> None:
    found = set()
    for _ in range(2):
        answer = await client.get("/")
        sent = answer.headers["Content-Security-Policy"].split("; ")
        rules = {name: set(rest.split()) for name, _, rest in (one.partition(" ") for one in sent)}
        assert rules["default-src"] == rules["script-src"] == {"'self'"}
        assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == {"'none'"}
        host = f"{client.host}:{client.port}"
        assert rules["connect-src"] == {"'self'", f"ws://{host}", f"wss://{host}"}
        (nonce,) = [one for one in rules["style-src"] if one.startswith("'nonce-")]
        assert f'nonce="{nonce[7:-1]}"' in await answer.text()
        found.add(nonce)
    assert len(found) == 2


@pytest.mark.parametrize("host", ["a b", "x; script-src *", "", "a/b", "[::1", "x" * 300])
def test_a_host_that_is_none_gets_into_no_rule(host: str) -> None:
    assert "connect-src 'self';" in policy(host, "n", https=False)


def test_behind_https_only_encrypted_sockets() -> None:
    assert "connect-src 'self' wss://12345.example;" in policy("12345.example", "n", https=True)
    assert "wss://[::1]:8012;" in policy("[::1]:8012", "n", https=True)


async def test_hashed_files_are_kept_and_others_asked_for_again(client: Client) -> None:
    script = await client.get("/assets/main-1a2b3c4d.js")
    assert script.headers["Cache-Control"].endswith("immutable")
    assert script.content_type in ("text/javascript", "application/javascript")
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    icon = await client.get("/favicon.svg")
    assert icon.headers["Cache-Control"] == "no-cache"
    again = await client.get("/favicon.svg", headers={"If-None-Match": icon.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/outside.txt",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/assets/..%2f..%2foutside.txt",
        "/.secret.txt",
        "/assets/",
        "/assets/none-00000000.js",
        "/index.html",
        "/desk.html",
        "/desk/x.js",
        "/no/such",
    ],
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_what_is_not_built_says_so(tmp_path: Path) -> None:
    app = web.Application()
    mount_pages(app, tmp_path / "none", https=False)
    async with TestClient(TestServer(app)) as client:
        for path in ("/", "/desk/"):
            answer = await client.get(path)
            assert (answer.status, "尚未构建" in await answer.text()) == (503, True)


def test_the_pages_client_is_made_of_todays_api() -> None:
    committed = CHECKOUT / "pages" / "openapi.json"
    assert committed.read_text(encoding="utf-8") == document.file(), "python -m web.api.document > pages/openapi.json"
