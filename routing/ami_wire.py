"""One AMI connection: bytes to messages, actions to bytes, replies to the actions they belong to.

panoramisk supplies the message parser and the protocol that this one is built on. Replaced: decoding (it loses a
character split across two reads and has no size limit), telling when an action is complete (``QueueAdd`` never is), who
gets an event with an ActionID (only the action), and what happens at a disconnect (it keeps unanswered actions, an
``Originate`` too, and sends them again after the next login).
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

MAX_MESSAGE_BYTES = 256 * 1024
MAX_LIST_ITEMS = 50_000
MAX_LINE_BYTES = 1000
"""Asterisk drops a line past 1024 bytes."""
MAX_PENDING = 1000
MAX_UNSENT_BYTES = 256 * 1024
GREETING = b"Asterisk Call Manager/"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}")
_BREAK = re.compile(r"[\r\n\0]")

Event = Mapping[str, str]
"""One message of Asterisk with its own spelling of the keys; a key given twice has its values joined by line breaks."""


class AmiError(Exception):
    """An action did not work; the text is for the operator."""


class AmiLost(AmiError):
    """The connection ended before the answer: the action may have been carried out, and is never sent again."""


class AmiTimeout(AmiError):
    """No answer in time; as with :class:`AmiLost` the outcome is unknown."""


class AmiRefused(AmiError):
    """Asterisk answered with an error."""


class AmiInvalid(AmiError, ValueError):
    """A name or value that must not be sent, since it could pass for another header or action."""


@dataclass(frozen=True, slots=True)
class AmiReply:
    """The response, and for an action that lists things one event per thing."""

    response: Event
    events: Sequence[Event] = ()

    @property
    def message(self) -> str:
        return self.response.get("Message", "")


@dataclass(slots=True)
class _Pending:
    future: asyncio.Future[AmiReply]
    until: str | None
    """Name of the event that completes the action, when it is not the response or the end of a list."""
    response: Event | None = None
    events: list[Event] = field(default_factory=list)


def encode_action(name: str, action_id: str, fields: Mapping[str, str | Sequence[str]]) -> bytes:
    """The bytes of one action. Raises :class:`AmiInvalid` for anything that could end a line early."""
    lines = [f"Action: {name}", f"ActionID: {action_id}"]
    for key, values in fields.items():
        if not _NAME.fullmatch(key) or key.lower() in ("action", "actionid"):
            raise AmiInvalid(f"not a field of an action: {key!r}")
        lines += [f"{key}: {value}" for value in ([values] if isinstance(values, str) else values)]
    encoded = []
    for line in lines:
        if _BREAK.search(line):
            raise AmiInvalid(f"line break or NUL in {line[:40]!r}")
        try:
            encoded.append(line.encode())
        except UnicodeEncodeError as error:
            raise AmiInvalid(f"lone surrogate in {line[:40]!r}") from error
        if len(encoded[-1]) > MAX_LINE_BYTES:
            raise AmiInvalid(f"too long: {line[:40]!r}")
    return b"\r\n".join(encoded) + b"\r\n\r\n"


def plain(message: Message) -> dict[str, str]:
    """panoramisk's message as a plain mapping."""
    return {key: "\n".join(value) if isinstance(value, list) else str(value) for key, value in message.items()}


class Connection(AMIProtocol):  # type: ignore[misc]
    """One connection from greeting to loss; a new login gets a new one, so nothing can be carried over.

    ``on_event`` gets every event, those that answer an action too. ``on_lost`` is called once, before any waiting
    action fails; ``lost`` is done from then on, with the reason as its result.
    """

    _ids = itertools.count(1)

    def __init__(self, on_event: Callable[[Event], None], on_lost: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._on_event = on_event
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._pending: dict[str, _Pending] = {}
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()

    async def action(
        self, name: str, fields: Mapping[str, str | Sequence[str]], timeout: float, until: str | None = None
    ) -> AmiReply:
        """Send one action once and wait for its whole answer."""
        action_id = f"hotline-{next(self._ids)}"
        if not _NAME.fullmatch(name):
            raise AmiInvalid(f"not an action: {name!r}")
        data = encode_action(name, action_id, fields)
        if self.lost.done():
            raise AmiLost(f"AMI: {self.lost.result()}")
        if len(self._pending) >= MAX_PENDING or self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise AmiError("AMI: too many actions wait for an answer")
        future: asyncio.Future[AmiReply] = self._loop.create_future()
        self._pending[action_id] = _Pending(future, until)
        self.transport.write(data)
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError as error:
            raise AmiTimeout(f"AMI: no answer to {name} within {timeout:g} s") from error
        finally:
            self._pending.pop(action_id, None)

    def drop(self, why: str) -> None:
        """End the connection at once; every action still waiting fails."""
        if self.lost.done():
            return
        self.lost.set_result(why)
        self._on_lost()
        self.transport.abort()
        for pending in self._pending.values():
            if not pending.future.done():
                pending.future.set_exception(AmiLost(f"AMI: {why}"))
        if not self.greeted.done():
            self.greeted.set_exception(AmiLost(f"AMI: {why}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(str(exc) if exc else "connection closed")

    def data_received(self, data: bytes) -> None:
        # Cut on bytes, decode whole messages: no character is ever split.
        self._buffer += data
        if not self.greeted.done():
            line, found, _ = bytes(self._buffer[:200]).partition(b"\r\n")
            if not line.startswith(GREETING[: len(line)]) or (not found and len(line) > 100):
                self.drop("not an Asterisk manager")
            if not found or self.lost.done():
                return
            del self._buffer[: len(line) + 2]
            self.greeted.set_result(None)
        start = max(0, len(self._buffer) - len(data) - 3)
        while (end := self._buffer.find(b"\r\n\r\n", start)) >= 0 and not self.lost.done():
            message = Message.from_line(self._buffer[:end].decode("utf-8", "replace").strip("\r\n"))
            del self._buffer[: end + 4]
            start = 0
            if message is not None:
                self.handle_message(message)
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            self.drop("a message without end")

    def handle_message(self, message: Message) -> None:
        event = plain(message)
        pending = self._pending.get(event.get("ActionID", ""))
        if pending is not None and not pending.future.done():
            self._answer(pending, event)
        if "Event" in event:
            self._on_event(event)

    def _answer(self, pending: _Pending, event: Event) -> None:
        if "Event" not in event:
            pending.response = event
            if event.get("Response") not in ("Success", "Follows", "Goodbye"):
                pending.future.set_exception(AmiRefused(event.get("Message", "refused")))
            elif pending.until is None and event.get("EventList", "").lower() != "start":
                pending.future.set_result(AmiReply(event))
            return
        name = event["Event"]
        complete = event.get("EventList", "").lower() in ("complete", "cancelled")
        if name == pending.until or not complete:
            pending.events.append(event)
        if len(pending.events) > MAX_LIST_ITEMS:
            self.drop("a list without end")
        elif pending.response is not None and (name == pending.until or complete):
            pending.future.set_result(AmiReply(pending.response, tuple(pending.events)))
