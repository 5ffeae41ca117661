"""送签、签批: over the API and in the book, on a real PostgreSQL, with those who come in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from people.accounts import disable_user
from people.roles import Role
from people.tables import users
from tests.unit.api_peer import Api, api_for
from tests.unit.ticket_people import (
    AGENT,
    DISPATCHER,
    MORNING,
    assert_sound,
    dispatched,
    do,
    leader,
    moment,
    officer,
    request,
    rulebook,
)
from tickets import sign_off, sign_off_rows
from tickets.book import create
from tickets.commands import Complete, Extend
from tickets.move import Refused
from tickets.policy_file import policy_names
from tickets.sign_off import NoSignOff
from tickets.tables import ticket_sign_offs, tickets
from tickets.ticket import Ticket
from tickets.words import State

SIGNS_COMPLETION = {"anhui-2021", "fuzhou-2007"}
DONE = {"do": "complete", "result": "已换水表，电话13912345678", "basis": "供水条例"}
DONE_BY_PAPER = {"result": "已办", "leader_approval": "签批单3号"}
RETURN = {"reason": "非本单位职责", "basis": "三定方案", "suggested_unit": "water"}


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        await api.sign_in("leader2", Role.UNIT_LEADER, "housing")
        yield api


async def _dispatched(api: Api, policy: str = "anhui-2021", **fields: Any) -> str:
    if fields.get("confidential"):
        fields["handler"] = "dispatcher"
    number = await api.new(policy=policy, **fields)
    await api.do("dispatcher", number, "accept")
    if policy == "yangling-2018":
        await api.do("dispatcher", number, "approve_dispatch")
    await api.do("dispatcher", number, "dispatch", unit="housing")
    return number


async def _send(api: Api, number: str, status: int = 201, who: str = "officer", **changes: Any) -> Any:
    async with api.engine.connect() as connection:
        version = await connection.scalar(select(tickets.c.version).where(tickets.c.number == number))
    headers = {"If-Match": f'"{number}-{version}"'}
    return await api.json(who, "POST", f"/tickets/{number}/sign-off", status, json={**DONE, **changes}, headers=headers)


async def _decide(api: Api, number: str, sent: int, status: int = 200, who: str = "leader", **given: Any) -> Any:
    body = {"id": sent, "agree": True, **given}
    return await api.json(who, "POST", f"/tickets/{number}/sign-off/decision", status, json=body)


async def _seen(api: Api, number: str, who: str = "officer") -> Any:
    return (await api.json(who, "GET", f"/tickets/{number}"))["sign_off"]


async def _history(api: Api, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.json("supervisor", "GET", f"/tickets/{number}/history"))["items"]
    return found


async def _waiting(api: Api, who: str, what: str) -> tuple[int, bool, list[str]]:
    counts = await api.json(who, "GET", "/tickets/counts")
    row = next(one for one in counts["waiting"] if one["waiting_for"] == what)
    listed = await api.json(who, "GET", f"/tickets?waiting_for={what}")
    return row["count"], row["mine"], [one["number"] for one in listed["items"]]


async def _step(api: Api, number: str, do: str = "complete", who: str = "officer") -> dict[str, Any]:
    steps = await api.json(who, "GET", f"/tickets/{number}/steps")
    return next(one for one in steps["items"] if one["do"] == do)


async def test_an_officer_sends_it_and_the_leader_signs(api: Api) -> None:
    number = await _dispatched(api)
    assert (await _step(api, number))["sign_off"] == "leader_approval"
    assert (await _step(api, number, who="leader"))["sign_off"] is None, "who may sign does it at once"
    before = await api.json("officer", "GET", f"/tickets/{number}")
    assert before["sign_off"] is None
    sent = await _send(api, number)
    assert (sent["name"], sent["waiting"], sent["prepared_by"]) == ("办结", True, "officer")
    seen = await api.json("leader", "GET", f"/tickets/{number}")
    # Nothing of the ticket has changed, and every limit runs on.
    assert (seen["version"], seen["state"], seen["deadlines"]) == (before["version"], "dispatched", before["deadlines"])
    assert (seen["sign_off"]["may_decide"], seen["sign_off"]["may_withdraw"]) == (True, True)
    mine = await _seen(api, number)
    assert (mine["may_decide"], mine["may_withdraw"]) == (False, True)
    assert "command" not in mine
    assert (await _step(api, number))["sign_off"] is None, "one at a time"
    assert await _waiting(api, "leader", "sign") == (1, True, [number])
    assert await _waiting(api, "officer", "sign") == (1, False, [number])
    assert await _waiting(api, "stranger", "sign") == (0, False, [])
    prepared = await api.json("leader", "GET", f"/tickets/{number}/sign-off")
    assert prepared["command"] == {**DONE, "leader_approval": False}, "as it was written: it is what will be signed"
    told = (await _history(api, number))[-1]
    assert (told["kind"], told["name"], told["actor"], told["articles"]) == (
        "sign_sent",
        "送签：办结",
        "officer",
        ["第二十四条"],
    )
    assert "13912345678" not in str(told), "masked, where others read it"
    standing = await _decide(api, number, sent["id"], command={**DONE, "result": "已通水"}, reason="同意")
    assert (standing["state"], standing["version"]) == ("completed", before["version"] + 1)
    done = (await _history(api, number))[-1]
    assert (done["kind"], done["actor"], done["data"]["prepared_by"]) == ("complete", "leader", "officer")
    assert done["data"]["command"]["leader_approval"] is True
    assert (done["words"]["command"]["result"], done["words"]["opinion"]) == ("已通水", "同意")
    assert await _seen(api, number) is None
    assert await _waiting(api, "leader", "sign") == (0, True, [])
    printed = await api.json("officer", "GET", f"/tickets/{number}/print")
    assert "经办人 officer 送签" in printed["history"][-1]["text"]
    await assert_sound(api.engine, api.services.rulebook())
    audit = await api.json("administrator", "GET", "/audit")
    actions = {one["action"] for one in audit["items"]}
    assert {"ticket.sign_send", "ticket.sign_read", "ticket.complete"} <= actions


async def test_the_leader_sends_it_back_and_it_comes_again(api: Api) -> None:
    number = await _dispatched(api)
    sent = await _send(api, number)
    await _decide(api, number, sent["id"], 422, agree=False, reason=" ")
    assert (await _decide(api, number, sent["id"], agree=False, reason="写明依据"))["state"] == "dispatched"
    seen = await _seen(api, number)
    assert (seen["waiting"], seen["decided_by"], seen["reason"]) == (False, "leader", "写明依据")
    assert await _waiting(api, "leader", "sign") == (0, True, [])
    assert await _waiting(api, "officer", "revise") == (1, True, [number])
    assert (await _step(api, number))["sign_off"] == "leader_approval"
    told = (await _history(api, number))[-1]
    assert (told["name"], told["words"]["reason"]) == ("签批退回修改", "写明依据")
    await _decide(api, number, sent["id"], 409)
    again = await _send(api, number, basis="第三条")
    assert again["id"] != sent["id"]
    assert (again["waiting"], again["reason"]) == (True, "")
    await _decide(api, number, sent["id"], 409)
    await _decide(api, number, again["id"])
    assert (await _history(api, number))[-1]["words"]["command"]["basis"] == "第三条"


async def test_who_may(api: Api) -> None:
    number = await _dispatched(api)
    for who, status in (("agent", 403), ("dispatcher", 403), ("supervisor", 403), ("stranger", 404)):
        await _send(api, number, status, who)
    await api.json("officer", "POST", f"/tickets/{number}/sign-off", 428, json=DONE)
    stale = {"If-Match": f'"{number}-1"'}
    await api.json("officer", "POST", f"/tickets/{number}/sign-off", 412, json=DONE, headers=stale)
    await _send(api, number, 422, do="dispatch")
    for method in ("GET", "DELETE"):
        await api.json("officer", method, f"/tickets/{number}/sign-off", 404 if method == "GET" else 409)
    sent = await _send(api, number)
    assert (await _send(api, number, 409))["code"] == "refused"
    for who, status in (("officer", 403), ("dispatcher", 403), ("stranger", 403), ("supervisor", 403)):
        await _decide(api, number, sent["id"], status, who)
    await api.json("supervisor", "GET", f"/tickets/{number}/sign-off", 403)
    await api.json("stranger", "GET", f"/tickets/{number}/sign-off", 404)
    await api.json("stranger", "DELETE", f"/tickets/{number}/sign-off", 404)
    wrong = {"do": "extend", "working_days": 1, "reason": "疑难"}
    await _decide(api, number, sent["id"], 422, command=wrong)
    # What the article demands is missing: refused, and it still waits.
    assert (await _decide(api, number, sent["id"], 409, command={**DONE, "result": ""}))["articles"] == ["第二十四条"]
    assert (await _seen(api, number))["waiting"]
    await api.json("officer", "DELETE", f"/tickets/{number}/sign-off", 204)
    assert await _seen(api, number) is None
    assert [one["name"] for one in await _history(api, number)][-2:] == ["送签：办结", "撤回送签"]


async def test_a_unit_without_a_leader_has_nobody_to_send_it_to(api: Api) -> None:
    number = await _dispatched(api)
    async with api.engine.begin() as connection:
        for name in ("leader", "leader2"):
            await disable_user(connection, name, MORNING)
    assert (await _step(api, number))["sign_off"] is None
    assert (await _send(api, number, 409))["code"] == "nobody_signs"
    assert await _seen(api, number) is None


async def test_a_confidential_one_is_sealed_and_its_handlers(api: Api) -> None:
    number = await _dispatched(api, confidential=True)
    handler = {"handler": "officer"}
    tag = {"If-Match": f'"{number}-3"'}
    await api.json("dispatcher", "PATCH", f"/tickets/{number}", json=handler, headers=tag)
    assert (await _step(api, number))["sign_off"] is None
    refused = await _send(api, number, 409)
    assert refused["code"] == "nobody_signs"
    assert "保密" in refused["detail"]
    # A leader who may see confidential tickets, too.
    async with api.engine.begin() as connection:
        roles = [Role.UNIT_LEADER, Role.SUPERVISOR]
        await connection.execute(update(users).where(users.c.name == "leader").values(roles=roles))
    sent = await _send(api, number)
    await api.json("leader2", "GET", f"/tickets/{number}/sign-off", 404)
    await _decide(api, number, sent["id"], 404, "leader2")
    assert (await _waiting(api, "leader2", "sign"))[0] == 0
    assert (await _waiting(api, "leader", "sign"))[2] == [number]
    assert (await api.json("leader", "GET", f"/tickets/{number}/sign-off"))["command"]["basis"] == DONE["basis"]
    await _decide(api, number, sent["id"], agree=False, reason="供水条例哪一条")
    assert (await _seen(api, number))["reason"] == "供水条例哪一条"
    async with api.engine.connect() as connection:
        for table in ("ticket_sign_offs", "ticket_events"):
            rows = (
                await connection.execute(text(f"SELECT t::text FROM {table} t WHERE number = '{number}'"))
            ).scalars()
            assert not any("供水条例" in row or "13912345678" in row for row in rows.all())
    again = await _send(api, number)
    assert (await _decide(api, number, again["id"]))["state"] == "completed"


async def test_one_that_becomes_confidential_lapses(api: Api) -> None:
    number = await _dispatched(api)
    await _send(api, number)
    change = {"confidential": True, "handler": "officer"}
    await api.json("dispatcher", "PATCH", f"/tickets/{number}", json=change, headers={"If-Match": f'"{number}-3"'})
    assert await _seen(api, number) is None
    async with api.engine.connect() as connection:
        events = (await connection.execute(text("SELECT t::text FROM ticket_events t"))).scalars()
        assert not any("供水条例" in row for row in events.all())


@pytest.mark.parametrize("policy", policy_names())
async def test_each_policy_asks_for_its_papers_only(api: Api, policy: str) -> None:
    number = await _dispatched(api, policy)
    asked = policy in SIGNS_COMPLETION
    assert (await _step(api, number))["sign_off"] == ("leader_approval" if asked else None)
    if asked:
        sent = await _send(api, number)
        assert (await _decide(api, number, sent["id"]))["state"] == "completed"
        return
    refused = await _send(api, number, 409)
    assert "不须领导签批" in refused["detail"]
    assert refused["articles"]
    first: dict[str, Any] = {"do": "extend", "working_days": 1, "reason": "疑难", "result": None}
    assert (await _send(api, number, 409, **first))["articles"]


@pytest.mark.parametrize("policy", policy_names())
async def test_a_second_extension_is_signed_where_the_article_wants_it(engine: AsyncEngine, policy: str) -> None:
    """大连第二十条: 再次延期须阶段性情况和领导同意; nowhere else."""
    book, unit = rulebook(policy), officer("housing")
    prepared = Extend(do="extend", working_days=1, reason="疑难", stage_report="已开挖")
    make = _approved(engine) if policy == "yangling-2018" else dispatched(engine, policy=policy)
    number, at = (await make).number, moment("2026-09-18 09:00")
    async with engine.begin() as connection:
        with pytest.raises(Refused, match=r"不须领导签批|类不得延期"):
            await sign_off.send(connection, book, number, prepared, unit, at)
        if policy == "fuzhou-2007":  # 第八条: none at all
            return
        await do(connection, number, "extend", unit, at, working_days=1, reason="疑难", policy=policy)
        await do(connection, number, "decide_extension", DISPATCHER, at, agree=True, policy=policy)
        if policy != "dalian-2015":
            with pytest.raises(Refused):
                await sign_off.send(connection, book, number, prepared, unit, at)
            return
        with pytest.raises(Refused, match="阶段性情况"):
            await sign_off.send(connection, book, number, prepared.model_copy(update={"stage_report": ""}), unit, at)
        _, sent = await sign_off.send(connection, book, number, prepared, unit, at)
        after, given = await sign_off.agree(connection, book, number, sent.id, None, "", leader("housing"), at)
        assert (after.life.extension_days, after.life.extensions_asked) == (1, 2)
        assert given == prepared.model_copy(update={"leader_consent": True})
    await assert_sound(engine, book)


async def _approved(engine: AsyncEngine) -> Ticket:
    policy = "yangling-2018"
    async with engine.begin() as connection:
        ticket = await create(connection, rulebook(policy), request(), AGENT, MORNING)
        for what in ("accept", "approve_dispatch"):
            await do(connection, ticket.number, what, DISPATCHER, MORNING, policy=policy)
        return await do(connection, ticket.number, "dispatch", DISPATCHER, MORNING, policy=policy, unit="housing")


async def _sent(engine: AsyncEngine, number: str) -> int | None:
    async with engine.connect() as connection:
        found: int | None = await connection.scalar(
            select(ticket_sign_offs.c.id).where(ticket_sign_offs.c.number == number)
        )
    return found


async def test_it_lapses_where_the_ticket_moves_on_and_only_there(engine: AsyncEngine) -> None:
    policy, unit, boss = "anhui-2021", officer("housing"), leader("housing")
    book, at = rulebook(policy), moment("2026-09-17 10:00")
    command = Complete.model_validate(DONE)
    numbers = [(await dispatched(engine, policy=policy)).number for _ in range(3)]
    async with engine.begin() as connection:
        for number in numbers:
            await sign_off.send(connection, book, number, command, unit, at)
        # What changes nothing of what was prepared leaves it: a talk with the citizen, an extension, time itself.
        await do(connection, numbers[0], "contact", unit, at, policy=policy)
        await do(connection, numbers[0], "extend", unit, at, policy=policy, working_days=2, reason="疑难")
        await do(
            connection,
            numbers[1],
            "return",
            unit,
            at,
            policy=policy,
            reason="非本单位",
            basis="三定",
            suggested_unit="water",
        )
        await do(
            connection, numbers[2], "complete", unit, at, policy=policy, result="已办", leader_approval="签批单3号"
        )
    assert await _sent(engine, numbers[0]) is not None
    assert await _sent(engine, numbers[1]) is None
    assert await _sent(engine, numbers[2]) is None
    later = moment("2026-09-17 15:00")
    async with engine.begin() as connection:
        await do(connection, numbers[1], "decide_return", DISPATCHER, later, policy=policy, agree=False)
        with pytest.raises(NoSignOff):
            await sign_off.agree(connection, book, numbers[1], 2, None, "", boss, later)
        found = await sign_off_rows.load(connection, book, numbers[0])
        assert found is not None
        after, _ = await sign_off.agree(connection, book, numbers[0], found.id, None, "", boss, later)
        assert after.life.state is State.COMPLETED
    await assert_sound(engine, book)


async def test_an_extension_sent_lapses_where_another_is_asked_for(engine: AsyncEngine) -> None:
    unit, at = officer("housing"), moment("2026-09-18 09:00")
    number = (await dispatched(engine)).number
    prepared = Extend(do="extend", working_days=2, reason="疑难", stage_report="已开挖")
    async with engine.begin() as connection:
        await do(connection, number, "extend", unit, at, working_days=1, reason="疑难")
        await do(connection, number, "decide_extension", DISPATCHER, at, agree=True)
        await sign_off.send(connection, rulebook(), number, prepared, unit, at)
        by_paper = {"working_days": 1, "reason": "疑难", "stage_report": "已开挖", "leader_consent": "会议纪要2号"}
        await do(connection, number, "extend", unit, at, **by_paper)
    assert await _sent(engine, number) is None


async def test_of_two_leaders_one_decides(api: Api) -> None:
    for _ in range(5):
        number = await _dispatched(api)
        sent = await _send(api, number)
        path = f"/tickets/{number}/sign-off/decision"
        agreed, back = await asyncio.gather(
            api.ask("leader", "POST", path, json={"id": sent["id"], "agree": True}),
            api.ask("leader2", "POST", path, json={"id": sent["id"], "agree": False, "reason": "再核实"}),
        )
        assert sorted((agreed.status, back.status)) == [200, 409]
        seen = await api.json("officer", "GET", f"/tickets/{number}")
        assert (seen["state"] == "completed") == (agreed.status == 200)
        assert (seen["sign_off"] is None) == (agreed.status == 200)
        kinds = [one["kind"] for one in await _history(api, number)]
        assert kinds[-2:] == ["sign_sent", "complete" if agreed.status == 200 else "sign_sent_back"]


async def test_what_comes_meanwhile_comes_first_or_not_at_all(api: Api) -> None:
    """Withdrawn by the officer, or the ticket returned, while the leader signs: one of the two, whole."""
    reason = {"do": "return", **RETURN}
    for turn in range(6):
        number = await _dispatched(api)
        sent = await _send(api, number)
        tag = {"If-Match": f'"{number}-3"'}
        other = (
            api.ask("officer", "DELETE", f"/tickets/{number}/sign-off")
            if turn % 2
            else api.ask("officer", "POST", f"/tickets/{number}/commands", json=reason, headers=tag)
        )
        sign = api.ask("leader", "POST", f"/tickets/{number}/sign-off/decision", json={"id": sent["id"], "agree": True})
        first, second = await asyncio.gather(other, sign)
        assert (first.status in (200, 204)) != (second.status == 200), (turn, first.status, second.status)
        assert {first.status, second.status} <= {200, 204, 409, 412}
        seen = await api.json("officer", "GET", f"/tickets/{number}")
        expected = "completed" if second.status == 200 else "dispatched" if turn % 2 else "return_requested"
        assert (seen["state"], seen["sign_off"]) == (expected, None)
    await assert_sound(api.engine, api.services.rulebook())


async def test_what_is_signed_is_what_was_read(api: Api) -> None:
    """Withdrawn and sent anew with other words, while the leader reads the first ones."""
    number = await _dispatched(api)
    sent = await _send(api, number)
    await api.json("officer", "DELETE", f"/tickets/{number}/sign-off", 204)
    await _send(api, number, result="未办")
    assert (await _decide(api, number, sent["id"], 409))["code"] == "no_sign_off"
    assert (await api.json("officer", "GET", f"/tickets/{number}"))["state"] == "dispatched"


async def test_the_answer_goes_out_as_with_any_completion(api: Api) -> None:
    """杨凌第十六条 tells the citizen at completion; 安徽 after the review: signed or not makes no difference."""
    number = await _dispatched(api, "anhui-2021", channel="web")
    sent = await _send(api, number)
    await _decide(api, number, sent["id"])
    await api.do("dispatcher", number, "review", **{"pass": True})
    async with api.engine.connect() as connection:
        kinds = (await connection.execute(text("SELECT kind FROM notices"))).scalars().all()
    assert kinds == ["answered"]
