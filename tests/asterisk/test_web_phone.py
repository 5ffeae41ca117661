"""Citizens who call from their browsers: who is let in, who is not, and what becomes of a browser that is gone."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.tables import calls
from hotline.phone import PhoneError
from hotline.secrets import load_secrets
from hotline.web_phone import WebPhones
from hotline.web_phone_seal import HEADER, SECONDS, seal_key, sealed
from tests.asterisk.browser_sip import BrowserSip, browser_sip
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import wait
from web.api.services import PhoneAccess

pytestmark = pytest.mark.asterisk


def access_of(instance: Instance) -> PhoneAccess:
    return WebPhones(load_secrets(instance.settings), "12345").access()


@asynccontextmanager
async def phone_of(instance: Instance) -> AsyncIterator[BrowserSip]:
    access = access_of(instance)
    async with browser_sip(instance, access.user, access.password) as phone:
        yield phone


async def attempt(phone: BrowserSip, token: str | None, number: str = "12345") -> int:
    code = await phone.invite(number, {} if token is None else {HEADER: token})
    if code == 200:
        await phone.bye(number)
    return code


async def test_a_token_opens_one_call_and_none_other_does(hotline: Instance) -> None:
    token, key, now = access_of(hotline).token, seal_key(load_secrets(hotline.settings)), int(time.time())
    refused: dict[str, list[str | None]] = {
        "forged": [
            None,
            "",
            token[:-1] + ("0" if token[-1] != "0" else "1"),
            sealed("x" * 40, now, "a" * 32),
            sealed(key, now, "A" * 32),
            '),(${EPOCH}$[1+1]&"',
            f"{token} {token}",
        ],
        "expired": [sealed(key, now - SECONDS - 1, "a" * 32), sealed(key, now + 1000, "a" * 32)],
    }
    before = refusals(hotline)
    async with phone_of(hotline) as phone:
        for tokens in refused.values():
            for one in tokens:
                assert await attempt(phone, one) == 403, one
        assert await attempt(phone, token) == 200
        assert await attempt(phone, token) == 403
    assert refusals(hotline) - before == {**{why: len(tokens) for why, tokens in refused.items()}, "used": 1}


def refusals(instance: Instance) -> Counter[str]:
    return Counter(re.findall(r"web phone refused: (\w+)", instance.asterisk_log))


async def test_with_the_account_nothing_else_is_reached(hotline: Instance) -> None:
    """Not even with a token: other numbers are unknown, extensions and emergency services among them."""
    async with phone_of(hotline) as phone:
        for number in ("1001", "110", "2001", "agents", "s", "13900001111"):
            assert await attempt(phone, access_of(hotline).token, number) == 404, number


async def test_what_a_page_was_given_is_good_at_the_socket_alone(phones: Phones) -> None:
    """A desk telephone registers from anywhere."""
    password = await phones.instance.page_password("2001")
    await phones.bank.register("1001", phones.instance.agent_password("1001"), bind="127.0.0.66")
    with pytest.raises(PhoneError):
        await phones.bank.register("2001", password, bind="127.0.0.66")
    async with browser_sip(phones.instance, "2001", password) as phone:
        assert await phone.invite("9999", {}) == 404, "who it is was not asked about"


async def test_of_two_calls_with_one_token_at_once_one_gets_through_at_most(hotline: Instance) -> None:
    token = access_of(hotline).token
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(phone_of(hotline)) for _ in range(4)]
        codes = await asyncio.gather(*(attempt(phone, token) for phone in phones))
    assert codes.count(200) <= 1
    assert set(codes) <= {200, 403}


async def test_a_browser_that_is_gone_frees_its_line(hotline: Instance) -> None:
    """It says no good-bye, and its socket is closed. The call is nobody's by number."""
    started = datetime.now(UTC)
    async with phone_of(hotline) as phone:
        assert await phone.invite("12345", {HEADER: access_of(hotline).token}) == 200

    async def ended(connection: AsyncConnection) -> Any:
        query = select(calls).where(calls.c.via == "web", calls.c.arrived_at >= started, calls.c.ended_at.is_not(None))
        return (await connection.execute(query)).one_or_none()

    call = await wait(hotline, ended, 60.0, "the call goes on")
    lasted = (call.ended_at - call.arrived_at).total_seconds()
    assert lasted > 10, "its sound may stay away for a moment"
    assert (call.number, call.caller_kind, call.hangup_by) == ("", "hidden", "system")
