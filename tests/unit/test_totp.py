"""The second factor: begun, confirmed, asked for, good once, lost, taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from people import passwords, totp
from people.accounts import create_user
from people.faults import PeopleFault
from people.roles import Role
from people.secrets_box import Box, BoxFault
from people.sign_in import Locked, Reason, SignInRefused, sign_in
from people.tables import audit_entries, recovery_codes, users
from tests.unit.api_peer import BOX, Api, api_for

PASSWORD = "长而好记的一句密码话"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def user_with_totp(engine: AsyncEngine, name: str = "lihua") -> tuple[pyotp.TOTP, list[str]]:
    """The authenticator, whose code of :data:`NOW` is used up, and the recovery codes."""
    async with engine.begin() as connection:
        await create_user(connection, name, [Role.AGENT], now=NOW, password=PASSWORD, must_change=False)
        begun = await totp.begin(connection, BOX, name, PASSWORD)
        device = pyotp.TOTP(begun.secret)
        scanned = pyotp.parse_uri(begun.uri)
        assert isinstance(scanned, pyotp.TOTP)
        assert scanned.at(NOW) == device.at(NOW)
        codes = await totp.confirm(connection, BOX, name, device.at(NOW), NOW)
    return device, codes


async def enter(engine: AsyncEngine, code: str | None, at: datetime = NOW, password: str = PASSWORD) -> Any:
    return await sign_in(engine, "lihua", password, "192.0.2.1", at, place="192.0.2.1", code=code, box=lambda: BOX)


async def refusal(engine: AsyncEngine, code: str | None, at: datetime = NOW, password: str = PASSWORD) -> Reason:
    with pytest.raises(SignInRefused) as refused:
        await enter(engine, code, at, password)
    return refused.value.reason


async def test_a_code_is_asked_for_and_good_once(engine: AsyncEngine) -> None:
    device, _ = await user_with_totp(engine)
    assert await refusal(engine, None) is Reason.CODE_REQUIRED
    assert await refusal(engine, None, password="wrong password") is Reason.WRONG, (
        "who knows no password learns nothing"
    )
    assert await refusal(engine, device.at(NOW)) is Reason.CODE_WRONG, "the code of the confirmation is used up"
    later = NOW + timedelta(seconds=30)
    assert (await enter(engine, device.at(later), later)).principal.name == "lihua"
    assert await refusal(engine, device.at(later), later) is Reason.CODE_WRONG
    assert await refusal(engine, device.at(NOW), later) is Reason.CODE_WRONG, "nor one before it"


@pytest.mark.parametrize(("seconds", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_clock_may_be_a_step_off(engine: AsyncEngine, seconds: int, good: bool) -> None:
    device, _ = await user_with_totp(engine)
    at = NOW + timedelta(minutes=10)
    code = device.at(at + timedelta(seconds=seconds))
    if good:
        assert await enter(engine, f"{code[:3]} {code[3:]}", at)
    else:
        assert await refusal(engine, code, at) is Reason.CODE_WRONG


async def test_the_same_code_at_once_opens_once(engine: AsyncEngine) -> None:
    device, codes = await user_with_totp(engine)
    later = NOW + timedelta(minutes=1)
    for code in (device.at(later), codes[0]):
        found = await asyncio.gather(*(enter(engine, code, later) for _ in range(3)), return_exceptions=True)
        assert sum(isinstance(one, SignInRefused) for one in found) == 2, code


async def test_a_recovery_code_opens_once_however_it_is_typed(engine: AsyncEngine) -> None:
    _, codes = await user_with_totp(engine)
    assert len(set(codes)) == totp.RECOVERY_CODES
    await enter(engine, codes[0].upper().replace("-", " "))
    assert await refusal(engine, codes[0]) is Reason.CODE_WRONG
    async with engine.connect() as connection:
        user = (await connection.execute(select(users))).one()
        assert (await totp.standing(connection, user.id)).recovery_codes == totp.RECOVERY_CODES - 1
        kept = (await connection.scalars(select(recovery_codes.c.code_sha256))).all()
    assert all(codes[1].replace("-", "").encode() not in bytes(one) for one in kept)
    device_secret = BOX.open(user.totp_sealed, f"totp:{user.id}")
    assert device_secret not in user.totp_sealed


async def test_guessing_codes_locks_the_account(engine: AsyncEngine) -> None:
    device, _ = await user_with_totp(engine)
    at = NOW + timedelta(minutes=5)
    good = {device.at(at + timedelta(seconds=one)) for one in (-30, 0, 30)}
    wrong = [code for code in (f"{one:06}" for one in range(10)) if code not in good]
    for code in wrong[:5]:
        assert await refusal(engine, code, at) is Reason.CODE_WRONG
    with pytest.raises(Locked):
        await enter(engine, device.at(at), at)


async def test_asking_for_a_code_is_no_failure(engine: AsyncEngine) -> None:
    device, _ = await user_with_totp(engine)
    later = NOW + timedelta(minutes=1)
    for _ in range(10):
        assert await refusal(engine, None, later) is Reason.CODE_REQUIRED
    assert await enter(engine, device.at(later), later)


async def test_a_secret_opens_for_its_user_only(engine: AsyncEngine) -> None:
    await user_with_totp(engine)
    await user_with_totp(engine, "wang")
    async with engine.begin() as connection:
        mine, others = (await connection.execute(select(users).order_by(users.c.id))).all()
        with pytest.raises(BoxFault):
            BOX.open(others.totp_sealed, f"totp:{mine.id}")
        with pytest.raises(BoxFault):
            await totp.accept(connection, Box({"other": b"x" * 32}), mine, "123456", NOW)


async def test_what_cannot_be(engine: AsyncEngine) -> None:
    async def code_of(work: Any) -> str:
        with pytest.raises(PeopleFault) as fault:
            async with engine.begin() as connection:
                await work(connection)
        return fault.value.code

    device, _ = await user_with_totp(engine)
    assert await code_of(lambda c: totp.begin(c, BOX, "lihua", PASSWORD)) == "totp_on"
    assert await code_of(lambda c: totp.confirm(c, BOX, "lihua", "123456", NOW)) == "totp_on"
    assert await code_of(lambda c: totp.end(c, BOX, "lihua", "wrong password", "123456", NOW)) == "password_wrong"
    assert await code_of(lambda c: totp.end(c, BOX, "lihua", PASSWORD, device.at(NOW), NOW)) == "code_wrong"
    assert await code_of(lambda c: totp.take_away(c, "nobody")) == "user_unknown"
    async with engine.begin() as connection:
        await totp.end(
            connection, BOX, "lihua", PASSWORD, device.at(NOW + timedelta(minutes=1)), NOW + timedelta(minutes=1)
        )
    assert await code_of(lambda c: totp.take_away(c, "lihua")) == "totp_off"
    assert await code_of(lambda c: totp.confirm(c, BOX, "lihua", "123456", NOW)) == "totp_off"
    assert await enter(engine, None)


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def test_over_the_api(api: Api) -> None:
    async with api.engine.begin() as connection:
        await create_user(
            connection, "lihua", [Role.AGENT], now=datetime.now(UTC), password=PASSWORD, must_change=False
        )
    body = {"name": "lihua", "password": PASSWORD}
    mine = (await api.json(None, "POST", "/session", json=body))["token"]
    assert await api.json(mine, "GET", "/session/totp") == {"since": None, "recovery_codes": 0}
    wrong = await api.json(mine, "POST", "/session/totp", 422, json={"password": "wrong password"})
    assert wrong["code"] == "password_wrong"
    begun = await api.json(mine, "POST", "/session/totp", json={"password": PASSWORD})
    assert await api.json(None, "POST", "/session", json=body), "it counts when it is confirmed"
    device = pyotp.TOTP(begun["secret"])
    at = datetime.now(UTC)
    codes = (await api.json(mine, "POST", "/session/totp/confirm", json={"code": device.at(at)}))["recovery_codes"]
    refused = await api.json(None, "POST", "/session", 401, json=body)
    assert refused["code"] == "code_required"
    replayed = await api.json(None, "POST", "/session", 401, json={**body, "code": device.at(at)})
    assert replayed["code"] == "code_wrong"
    assert await api.json(None, "POST", "/session", json={**body, "code": device.at(at + timedelta(seconds=30))})
    assert await api.json(None, "POST", "/session", json={**body, "code": codes[0]})
    shown = await api.json("administrator", "GET", "/users/lihua")
    assert shown["totp_since"]
    await api.json("administrator", "DELETE", "/users/lihua/totp", 204)
    assert await api.json(None, "POST", "/session", json=body)
    async with api.engine.connect() as connection:
        entries = (await connection.execute(select(audit_entries))).all()
    assert {"user.totp_on", "user.totp_off", "sign_in.refused"} <= {one.action for one in entries}
    assert not any(begun["secret"] in str(one) or codes[1] in str(one) for one in entries)
