"""A second factor 两步验证 (TOTP, RFC 6238) of one's own: begin, confirm with a first code, end. The administrator can
end another's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from people import totp
from people.roles import Permission
from people.sign_in import Locked
from web.api.call import Call, Reply
from web.api.endpoint import SIGNED_IN, Routes
from web.api.page import In
from web.api.session import Code, Password, again, locked, only_people
from web.api.users import UserPath

routes = Routes("totp")


class TotpOut(BaseModel):
    since: Annotated[datetime | None, Field(description="何时开通；空：没有开通")]
    recovery_codes: Annotated[int, Field(description="还有几个恢复码未用")]


class BeginIn(In):
    password: Password


class BegunOut(BaseModel):
    secret: Annotated[str, Field(description="手工输入验证器的密钥（Base32）")]
    uri: Annotated[str, Field(description="otpauth:// 地址，供扫码；只显示这一次")]


class ConfirmIn(In):
    code: Code


class ConfirmedOut(BaseModel):
    recovery_codes: Annotated[list[str], Field(description="验证器丢失时各可登录一次；只显示这一次")]


class EndIn(In):
    password: Password
    code: Code


@routes.add("GET", "/session/totp", "两步验证是否开通", needs=SIGNED_IN)
async def show(call: Call) -> Reply[TotpOut]:
    only_people(call)
    async with call.transaction() as connection:
        standing = await totp.standing(connection, call.principal.user_id)
    return Reply(TotpOut(since=standing.since, recovery_codes=standing.recovery_codes))


@routes.add("POST", "/session/totp", "开始开通：取得密钥", needs=SIGNED_IN, problems=(409, 429))
async def begin(call: Call, body: BeginIn) -> Reply[BegunOut]:
    only_people(call)
    name, box = call.principal.name, call.services.rulebook().sealing()
    try:
        async with again(call, name), call.transaction() as connection:
            begun = await totp.begin(connection, box, name, body.password)
    except Locked as found:
        raise locked(call, found) from None
    return Reply(BegunOut(secret=begun.secret, uri=begun.uri))


@routes.add("POST", "/session/totp/confirm", "用第一个验证码确认开通", needs=SIGNED_IN, problems=(409, 429))
async def confirm(call: Call, body: ConfirmIn) -> Reply[ConfirmedOut]:
    only_people(call)
    name, box = call.principal.name, call.services.rulebook().sealing()
    try:
        async with again(call, name), call.transaction() as connection:
            codes = await totp.confirm(connection, box, name, body.code, call.at)
            await call.audit(connection, "user.totp_on", f"user:{name}")
    except Locked as found:
        raise locked(call, found) from None
    return Reply(ConfirmedOut(recovery_codes=codes))


@routes.add("POST", "/session/totp/end", "关闭两步验证", needs=SIGNED_IN, status=204, problems=(409, 429))
async def end(call: Call, body: EndIn) -> Reply[None]:
    only_people(call)
    name, box = call.principal.name, call.services.rulebook().sealing()
    try:
        async with again(call, name), call.transaction() as connection:
            await totp.end(connection, box, name, body.password, body.code, call.at)
            await call.audit(connection, "user.totp_off", f"user:{name}")
    except Locked as found:
        raise locked(call, found) from None
    return Reply(None)


@routes.add(
    "DELETE", "/users/{name}/totp", "关闭某人的两步验证（验证器丢失）", needs=(Permission.USER_MANAGE,), status=204
)
async def end_for(call: Call, path: UserPath) -> Reply[None]:
    async with call.transaction() as connection:
        await totp.take_away(connection, path.name)
        await call.audit(connection, "user.totp_off", f"user:{path.name}")
    return Reply(None)
