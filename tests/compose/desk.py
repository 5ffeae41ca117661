"""What browsers are served by the containers: pages, the first administrator, telephones, the desk's folders."""

from __future__ import annotations

import asyncio
import io
import math
import re
import secrets
import struct
import wave
from typing import Any

from aiohttp import FormData

from tests.compose.site import API, Site, browser
from tests.compose.stack import Failed, Stack

ADMINISTRATOR, SUPERVISOR, SEAT = "chief", "watcher", "3001"
OUTSIDE = "198.51.100.7"
"""Where a TLS proxy says that somebody comes from (RFC 5737)."""
_ASSET = re.compile(rb'(?:src|href)="(/assets/[^"]+-[0-9A-Za-z_-]{8}\.(?:js|css))"')
_FLOOR_SECONDS = 60.0


def pages(stack: Stack) -> str:
    """Built in the image, with a policy that lets in nothing but their own files."""
    return asyncio.run(_pages(stack))


async def _pages(stack: Stack) -> str:
    assets: set[str] = set()
    async with browser(stack) as site:
        for path in ("/", "/desk/"):
            headers, body = await site.get(path)
            rules = dict(rule.partition(" ")[::2] for rule in headers["Content-Security-Policy"].split("; "))
            nonce = re.search("'nonce-([^']+)'", rules["style-src"])
            if rules["default-src"] != "'self'" or rules["script-src"] != "'self'" or nonce is None:
                raise Failed(f"{path}: {rules}")
            if f"ws://127.0.0.1:{stack.web}" not in rules["connect-src"].split():
                raise Failed(f"{path} may not open its telephone's socket: {rules['connect-src']}")
            if headers["Cache-Control"] != "no-store" or nonce[1].encode() not in body:
                raise Failed(f"{path}: not the page of this answer: {dict(headers)}")
            found = {name.decode() for name in _ASSET.findall(body)}
            if not {name.rpartition(".")[2] for name in found} >= {"js", "css"}:
                raise Failed(f"{path} names no script or no style: {body[:500]!r}")
            assets |= found
        for name in assets:
            headers, body = await site.get(name)
            if "immutable" not in headers["Cache-Control"] or headers["X-Content-Type-Options"] != "nosniff":
                raise Failed(f"{name}: {dict(headers)}")
            if len(body) > 2000 and headers.get("Content-Encoding") != "gzip":
                raise Failed(f"{name} is not packed: {dict(headers)}")
    return f"{len(assets)} assets"


def first_administrator(stack: Stack) -> str:
    """By the link, once. A proxy in front of the published port is believed."""
    command = ("hotline", "setup", "link")
    link = stack.inside("web", *command).strip()
    beginning, _, token = link.partition("#")
    if beginning != f"http://127.0.0.1:{stack.web}/desk/setup":
        raise Failed(f"the link is {beginning}#…")
    stack.keep[ADMINISTRATOR] = secrets.token_urlsafe(12)
    found = asyncio.run(_first_administrator(stack, token))
    if stack.inside("web", *command, may_fail=True):
        raise Failed("there is another link, and an administrator already")
    return found


async def _first_administrator(stack: Stack, token: str) -> str:
    about = {"name": ADMINISTRATOR, "password": stack.keep[ADMINISTRATOR]}
    async with browser(stack) as site:
        if not (await site.ask("GET", "/setup"))["open"]:
            raise Failed("there is an administrator already")
        await site.ask("POST", "/setup", {"token": token, **about}, X_Forwarded_For=f"203.0.113.9, {OUTSIDE}")
        if (await site.ask("GET", "/setup"))["open"]:
            raise Failed("the link is still good")
        session = await site.sign_in(**about)
    async with browser(stack, session) as site:
        (entry,) = (await site.ask("GET", "/audit?actor=setup"))["items"]
        if entry["address"] != OUTSIDE:
            raise Failed(f"a request of {OUTSIDE} counts as one of {entry['address']}")
        made = await site.ask("POST", "/users", {"name": SUPERVISOR, "roles": ["supervisor"]})
    async with browser(stack) as site:
        first = await site.sign_in(SUPERVISOR, made["password"])
    stack.keep[SUPERVISOR] = secrets.token_urlsafe(12)
    async with browser(stack, first) as site:
        change = {"old": made["password"], "new": stack.keep[SUPERVISOR]}
        await site.ask("POST", "/session/password", change)
    return f"{ADMINISTRATOR}, who made {SUPERVISOR}"


def web_telephone(stack: Stack) -> str:
    """A citizen's, as far as signalling goes: let in with a token, answered, offered an address that browsers reach."""
    return asyncio.run(_web_telephone(stack))


async def _web_telephone(stack: Stack) -> str:
    async with browser(stack) as site:
        access = await site.ask("POST", "/public/phone")
        async with site.telephone(access["user"], access["password"]) as phone:
            if (code := await phone.invite(access["number"], {})) != 403:
                raise Failed(f"a call without a token: {code}")
            if (code := await phone.invite(access["number"], {access["header"]: access["token"]})) != 200:
                raise Failed(f"a call with a token: {phone.answer}")
            offered = set(re.findall(r"^a=candidate:\S+ 1 UDP \S+ (\S+) (\d+) typ host", phone.answer, re.MULTILINE))
            await phone.bye(access["number"])
    addresses = {address for address, _ in offered}
    if not {stack.outside, stack.inner} <= addresses:
        raise Failed(f"browsers are offered {offered}")
    if not all(stack.rtp[0] <= int(port) <= stack.rtp[1] for _, port in offered):
        raise Failed(f"not the published ports: {offered}")
    return f"offered {', '.join(sorted(addresses))}"


def at_the_desk(stack: Stack) -> str:
    """Live view, seat, recording, an announcement for Asterisk to play: what needs more than the web server."""
    (call,) = stack.ask("calls", "--last", "1")
    seconds, sound = asyncio.run(_at_the_desk(stack, call))
    beginning = stack.inside("asterisk", "head", "--bytes=4", f"/var/lib/hotline/spoken/{sound}.wav")
    if beginning != "RIFF":
        raise Failed(f"the announcement begins with {beginning!r}")
    return f"floor, seat {SEAT}, {seconds:.0f} s of recording, announcement"


async def _at_the_desk(stack: Stack, call: dict[str, Any]) -> tuple[float, str]:
    async with browser(stack) as site:
        token = await site.sign_in(SUPERVISOR, stack.keep[SUPERVISOR])
    async with browser(stack, token) as site:
        await _floor(site)
        seat = await site.ask("POST", "/seat", {"extension": SEAT})
        if seat["sip"]["user"] != SEAT:
            raise Failed(f"seat {SEAT} has no telephone: {seat}")
        async with site.telephone(SEAT, seat["sip"]["password"]):
            pass
        await site.ask("DELETE", "/seat")
        _, sound = await site.get(f"{API}/calls/{call['id']}/recording")
        with wave.open(io.BytesIO(sound)) as heard:
            seconds = heard.getnframes() / heard.getframerate()
        if abs(seconds - call["recording"]["seconds"]) > 1:
            raise Failed(f"{seconds} s are heard of {call['recording']}")
        form = FormData()
        form.add_field("file", _tone(), filename="a.wav", content_type="audio/wav")
        kept: str = (await site.ask("POST", "/line/sounds", form=form))["sound"]
    return seconds, kept


async def _floor(site: Site) -> None:
    """Until it is there: Asterisk is connected, and the call before has been counted."""
    ends = asyncio.get_running_loop().time() + _FLOOR_SECONDS
    while True:
        floor = await site.ask("GET", "/floor")
        if floor["ready"] and floor["today"] and floor["today"]["answered"]:
            return
        if asyncio.get_running_loop().time() > ends:
            raise Failed(f"the floor after {_FLOOR_SECONDS:.0f} s: ready {floor['ready']}, today {floor['today']}")
        await asyncio.sleep(0.5)


def _tone() -> bytes:
    """A second, as announcements are to be."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", round(9000 * math.sin(at / 3))) for at in range(8000)))
    return out.getvalue()
