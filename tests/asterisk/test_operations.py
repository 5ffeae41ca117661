"""A running hotline, as whoever operates it sees it: metrics, `hotline doctor`, a backup while people call."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from hotline.agent_state import login, logout
from hotline.asterisk import ask, control_socket
from hotline.doctor import Finding, all_checks, examine
from hotline.metrics_names import METRICS
from hotline.settings import CHECKOUT
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import all_calls, call_of

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

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


async def test_a_backup_while_people_call_becomes_a_hotline(make_instance: MakeInstance, tmp_path: Path) -> None:
    """Who had called is there with the sound, who calls at that moment is not lost, who calls later is not there."""
    instance, target, home = make_instance(), tmp_path / "copy.tar", tmp_path / "restored"
    async with Phones(instance) as phones:
        await phones.agent("1001", seconds=1)
        before = await phones.citizen("13900000001", keys="w0.5,2")
        await before.ended(60)
        heard = await call_of(instance, "13900000001", recording=True)
        during = await phones.citizen("13900000002", seconds=60)
        await call_of(instance, "13900000002", until="arrived")
        facts = await asyncio.to_thread(
            instance.hotline, "backup", str(target), "--with-recordings", "--with-plain-secrets"
        )
        await during.hangup()
        after = await phones.citizen("13900000003", keys="w0.5,2")
        await after.ended(60)
    assert len(await all_calls(instance, 3)) == 3
    instance.stop()

    environment = {**os.environ, "HOTLINE_HOME": str(home)}
    restoring = [sys.executable, "-m", "hotline", "restore", str(target)]
    done = await asyncio.to_thread(
        subprocess.run, restoring, env=environment, cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    restored = Instance(home)
    restored.start()
    try:
        calls = {call["number"]: call for call in await all_calls(restored, 2)}
        doctor = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "hotline", "doctor", "--quiet"],
            env=restored.environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
    finally:
        restored.stop()
    assert set(calls) == {"13900000001", "13900000002"}
    assert all(
        datetime.fromisoformat(str(call["arrived_at"])) < datetime.fromisoformat(facts["moment"])
        for call in calls.values()
    )
    assert calls["13900000001"]["timeline"] == heard["timeline"]
    sound = home / "recordings" / heard["recording"]["path"]
    assert hashlib.sha256(sound.read_bytes()).hexdigest() == heard["recording"]["sha256"]
    assert "✗ schema" not in doctor.stdout
    assert "✗ secrets" not in doctor.stdout
    shutil.rmtree(home)
