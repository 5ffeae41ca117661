"""Seats, for the web: who is ready, and what is done to the call there, by one connection to Asterisk a request.

What is asked is asked once. When the answer is lost nobody knows what happened, and the one who asked is told so:
``outcome_unknown``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from hotline import agent_state
from hotline.agent_state import interface, memberships
from hotline.ami import OUTBOUND, SEATS, USER, open_ami
from hotline.rules import Rules
from hotline.secrets import load_secrets
from hotline.settings import Settings
from people.units import UNIT_ID
from routing import seat_call
from routing.ami import Ami, AmiError, AmiLost, AmiRefused, AmiTimeout, Event
from routing.live import NOT_REACHABLE, MemberRow, channels, device_state, is_reachable, queue_pause
from routing.number import NotDialable, dialable
from routing.queues import EMERGENCY_NUMBERS, agent_queue
from routing.seat import Doing, Seat, SipAccount, SpyMode, Standing, Target, TargetKind, TelephoneFault, Working
from routing.seat_call import Command, agent_in, find_call, left_behind, plan

log = logging.getLogger(__name__)

HAPPEN_SECONDS = 4.0
"""So long Asterisk has to do what it took on."""
RING_SECONDS = 20.0
"""How long a supervisor's own telephone rings."""
_AT_ONCE = 16
"""Connections to Asterisk."""
_WAIT_SECONDS = 5.0
_SECRETS = "ps_auth/auth"
"""Where pjsip looks for them in astdb: the prefix of ``sorcery.conf`` and the kind of the object."""


class Telephones:
    """:class:`web.api.services.Telephone`."""

    def __init__(self, settings: Settings, rules: Rules) -> None:
        self._settings = settings
        self.seats: Mapping[str, Seat] = {
            extension: Seat(extension, agent.name, agent.phone, agent.queues)
            for extension, agent in rules.agents.agents.items()
        }
        self.queues: Mapping[str, str] = {name: queue.name for name, queue in rules.queues.items()}
        self._wrapup = {name: queue.wrapup_seconds for name, queue in rules.queues.items()}
        self.pause_reasons: Sequence[str] = tuple(rules.agents.pause_reasons)
        self._one_by_one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._connections = asyncio.Semaphore(_AT_ONCE)

    def account(self, extension: str, sitting: str) -> SipAccount | None:
        if self._seat(extension).phone == "desk":
            return None
        key = load_secrets(self._settings).ami.encode()
        secret = hmac.new(key, f"seat {extension} {sitting}".encode(), hashlib.sha256).hexdigest()[:40]
        # Asterisk knows extensions by their name; the domain is nobody's (RFC 2606).
        return SipAccount(f"sip:{extension}@hotline.invalid", extension, secret)

    async def admit(self, extension: str, sitting: str) -> None:
        account = self.account(extension, sitting)
        if account is not None:
            await self._change_secret(extension, account.password)

    async def dismiss(self, extension: str) -> None:
        if self._seat(extension).phone == "browser":
            await self._change_secret(extension, secrets.token_hex(20))

    async def _change_secret(self, extension: str, secret: str) -> None:
        auth = {"auth_type": "userpass", "username": extension, "password": secret}
        async with self._asterisk(extension, SEATS) as ami:
            await ami.action("DBPut", {"Family": _SECRETS, "Key": extension, "Val": json.dumps(auth)})

    async def standing(self, extension: str) -> Standing:
        self._seat(extension)
        async with self._asterisk(extension) as ami:
            return await _standing(ami, extension)

    async def work(self, extension: str, working: Working, reason: str = "") -> Standing:
        seat = self._seat(extension)
        if working is Working.PAUSED and reason not in self.pause_reasons:
            raise TelephoneFault("reason", f"示忙原因须为：{'、'.join(self.pause_reasons)}")
        if working is Working.READY and not seat.queues:
            raise TelephoneFault("no_queues", f"席位 {extension} 不接队列来电")
        async with self._asterisk(extension) as ami:
            rows = await memberships(ami, extension)
            match working:
                case Working.OUT:
                    await agent_state.leave(ami, extension)
                case Working.PAUSED:
                    _check_in(rows)
                    await queue_pause(ami, interface(extension), True, reason=reason)
                case Working.READY:
                    await _make_ready(ami, seat, rows, self._wrapup)
            return await _standing(ami, extension)

    async def serve(self, extension: str, queues: Mapping[str, int]) -> Standing:
        self._seat(extension)
        if unknown := sorted(set(queues) - set(self.queues)):
            raise TelephoneFault("queue", f"没有队列 {unknown[0]}")
        async with self._asterisk(extension) as ami:
            _check_in(await memberships(ami, extension))
            await agent_state.serve(ami, extension, queues)
            return await _standing(ami, extension)

    async def act(self, extension: str, do: Doing, to: Target | None = None) -> str:
        seat = self._seat(extension)
        if to is not None:
            to = self._checked(extension, to)
        async with self._asterisk(extension) as ami:
            call = find_call(await channels(ami), extension)
            if do is Doing.REJOIN:
                channels_of = {"AGAIN_WITH": left_behind(call), "AGAIN_FOR": call.channel}
                await _ring(ami, extension, seat_call.AGAIN, "seat", channels_of)
                return call.call_id
            commands = plan(call, seat, do, to)
            if to is not None:
                await _check_reachable(ami, to)
            for command in commands:
                await _carry_out(ami, command)
        return call.call_id

    async def listen(self, call_id: str, mode: SpyMode, extension: str) -> str:
        self._seat(extension)
        async with self._asterisk(extension) as ami:
            rows = await channels(ami)
            agent, channel = agent_in(rows, call_id, tuple(self.seats))
            if any(row.channel.startswith(f"PJSIP/{extension}-") for row in rows):
                raise TelephoneFault("in_call", f"分机 {extension} 正在通话")
            variables = {"LISTEN_TO": channel, "LISTEN_CALL": call_id}
            await _ring(ami, extension, seat_call.LISTEN_IN, mode, variables, shown=agent)
        return agent

    def _seat(self, extension: str) -> Seat:
        """What is not an extension never reaches Asterisk."""
        if extension not in self.seats:
            raise TelephoneFault("no_such_seat", f"没有席位 {extension}")
        return self.seats[extension]

    def _checked(self, extension: str, to: Target) -> Target:
        """A unit's number as the carrier wants it dialled."""
        known = {
            TargetKind.EXTENSION: to.id in self.seats and to.id != extension,
            TargetKind.QUEUE: to.id in self.queues,
            TargetKind.UNIT: UNIT_ID.fullmatch(to.id) is not None,
            TargetKind.EMERGENCY: to.id in EMERGENCY_NUMBERS,
        }
        own = self._settings.callback
        try:
            dialled = dialable(to.number, own.area_code, own.prefix) if to.kind is TargetKind.UNIT else ""
        except NotDialable:
            known[TargetKind.UNIT], dialled = False, ""
        if not known[to.kind]:
            raise TelephoneFault("target", f"不能转接到 {to.id}")
        return replace(to, number=dialled)

    @asynccontextmanager
    async def _asterisk(self, extension: str, user: str = USER) -> AsyncIterator[Ami]:
        """One after the other at a seat, so that no two mix their keys. Raises TelephoneFault for what goes wrong."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._one_by_one[extension].acquire()
        except TimeoutError:
            raise TelephoneFault("busy", "上一个操作还没有结束") from None
        try:
            async with self._connections, AsyncExitStack() as stack:
                try:
                    ami = await stack.enter_async_context(open_ami(self._settings, user))
                except AmiError as error:
                    # Also from one that is there and does not answer: nothing has been asked of it yet.
                    log.warning("seat %s: %s", extension, error)
                    raise _not_done() from error
                yield ami
        except AmiRefused as error:
            log.warning("seat %s: %s", extension, error)
            raise TelephoneFault("refused", "电话系统没有照做，通话可能刚有变化") from error
        except (AmiLost, AmiTimeout) as error:
            log.warning("seat %s: %s", extension, error)
            raise _unknown() from error
        except AmiError as error:
            log.warning("seat %s: %s", extension, error)
            raise _not_done() from error
        finally:
            self._one_by_one[extension].release()


async def _ring(
    ami: Ami, extension: str, context: str, exten: str, variables: Mapping[str, str], shown: str = ""
) -> None:
    answer = await ami.originate(
        f"PJSIP/{extension}",
        channel_id="",
        context=context,
        exten=exten,
        caller_id=shown,
        ring_seconds=RING_SECONDS,
        variables=variables,
    )
    if answer.get("Response") != "Success":
        raise TelephoneFault("not_rung", f"分机 {extension} 没有接听、占线或未注册")


async def _standing(ami: Ami, extension: str) -> Standing:
    rows = await memberships(ami, extension)
    device = await device_state(ami, extension)
    paused = next((row.paused_reason or "示忙" for row in rows if row.paused), "")
    working = Working.OUT if not rows else Working.PAUSED if paused else Working.READY
    reachable = device not in NOT_REACHABLE
    in_call = device in ("INUSE", "BUSY", "ONHOLD", "RINGINUSE")
    return Standing(working, paused, reachable, in_call, _served(rows, extension))


async def _make_ready(ami: Ami, seat: Seat, rows: Sequence[MemberRow], wrapup: Mapping[str, int]) -> None:
    """Whoever is in stays with the queues that they serve now. Asterisk ends a wrap-up 话后处理 early for nobody but
    who joins anew."""
    extension = seat.extension
    if not rows:
        await agent_state.serve(ami, extension, seat.queues)
        return
    await queue_pause(ami, interface(extension), False)
    if _wraps_up(rows, wrapup):
        await agent_state.leave(ami, extension)
        await agent_state.serve(ami, extension, _served(rows, extension))


def _wraps_up(rows: Sequence[MemberRow], wrapup: Mapping[str, int]) -> bool:
    now = time.time()
    return not any(row.in_call for row in rows) and any(now - row.last_call < wrapup.get(row.queue, 0) for row in rows)


def _served(rows: Sequence[MemberRow], extension: str) -> Mapping[str, int]:
    return {row.queue: row.penalty for row in rows if row.queue != agent_queue(extension)}


def _check_in(rows: Sequence[MemberRow]) -> None:
    if not rows:
        raise TelephoneFault("logged_out", "席位尚未签入，请先示闲")


async def _check_reachable(ami: Ami, to: Target) -> None:
    """Or the other side would hear music for nothing. An emergency is tried in any case."""
    if to.kind is TargetKind.EXTENSION:
        state = await device_state(ami, to.id)
        if state in NOT_REACHABLE:
            raise TelephoneFault("unreachable", f"分机 {to.id} 未注册")
        if state != "NOT_INUSE":
            raise TelephoneFault("busy_target", f"分机 {to.id} 正在通话")
    if to.kind is TargetKind.UNIT and not await is_reachable(ami, OUTBOUND):
        raise TelephoneFault("unreachable", "外线没有应答，暂时拨不出去")


async def _carry_out(ami: Ami, command: Command) -> None:
    """Raises TelephoneFault ``outcome_unknown`` when nothing tells that it has happened."""
    expected = list(command.events)
    happened = asyncio.Event()

    def hear(event: Event) -> None:
        fits = all(event.get(key) == value for key, value in command.values.items())
        if fits and expected and event["Event"] == expected[0]:
            del expected[0]
            if not expected:
                happened.set()

    for name in command.events:
        ami.on_event(name, hear)
    await ami.action(command.action, command.fields)
    if command.events:
        try:
            async with asyncio.timeout(HAPPEN_SECONDS):
                await happened.wait()
        except TimeoutError:
            raise _unknown() from None


def _not_done() -> TelephoneFault:
    return TelephoneFault("no_telephone", "电话系统没有应答，未执行")


def _unknown() -> TelephoneFault:
    return TelephoneFault("outcome_unknown", "不知道是否已经执行，请先看话机，不要立即重试")
