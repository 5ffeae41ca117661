"""Other platforms' tokens, for the administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from people import tokens
from people.roles import Permission
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.users import UnitId

routes = Routes("tokens")
_MANAGE = (Permission.USER_MANAGE,)


class TokenOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    permissions: list[Permission]
    unit: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Tokens(BaseModel):
    items: list[TokenOut]


class TokenIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100, description="哪个平台")]
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    unit: UnitId | None = None
    expires_at: AwareDatetime


class TokenMade(BaseModel):
    id: int
    token: Annotated[str, Field(description="只显示这一次")]


class TokenPath(In):
    id: Annotated[int, Field(ge=1, le=2**63 - 1)]


@routes.add("GET", "/tokens", "平台令牌", needs=_MANAGE)
async def show_all(call: Call) -> Reply[Tokens]:
    async with call.transaction() as connection:
        found = await tokens.list_tokens(connection)
    return Reply(Tokens(items=[TokenOut.model_validate(token) for token in found]))


@routes.add("POST", "/tokens", "发放平台令牌", needs=_MANAGE, status=201)
async def add(call: Call, body: TokenIn) -> Reply[TokenMade]:
    created_by = call.principal.user_id if call.principal.kind == "user" else None
    async with call.transaction() as connection:
        made = await tokens.create_token(
            connection,
            body.name,
            body.permissions,
            expires_at=body.expires_at,
            now=call.at,
            unit=body.unit,
            created_by=created_by,
        )
        detail = {"name": body.name, "permissions": sorted(body.permissions), "unit": body.unit}
        await call.audit(connection, "token.add", f"token:{made.id}", **detail)
    return Reply(TokenMade(id=made.id, token=made.token))


@routes.add("DELETE", "/tokens/{id}", "收回平台令牌", needs=_MANAGE, status=204)
async def revoke(call: Call, path: TokenPath) -> Reply[None]:
    async with call.transaction() as connection:
        await tokens.revoke_token(connection, path.id, call.at)
        await call.audit(connection, "token.revoke", f"token:{path.id}")
    return Reply(None)
