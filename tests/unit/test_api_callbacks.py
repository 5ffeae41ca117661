"""Campaigns over the API: who may, what they see, and that a person's call is written down before anybody is rung."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest_asyncio
from aiohttp import ClientResponse, FormData
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callback import dnc
from callback.words import Outcome, TargetState
from hotline.db import driver_url
from people.roles import Permission, Role
from tests.unit.api_peer import Api, Telephone, api_for
from tests.unit.test_callback_report import attempt_in, target_in
from tickets.number import ticket_day

NUMBERS = "姓名,手机\n甲,13900000001\n乙,13900000002\n丙,139\n丁,13900000001\n戊,110\n"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def telephone(api: Api) -> Telephone:
    assert isinstance(api.services.ring, Telephone)
    return api.services.ring


async def campaign(api: Api, kind: str = "list", **given: Any) -> int:
    today = ticket_day(datetime.now(UTC)).isoformat()
    survey = {"list": "opinion", "tickets": "satisfaction", "missed": "missed"}[kind]
    body = {"name": "民调", "kind": kind, "survey": survey, "starts_on": today, **given}
    made = await api.json("supervisor", "POST", "/callbacks/campaigns", 201, json=body)
    assert made["campaign"]["state"] == "draft"
    return int(made["campaign"]["id"])


async def upload(api: Api, who: str, id: int, content: bytes) -> ClientResponse:
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename="numbers.csv")
    return await api.ask(who, "POST", f"/callbacks/campaigns/{id}/numbers", data=form)


async def act(api: Api, id: int, do: str, status: int = 200) -> Any:
    return await api.json("supervisor", "POST", f"/callbacks/campaigns/{id}/actions", status, json={"do": do})


async def test_a_campaign_from_its_plan_to_its_end(api: Api) -> None:
    id = await campaign(api)
    async with api.engine.begin() as connection:
        await dnc.add(connection, "+8613900000002", "本人要求", "callback", datetime.now(UTC))
    loaded = await (await upload(api, "supervisor", id, NUMBERS.encode("gb18030"))).json()
    counts = {name: loaded[name] for name in ("added", "duplicates", "rejected", "to_ring", "do_not_call")}
    assert counts == {"added": 2, "duplicates": 1, "rejected": 2, "to_ring": 1, "do_not_call": 1}
    assert [one["line"] for one in loaded["rejected_lines"]] == [4, 6]
    again = await (await upload(api, "supervisor", id, NUMBERS.encode())).json()
    assert (again["added"], again["to_ring"]) == (0, 1)

    assert (await act(api, id, "start"))["campaign"]["state_name"] == "进行中"
    await act(api, id, "start", 409)
    await act(api, id, "resume", 409)
    await act(api, id, "pause")
    await act(api, id, "resume")
    standing = await api.json("manager", "GET", f"/callbacks/campaigns/{id}/status")
    assert standing["people"]["waiting"] == 2
    assert standing["cap"] == 10
    status = await api.json("dispatcher", "GET", "/callbacks/status")
    assert [one["campaign"]["id"] for one in status["campaigns"]] == [id]
    assert (status["lines"], status["held_back"]) == (0, "")

    await act(api, id, "done")
    people = await api.json("manager", "GET", f"/callbacks/campaigns/{id}/people")
    assert [(one["number"], one["state"], one["reason"]) for one in people["items"]] == [
        ("139****0001", "dropped", "任务已结束"),
        ("139****0002", "dropped", "任务已结束"),
    ]
    page = await api.json(
        "manager", "GET", f"/callbacks/campaigns/{id}/people?limit=1&after={people['items'][0]['id']}"
    )
    assert [one["number"] for one in page["items"]] == ["139****0002"]
    await act(api, id, "resume", 409)
    assert (await upload(api, "supervisor", id, NUMBERS.encode())).status == 409
    listed = await api.json("dispatcher", "GET", "/callbacks/campaigns?state=done&state=draft")
    assert [(one["id"], one["kind_name"]) for one in listed["items"]] == [(id, "民意调查")]
    acts = await api.json("manager", "GET", f"/audit?object=campaign:{id}")
    assert [one["action"] for one in acts["items"]] == [
        *("callback.done", "callback.resume", "callback.pause", "callback.start"),
        *("callback.numbers", "callback.numbers", "callback.plan"),
    ]


async def test_only_drafts_are_deleted_and_rules_change_until_the_end(api: Api) -> None:
    id = await campaign(api, rules={"max_lines": 3})
    window = {"start": "09:30", "end": "11:00"}
    rules = {"rules": {"max_lines": 5, "windows": [window], "weekdays": [0, 1]}}
    changed = await api.json("supervisor", "PUT", f"/callbacks/campaigns/{id}/rules", json=rules)
    assert (changed["rules"]["max_lines"], changed["rules"]["windows"]) == (5, [window])
    late = {"rules": {"windows": [{"start": "09:00", "end": "21:30"}]}}
    await api.json("supervisor", "PUT", f"/callbacks/campaigns/{id}/rules", 422, json=late)
    await upload(api, "supervisor", id, NUMBERS.encode())
    await api.json("supervisor", "DELETE", f"/callbacks/campaigns/{id}", 204)
    await api.json("supervisor", "GET", f"/callbacks/campaigns/{id}", 404)
    other = await campaign(api)
    await act(api, other, "start")
    await api.json("supervisor", "DELETE", f"/callbacks/campaigns/{other}", 409)
    await act(api, other, "done")
    await api.json("supervisor", "PUT", f"/callbacks/campaigns/{other}/rules", 409, json=rules)


async def test_what_is_wrong_with_a_plan_is_said(api: Api) -> None:
    today = ticket_day(datetime.now(UTC))
    good = {"name": "民调", "kind": "list", "survey": "opinion", "starts_on": today.isoformat()}

    async def refused(status: int, **given: Any) -> str:
        found = await api.json("supervisor", "POST", "/callbacks/campaigns", status, json={**good, **given})
        return str(found["detail"])

    assert "opinion" in await refused(422, survey="nothing")
    await refused(422, rules={"per_day": 6})
    await refused(422, rules={"windows": [{"start": "07:00", "end": "09:00"}]})
    await refused(422, starts_on="9999-12-31")
    yesterday = today - timedelta(days=1)
    await refused(409, starts_on=yesterday.isoformat(), ends_on=yesterday.isoformat())
    await campaign(api)
    assert "民调" in await refused(409)
    tickets = await campaign(api, "tickets", name="回访")
    assert (await upload(api, "supervisor", tickets, NUMBERS.encode())).status == 422
    mine = await campaign(api, name="另一个")
    assert (await upload(api, "supervisor", mine, b"\xff\xff\x00")).status == 422


async def test_whoever_rings_is_told(api: Api, database_url: str) -> None:
    id = await campaign(api)
    async with await psycopg.AsyncConnection.connect(driver_url(database_url), autocommit=True) as listener:
        await listener.execute("LISTEN callbacks")
        await act(api, id, "start")
        async with asyncio.timeout(20):
            async for one in listener.notifies(stop_after=1):
                assert one.payload == str(id)


async def test_the_report_has_both_rates_in_every_form(api: Api) -> None:
    id = await campaign(api, "missed", name="=漏接")
    now = datetime.now(UTC)
    async with api.engine.begin() as connection:
        for index in range(10):
            target = await target_in(connection, id, str(index), state=TargetState.RATED, due_at=now)
            if index < 2:
                await attempt_in(connection, id, target, Outcome.ANSWERED, now, satisfaction="satisfied", solved="yes")
    made = await api.json("manager", "GET", f"/callbacks/report?campaign={id}&by=hour")
    total = made["total"]
    assert (total["asked"], total["rated"], total["satisfied_of_rated"], total["response_rate"]) == (10, 2, 1.0, 0.2)
    assert total["satisfied_at_least"] == 0.2
    assert sum(row["asked"] for row in made["rows"]) == 10
    assert "20.0%" in made["summary"]
    assert made["answers"]["solved"] == {"yes": 2}
    sheet = await api.ask("manager", "GET", f"/callbacks/report.xlsx?campaign={id}")
    assert "attachment" in sheet.headers["Content-Disposition"]
    cell = openpyxl.load_workbook(io.BytesIO(await sheet.read())).active["A1"]
    assert (cell.value, cell.data_type) == ("=漏接", "s")
    picture = await api.ask("manager", "GET", "/callbacks/report.svg?from=2026-01-01&to=2027-01-01&by=category")
    assert (await picture.read()).lstrip().startswith(b"<?xml")
    await api.json("manager", "GET", "/callbacks/report?campaign=999", 404)
    await api.json("agent", "GET", "/callbacks/report", 403)


async def test_numbers_that_are_not_rung(api: Api) -> None:
    path = "/callbacks/do-not-call"
    first = await api.json("supervisor", "POST", path, json={"number": "139 0000 0001"})
    assert first == {"number": "+8613900000001", "new": True}
    assert not (await api.json("supervisor", "POST", path, json={"number": "13900000001"}))["new"]
    await api.json("supervisor", "POST", path, json={"number": "13900000002", "reason": "来信"})
    await api.json("supervisor", "POST", path, 422, json={"number": "110"})
    shown = await api.json("supervisor", "GET", f"{path}?limit=1")
    assert [one["number"] for one in shown["items"]] == ["+8613900000001"]
    following = await api.json("supervisor", "GET", path, params={"after": shown["next"]})
    assert [(one["number"], one["reason"], one["by"]) for one in following["items"]] == [
        ("+8613900000002", "来信", "user:supervisor")
    ]
    await api.json("manager", "GET", path, 403)
    await api.json("supervisor", "POST", f"{path}/removals", 204, json={"number": "13900000001"})
    await api.json("supervisor", "POST", f"{path}/removals", 404, json={"number": "13900000001"})
    log = await api.json("manager", "GET", "/audit?action=do_not_call.add")
    assert all("****" in one["object"] for one in log["items"])


async def test_a_citizen_is_called_once_and_it_is_in_the_history(api: Api) -> None:
    number = await api.new(contact="0411-83456789")
    async with api.engine.begin() as connection:
        await dnc.add(connection, "+8641183456789", "本人要求", "callback", datetime.now(UTC))
    headers = {"Idempotency-Key": "one-and-only"}
    asked: dict[str, Any] = {"headers": headers, "json": {"extension": "1001"}}
    made = await api.json("agent", "POST", f"/tickets/{number}/call", **asked)
    assert made["number"] == "0411-****6789"
    assert "自动回访" in made["warning"]
    assert await api.json("agent", "POST", f"/tickets/{number}/call", **asked) == made
    [rung] = telephone(api).rung
    assert (rung.number, rung.extension, rung.ticket) == ("+8641183456789", "1001", number)
    assert rung.call_id == made["call_id"]
    [event] = [one for one in await history(api, number) if one["kind"] == "called"]
    assert event["data"] == {"call_id": rung.call_id, "extension": "1001", "do_not_call": True}
    assert (event["actor"], event["name"]) == ("agent", "座席致电")


async def test_nobody_elses_telephone_rings(api: Api) -> None:
    """A seat's is its own; who sits rings there; a telephone at which nobody sits is anybody's who sits nowhere."""
    path = f"/tickets/{await api.new()}/call"

    async def ring(who: str, extension: str, status: int = 200) -> str:
        answer = await api.json(who, "POST", path, status, json={"extension": extension})
        return str(answer.get("code", "rung"))

    await api.json("agent", "POST", "/seat", json={"extension": "2001"})
    assert await ring("agent", "1001", 409) == "seated"
    assert await ring("dispatcher", "2001", 409) == "seat_taken"
    assert telephone(api).rung == []
    for who, extension in (("agent", "2001"), ("dispatcher", "1001")):
        assert await ring(who, extension) == "rung"
    async with api.engine.begin() as connection:
        await connection.execute(text("UPDATE sessions SET seen_at = seen_at - interval '2 days'"))
    await api.sign_in("colleague", Role.AGENT, None)
    assert await ring("colleague", "2001") == "rung", "whoever has no session left keeps no seat from others"
    assert [rung.extension for rung in telephone(api).rung] == ["2001", "1001", "2001"]


async def history(api: Api, number: str) -> list[Any]:
    return list((await api.json("agent", "GET", f"/tickets/{number}/history"))["items"])


async def test_who_may_not_or_cannot_call_rings_nobody(api: Api) -> None:
    number = await api.new()
    path = f"/tickets/{number}/call"
    for who in ("officer", "leader", "manager", "administrator", "supervisor"):
        await api.json(who, "POST", path, 403, json={"extension": "1001"})
    await api.json("agent", "POST", path, 422, json={"extension": "9999"})
    await api.json("agent", "POST", "/tickets/20261121-999999/call", 404, json={"extension": "1001"})
    nameless = await api.new(caller="匿名")
    refused = await api.json("agent", "POST", f"/tickets/{nameless}/call", 422, json={"extension": "1001"})
    assert "号码" in refused["detail"]
    token = await api.token([Permission.TICKET_CREATE])
    await api.json(token, "POST", path, 403, json={"extension": "1001"})
    assert telephone(api).rung == []
    telephone(api).why = "分机 1001 没有接听"
    refused = await api.json("agent", "POST", path, 409, json={"extension": "1001"})
    assert refused["detail"] == "分机 1001 没有接听。"
    assert [one["kind"] for one in await history(api, number)][-1] == "called"
