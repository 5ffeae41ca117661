"""A browser's telephone as Asterisk sees it, as far as signalling goes: SIP over the web server's ``/ws``, and a
description of encrypted sound that never comes."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import ClientSession, ClientWebSocketResponse

from tests.asterisk.instance import Instance

SECONDS = 15.0
_OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8 101\r\nc=IN IP4 127.0.0.1\r\n"
    "a=candidate:1 1 udp 2113937151 127.0.0.1 9 typ host\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class BrowserSip:
    """``answer``: the final one to a call. ``hung_up``: set when the other side ended the call."""

    def __init__(self, socket: ClientWebSocketResponse, user: str, password: str) -> None:
        self.socket = socket
        self.hung_up = asyncio.Event()
        self._user, self._password = user, password
        self._name = f"{secrets.token_hex(6)}.invalid"
        self.answer = ""
        self._id = self._tag = ""
        self._cseq = 0
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    async def invite(self, number: str, headers: Mapping[str, str]) -> int:
        """A new call: the final answer's code. 200 is acknowledged."""
        self._id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        answer = await self._ask("INVITE", number, extra)
        if _code(answer) == 401:
            await self._send("ACK", number, to=answer)
            answer = await self._ask("INVITE", number, extra + self._authorization(answer, "INVITE", number))
        await self._send("ACK", number, to=answer)
        self.answer = answer
        return _code(answer)

    async def register(self) -> int:
        """The final answer's code."""
        self._id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        answer = await self._ask("REGISTER", self._user, "Expires: 60\r\n")
        if _code(answer) == 401:
            shown = self._authorization(answer, "REGISTER", self._user)
            answer = await self._ask("REGISTER", self._user, "Expires: 60\r\n" + shown)
        return _code(answer)

    async def bye(self, number: str) -> None:
        self._cseq += 1
        await self._send("BYE", number, to=self.answer)
        async with asyncio.timeout(SECONDS):
            while "BYE" not in await self._answers.get():
                pass

    async def read(self) -> None:
        """As long as the socket is open."""
        async for message in self.socket:
            first = str(message.data).partition("\r\n")[0]
            if first.startswith("SIP/2.0 "):
                self._answers.put_nowait(str(message.data))
            elif first.startswith("BYE "):
                kept = [line for line in message.data.split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", line)]
                await self.socket.send_str("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]))
                self.hung_up.set()

    async def _ask(self, method: str, number: str, extra: str) -> str:
        self._cseq += 1
        await self._send(method, number, extra, body=_OFFER)
        async with asyncio.timeout(SECONDS):
            while _code(answer := await self._answers.get()) < 200:
                pass
        return answer

    async def _send(self, method: str, number: str, extra: str = "", *, to: str = "", body: str = "") -> None:
        tag = re.search(r"^To:.*(;tag=[^\s;]+)", to, re.MULTILINE)
        await self.socket.send_str(
            f"{method} sip:{number}@hotline SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {self._name};branch=z9hG4bK{secrets.token_hex(6)}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self._user}@hotline>;tag={self._tag}\r\nTo: <sip:{number}@hotline>{tag[1] if tag else ''}\r\n"
            f"Call-ID: {self._id}\r\nCSeq: {self._cseq} {method}\r\n"
            f"Contact: <sip:{self._user}@{self._name};transport=ws>\r\n{extra}"
            + (f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        )

    def _authorization(self, answer: str, method: str, number: str) -> str:
        """RFC 2617, MD5 with qop=auth."""
        asked = dict(re.findall(r'(\w+)="([^"]*)"', answer))
        nonce, mine, uri = asked["nonce"], secrets.token_hex(4), f"sip:{number}@hotline"
        first = _md5(f"{self._user}:{asked['realm']}:{self._password}")
        response = _md5(f"{first}:{nonce}:00000001:{mine}:auth:{_md5(f'{method}:{uri}')}")
        return (
            f'Authorization: Digest username="{self._user}", realm="{asked["realm"]}", nonce="{nonce}", uri="{uri}",'
            f' response="{response}", algorithm=MD5, cnonce="{mine}", qop=auth, nc=00000001'
            + (f', opaque="{asked["opaque"]}"' if "opaque" in asked else "")
            + "\r\n"
        )


def _code(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def browser_sip(instance: Instance, user: str, password: str) -> AsyncIterator[BrowserSip]:
    page = f"http://127.0.0.1:{instance.web}"
    async with (
        ClientSession() as client,
        client.ws_connect(f"{page}/ws", protocols=("sip",), headers={"Origin": page}) as socket,
    ):
        phone = BrowserSip(socket, user, password)
        reading = asyncio.create_task(phone.read())
        try:
            yield phone
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
