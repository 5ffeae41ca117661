"""The pages 网页: the built front end, from a folder that ``npm run build`` in ``pages/`` wrote.

``/`` is the citizens' page, ``/desk/`` the staff's; each answers for all addresses of its own below it, because the
page itself knows what they show. What is in ``assets/`` has its content's hash in its name and is never asked for
twice; the two pages are asked for each time.

Content-Security-Policy (CSP level 3): scripts are files of ours and nothing else. ``style`` attributes are allowed,
since charts write their tooltips with them; style *elements* need the nonce, which a page finds where its source has
:data:`NONCE`. A websocket is ``'self'`` for some browsers and not for others, so it is named.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from aiohttp import web

CITIZEN, DESK = "index.html", "desk.html"
NONCE = b"__CSP_NONCE__"
"""Vite's ``html.cspNonce``."""
_HOST = re.compile(r"(?:[0-9A-Za-z.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_FILE = r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,150}\.[0-9a-z]{1,12}"
_FOREVER = "public, max-age=31536000, immutable"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
}
_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>网页尚未构建</title>
<h1>网页尚未构建</h1>
<p>热线、接口和电话照常工作；只是这台机器上还没有网页。运行 <code>make run</code> 会自动构建，
原因见启动时的提示。接口说明：<a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>
<p lang="en">The pages have not been built on this machine; calls and the API work.
<code>make run</code> builds them.</p>
</html>
"""


def mount_pages(app: web.Application, folder: Path, *, https: bool) -> None:
    """After everything else that has an address: what is left belongs to the citizens' page."""
    desk, citizen = _page(folder / DESK, https), _page(folder / CITIZEN, https)
    app.router.add_get("/desk", _to_desk)
    app.router.add_get("/desk/{tail:[^.]*(?:[.][0-9]{1,9})?}", desk)  # a call's id ends in a dot and a number
    app.router.add_get(f"/assets/{{name:{_FILE}}}", partial(_file, folder / "assets", _FOREVER))
    app.router.add_get(f"/{{name:{_FILE}}}", partial(_file, folder, "no-cache"))
    app.router.add_get("/{tail:(?:[a-z][a-z0-9-]{0,40})?}", citizen)


def policy(host: str, nonce: str, *, https: bool) -> str:
    """``host``: the request's own. One that is no host is left out: then websockets are ``'self'`` or nothing."""
    known = _HOST.fullmatch(host) is not None
    sockets = [f"wss://{host}", *([] if https else [f"ws://{host}"])] if known else []
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            " ".join(("connect-src 'self'", *sockets)),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _page(path: Path, https: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        headers = {**_HEADERS, "Cache-Control": "no-store"}
        headers["Content-Security-Policy"] = policy(request.headers.get("Host", ""), nonce, https=https)
        try:
            text = path.read_bytes()  # a few KB, in the system's cache
        except OSError:
            return web.Response(text=_NOT_BUILT, status=503, content_type="text/html", headers=headers)
        body = text.replace(NONCE, nonce.encode())
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    return answer


async def _file(folder: Path, caching: str, request: web.Request) -> web.StreamResponse:
    """The name has no ``/`` and begins with no dot. aiohttp answers with the ``.br`` or ``.gz`` beside it if it may."""
    path = folder / request.match_info["name"]
    if path.name in (CITIZEN, DESK) or not path.is_file():
        raise web.HTTPNotFound(headers=_HEADERS)
    return web.FileResponse(path, headers={**_HEADERS, "Cache-Control": caching})


async def _to_desk(request: web.Request) -> web.StreamResponse:
    raise web.HTTPPermanentRedirect("/desk/", headers=_HEADERS)
