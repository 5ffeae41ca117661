"""What the steps say is what the commands do: over the API, on a real PostgreSQL, for people of every role."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from people.roles import Role
from people.units import Unit, UnitKind, save_unit
from tests.unit.api_peer import PEOPLE, Api, api_for
from tickets.policy_file import policy_names

WHO = [who for who in PEOPLE if who not in ("administrator", "stranger")]
UNITS = {"city": "housing", "counties": "xian", "own": "xian-water"}


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        async with engine.begin() as connection:
            await save_unit(connection, Unit("xian-water", "县水务局", UnitKind.DEPARTMENT, "xian"))
        for name, role, unit in (
            ("county", Role.UNIT_OFFICER, "xian"),
            ("countyunit", Role.UNIT_LEADER, "xian-water"),
        ):
            await api.sign_in(name, role, unit)
        yield api


def _fill(step: dict[str, Any], r: Random) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field in step["fields"]:
        when = field["when"]
        if when is not None and given.get(when["field"]) != when["value"]:
            continue
        if field["required"] or r.random() < 0.3:
            given[field["name"]] = _value(field, r)
    return given


def _value(field: dict[str, Any], r: Random) -> Any:
    match field["kind"]:
        case "choice":
            return r.choice(field["choices"])["value"]
        case "yes":
            return r.random() < 0.5
        case "days":
            return r.randint(field["least"], field["most"])
        case "unit":
            return UNITS[field["among"]]
        case "units":
            return ["water"]
        case _:
            return "如实说明"


@pytest.mark.parametrize("policy", policy_names())
async def test_what_is_allowed_is_done_and_what_is_not_is_refused(api: Api, policy: str) -> None:
    done: Counter[str] = Counter()
    for seed in range(6):
        r = Random(seed)
        categories = ["complaint", "report", "consultation", "help"]
        number = await api.new(policy=policy, category=categories[seed % 4], county=seed > 3, urgent=seed == 1)
        for _ in range(20):
            who = r.choice([*WHO, "county", "countyunit", "dispatcher", "leader"])
            answer = await api.ask(who, "GET", f"/tickets/{number}/steps")
            if answer.status == 404:  # not of that unit
                answer.close()
                continue
            said = await answer.json()
            assert answer.headers["ETag"] == f'"{number}-{said["version"]}"'
            not_now = [one for one in said["items"] if not one["allowed"]]
            for step in r.sample(not_now, min(2, len(not_now))):
                refused = await _send(api, who, answer.headers["ETag"], number, step, {"accept": True, "pass": True})
                assert refused in (403, 409, 422), step
            rare = ("decline", "archive", *["supervise"] * (r.random() < 0.9))
            allowed = [one for one in said["items"] if one["allowed"] and one["do"] not in rare]
            if not allowed:
                continue
            step = r.choice([one for one in allowed if one["main"]] or allowed)
            given = _fill(step, r)
            assert await _send(api, who, answer.headers["ETag"], number, step, given) == 200, (who, step, given)
            done[step["do"]] += 1
    assert len(done) >= 8, done


async def _send(api: Api, who: str, tag: str, number: str, step: dict[str, Any], given: dict[str, Any]) -> int:
    answer = await api.ask(
        who, "POST", f"/tickets/{number}/commands", json={"do": step["do"], **given}, headers={"If-Match": tag}
    )
    answer.close()
    return answer.status


async def _steps(api: Api, who: str, number: str) -> dict[str, Any]:
    said = await api.json(who, "GET", f"/tickets/{number}/steps")
    return {one["do"]: one for one in said["items"]} | {one["do"]: one for one in said["others"]}


async def test_who_asked_does_not_decide(api: Api) -> None:
    number = await api.dispatched()
    await api.do("officer", number, "return", reason="不是本单位职责")
    steps = await _steps(api, "dispatcher", number)
    decide = steps["decide_return"]
    assert decide["allowed"]
    assert decide["main"]
    unit = next(one for one in decide["fields"] if one["name"] == "unit")
    assert (unit["required"], unit["when"]) == (True, {"field": "agree", "value": True})
    assert "decide_return" not in await _steps(api, "officer", number)


async def test_what_is_no_command(api: Api) -> None:
    number = await api.new()
    steps = await _steps(api, "dispatcher", number)
    assert {"category", "title", "confidential", "handler"} <= set(steps["edit"]["fields"])
    assert steps["split"]["allowed"]
    assert steps["merge"]["allowed"]
    assert "split" not in await _steps(api, "manager", number)
    dispatch = steps["dispatch"]
    assert not dispatch["allowed"]
    assert dispatch["articles"][0]["quote"]
    await api.do("dispatcher", number, "accept")
    dispatch = (await _steps(api, "dispatcher", number))["dispatch"]
    unit = next(one for one in dispatch["fields"] if one["name"] == "unit")
    assert (unit["choices"][0]["value"], "停水" in unit["choices"][0]["suggested"]) == ("water", True)
    await api.do("dispatcher", number, "dispatch", unit="housing")
    steps = await _steps(api, "dispatcher", number)
    assert "category" not in steps["edit"]["fields"]
    assert "title" in steps["edit"]["fields"]
    assert not steps["merge"]["allowed"]
    assert steps["merge"]["why_not"]


async def test_a_merged_ticket_has_no_steps_of_its_own(api: Api) -> None:
    one, main = await api.new(), await api.new()
    headers = {"If-Match": f'"{one}-1"'}
    await api.json("dispatcher", "POST", f"/tickets/{one}/merge", json={"into": main}, headers=headers)
    said = await api.json("dispatcher", "GET", f"/tickets/{one}/steps")
    assert not any(step["allowed"] for step in said["items"])
    assert {step["why_not"] for step in said["items"]} == {f"第二条：工单已并入{main}，请在该工单办理"}
