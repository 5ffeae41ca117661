"""席位 over the API: one person a telephone, who may, what is asked of the telephones, and what is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from people import roles
from people.roles import Permission, Role
from people.tables import sessions, units, users
from routing.seat import Doing, SpyMode, Target, TargetKind, Working
from tests.unit.api_peer import Api, api_for
from tests.unit.call_people import put_call
from tests.unit.seat_people import Switchboard
from tests.unit.test_api_calls import BEGUN, ONE, START, ticket_of, turn_secret
from web.api import seat

CALL = "hotline-1795330800.1"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        await api.sign_in("colleague", Role.AGENT, None)
        yield api


def board(api: Api) -> Switchboard:
    assert isinstance(api.services.telephone, Switchboard)
    return api.services.telephone


async def sit(api: Api, who: str, extension: str, status: int = 200) -> Any:
    return await api.json(who, "POST", "/seat", status, json={"extension": extension})


async def acts(api: Api, about: str) -> list[tuple[str, str]]:
    found = await api.json("manager", "GET", f"/audit?object={about}")
    return [(one["action"], one["actor"]) for one in reversed(found["items"])]


async def test_one_person_a_telephone_and_one_telephone_a_person(api: Api) -> None:
    assert await api.json("agent", "GET", "/seat") is None
    assert (await api.json("agent", "PUT", "/seat/state", 409, json={"state": "ready"}))["code"] == "no_seat"
    mine = await sit(api, "agent", "2001")
    assert (mine["phone"], mine["queues"]) == ("browser", [{"id": "help", "name": "求助", "penalty": 1}])
    assert mine["pause_reasons"] == ["小休", "用餐"]
    assert mine["sip"] == {
        "uri": "sip:2001@hotline.invalid", "user": "2001", "password": "geheim", "socket": "/ws",
    }  # fmt: skip
    assert await sit(api, "agent", "2001") == mine
    assert await api.json("agent", "GET", "/seat") == mine
    assert (await sit(api, "colleague", "2001", 409))["code"] == "seat_taken"
    assert (await sit(api, "agent", "1001", 409))["code"] == "seated"
    assert (await sit(api, "colleague", "9999", 422))["code"] == "no_such_seat"
    assert (await sit(api, "colleague", "1001"))["sip"] is None
    rows = {row["extension"]: row["user"] for row in await api.json("supervisor", "GET", "/seats")}
    assert {extension: user and user["name"] for extension, user in rows.items()} == {
        "1001": "colleague", "2001": "agent", "3001": None,
    }  # fmt: skip
    await api.json("agent", "DELETE", "/seat", 204)
    assert (await api.json("agent", "DELETE", "/seat", 409))["code"] == "no_seat"
    assert board(api).asked == [("work", one, Working.OUT, "") for one in ("2001", "1001", "2001")]
    assert await acts(api, "seat:2001") == [("seat.take", "user:agent"), ("seat.release", "user:agent")]


async def test_whoever_is_signed_out_keeps_no_seat_from_others(api: Api) -> None:
    """By hand, disabled, or with a session that has run out."""
    await sit(api, "agent", "1001")
    await api.json("agent", "PUT", "/seat/state", json={"state": "ready"})
    await api.json("agent", "DELETE", "/session", 204)
    assert board(api).now["1001"].working is Working.OUT
    await sit(api, "colleague", "1001")
    await api.json("colleague", "PUT", "/seat/state", json={"state": "ready"})
    await api.json("administrator", "POST", "/users/colleague/disable")
    assert board(api).now["1001"].working is Working.OUT
    assert [row["user"] for row in await api.json("supervisor", "GET", "/seats")] == [None] * 3
    await api.sign_in("third", Role.AGENT, None)
    await sit(api, "third", "1001")
    async with api.engine.begin() as connection:
        third = await connection.scalar(select(users.c.id).where(users.c.name == "third"))
        await connection.execute(delete(sessions).where(sessions.c.user_id == third))
    [row, *_] = await api.json("supervisor", "GET", "/seats")
    assert (row["user"]["name"], row["user"]["present"]) == ("third", False)
    await sit(api, "supervisor", "1001")
    assert (await acts(api, "seat:1001"))[-1] == ("seat.take", "user:supervisor")


async def test_nobody_stays_signed_in_because_asterisk_is_away(api: Api) -> None:
    await sit(api, "agent", "1001")
    board(api).away = True
    assert (await api.json("agent", "DELETE", "/seat", 503))["code"] == "no_telephone"
    assert (await api.json("agent", "GET", "/seat"))["extension"] == "1001"
    assert (await sit(api, "colleague", "2001", 503))["code"] == "no_telephone"
    assert await api.json("colleague", "GET", "/seat") is None
    await api.json("agent", "DELETE", "/session", 204)
    board(api).away = False
    await sit(api, "colleague", "1001")


async def test_nobody_stays_signed_in_because_asterisk_takes_its_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sit(api, "agent", "1001")
    monkeypatch.setattr(seat, "VACATE_SECONDS", 0.05)
    board(api).slow = True
    await api.json("agent", "DELETE", "/session", 204)
    board(api).slow = False
    await api.json("agent", "GET", "/session", 401)
    await sit(api, "colleague", "1001")


async def test_who_is_no_agent_any_more_has_no_seat(api: Api) -> None:
    await sit(api, "agent", "1001")
    await api.json("agent", "PUT", "/seat/state", json={"state": "ready"})
    await api.json("administrator", "PUT", "/users/agent/roles", json={"roles": ["supervisor"], "unit": None})
    assert board(api).now["1001"].working is Working.READY, "a supervisor may sit there, too"
    await api.json("administrator", "PUT", "/users/agent/roles", json={"roles": ["dispatcher"], "unit": None})
    assert board(api).now["1001"].working is Working.OUT
    assert [row["user"] for row in await api.json("supervisor", "GET", "/seats")] == [None] * 3


async def test_ready_on_a_break_and_out(api: Api) -> None:
    await sit(api, "agent", "1001")
    ready = await api.json("agent", "PUT", "/seat/state", json={"state": "ready"})
    assert (ready["extension"], ready["state"], ready["reachable"]) == ("1001", "ready", True)
    assert ready["queues"] == [{"id": "help", "name": "求助", "penalty": 0}]
    paused = await api.json("agent", "PUT", "/seat/state", json={"state": "paused", "reason": "小休"})
    assert (paused["state"], paused["reason"]) == ("paused", "小休")
    assert await api.json("agent", "GET", "/seat/state") == paused
    for wrong in ({"state": "paused"}, {"state": "ready", "reason": "小休"}, {"state": "away"}):
        await api.json("agent", "PUT", "/seat/state", 422, json=wrong)
    assert (await api.json("agent", "PUT", "/seat/state", json={"state": "out"}))["queues"] == []


async def test_what_is_done_to_the_call(api: Api) -> None:
    await sit(api, "agent", "1001")
    done = await api.json("agent", "POST", "/seat/call", json={"do": "mute"})
    assert done == {"do": "mute", "call_id": CALL}
    to = {"kind": "emergency", "id": "110"}
    await api.json("agent", "POST", "/seat/call", json={"do": "consult", "to": to})
    wrong: list[dict[str, Any]] = [
        {"do": "transfer"},
        {"do": "mute", "to": to},
        {"do": "dance"},
        {"do": "transfer", "to": {"kind": "extension", "id": "1002\r\nAction: Originate"}},
        {"do": "transfer", "to": {"kind": "unit", "id": "nobody"}},
    ]
    for one in wrong:
        await api.json("agent", "POST", "/seat/call", 422, json=one)
    assert board(api).asked[1:] == [
        ("act", "1001", Doing.MUTE, None),
        ("act", "1001", Doing.CONSULT, Target(TargetKind.EMERGENCY, "110")),
    ]


async def test_a_unit_is_dialled_by_the_number_that_is_kept_of_it(api: Api) -> None:
    await sit(api, "agent", "1001")
    body = {"do": "consult", "to": {"kind": "unit", "id": "water"}}
    assert (await api.json("agent", "POST", "/seat/call", 422, json=body))["code"] == "number"
    async with api.engine.begin() as connection:
        await connection.execute(update(units).where(units.c.id == "water").values(contact="0411-83334444"))
    await api.json("agent", "POST", "/seat/call", json=body)
    assert board(api).asked[-1][3] == Target(TargetKind.UNIT, "water", "+8641183334444")


async def test_a_supervisor_moves_agents_and_frees_seats(api: Api) -> None:
    await sit(api, "agent", "1001")
    body = {"state": "paused", "reason": "培训"}
    await api.json("agent", "PUT", "/agents/1001/state", 403, json=body)
    assert (await api.json("supervisor", "PUT", "/agents/1001/state", json=body))["reason"] == "培训"
    moved = await api.json("supervisor", "PUT", "/agents/1001/queues", json={"queues": {"agents": 3}})
    assert moved["queues"] == [{"id": "agents", "name": "人工服务", "penalty": 3}]
    await api.json("agent", "GET", "/agents/1001", 403)
    assert await api.json("supervisor", "GET", "/agents/1001") == moved | {
        "others": [{"id": "help", "name": "求助", "penalty": 0}], "pause_reasons": ["小休", "用餐"],
    }  # fmt: skip
    idle = await api.json("supervisor", "GET", "/agents/2001")
    assert (idle["queues"], {one["id"]: one["penalty"] for one in idle["others"]}) == ([], {"help": 1, "agents": 0})
    for queues in ({}, {"help": 10}, {"No\n": 1}):
        await api.json("supervisor", "PUT", "/agents/1001/queues", 422, json={"queues": queues})
    await api.json("supervisor", "PUT", "/agents/9999/state", 422, json=body)
    await api.json("supervisor", "DELETE", "/agents/1001/seat", 204)
    await api.json("supervisor", "DELETE", "/agents/1001/seat", 404)
    assert await api.json("agent", "GET", "/seat") is None
    assert board(api).now["1001"].working is Working.OUT
    assert [act for act, _ in await acts(api, "seat:1001")] == [
        "seat.take", "agent.state", "agent.queues", "seat.free",
    ]  # fmt: skip


async def test_a_page_s_telephone_is_let_in_where_it_comes_to_and_shut_out_when_the_seat_is_free(api: Api) -> None:
    mine = await sit(api, "agent", "2001")
    [sitting] = board(api).admitted.values()
    board(api).admitted.clear()
    assert await api.json("agent", "GET", "/seat") == mine
    assert board(api).admitted == {"2001": sitting}
    board(api).away = True
    assert await api.json("agent", "GET", "/seat") == mine
    board(api).away = False
    await api.json("agent", "DELETE", "/seat", 204)
    assert board(api).admitted == {}
    await sit(api, "agent", "2001")
    assert board(api).admitted != {"2001": sitting}


async def test_listening_is_written_down_before_anything_rings(api: Api) -> None:
    body = {"mode": "whisper"}
    assert (await api.json("supervisor", "POST", f"/calls/{CALL}/listen", 409, json=body))["code"] == "no_seat"
    await sit(api, "supervisor", "3001")
    await api.json("agent", "POST", f"/calls/{CALL}/listen", 403, json=body)
    board(api).away = True
    await api.json("supervisor", "POST", f"/calls/{CALL}/listen", 503, json=body)
    board(api).away = False
    heard = await api.json("supervisor", "POST", f"/calls/{CALL}/listen", json=body)
    assert heard == {"agent": "1001", "mode": "whisper"}
    assert board(api).asked[-1] == ("listen", CALL, SpyMode.WHISPER, "3001")
    assert await acts(api, f"call:{CALL}") == [("call.listen", "user:supervisor")] * 2


async def test_a_confidential_ticket_s_call_is_listened_to_by_who_may_see_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_call(api.engine, ONE, START, BEGUN)
    await turn_secret(api, await ticket_of(api, ONE), "dispatcher")
    await sit(api, "supervisor", "3001")
    less = roles.PERMISSIONS[Role.SUPERVISOR] - {Permission.TICKET_CONFIDENTIAL}
    monkeypatch.setitem(cast(dict[Role, frozenset[Permission]], roles.PERMISSIONS), Role.SUPERVISOR, less)
    body = {"mode": "listen"}
    await api.json("supervisor", "POST", f"/calls/{ONE}/listen", 404, json=body)
    assert not [one for one in board(api).asked if one[0] == "listen"]
    assert await acts(api, f"call:{ONE}") == [("ticket.refused", "user:supervisor")]
