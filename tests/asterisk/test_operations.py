"""A running hotline, as whoever operates it sees it: metrics and `hotline doctor`."""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import ClientSession

from hotline.agent_state import login, logout
from hotline.asterisk import ask, control_socket
from hotline.doctor import Finding, all_checks, examine
from hotline.metrics_names import METRICS
from tests.asterisk.instance import Instance

ONLY_SOMETIMES = {
    "hotline_alerts_open",
    "hotline_backup_time_seconds",
    "hotline_calls_total",
    "hotline_jobs",
    "hotline_listening_lost_total",
    *(name for name in METRICS if name.startswith("hotline_recogniser_") and name != "hotline_recogniser_ready"),
}
"""Told once there is something to tell, or with an engine."""


async def test_every_part_is_in_the_metrics(hotline: Instance) -> None:
    parts: dict[str, str] = {}
    async with ClientSession() as client, asyncio.timeout(40):
        while set(parts) < {"voice", "worker", "dialler", "web"}:  # each writes its own when it is ready
            answer = await client.get(f"http://127.0.0.1:{hotline.web}/metrics")
            assert answer.status == 200
            exposition = await answer.text()
            parts = dict(re.findall(r'hotline_part_resident_bytes\{part="(\w+)"\} (\S+)', exposition))
    told = {name for name in METRICS if re.search(rf"^{name}(_bucket)?[{{ ]", exposition, re.MULTILINE)}
    assert set(METRICS) - told <= ONLY_SOMETIMES
    up = dict(re.findall(r'hotline_part_up\{part="(\w+)"\} (\S+)', exposition))
    assert up == dict.fromkeys(("database", "asterisk", "voice", "worker", "dialler", "web"), "1.0")
    assert set(re.findall(r'hotline_source_up\{source="\w+"\} (\S+)', exposition)) == {"1.0"}
    assert 'hotline_agents{state="logged_out"}' in exposition


async def test_the_doctor_sees_a_module_that_is_gone_and_who_is_logged_in(hotline: Instance) -> None:
    settings, control = hotline.settings, control_socket(hotline.settings)

    async def findings() -> dict[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        async for one in examine(settings, all_checks()):
            found.setdefault(one.check, []).append(one)
        return found

    before = time.monotonic()
    well = await findings()
    assert time.monotonic() - before < 60
    for check in ("database", "schema", "clock", "parts", "ports", "asterisk", "modules", "secrets", "policies"):
        assert [one.level for one in well[check]] == ["ok"], well[check]
    assert [one.level for one in well["trunk"]] == ["warning"], "tests have no carrier"
    assert [one.level for one in well["agents"]] == ["error"], "nobody is logged in"
    assert "Unloaded" in await ask(control, "module unload app_chanspy.so")
    await login(settings, "1001")
    try:
        broken = await findings()
    finally:
        await logout(settings, "1001")
        assert "Loaded" in await ask(control, "module load app_chanspy.so")
    assert [one.level for one in broken["modules"]] == ["error"]
    assert "app_chanspy.so" in broken["modules"][0].what
    assert {one.level for one in broken["agents"]} == {"warning"}
    assert any("1001" in one.what for one in broken["agents"]), "its phone is not registered"
