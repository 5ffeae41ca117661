"""SIP phones for the terminal and for tests: starts ``python -m phone`` processes and speaks JSON lines with them.

The phone is a program of its own (its library is GPL and needs Python 3.11 or 3.12); see ``phone/`` for the commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from hotline import asterisk
from hotline.settings import CHECKOUT, SettingsError

MAX_EVENTS = 1000
"""Kept per call; later ones are dropped."""
START_SECONDS = 15.0
END_SECONDS = 10.0
_LINE_BYTES = 256 * 1024
_DIALLED_SAFE = "*+-_.!~'()"  # of RFC 3261 25.1, "user"


class PhoneError(Exception):
    """The phone cannot do this; the text is one line."""


@dataclass(frozen=True)
class PhoneEvent:
    event: str
    t: float
    """Seconds since dialling (outgoing) or since the INVITE arrived (incoming)."""
    detail: str | None
    at: float
    """Epoch seconds."""
    raw: dict[str, Any]


def phone_python() -> str:
    """The interpreter that has the phone's library: ``HOTLINE_PHONE_PYTHON``, else the one that was prepared."""
    named = os.environ.get("HOTLINE_PHONE_PYTHON")
    if named:
        return named
    try:
        return str(asterisk.phone_python())
    except SettingsError as error:
        raise PhoneError(str(error)) from error


def reachable(host: str, port: int) -> bool:
    """False if the machine says that nobody listens there. UDP to a closed loopback port is refused at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        try:
            probe.connect((host, port))
            probe.send(b"\r\n\r\n")  # a keep-alive, RFC 5626 3.5.1: ignored by every SIP server
            probe.recv(16)
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def sip_uri(user: str, host: str, port: int | None = None) -> str:
    """``user`` may be any text; it is percent-encoded."""
    return f"sip:{quote(user, safe=_DIALLED_SAFE)}@{host}" + (f":{port}" if port else "")


class Line:
    """One call as told by its phone."""

    def __init__(self, bank: PhoneBank, name: str) -> None:
        self.name = name
        self.events: list[PhoneEvent] = []
        self.result: dict[str, Any] | None = None
        """Once the call is over: ``answered hangup_by sip_code recorded_seconds``."""
        self.refused: str | None = None
        """Why the phone did not even dial."""
        self._bank = bank
        self._news = asyncio.Event()

    @property
    def over(self) -> bool:
        return self.result is not None or self.refused is not None

    async def next(self, seen: int) -> PhoneEvent | None:
        """The event after the first ``seen``; None when there will be none. Raises PhoneError if it was refused."""
        while len(self.events) <= seen:
            if self.refused is not None:
                raise PhoneError(self.refused)
            if self.over:
                return None
            self._news.clear()
            await self._news.wait()
        return self.events[seen]

    async def wait(self, event: str, timeout: float, detail: str | None = None) -> PhoneEvent:
        """The first such event, past or future. Raises PhoneError when the call ends without it, TimeoutError."""
        async with asyncio.timeout(timeout):
            for seen in itertools.count():
                found = await self.next(seen)
                if found is None:
                    told = [(e.event, e.detail) for e in self.events]
                    raise PhoneError(f"the call ended without {event}: {told}")
                if found.event == event and detail in (None, found.detail):
                    return found
        raise AssertionError("unreachable")

    async def ended(self, timeout: float) -> dict[str, Any]:
        """Wait for the end of the call and of its recording."""
        async with asyncio.timeout(timeout):
            for seen in itertools.count():
                if await self.next(seen) is None:
                    break
        assert self.result is not None
        return self.result

    async def do(self, command: str, **arguments: Any) -> None:
        """``answer keys say tone record record_stop hold unhold hangup`` with their arguments (``phone/serve.py``)."""
        await self._bank.send(cmd=command, call=self.name, **arguments)

    async def hangup(self) -> None:
        await self.do("hangup")

    def hear(self, raw: dict[str, Any]) -> None:
        event = PhoneEvent(raw["event"], raw.get("t", 0.0), raw.get("detail"), raw["at"], raw)
        if event.event == "ended":
            names = ("answered", "hangup_by", "sip_code", "recorded_seconds")
            self.result = {name: raw[name] for name in names}
        elif raw.get("refused"):
            self.lose(event.detail or "error")
        elif len(self.events) < MAX_EVENTS:
            self.events.append(event)
        self._news.set()

    def lose(self, why: str) -> None:
        """The phone died: the call is over."""
        if not self.over:
            self.refused = why
        self._news.set()


class Account:
    """A SIP identity on one phone, and the calls that come in on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.incoming: asyncio.Queue[Line] = asyncio.Queue(maxsize=MAX_EVENTS)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(self, raw: dict[str, Any]) -> None:
        if raw["event"] in ("ready", "registered"):
            if not self.ready.done():
                self.ready.set_result(None)
        elif raw["event"] == "register_failed":
            self.lose(f"注册被拒绝 registration refused ({raw.get('detail')})")
        elif raw["event"] == "error":
            self.lose(str(raw.get("detail")))

    def lose(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(PhoneError(f"{self.name}: {why}"))


class PhoneBank:
    """As many phones as asked for, at one server. ``async with PhoneBank(host, port) as bank``."""

    def __init__(self, host: str, port: int, verbose: bool = False) -> None:
        self.host = host
        self.port = port
        self._verbose = verbose
        self._accounts: dict[str, Account] = {}
        self._lines: dict[str, Line] = {}
        self._numbers = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> PhoneBank:
        """Raises PhoneError when there is no phone on this machine."""
        arguments = ["-m", "phone", "serve", *(["--verbose"] if self._verbose else [])]
        try:
            self._process = await asyncio.create_subprocess_exec(
                phone_python(), *arguments, cwd=CHECKOUT, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
                start_new_session=True,  # Ctrl-C in the terminal reaches us, and we hang up in order
            )  # fmt: skip
        except OSError as error:
            raise PhoneError(f"cannot start the SIP phone: {error}") from error
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Hang up, finish the recordings, unregister, end."""
        assert self._process is not None
        assert self._reader is not None
        await self.send(cmd="quit")
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._reader
        except TimeoutError:
            self._process.kill()
        await self._process.wait()

    async def send(self, **command: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # the reader tells every call why
            await self._process.stdin.drain()

    async def call(self, number: str, *, bind: str = "127.0.0.1", **arguments: Any) -> Line:
        """Dial ``number`` at the server; ``phone/serve.py`` names the arguments. Returns at once."""
        account = f"caller@{bind}"
        if account not in self._accounts:
            await self._open(account, START_SECONDS, uri=f"sip:phone@{bind}", bind=bind)
        name = f"call-{next(self._numbers)}"
        line = self._lines[name] = Line(self, name)
        to = sip_uri(number, self.host, self.port)
        await self.send(cmd="call", account=account, call=name, to=to, **arguments)
        return line

    async def register(
        self, extension: str, password: str, *, bind: str = "127.0.0.1", timeout: float = START_SECONDS, **script: Any
    ) -> Account:
        """Register a phone; its calls follow ``script`` and appear in ``Account.incoming``.

        Raises PhoneError when it is refused, TimeoutError when nobody answers.
        """
        registrar = f"sip:{self.host}:{self.port}"
        uri = sip_uri(extension, self.host)
        return await self._open(
            extension, timeout, uri=uri, registrar=registrar, user=extension, password=password, bind=bind, **script
        )

    async def listen(self, name: str, *, bind: str, port: int, **script: Any) -> Account:
        """A phone that takes the calls arriving at ``bind``:``port``."""
        return await self._open(name, START_SECONDS, uri=f"sip:{name}@{bind}", bind=bind, port=port, **script)

    async def _open(self, name: str, timeout: float, **arguments: Any) -> Account:
        account = self._accounts[name] = Account(name)
        await self.send(cmd="account", account=name, **arguments)
        async with asyncio.timeout(timeout):
            await account.ready
        return account

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._dispatch(json.loads(line))
        for call in self._lines.values():
            call.lose("the SIP phone ended")
        for account in self._accounts.values():
            account.lose("the SIP phone ended")

    def _dispatch(self, raw: dict[str, Any]) -> None:
        call, account = raw.get("call"), self._accounts.get(raw.get("account") or "")
        if call is None:
            if account is not None:
                account.hear(raw)
            return
        if call not in self._lines:
            line = self._lines[call] = Line(self, call)
            if raw["event"] == "incoming" and account is not None and not account.incoming.full():
                account.incoming.put_nowait(line)
        self._lines[call].hear(raw)


def absolute(path: str | None) -> str | None:
    """The phone runs in the checkout's folder, so relative names are resolved here."""
    return None if path is None else str(Path(path).absolute())
