"""承办单位: what a unit is, and where units are kept. All functions work inside the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from people.faults import PeopleFault
from people.tables import units

UNIT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class UnitKind(StrEnum):
    DEPARTMENT = "department"
    COUNTY = "county"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class Unit:
    """``parent``: the county that a county's own unit hangs under; None for the city's. ``contact``: telephone."""

    id: str
    name: str
    kind: UnitKind
    parent: str | None = None
    contact: str = ""
    active: bool = True

    def __post_init__(self) -> None:
        if not UNIT_ID.fullmatch(self.id):
            raise PeopleFault("unit_id", f"单位编号 {self.id!r}：须为1至40个小写字母、数字或-，首尾不能是-")
        if not self.name.strip():
            raise PeopleFault("unit_name", f"单位 {self.id} 没有名称")
        if self.parent is not None and self.kind is UnitKind.COUNTY:
            raise PeopleFault("unit_parent", f"单位 {self.id}：区县不能隶属于其他单位")


async def save_unit(connection: AsyncConnection, unit: Unit) -> None:
    """Add the unit, or change it to this. Raises PeopleFault when its parent is not a county."""
    if unit.parent is not None:
        parent = await find_unit(connection, unit.parent)
        if parent is None or parent.kind is not UnitKind.COUNTY:
            raise PeopleFault("unit_parent", f"单位 {unit.id} 的上级 {unit.parent} 不是区县")
    row = _row(unit)
    changes = {name: value for name, value in row.items() if name != "id"}
    await connection.execute(insert(units).values(row).on_conflict_do_update(index_elements=["id"], set_=changes))


async def find_unit(connection: AsyncConnection, unit_id: str) -> Unit | None:
    row = (await connection.execute(select(units).where(units.c.id == unit_id))).one_or_none()
    return None if row is None else _unit(row)


async def list_units(connection: AsyncConnection, *, active_only: bool = False) -> Sequence[Unit]:
    """By id. A city has a few hundred at most: no pages."""
    query = select(units).order_by(units.c.id)
    if active_only:
        query = query.where(units.c.active)
    return [_unit(row) for row in await connection.execute(query)]


def _row(unit: Unit) -> dict[str, Any]:
    return {
        "id": unit.id,
        "name": unit.name,
        "kind": unit.kind,
        "parent": unit.parent,
        "contact": unit.contact,
        "active": unit.active,
    }


def _unit(row: Any) -> Unit:
    return Unit(row.id, row.name, UnitKind(row.kind), row.parent, row.contact, row.active)
