"""First run: whoever holds the one-time link that ``hotline run`` printed becomes the administrator."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from people import accounts
from people.audit import AuditEntry, record
from people.roles import Role
from web.api.call import Call, Reply
from web.api.citizens import SETUP, spend
from web.api.endpoint import PUBLIC, Routes
from web.api.page import In
from web.api.problem import Problem
from web.api.users import UserOut

routes = Routes("setup")
_LOCK = 0x7365_7475
"""Advisory lock: of two who have the link one becomes the administrator."""


class SetupOut(BaseModel):
    open: Annotated[bool, Field(description="还没有管理员，可凭启动时显示的一次性链接设立")]


class SetupIn(In):
    token: Annotated[str, Field(min_length=20, max_length=100, description="一次性链接中 # 之后的部分")]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{1,31}$", description="用户名")]
    password: Annotated[str, Field(min_length=10, max_length=128)]
    display_name: Annotated[str, Field(max_length=50, description="姓名")] = ""


@routes.add("GET", "/setup", "是否还没有管理员", needs=PUBLIC)
async def show(call: Call) -> Reply[SetupOut]:
    async with call.transaction() as connection:
        return Reply(SetupOut(open=not await accounts.has_administrator(connection)))


@routes.add("POST", "/setup", "设立第一名管理员", needs=PUBLIC, status=201, problems=(403, 409, 429))
async def create(call: Call, body: SetupIn) -> Reply[UserOut]:
    await spend(call, SETUP)
    link = call.services.setup
    if link is None or not link.matches(body.token):
        raise Problem(403, "setup_token", "链接不正确或已失效；重新启动热线会显示新的链接。")
    async with call.transaction() as connection:
        await _turn(connection)
        if await accounts.has_administrator(connection):
            raise Problem(409, "set_up", "已有管理员。")
        user, _ = await accounts.create_user(
            connection,
            body.name,
            [Role.ADMINISTRATOR],
            now=call.at,
            display_name=body.display_name,
            password=body.password,
            must_change=False,
        )
        about = f"user:{user.name}"
        await record(connection, AuditEntry(call.at, "setup", "user.add", about, {}, call.address, call.request_id))
    link.spend()
    return Reply(UserOut.model_validate(user), {"Location": f"/api/v1/users/{user.name}"})


async def _turn(connection: AsyncConnection) -> None:
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
