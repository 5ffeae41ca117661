"""100 callers in a minute for five agents, half of them impatient: nobody is lost, the figures add up, and what is
said of the place in line is never wrong by more than one. Robots on a real Asterisk call and answer (``hotline
simulate``)."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hotline.agent_state import login, logout, states
from hotline.ami import open_ami
from hotline.rules import load_rules
from hotline.trial import free_ports
from tests.asterisk.instance import Instance
from tests.asterisk.records import all_tickets

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]
CALLERS = 100
LOAD = (
    *("--calls-per-second", str(CALLERS / 60), "--minutes", "1", "--agents", "5", "--talk", "2"),
    *("--impatient", "0.5", "--patience", "5", "--endurance", "10", "--hidden", "0.03", "--seed", "12345"),
    *("--then", "hangup", "--then", "hangup", "--then", "2", "--then", "3"),
)
LONGEST = 170.0


class Brisk(Instance):
    program = "tests.asterisk.brisk_hotline"


@pytest.fixture(scope="module")
def brisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    [port] = free_ports(1)
    instance = Brisk(
        tmp_path_factory.mktemp("hundred"),
        callback={"test_network": f"127.0.0.11:{port}"},
        line={"place_ring_seconds": 5},
    )
    instance.start()
    yield instance
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


async def simulate(instance: Instance, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hotline", "simulate", *arguments, "--json"),
        env=instance.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LONGEST):
            output, errors = await process.communicate()
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_it_is_refused_where_robots_would_ring_an_agent(brisk: Instance) -> None:
    await login(brisk.settings, "1003")
    try:
        code, _, errors = await simulate(brisk, "--calls-per-second", "1", "--minutes", "0.1")
    finally:
        await logout(brisk.settings, "1003")
    assert (code, "1003" in errors.splitlines()[-1]) == (1, True)


@pytest.mark.timeout(220)
async def test_a_hundred_callers_and_five_agents(brisk: Instance) -> None:
    code, output, errors = await simulate(brisk, *LOAD)
    assert output, errors
    made = json.loads(output)
    told = json.dumps({name: value for name, value in made.items() if name != "minutes"}, ensure_ascii=False)
    assert code == 0, told
    ends, robots = made["ends"], made["robots"]
    assert made["sound"], told
    assert robots["calls"] == robots["answered"] == made["calls"] == sum(ends.values()) == CALLERS, told
    assert ends["lost"] == ends["menu"] == ends["pending"] == 0, told
    assert all(ends[end] for end in ("answered", "called_back", "message", "missed")), told
    assert made["positions"] > CALLERS / 4, told
    assert made["positions_wrong"] == 0, told
    # Robot agents took what the database says they did: those who called, and those who were rung for their places. One
    # may have hung up in that very moment.
    assert abs(robots["taken"] - ends["answered"] - ends["called_back"]) <= 1, told
    await the_database_says_the_same(brisk, made)
    assert not (brisk.home / "simulate").exists()
    async with open_ami(brisk.settings) as ami:
        assert not any(one.queues for one in await states(ami, load_rules().agents))


async def the_database_says_the_same(instance: Instance, made: dict[str, Any]) -> None:
    """Asked by other ways than the report's."""
    calls = [one for one in instance.hotline("calls", "--last", "1000") if one["via"] == "test"]
    assert len({one["id"] for one in calls}) == CALLERS
    assert all(one["ended_at"] for one in calls)
    assert sum(one["human_at"] is not None for one in calls) == made["ends"]["answered"]
    found = instance.hotline("calls", "missed", "list", "--all")
    listed = {one["number"] for one in found["missed"]}
    assert len(listed) == len(found["missed"]), "one row a person"
    missed = [one for one in calls if one["missed"] and one["human_at"] is None]
    assert {one["caller_e164"] for one in missed if one["caller_e164"]} <= listed
    assert found["unlisted"] == sum(one["caller_e164"] is None for one in missed) == made["ends"]["unlisted"]
    by_call = [one["call_id"] for one in await all_tickets(instance)]
    assert sorted(by_call) == sorted(one["id"] for one in calls), "one ticket a caller"
