"""A caller's leg over one FastAGI session: what a dialogue calls, put into AGI commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from ivr import agi_wire
from ivr.agi_session import Session
from ivr.audio.speech import Opened, Speech
from ivr.leg import ALL_KEYS, CallerHungUp, Heard, LegError, Manner, Played
from ivr.watchdog import AFTER_LISTENING, AFTER_LOSS, Watchdog
from speech.pool import Full
from speech.port import EngineError

END_OF_CALL_SECONDS = 0.3
"""After ``result=-1``, time for the hang-up to show; without one the command itself failed."""


class FastAgiLeg:
    """A :class:`ivr.leg.CallLeg` over one FastAGI session. Without ``speech`` it cannot listen."""

    def __init__(
        self, session: Session, seconds: Callable[[str], float], watchdog: Watchdog, speech: Speech | None = None
    ) -> None:
        self._session = session
        self._seconds = seconds
        self._watchdog = watchdog
        self._speech = speech
        self._deaf = False
        self.yields = False
        """Set for calls of ours: half of the turns of listening are left to who calls in, keys serve beyond that."""
        self._keys: deque[str] = deque()
        """Keys that came while a turn of listening was ending."""
        self._now = asyncio.get_running_loop().time

    @property
    def headers(self) -> Mapping[str, str]:
        return self._session.opening.headers

    @property
    def query(self) -> Mapping[str, str]:
        """What followed ``?`` in the dialplan's ``AGI(agi://host/script?...)``."""
        return self._session.opening.query

    @property
    def call_id(self) -> str:
        return self.headers.get("agi_uniqueid", "")

    @property
    def caller(self) -> str | None:
        return _known(self.headers.get("agi_callerid", ""))

    @property
    def caller_presentation(self) -> str:
        # Bits 5 and 6 of Asterisk's AST_PRES_*: 0x00 allowed, 0x20 restricted, 0x40 unavailable.
        raw = self.headers.get("agi_callingpres", "0")
        bits = int(raw) & 0x60 if raw.isascii() and raw.isdigit() and len(raw) < 4 else 0x40
        return {0x00: "allowed", 0x20: "prohib"}.get(bits, "unavailable")

    @property
    def dialled(self) -> str:
        return _known(self.headers.get("agi_dnid", "")) or self.headers.get("agi_extension", "")

    async def play(self, sound: str, keys: str = ALL_KEYS) -> Played:
        while self._keys:
            if (key := self._keys.popleft()) in keys:
                return Played(key, 0)
        reply = await self._command(f"STREAM FILE {_quote(sound)} {_quote(keys)}", self._seconds(sound))
        return Played(_digit(reply), (reply.endpos or 0) // 8)  # 8 samples a millisecond

    @property
    def can_listen(self) -> bool:
        return self._speech is not None and not self._deaf and self._speech.ready(self.yields)

    async def listen(
        self,
        sounds: Sequence[str],
        *,
        silence_ms: int,
        phrases: Sequence[str] = (),
        alarm: Callable[[str], bool] | None = None,
        max_ms: int = 15_000,
        manner: Manner = Manner(),  # noqa: B008  (frozen)
    ) -> Heard:
        if self._keys:
            return Heard("key", key=self._keys.popleft())
        if self._speech is None or self._speech.ears is None or self._deaf:
            return self._lost("closed")
        try:
            opened = self._speech.open(
                sounds,
                silence_ms=silence_ms,
                phrases=phrases,
                alarm=alarm,
                max_ms=max_ms,
                manner=manner,
                yields=self.yields,
            )
        except (Full, EngineError) as error:
            why = "full" if isinstance(error, Full) else "engine"
            self._speech.lost[why] += 1
            return self._lost(why)
        self._deaf = True  # should this fail
        try:
            heard = await self._listen(opened)
        finally:
            self._speech.close(opened)
        self._keys.extend(opened.listening.late_keys)
        self._watchdog.moved(self._now(), AFTER_LOSS if heard.why == "closed" else AFTER_LISTENING)
        self._deaf = heard.end == "lost"
        if self._deaf:
            self._speech.lost[heard.why] += 1
        if heard.end == "silence" and self._keys:  # pressed in the last moment: silence may end the conversation
            return replace(heard, end="key", key=self._keys.popleft())
        return heard

    async def _listen(self, opened: Opened) -> Heard:
        """The dialplan brings the caller to us and is back when the turn is over: context ``listen``."""
        listening = opened.listening
        # How long the server is trusted meanwhile is the dialplan's own affair.
        await self._command(f"GOSUB listen s 1 {opened.uuid},{opened.port}", lasts=opened.seconds)
        # Keys that were sent before the end of the connection are read before it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                await listening.gone.wait()
        listening.lose("closed")  # if it did not end by itself
        assert listening.heard is not None
        return listening.heard

    def _lost(self, why: str) -> Heard:
        self._deaf = True
        return Heard("lost", why=why)

    async def wait_digit(self, ms: int) -> str | None:
        if self._keys:
            return self._keys.popleft()
        return _digit(await self._command(f"WAIT FOR DIGIT {ms:d}", ms / 1000))

    async def set_variable(self, name: str, value: str) -> None:
        try:
            agi_wire.variable_name(name)
        except agi_wire.WireError as error:
            raise LegError(str(error)) from error
        await self._command(f"SET VARIABLE {name} {_quote(value)}")

    async def user_event(self, name: str, **fields: str | int) -> None:
        if not (name.isascii() and name.replace("_", "").isalpha() and name.isupper()):
            raise LegError(f"not an event name: {name!r}")
        # urlencode leaves no comma, quote or line break for the application's own parser.
        await self._command(f'EXEC CELGenUserEvent "{name},{urlencode(fields)}"')

    async def _command(self, command: str, seconds: float = 0.0, *, lasts: float = 0.0) -> agi_wire.Reply:
        """``lasts``: seconds, for a command during which the dialplan itself keeps the limit."""
        limit = self._watchdog.before(self._now(), seconds)
        if limit is not None:
            await self._exchange(f"SET VARIABLE TIMEOUT(absolute) {limit:.1f}", 0.0)
        return await self._exchange(command, seconds + lasts)

    async def _exchange(self, command: str, seconds: float) -> agi_wire.Reply:
        reply = await self._session.send_command(command, seconds)
        if reply.code != 200:
            raise LegError(f"{command[:40]!r}: {reply.code} {reply.text[:80]}")
        if reply.result == "-1" and await self._session.over(END_OF_CALL_SECONDS):
            raise CallerHungUp
        if reply.result.startswith("-"):
            raise LegError(f"{command[:60]!r} failed: {reply.text[:80]}")
        return reply


def _known(value: str) -> str | None:
    return value if value and value != "unknown" else None


def _quote(argument: str) -> str:
    try:
        return agi_wire.quote(argument)
    except agi_wire.WireError as error:
        raise LegError(str(error)) from error


def _digit(reply: agi_wire.Reply) -> str | None:
    """The key as a character; Asterisk replies with its ASCII code, 0 for none."""
    if reply.result == "0":
        return None
    code = int(reply.result) if reply.result.isascii() and reply.result.isdigit() and len(reply.result) < 4 else 0
    if chr(code) not in ALL_KEYS + "ABCD":
        raise LegError(f"not a key: {reply.text[:80]}")
    return chr(code)
