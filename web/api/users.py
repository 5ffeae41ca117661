"""Accounts, for the administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from people import accounts
from people.accounts import User
from people.roles import Permission, Role, permissions_of
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In, Page, PageQuery, page
from web.api.problem import not_found
from web.api.seat import vacate

routes = Routes("users")
_MANAGE = (Permission.USER_MANAGE,)

Name = Annotated[str, Field(min_length=1, max_length=32)]
UnitId = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", max_length=40)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    display_name: str
    roles: list[Role]
    unit: str | None
    must_change: bool
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None
    totp_since: Annotated[datetime | None, Field(description="何时开通两步验证")]


class NewUser(In):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{1,31}$")]
    display_name: Annotated[str, Field(max_length=50)] = ""
    roles: Roles
    unit: Annotated[UnitId | None, Field(description="承办单位的角色须有，其他角色不得有")] = None


class FirstPassword(BaseModel):
    user: UserOut
    password: Annotated[str, Field(description="只显示这一次；首次登录须修改")]


class RolesChange(In):
    roles: Roles
    unit: UnitId | None = None


class UserPath(In):
    name: Name


class UserQuery(PageQuery):
    unit: UnitId | None = None
    role: Role | None = None


def _out(user: User) -> UserOut:
    return UserOut.model_validate(user)


@routes.add("GET", "/users", "用户列表", needs=_MANAGE)
async def list_users(call: Call, query: UserQuery) -> Reply[Page[UserOut]]:
    async with call.transaction() as connection:
        found = await accounts.list_users(
            connection, unit=query.unit, role=query.role, after=query.after or "", limit=query.limit
        )
    following = found[-1].name if len(found) == query.limit else None
    return page(call, [_out(user) for user in found], following)


@routes.add("POST", "/users", "新增用户", needs=_MANAGE, status=201, problems=(409,))
async def add(call: Call, body: NewUser) -> Reply[FirstPassword]:
    async with call.transaction() as connection:
        user, password = await accounts.create_user(
            connection, body.name, body.roles, now=call.at, display_name=body.display_name, unit=body.unit
        )
        await call.audit(connection, "user.add", f"user:{user.name}", roles=sorted(user.roles), unit=user.unit)
    location = f"{call.request.path}/{user.name}"
    return Reply(FirstPassword(user=_out(user), password=password), {"Location": location})


@routes.add("GET", "/users/{name}", "查看用户", needs=_MANAGE)
async def show(call: Call, path: UserPath) -> Reply[UserOut]:
    async with call.transaction() as connection:
        user = await accounts.find_user(connection, path.name)
    if user is None:
        raise not_found()
    return Reply(_out(user))


@routes.add("PUT", "/users/{name}/roles", "改变角色和单位（此人须重新登录）", needs=_MANAGE, problems=(409,))
async def set_roles(call: Call, path: UserPath, body: RolesChange) -> Reply[UserOut]:
    async with call.transaction() as connection:
        user = await accounts.set_roles(connection, path.name, body.roles, body.unit)
        await call.audit(connection, "user.set_roles", f"user:{user.name}", roles=sorted(user.roles), unit=user.unit)
    if Permission.AGENT_STATE not in permissions_of(user.roles):
        await vacate(call, user.id)
    return Reply(_out(user))


@routes.add("POST", "/users/{name}/disable", "停用（立即退出登录）", needs=_MANAGE, problems=(409,))
async def disable(call: Call, path: UserPath) -> Reply[UserOut]:
    async with call.transaction() as connection:
        user = await accounts.disable_user(connection, path.name, call.at)
        await call.audit(connection, "user.disable", f"user:{user.name}")
    await vacate(call, user.id)
    return Reply(_out(user))


@routes.add("POST", "/users/{name}/enable", "恢复", needs=_MANAGE)
async def enable(call: Call, path: UserPath) -> Reply[UserOut]:
    async with call.transaction() as connection:
        user = await accounts.enable_user(connection, path.name)
        await call.audit(connection, "user.enable", f"user:{user.name}")
    return Reply(_out(user))


@routes.add("POST", "/users/{name}/password", "重设密码", needs=_MANAGE)
async def reset_password(call: Call, path: UserPath) -> Reply[FirstPassword]:
    async with call.transaction() as connection:
        password = await accounts.reset_password(connection, path.name)
        await call.audit(connection, "user.reset_password", f"user:{path.name}")
        user = await accounts.find_user(connection, path.name)
    if user is None:
        raise not_found()
    return Reply(FirstPassword(user=_out(user), password=password))
