"""承办单位: everybody may look them up, the administrator changes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from people.roles import Permission
from people.units import Unit, UnitKind, find_unit, list_units, save_unit
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import not_found
from web.api.users import UnitId

routes = Routes("units")
_READ = (Permission.POLICY_READ,)


class UnitOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    kind: UnitKind
    parent: Annotated[str | None, Field(description="所属县区")]
    contact: str
    active: bool


class UnitIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    kind: UnitKind
    parent: UnitId | None = None
    contact: Annotated[str, Field(max_length=100)] = ""
    active: bool = True


class UnitPath(In):
    id: UnitId


class UnitQuery(In):
    active: Annotated[bool, Field(description="只看未停用的")] = True


class Units(BaseModel):
    items: list[UnitOut]


@routes.add("GET", "/units", "承办单位", needs=_READ)
async def show_all(call: Call, query: UnitQuery) -> Reply[Units]:
    async with call.transaction() as connection:
        found = await list_units(connection, active_only=query.active)
    return Reply(Units(items=[UnitOut.model_validate(unit) for unit in found]))


@routes.add("GET", "/units/{id}", "查看承办单位", needs=_READ)
async def show(call: Call, path: UnitPath) -> Reply[UnitOut]:
    async with call.transaction() as connection:
        unit = await find_unit(connection, path.id)
    if unit is None:
        raise not_found()
    return Reply(UnitOut.model_validate(unit))


@routes.add("PUT", "/units/{id}", "新增或改变承办单位", needs=(Permission.USER_MANAGE,))
async def save(call: Call, path: UnitPath, body: UnitIn) -> Reply[UnitOut]:
    unit = Unit(path.id, body.name, body.kind, body.parent, body.contact, body.active)
    async with call.transaction() as connection:
        await save_unit(connection, unit)
        await call.audit(connection, "unit.save", f"unit:{unit.id}", name=unit.name, active=unit.active)
    return Reply(UnitOut.model_validate(unit))
