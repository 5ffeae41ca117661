"""A call's life over the API: who sees it, masked; revealing is written down; what is confidential; a live call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from callback import dnc
from calls.alerts import Alert, raise_alerts
from line import barred
from line.tables import barred_callers
from people.roles import Permission
from tests.unit.api_peer import Api, api_for
from tests.unit.call_people import AGENT, CALLER, NUMBER, QUEUE, Line, ours, own, put_call
from tickets.store import Received, receive

NOW = datetime.now(UTC)
START = NOW - timedelta(hours=1)
ONE, TWO, THREE = (f"hotline-{int(START.timestamp())}.{n}" for n in (1, 2, 3))
BEGUN = (
    ours(0.0, "ARRIVED", dialled="12345", via="public", number="13900001111", pres="allowed"),
    own(0.1, "ANSWER"),
    ours(0.2, "RECORDING", file=f"2026/11/22/{ONE}.raw"),
    ours(2.0, "HEARD", node="main", text="我家停水，电话13900002222", topic="water-supply", **{"class": "help"}),
    ours(4.0, "NUMBER", digits="13900002222", node="callback"),
    ours(5.0, "KEY", key="2", node="main"),
    ours(6.0, "DECISION", kind="queue", to=QUEUE, category="help", by="key"),
    ours(6.1, "QUEUE", name=QUEUE),
    own(8.0, "BRIDGE_ENTER", bridge_id="b"),
    own(8.1, "BRIDGE_ENTER", AGENT, bridge_id="b"),
)
ENDED = (own(30.0, "HANGUP", hangupsource=AGENT), own(30.1, "CHAN_END"))
READERS = ("agent", "dispatcher", "supervisor", "manager")
OTHERS = ("officer", "leader", "administrator")
LIFE: Any = {"reason": "核对号码"}


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """One call that is over, with a ticket."""
    await put_call(engine, ONE, START, [*BEGUN, *ENDED])
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def ticket_of(api: Api, call: str = ONE, at: datetime = START) -> str:
    async with api.engine.begin() as connection:
        request = Received(call, at, "help", False, CALLER, NUMBER, "2", "来电说（机器识别）“我家停水” 求助")
        return (await receive(connection, [request]))[call]


async def audited(api: Api, call: str = ONE) -> list[tuple[str, str]]:
    found = await api.json("manager", "GET", f"/audit?object=call:{call}")
    return [(one["action"], one["actor"]) for one in reversed(found["items"])]


async def turn_secret(api: Api, number: str, handler: str) -> None:
    version = (await api.json("supervisor", "GET", f"/tickets/{number}"))["version"]
    headers = {"If-Match": f'"{number}-{version}"'}
    body = {"confidential": True, "handler": handler}
    await api.json("agent", "PATCH", f"/tickets/{number}", headers=headers, json=body)


async def ids(api: Api, query: str = "", who: str = "agent") -> list[str]:
    return [one["id"] for one in (await api.json(who, "GET", f"/calls{query}"))["items"]]


async def test_each_role_sees_the_call_masked_or_not_at_all(api: Api) -> None:
    number = await ticket_of(api)
    for who in READERS:
        [line] = (await api.json(who, "GET", "/calls"))["items"]
        assert (line["number"], line["ticket"], line["agent"], line["queue"]) == ("139****1111", number, "1001", QUEUE)
        assert (line["state"], line["category"], line["message"], line["recorded"]) == ("ended", "help", False, None)
        life = await api.json(who, "GET", f"/calls/{ONE}")
        assert "13900001111" not in str(life)
        assert "13900002222" not in str(life)
        assert [one["number"] for one in life["tickets"]] == [number]
    for who in OTHERS:
        for method, path in (("GET", ""), ("GET", f"/{ONE}"), ("GET", f"/{ONE}/caller")):
            await api.json(who, method, f"/calls{path}", 403)


async def test_a_life_from_ring_to_end(api: Api) -> None:
    async with api.engine.begin() as connection:
        await raise_alerts(connection, [Alert("emergency", f"{ONE}/110", "139 0000 1111 来电紧急求助 110", ONE)])
    life = await api.json("supervisor", "GET", f"/calls/{ONE}")
    told = {(one["kind"], one["name"], one["text"]) for one in life["timeline"]}
    assert {
        ("arrived", "来电", "市民来电 12345"),
        ("number", "输入号码", "139****2222（callback）"),
        ("connected", "接通", "座席 1001 张敏"),
        ("hung_up", "挂断", "座席 1001"),
    } <= told
    moments = [(one["ms"], one["kind"]) for one in life["timeline"]]
    assert moments == sorted(moments, key=lambda one: one[0])
    assert (30_000, "hung_up") in moments
    [heard] = life["heard"]
    assert (heard["ms"], heard["text"], heard["understood"]) == (2000, "我家停水，电话139****2222", "help")
    assert (life["keyed"], life["said"], life["topic"]) == ("2", "我家停水，电话139****2222", "water-supply")
    assert (life["hangup_by"], life["decided_by"], life["cut"]) == ("agent 1001", "key", False)
    assert (life["recording"], life["transcript"], life["made"], life["place"]) == (None, None, None, None)
    [alert] = life["alerts"]
    assert (alert["kind"], alert["text"]) == ("emergency", "139****1111 来电紧急求助 110")
    await api.json("supervisor", "GET", "/calls/hotline-1795296063.99", 404)
    await api.json("supervisor", "GET", "/calls/x", 422)


async def test_a_live_call_as_far_as_it_has_come(api: Api) -> None:
    await put_call(api.engine, TWO, START, BEGUN[:2])
    life = await api.json("agent", "GET", f"/calls/{TWO}")
    assert (life["state"], life["ended_at"], life["hangup_by"], life["agent"]) == ("live", None, "", "")
    assert [one["kind"] for one in life["timeline"]] == ["arrived", "answered"]
    assert await ids(api, "?state=live") == [TWO]
    await put_call(api.engine, TWO, START, BEGUN[2:], begin=2)
    life = await api.json("agent", "GET", f"/calls/{TWO}")
    assert (life["state"], life["agent"], life["said"]) == ("live", "1001", "我家停水，电话139****2222")
    assert life["timeline"][-1]["kind"] == "connected"
    card = await api.json("agent", "GET", f"/calls/{TWO}/caller")
    assert (card["keyed"], card["calls_30d"], card["known"]) == ("2", 1, True)
    await put_call(api.engine, TWO, START, ENDED, begin=len(BEGUN))
    assert (await api.json("agent", "GET", f"/calls/{TWO}"))["state"] == "ended"
    assert await ids(api, "?state=live") == []
    assert await audited(api, TWO) == [("call.read", "user:agent"), ("call.caller", "user:agent")], "one look"


async def test_what_is_typed_key_by_key_is_not_shown(api: Api) -> None:
    keys = [ours(1.0 + n / 10, "KEY", key=key, node="main") for n, key in enumerate("13900002222")]
    await put_call(api.engine, TWO, START, [BEGUN[0], *keys])
    life = await api.json("agent", "GET", f"/calls/{TWO}")
    assert life["keyed"] == "139****2222"
    assert {one["text"] for one in life["timeline"] if one["kind"] == "key"} == {"*（main）"}


async def test_revealing_is_written_down_and_not_for_all(api: Api) -> None:
    for who in ("manager", *OTHERS):
        await api.json(who, "POST", f"/calls/{ONE}/reveal", 403, json=LIFE)
    await api.json("agent", "POST", f"/calls/{ONE}/reveal", 422, json={"reason": " "})
    shown = await api.json("agent", "POST", f"/calls/{ONE}/reveal", json={"reason": "回拨 13900001111"})
    assert shown == {
        "id": ONE,
        "number": "139 0000 1111",
        "e164": NUMBER,
        "keyed": "2",
        "said": "我家停水，电话13900002222",
    }
    assert await audited(api) == [("call.reveal", "user:agent")]
    [entry] = (await api.json("manager", "GET", "/audit?action=call.reveal"))["items"]
    assert entry["detail"] == {"reason": "回拨 139****1111"}
    life = await api.json("supervisor", "GET", f"/calls/{ONE}")
    assert [(one["by"], one["what"]) for one in life["listened"]] == [("user:agent", "reveal")]
    assert (await api.json("agent", "GET", f"/calls/{ONE}"))["listened"] == []


async def test_a_confidential_tickets_call_is_for_who_sees_the_ticket(api: Api) -> None:
    await put_call(api.engine, TWO, START + timedelta(minutes=1), BEGUN[:2])
    number = await ticket_of(api)
    await turn_secret(api, number, "dispatcher")
    for who, seen in (("agent", False), ("manager", False), ("dispatcher", True), ("supervisor", True)):
        assert await ids(api, who=who) == ([TWO, ONE] if seen else [TWO]), who
        status = 200 if seen else 404
        await api.json(who, "GET", f"/calls/{ONE}", status)
        await api.json(who, "GET", f"/calls/{ONE}/caller", status)
        if who != "manager":
            await api.json(who, "POST", f"/calls/{ONE}/reveal", status, json=LIFE)
    refused = [(action, who) for action, who in await audited(api) if action == "ticket.refused"]
    assert refused == [("ticket.refused", f"user:{who}") for who in ("agent",) * 3 + ("manager",) * 2]
    await api.json("agent", "GET", f"/calls/{THREE}", 404)
    assert await audited(api, THREE) == [], "there is none"
    card = await api.json("agent", "GET", f"/calls/{TWO}/caller")
    assert card["earlier"] == []
    platform = await api.token([Permission.CALL_READ])
    assert await ids(api, who=platform) == [TWO]
    life = await api.json(platform, "GET", f"/calls/{TWO}")
    assert life["tickets"] == []
    assert (await api.json(platform, "GET", f"/calls/{TWO}/caller"))["earlier"] == []


async def test_lists_are_filtered_and_in_pages(api: Api) -> None:
    other = ours(0.0, "ARRIVED", dialled="12345", via="public", number="13900003333", pres="allowed")
    fire = ours(1.0, "EMERGENCY", service="119", by="key")
    await put_call(api.engine, TWO, START + timedelta(minutes=1), [other, own(0.1, "ANSWER"), fire])
    await put_call(api.engine, THREE, START + timedelta(minutes=2), [BEGUN[0]], message_file="x.wav", missed=True)
    assert await ids(api) == [THREE, TWO, ONE]
    first = await api.json("agent", "GET", "/calls?limit=2")
    assert ([one["id"] for one in first["items"]], first["next"]) == ([THREE, TWO], TWO)
    assert await ids(api, f"?limit=2&after={first['next']}") == [ONE]
    assert await ids(api, "?number=13900001111") == [THREE, ONE]
    refused = await api.json("manager", "GET", "/calls?number=13900001111", 403)
    assert "未脱敏" in refused["detail"]
    assert await ids(api, "?agent=1001") == [ONE]
    assert await ids(api, f"?queue={QUEUE}") == [ONE]
    assert await ids(api, "?emergency=true") == [TWO]
    assert await ids(api, "?message=true") == [THREE]
    assert await ids(api, "?missed=true") == [THREE]
    assert await ids(api, "?state=ended") == [ONE]
    since = (START + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    assert await ids(api, f"?since={since}") == [THREE, TWO]
    assert await ids(api, f"?until={since}") == [ONE]
    for wrong in ("number=12", "agent=x", "queue=A", "after=x", "after=hotline-1795296063.99", "limit=0", "state=x"):
        await api.json("agent", "GET", f"/calls?{wrong}", 422)
    acts = (await api.json("manager", "GET", "/audit?action=call.find_caller"))["items"]
    assert len(acts) == 1
    assert "13900001111" not in str(acts)


async def test_who_is_calling(api: Api) -> None:
    number = await ticket_of(api)
    await put_call(api.engine, TWO, START + timedelta(minutes=30), BEGUN[:2])
    await put_call(api.engine, THREE, START - timedelta(days=40), BEGUN[:1])
    now = datetime.now(UTC)
    async with api.engine.begin() as connection:
        await barred.add(connection, NUMBER, "反复辱骂，家住 13900002222", now + timedelta(days=1), "lihua", now)
        await dnc.add(connection, NUMBER, "不愿接听", "callback", now)
    card = await api.json("agent", "GET", f"/calls/{TWO}/caller")
    assert [(one["number"], one["state"]) for one in card["earlier"]] == [(number, "received")]
    assert (card["number"], card["open"], card["more"], card["calls_30d"]) == ("139****1111", 1, False, 1)
    assert (card["barred"]["reason"], card["barred"]["by"]) == ("反复辱骂，家住 139****2222", "lihua")
    assert (card["do_not_call"], card["ticket"]) == (True, None)
    assert (await api.json("agent", "GET", f"/calls/{ONE}/caller"))["ticket"] == number


async def test_a_proposal_bars_nobody(api: Api) -> None:
    row = {"number": NUMBER, "reason": "多次短呼", "proposed": True, "barred_by": "system"}
    async with api.engine.begin() as connection:
        await connection.execute(insert(barred_callers).values(**row, until=NOW + timedelta(days=9)))
    assert (await api.json("agent", "GET", f"/calls/{ONE}/caller"))["barred"] is None


async def test_of_a_hidden_number_nothing_is_known(api: Api) -> None:
    hidden = Line(0.0, "ARRIVED", (("via", "public"), ("number", "13900001111"), ("pres", "prohib_not_screened")))
    await put_call(api.engine, TWO, START, [hidden])
    card = await api.json("agent", "GET", f"/calls/{TWO}/caller")
    assert (card["known"], card["number_kind"], card["earlier"], card["calls_30d"]) == (False, "hidden", [], 0)
    shown = await api.json("agent", "POST", f"/calls/{TWO}/reveal", json=LIFE)
    assert (shown["number"], shown["e164"]) == ("号码隐藏", None)
