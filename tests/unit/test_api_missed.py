"""漏接 and calls to units over the API: who may, what they see, and that it is written down before anybody is rung."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from line import missed
from people.units import Unit, UnitKind, save_unit
from tests.unit.api_peer import Api, Telephone, api_for
from tests.unit.callback_people import missed_call
from tickets.store import Received, receive

HOUR = timedelta(hours=1)
CALLS = ("hotline-1795330800.1", "hotline-1795330800.2")
NUMBERS = ("+8613900001111", "+8641183334444")


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """Two people were missed; the second is not known by a ticket."""
    now = datetime.now(UTC)
    for n, (call_id, number) in enumerate(zip(CALLS, NUMBERS, strict=True)):
        await missed_call(engine, call_id, number, now - HOUR + timedelta(minutes=n), via="public")
    async with engine.begin() as connection:
        await receive(connection, [Received(CALLS[0], now - HOUR, "help", False, NUMBERS[0], NUMBERS[0], "", "")])
        await missed.owe(connection, CALLS)
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def telephone(api: Api) -> Telephone:
    assert isinstance(api.services.ring, Telephone)
    return api.services.ring


async def rows(api: Api, who: str = "agent", query: str = "") -> list[Any]:
    return list((await api.json(who, "GET", f"/missed-callers{query}"))["items"])


async def test_the_list_is_masked_and_in_pages(api: Api) -> None:
    found = await api.json("supervisor", "GET", "/missed-callers")
    assert [(one["number"], one["calls"], one["ended"]) for one in found["items"]] == [
        ("139****1111", 1, ""),
        ("0411-****4444", 1, ""),
    ]
    assert (found["next"], found["unlisted"]) == (None, 0)
    assert found["items"][0]["ticket"] is not None
    first = await api.json("manager", "GET", "/missed-callers?limit=1")
    assert [one["number"] for one in first["items"]] == ["139****1111"]
    assert [one["number"] for one in await rows(api, query=f"?after={first['next']}")] == ["0411-****4444"]
    for who in ("officer", "leader", "administrator"):
        await api.json(who, "GET", "/missed-callers", 403)


async def test_taken_and_closed_by_one(api: Api) -> None:
    one, other = await rows(api)
    path = f"/missed-callers/{one['id']}"
    assert (await api.json("agent", "POST", f"{path}/take"))["taken_by"] == "agent"
    assert (await api.json("dispatcher", "POST", f"{path}/take", 409))["code"] == "taken"
    await api.json("supervisor", "POST", f"{path}/take", 403)
    await api.json("agent", "POST", "/missed-callers/999/take", 404)
    await api.json("supervisor", "POST", f"{path}/close", 422, json={"reason": " "})
    closed = await api.json("supervisor", "POST", f"{path}/close", json={"reason": "已由 13900001111 上门办妥"})
    assert (closed["ended"], closed["ended_by"]) == ("closed", "supervisor")
    assert (await api.json("agent", "POST", f"{path}/close", 409, json={"reason": "再来"}))["code"] == "ended"
    assert [row["id"] for row in await rows(api)] == [other["id"]]
    assert [row["id"] for row in await rows(api, query="?ended=true")] == [one["id"], other["id"]]
    acts = await api.json("manager", "GET", f"/audit?object=missed:{one['id']}")
    assert [(act["action"], act["actor"]) for act in acts["items"]] == [
        ("missed.close", "user:supervisor"),
        ("missed.take", "user:agent"),
    ]
    assert "13900001111" not in str(acts)


async def test_rung_back_from_the_list_once(api: Api) -> None:
    one, other = await rows(api)
    path = f"/missed-callers/{one['id']}/call"
    asked: dict[str, Any] = {"headers": {"Idempotency-Key": "one-and-only"}, "json": {"extension": "1001"}}
    made = await api.json("agent", "POST", path, **asked)
    assert await api.json("agent", "POST", path, **asked) == made
    [rung] = telephone(api).rung
    assert (rung.number, rung.extension, rung.ticket, rung.unit) == (NUMBERS[0], "1001", one["ticket"], "")
    [event] = await history(api, one["ticket"])
    assert event["data"] == {"call_id": rung.call_id, "extension": "1001", "do_not_call": False, "missed": one["id"]}
    assert await rows(api) == [{**one, "taken_by": "agent"}, other], "owed until they have talked"
    await api.json("dispatcher", "POST", path, 409, json={"extension": "1001"})
    refused = await api.json("agent", "POST", f"/missed-callers/{other['id']}/call", 409, json={"extension": "1001"})
    assert refused["code"] == "no_ticket"
    await api.json("supervisor", "POST", path, 403, json={"extension": "1001"})
    assert len(telephone(api).rung) == 1
    acts = await api.json("manager", "GET", f"/audit?object=ticket:{one['ticket']}")
    [act] = [act for act in acts["items"] if act["action"] == "ticket.call"]
    assert act["detail"] == {"call_id": rung.call_id, "missed": one["id"]}


async def test_a_unit_is_rung_about_a_ticket(api: Api) -> None:
    number = await api.new()
    path = f"/tickets/{number}/call"
    async with api.engine.begin() as connection:
        await save_unit(connection, Unit("water", "供水集团", UnitKind.ENTERPRISE, contact="0411-83456789"))
        await save_unit(connection, Unit("housing", "住建局", UnitKind.DEPARTMENT, contact="找小王"))
    made = await api.json("agent", "POST", path, json={"extension": "1001", "unit": "water"})
    assert (made["number"], made["warning"]) == ("0411-****6789", "")
    [rung] = telephone(api).rung
    assert (rung.number, rung.unit, rung.ticket) == ("+8641183456789", "water", number)
    [event] = await history(api, number)
    assert event["name"] == "座席致电单位"
    assert event["data"] == {"call_id": rung.call_id, "extension": "1001", "do_not_call": False, "unit": "water"}
    for unit in ("housing", "nobody"):
        refused = await api.json("agent", "POST", path, 422, json={"extension": "1001", "unit": unit})
        assert unit in refused["detail"]
    assert len(telephone(api).rung) == 1


async def test_hidden_numbers_are_counted(api: Api) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(
            text("UPDATE calls SET caller_e164 = NULL, arrived_at = :at WHERE id = :id"),
            {"id": CALLS[1], "at": datetime.now(UTC) - HOUR},
        )
        await connection.execute(text("DELETE FROM missed_callers WHERE number = :number"), {"number": NUMBERS[1]})
    assert (await api.json("agent", "GET", "/missed-callers"))["unlisted"] == 1


async def history(api: Api, number: str) -> list[Any]:
    found = await api.json("agent", "GET", f"/tickets/{number}/history")
    return [one for one in found["items"] if one["kind"] == "called"]
