"""The web server's published port, as browsers see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from tests.asterisk.browser_sip import BrowserSip
from tests.compose.stack import Failed, Stack

API = "/api/v1"
SECONDS = 30.0


@asynccontextmanager
async def browser(stack: Stack, token: str = "") -> AsyncIterator[Site]:
    """Whoever has ``token``, or nobody in particular."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    page = f"http://127.0.0.1:{stack.web}"
    async with ClientSession(page, headers=headers, timeout=ClientTimeout(SECONDS)) as client:
        yield Site(client, page)


class Site:
    def __init__(self, client: ClientSession, page: str) -> None:
        self._client = client
        self._page = page

    async def get(self, path: str) -> tuple[Mapping[str, str], bytes]:
        """What is answered with 200, and its headers. Raises Failed."""
        async with self._client.get(path) as answer:
            body = await answer.read()
            if answer.status != 200:
                raise Failed(f"GET {path}: {answer.status} {body[:300]!r}")
            return answer.headers, body

    async def ask(
        self, method: str, path: str, body: object = None, *, form: FormData | None = None, **headers: str
    ) -> Any:
        """What the API answers. Raises Failed where it refuses."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        call = self._client.request(method, API + path, data=form, json=body, headers=sent)
        async with call as answer:
            if answer.status >= 400:
                raise Failed(f"{method} {path}: {answer.status} {(await answer.text())[:300]}")
            return await answer.json() if answer.content_type == "application/json" else None

    async def sign_in(self, name: str, password: str) -> str:
        token: str = (await self.ask("POST", "/session", {"name": name, "password": password}))["token"]
        return token

    @asynccontextmanager
    async def telephone(self, user: str, password: str) -> AsyncIterator[BrowserSip]:
        """Over ``/ws``. Raises Failed when it is not let in."""
        try:
            socket = await self._client.ws_connect("/ws", protocols=("sip",), headers={"Origin": self._page})
        except ClientError as error:
            raise Failed(f"/ws: {error}") from error
        async with socket:
            if socket.protocol != "sip":
                raise Failed(f"/ws speaks {socket.protocol}")
            phone = BrowserSip(socket, user, password)
            reading = asyncio.create_task(phone.read())
            try:
                yield phone
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
