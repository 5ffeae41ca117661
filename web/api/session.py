"""Signing in and out, who one is, one's own password."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from people import accounts, sessions
from people.principal import Principal
from people.roles import Permission, Role
from people.sign_in import Locked, Reason, SignInRefused, counted, sign_in
from web.api.auth import CHALLENGE, cookie_name
from web.api.call import Call, Reply
from web.api.endpoint import PUBLIC, SIGNED_IN, Routes
from web.api.page import In
from web.api.problem import Problem, forbidden
from web.api.seat import vacate

routes = Routes("session")

Password = Annotated[str, Field(min_length=1, max_length=128)]
Code = Annotated[str, Field(min_length=6, max_length=20, description="验证器的6位验证码，或一个恢复码")]


class SignIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    password: Password
    code: Annotated[Code | None, Field(description="开通了两步验证的用户须填；缺少时答复 401 code_required")] = None
    keep: Annotated[
        Literal["token", "cookie"], Field(description="a token in the answer, or a cookie that scripts cannot read")
    ] = "token"


class Me(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    display_name: str
    kind: Literal["user", "token"]
    roles: list[Role]
    unit: str | None
    permissions: list[Permission]
    must_change: Annotated[bool, Field(description="须先修改初始密码")]


class SignedIn(BaseModel):
    token: Annotated[str | None, Field(description="null with a cookie")]
    expires_at: datetime
    me: Me


class PasswordChange(In):
    old: Password
    new: Password


def me(principal: Principal) -> Me:
    return Me(
        name=principal.name,
        display_name=principal.display_name,
        kind=principal.kind,
        roles=sorted(principal.roles),
        unit=principal.unit,
        permissions=sorted(principal.permissions),
        must_change=principal.must_change,
    )


@routes.add("POST", "/session", "登录", needs=PUBLIC, problems=(401, 429))
async def begin(call: Call, body: SignIn) -> Reply[SignedIn]:
    try:
        session = await sign_in(
            call.services.engine,
            body.name,
            body.password,
            call.address,
            call.at,
            place=call.place,
            code=body.code,
            box=lambda: call.services.rulebook().sealing(),
        )
    except Locked as found:
        raise locked(call, found) from None
    except SignInRefused as refused:
        if refused.reason is Reason.BUSY:
            raise Problem(503, "busy", "正在登录的人太多，请几秒后再试。", headers={"Retry-After": "5"}) from None
        if refused.reason is Reason.CODE_REQUIRED:
            raise Problem(401, "code_required", "请输入验证器的验证码。", headers=CHALLENGE) from None
        if refused.reason is Reason.CODE_WRONG:
            raise Problem(401, "code_wrong", "验证码不正确或已用过。", headers=CHALLENGE) from None
        raise Problem(401, "wrong", "用户名或密码不正确。", headers=CHALLENGE) from None
    cookie = body.keep == "cookie"
    token = None if cookie else session.token
    headers = {"Set-Cookie": _cookie(call, session.token)} if cookie else {}
    return Reply(SignedIn(token=token, expires_at=session.expires_at, me=me(session.principal)), headers)


@routes.add("GET", "/session", "我是谁，有哪些权限", needs=SIGNED_IN)
async def show(call: Call) -> Reply[Me]:
    return Reply(me(call.principal))


@routes.add("DELETE", "/session", "退出登录", needs=SIGNED_IN, status=204)
async def end(call: Call) -> Reply[None]:
    only_people(call)
    await vacate(call, call.principal.user_id)
    async with call.transaction() as connection:
        await sessions.sign_out(connection, call.token)
        await call.audit(connection, "session.end")
    return Reply(None, {"Set-Cookie": _cookie(call, "")})


@routes.add(
    "POST", "/session/password", "修改自己的密码（随后须重新登录）", needs=SIGNED_IN, status=204, problems=(429,)
)
async def change_password(call: Call, body: PasswordChange) -> Reply[None]:
    only_people(call)
    name = call.principal.name
    try:
        async with again(call, name), call.transaction() as connection:
            await accounts.change_password(connection, name, body.old, body.new)
            await call.audit(connection, "user.password", f"user:{name}")
    except Locked as found:
        raise locked(call, found) from None
    return Reply(None, {"Set-Cookie": _cookie(call, "")})


def again(call: Call, name: str) -> AbstractAsyncContextManager[None]:
    """Around what asks who is signed in for the password again. Raises Locked."""
    return counted(call.services.engine, name, call.address, call.at, place=call.place)


def locked(call: Call, found: Locked) -> Problem:
    wait = str(max(1, int((found.until - call.at).total_seconds()) + 1))
    return Problem(429, "locked", "密码错误次数过多，请稍后再试。", headers={"Retry-After": wait})


def only_people(call: Call) -> None:
    if call.principal.kind != "user":
        raise forbidden("平台令牌没有登录，也没有密码。")


def _cookie(call: Call, token: str) -> str:
    """RFC 6265bis: not for scripts, not from other sites. Empty: forget it (it is the server that ends a session)."""
    # Path: the telephone's socket, /ws, lies beside the API and knows its own people by it.
    parts = [f"{cookie_name(call.services)}={token}", "Path=/", "HttpOnly", "SameSite=Strict"]
    if call.services.https:
        parts.append("Secure")
    if not token:
        parts.append("Max-Age=0")
    return "; ".join(parts)
