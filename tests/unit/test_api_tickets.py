"""Tickets over the API: a life from end to end, versions, the same request twice, masking, secrecy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from people.roles import Permission, Role
from people.units import Unit, UnitKind, save_unit
from tests.unit.api_peer import Api, api_for

SECRET = "举报某局长收受贿赂"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def test_a_life(api: Api) -> None:
    number = await api.dispatched()
    shown = await api.json("officer", "GET", f"/tickets/{number}")
    assert (shown["state"], shown["unit"]) == ("dispatched", "housing")
    due = await api.json("officer", "GET", f"/tickets/{number}/deadlines")
    assert {one["article"] for one in due["items"]} >= {"第十八条"}
    refused = await api.do("officer", number, "complete", 409)
    assert refused["articles"]
    assert refused["detail"].startswith("第")
    await api.do("officer", number, "complete", result="已恢复供水", basis="供水条例")
    await api.do("dispatcher", number, "review", **{"pass": True})
    done = await api.do("agent", number, "rate", level="satisfied")
    assert done["rating"] == "satisfied"
    await api.do("dispatcher", number, "archive")
    history = await api.json("supervisor", "GET", f"/tickets/{number}/history")
    kinds = [one["kind"] for one in history["items"]]
    assert kinds == ["received", "accept", "dispatch", "complete", "review", "rate", "archive"]
    # The officer may not review, and not dispatch.
    other = await api.dispatched()
    await api.do("officer", other, "dispatch", 403, unit="water")
    await api.do("dispatcher", other, "dispatch", 422, unit="nobody")
    await api.do("officer", other, "supervise", 403, reason="leader")


async def test_who_did_not_see_the_present_version_changes_nothing(api: Api) -> None:
    number = await api.new()
    path = f"/tickets/{number}/commands"
    answer = await api.ask("dispatcher", "POST", path, json={"do": "accept"})
    assert answer.status == 428
    shown = await api.ask("dispatcher", "GET", f"/tickets/{number}")
    seen = {"If-Match": shown.headers["ETag"]}
    first = await api.ask("dispatcher", "POST", path, json={"do": "accept"}, headers=seen)
    assert first.status == 200
    assert first.headers["ETag"] != shown.headers["ETag"]
    second = await api.json("dispatcher", "POST", path, 412, json={"do": "decline", "reason": "x"}, headers=seen)
    assert second["code"] == "changed"
    for wrong in ("*", "W/" + shown.headers["ETag"], '"20260101-000001-1"', '"x"'):
        assert (
            await api.ask("dispatcher", "POST", path, json={"do": "accept"}, headers={"If-Match": wrong})
        ).status == 412
    assert (await api.json("dispatcher", "GET", f"/tickets/{number}"))["version"] == 2


async def test_of_twenty_at_once_one_dispatches(api: Api) -> None:
    number = await api.new()
    await api.do("dispatcher", number, "accept")
    tag = {"If-Match": f'"{number}-2"'}
    body = {"do": "dispatch", "unit": "housing"}
    answers = await asyncio.gather(
        *(api.ask("dispatcher", "POST", f"/tickets/{number}/commands", json=body, headers=tag) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 19


async def test_the_same_request_sent_twice_is_done_once(api: Api) -> None:
    body = {"category": "help", "title": "路灯不亮"}
    key = {"Idempotency-Key": "0123-abcd-efgh"}
    answers = await asyncio.gather(*(api.ask("agent", "POST", "/tickets", json=body, headers=key) for _ in range(10)))
    assert {answer.status for answer in answers} == {201}
    made = [await answer.json() for answer in answers]
    assert len({one["number"] for one in made}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 9
    assert {answer.headers["Location"] for answer in answers} == {f"/api/v1/tickets/{made[0]['number']}"}
    other = await api.json("agent", "POST", "/tickets", 422, json={**body, "title": "别的"}, headers=key)
    assert other["code"] == "key_reused"
    # The key is the agent's own.
    again = await api.json("dispatcher", "POST", "/tickets", 201, json=body, headers=key)
    assert again["number"] != made[0]["number"]
    # After a day it is forgotten.
    async with api.engine.begin() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET at = at - interval '25 hours'"))
    late = await api.json("agent", "POST", "/tickets", 201, json=body, headers=key)
    assert late["number"] != made[0]["number"]
    async with api.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM idempotency_keys")) == 1


async def test_what_failed_may_be_tried_again_with_its_key(api: Api) -> None:
    key = {"Idempotency-Key": "once-more"}
    wrong = {"category": "help", "title": "路灯", "policy": "nowhere-2000"}
    assert (await api.ask("agent", "POST", "/tickets", json=wrong, headers=key)).status == 422
    assert (await api.ask("agent", "POST", "/tickets", json={"category": "help"}, headers=key)).status == 201


async def test_personal_data_is_masked_until_it_is_revealed_and_that_is_written_down(api: Api) -> None:
    number = await api.dispatched(
        requester="张三丰", contact="13900002222", address="中山路18号3单元501", content="我叫张三，电话13900003333"
    )
    await api.do("officer", number, "contact")
    personal = ("13900001111", "13900002222", "13900003333", "张三", "3单元")
    for path in ("", "/history", "/earlier", "/deadlines"):
        for who in ("officer", "agent", "manager", "supervisor"):
            found = json.dumps(await api.json(who, "GET", f"/tickets/{number}{path}"), ensure_ascii=False)
            assert not [one for one in personal if one in found], (path, who, found)
    listed = json.dumps(await api.json("agent", "GET", "/tickets?caller=13900001111"), ensure_ascii=False)
    assert number in listed
    assert "13900001111" not in listed
    assert (await api.ask("manager", "POST", f"/tickets/{number}/reveal", json={"reason": "看看"})).status == 403
    assert (await api.ask("officer", "POST", f"/tickets/{number}/reveal", json={"reason": " "})).status == 422
    shown = await api.json("officer", "POST", f"/tickets/{number}/reveal", json={"reason": "联系诉求人"})
    assert (shown["caller"], shown["contact"], shown["requester"]) == ("13900001111", "13900002222", "张三丰")
    log = await api.json("manager", "GET", f"/audit?object=ticket:{number}&action=ticket.reveal")
    assert [(one["actor"], one["detail"]["reason"]) for one in log["items"]] == [("user:officer", "联系诉求人")]
    looked = await api.json("manager", "GET", f"/audit?object=ticket:{number}&action=ticket.read&actor=user:manager")
    assert looked["items"]
    await api.json("officer", "POST", f"/tickets/{number}/reveal", json={"reason": "回电13900001111"})
    assert "13900001111" not in json.dumps(await api.json("manager", "GET", "/audit?limit=500"))


async def test_lists_page_by_page(api: Api) -> None:
    numbers = [await api.new(title=f"停水第{n}天", urgent=n % 2 == 0) for n in range(7)]
    seen: list[str] = []
    path = "/tickets?limit=3"
    for _ in range(3):
        answer = await api.ask("agent", "GET", path)
        page = await answer.json()
        seen += [one["number"] for one in page["items"]]
        if page["next"] is None:
            break
        path = answer.headers["Link"].partition(">")[0].removeprefix("</api/v1")
    assert seen == numbers[::-1]
    urgent = await api.json("agent", "GET", "/tickets?urgent=true")
    assert len(urgent["items"]) == 4
    await api.do("dispatcher", numbers[0], "accept")
    for states, count in (("state=accepted", 1), ("state=accepted&state=received", 7), ("state=archived", 0)):
        assert len((await api.json("agent", "GET", f"/tickets?{states}"))["items"]) == count
    await api.json("agent", "GET", "/tickets?state=lost", 422)
    found = await api.json("agent", "GET", "/tickets?text=停水第3")
    assert [one["number"] for one in found["items"]] == [numbers[3]]
    assert (await api.json("officer", "GET", "/tickets"))["items"] == []


async def test_earlier_tickets_of_the_same_caller(api: Api) -> None:
    first = await api.new()
    request = {"category": "complaint", "title": "停水", "content": "小区停水三天了", "caller": "+86 139-0000-1111"}
    made = await api.json("agent", "POST", "/tickets", 201, json=request)
    assert made["earlier"] == [first]
    found = await api.json("agent", "GET", f"/tickets/{made['number']}/earlier")
    assert [one["number"] for one in found["items"]] == [first]
    assert found["alike"] == [first]


async def test_what_is_masked_is_not_found_out_by_searching(api: Api) -> None:
    number = await api.new(content="小区停水三天，电话13900002222，并入20261121-000123")
    token = await api.token([Permission.TICKET_READ_ALL])
    for who in ("manager", token):
        for query in ("caller=13900001111", "text=13900002222", "text=停水 139", "text=１３９０", "text=13 90"):
            refused = await api.json(who, "GET", f"/tickets?{query}", 403)
            assert refused["code"] == "forbidden"
            assert "未脱敏" in refused["detail"]
        for query in ("text=停水三天", "text=20261121-000123"):
            assert [one["number"] for one in (await api.json(who, "GET", f"/tickets?{query}"))["items"]] == [number]
    for query in ("caller=13900001111", "text=13900002222"):
        assert len((await api.json("agent", "GET", f"/tickets?{query}"))["items"]) == 1


async def test_split_and_merge(api: Api) -> None:
    number = await api.new()
    tag = {"If-Match": f'"{number}-1"'}
    parts = {"parts": [{"category": "help", "content": "路灯不亮"}, {"category": "complaint", "content": "井盖丢失"}]}
    made = await api.json("dispatcher", "POST", f"/tickets/{number}/split", 201, json=parts, headers=tag)
    assert len(made["items"]) == 2
    part = made["items"][0]["number"]
    assert (await api.json("agent", "GET", f"/tickets?parent={number}"))["items"]
    tag = {"If-Match": f'"{part}-1"'}
    main = await api.json("dispatcher", "POST", f"/tickets/{part}/merge", json={"into": number}, headers=tag)
    assert main["number"] == number
    assert (await api.json("agent", "GET", f"/tickets/{part}"))["duplicate_of"] == number


async def test_edit(api: Api) -> None:
    number = await api.new()
    tag = {"If-Match": f'"{number}-1"'}
    changed = await api.json("agent", "PATCH", f"/tickets/{number}", json={"category": "help"}, headers=tag)
    assert changed["version"] == 2
    await api.json("agent", "PATCH", f"/tickets/{number}", 412, json={"category": "help"}, headers=tag)
    tag = {"If-Match": f'"{number}-2"'}
    await api.json("agent", "PATCH", f"/tickets/{number}", 422, json={"handler": "nobody"}, headers=tag)


async def test_a_confidential_ticket_is_nobodys_but_its_handlers(api: Api) -> None:
    secret = await api.dispatched(
        confidential=True, title=SECRET, content=SECRET, category="report", caller="13911112222"
    )
    attachment = await (await api.upload("dispatcher", secret, "geheim: 中".encode())).json()
    tag = {"If-Match": f'"{secret}-3"'}
    reason = {"reason": "想看看"}
    everything = [
        ("GET", f"/tickets/{secret}", None),
        ("GET", f"/tickets/{secret}/history", None),
        ("GET", f"/tickets/{secret}/deadlines", None),
        ("GET", f"/tickets/{secret}/earlier", None),
        ("GET", f"/tickets/{secret}/attachments", None),
        ("GET", f"/tickets/{secret}/attachments/{attachment['id']}", None),
        ("POST", f"/tickets/{secret}/reveal", reason),
        ("PATCH", f"/tickets/{secret}", {"title": "x"}),
        ("POST", f"/tickets/{secret}/commands", {"do": "view"}),
        ("POST", f"/tickets/{secret}/split", {"parts": [{"category": "help", "content": "x"}]}),
        ("POST", f"/tickets/{secret}/merge", {"into": secret}),
        ("POST", f"/tickets/{secret}/attachments", None),
    ]
    token = await api.token([Permission.TICKET_READ_ALL, Permission.TICKET_ACCEPT, Permission.TICKET_CREATE])
    for who in ("officer", "leader", "stranger", "agent", "manager", "administrator", token):
        for method, path, body in everything:
            if body is None and method == "POST":
                answer = await api.upload(who, secret, b"abc")
            else:
                answer = await api.ask(who, method, path, headers=tag, json=body)
            assert answer.status in (403, 404), (who, method, path, answer.status)
            assert SECRET not in await answer.text()
        for query in ("", "?caller=13911112222", "?text=受贿", "?unit=housing", "?state=dispatched"):
            answer = await api.ask(who, "GET", f"/tickets{query}")
            assert answer.status in (200, 403)
            assert secret not in await answer.text(), (who, query)
    for who in ("dispatcher", "supervisor"):
        assert (await api.ask(who, "GET", f"/tickets/{secret}")).status == 200
    # At rest neither the words nor the number.
    async with api.engine.connect() as connection:
        rows = [
            await connection.scalar(text(f"SELECT string_agg(t::text, ' ') FROM {name} t"))
            for name in ("tickets", "ticket_events", "idempotency_keys", "attachments", "audit_entries", "notices")
        ]
    whole = " ".join(row or "" for row in rows)
    for word in (SECRET, "13911112222", "3911112222"):
        assert word not in whole
    kept = b"".join(file.read_bytes() for file in api.services.files._folder.rglob("*") if file.is_file())
    assert b"geheim" not in kept
    back = await api.ask("supervisor", "GET", f"/tickets/{secret}/attachments/{attachment['id']}")
    assert await back.read() == "geheim: 中".encode()


async def test_another_units_ticket_is_not_there(api: Api) -> None:
    number = await api.dispatched("housing")
    tag = {"If-Match": f'"{number}-3"'}
    for method, path, body in [
        ("GET", "", None),
        ("GET", "/history", None),
        ("GET", "/deadlines", None),
        ("GET", "/earlier", None),
        ("GET", "/attachments", None),
        ("POST", "/reveal", {"reason": "想看看"}),
        ("POST", "/commands", {"do": "view"}),
    ]:
        answer = await api.ask("stranger", method, f"/tickets/{number}{path}", headers=tag, json=body)
        assert answer.status == 404, path
        assert (await api.ask("officer", method, f"/tickets/{number}{path}", headers=tag, json=body)).status == 200


async def test_looking_for_what_is_not_to_be_seen_is_written_down(api: Api) -> None:
    number = await api.dispatched("housing")
    await api.json("stranger", "GET", f"/tickets/{number}/history", 404)
    log = await api.json("manager", "GET", f"/audit?object=ticket:{number}&action=ticket.refused")
    assert [(one["actor"], one["detail"]) for one in log["items"]] == [
        ("user:stranger", {"endpoint": "tickets.history"})
    ]


async def test_the_other_platforms_reference_is_masked(api: Api) -> None:
    number = await api.new(channel="wechat", channel_ref="wx 13900001111")
    for path in ("", "/history"):
        assert "13900001111" not in json.dumps(await api.json("agent", "GET", f"/tickets/{number}{path}"))
    shown = await api.json("agent", "POST", f"/tickets/{number}/reveal", json={"reason": "回复诉求人"})
    assert shown["channel_ref"] == "wx 13900001111"


async def test_a_county_sends_to_its_own_units(api: Api) -> None:
    async with api.engine.begin() as connection:
        await save_unit(connection, Unit("xian-water", "县水务局", UnitKind.DEPARTMENT, parent="xian"))
    await api.sign_in("countyman", Role.UNIT_OFFICER, "xian")
    number = await api.new(policy="fuzhou-2007", channel="telephone")
    await api.do("dispatcher", number, "accept")
    wrong = await api.do("dispatcher", number, "dispatch", 422, unit="housing", county=True)
    assert "区县" in wrong["errors"][0]["detail"]
    await api.do("dispatcher", number, "dispatch", 422, county="nowhere")
    await api.do("dispatcher", number, "dispatch", unit="xian", county=True)
    await api.do("countyman", number, "forward", 422, unit="housing")
    assert (await api.json("countyman", "GET", f"/tickets/{number}"))["state"] == "at_county"
    done = await api.do("countyman", number, "forward", unit="xian-water")
    assert (done["unit"], done["county"]) == ("xian-water", "xian")


async def test_policies(api: Api) -> None:
    found = await api.json("officer", "GET", "/policies")
    assert len(found["items"]) == 5
    one = await api.json("officer", "GET", "/policies/longnan-2021")
    assert one["城市"]
    body = {"category": "consultation", "at": "2026-09-30T15:00:00+08:00"}
    due = await api.json("officer", "POST", "/policies/dalian-2015/due", json=body)
    complete = {one["kind"]: one for one in due["items"]}["complete"]
    assert complete["article"] == "第十八条"
    assert complete["due"].startswith("2026-10-09T23:59:59")
    await api.json("officer", "GET", "/policies/nowhere", 404)
    await api.json("officer", "POST", "/policies/dalian-2015/due", 422, json={**body, "county": True})


async def test_advice_before_a_dispatch(api: Api) -> None:
    dry = await api.new(title="小区停水三天", content="")
    advice = await api.json("dispatcher", "GET", f"/tickets/{dry}/advice")
    assert [one["unit"] for one in advice["units"]] == ["water", "housing"]
    assert "停水" in advice["units"][0]["reason"]
    assert advice["decline"] == []
    old = await api.json("dispatcher", "GET", f"/tickets/{dry}/advice?happened_on=2020-01-01&handled_before=true")
    assert [one["article"] for one in old["decline"]] == ["第十二条", "第十二条"]
    bribe = await api.new(title="某干部受贿", content="")
    (found,) = (await api.json("dispatcher", "GET", f"/tickets/{bribe}/advice"))["decline"]
    assert found["office"] == "纪检监察部门"
    await api.json("officer", "GET", f"/tickets/{dry}/advice", 403)
