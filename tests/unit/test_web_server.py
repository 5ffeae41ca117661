"""The web server as a process runs it, and the rules it works by."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from hotline.rulebook import LOOK_SECONDS, Rulebooks, open_rulebook
from hotline.secrets import load_or_create
from hotline.settings import Settings, SettingsError
from hotline.settings_sections import Database, Web
from hotline.trial import free_ports
from hotline.web_server import serve
from tickets.calendar import FOLDER


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, database_url: str) -> None:
    (port,) = free_ports(1)
    settings = Settings(home=tmp_path, database=Database(url=database_url), web=Web(port=port))
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    serving = asyncio.create_task(serve(settings))
    base = f"http://127.0.0.1:{port}"
    async with ClientSession() as client, asyncio.timeout(30):
        while True:
            try:
                health = await client.get(f"{base}/health")
                break
            except OSError:
                assert not serving.done()
                await asyncio.sleep(0.05)
        assert (await health.json())["parts"]["database"] is True
        statuses = [(await client.get(f"{base}/health/{part}")).status for part in ("database", "web", "voice", "none")]
        assert statuses == [200, 200, 503, 404]
        assert "hotline_part_up" in await (await client.get(f"{base}/metrics")).text()
        assert (await client.get(f"{base}/api/v1/openapi.json")).status == 200
        refused = await client.get(f"{base}/api/v1/tickets")
        assert refused.status == 401
        wrong = await client.post(f"{base}/api/v1/session", json={"name": "nobody", "password": "nothing"})
        assert wrong.status == 401
        os.kill(os.getpid(), signal.SIGTERM)
        await serving


def test_the_policy_is_a_setting(tmp_path: Path) -> None:
    rulebook = open_rulebook(Settings(home=tmp_path, policy="longnan-2021"), create=True)
    assert (rulebook.default, rulebook.chosen) == ("longnan-2021", True)
    assert not open_rulebook(Settings(home=tmp_path)).chosen, "a sample city may bring its own"
    with pytest.raises(SettingsError, match="policy"):
        open_rulebook(Settings(home=tmp_path, policy="nowhere-2000"))


def test_a_caller_is_known_again_after_a_restart(tmp_path: Path) -> None:
    first, second = (open_rulebook(Settings(home=tmp_path), create=True) for _ in range(2))
    assert first.mark("13900001111") == second.mark("13900001111") != first.mark("13900001112")
    assert second.sealing().open(first.sealing().seal("话", "1"), "1") == "话"


def test_a_new_notice_of_holidays_is_read_while_it_runs(tmp_path: Path) -> None:
    holidays = tmp_path / "holidays"
    shutil.copytree(FOLDER, holidays)
    for file in holidays.glob("*.yaml"):
        file.unlink()
    now = [0.0]
    books = Rulebooks(open_rulebook(Settings(home=tmp_path), create=True), holidays, lambda: now[0])
    before = books()
    assert not before.days.knows(2017)
    notice = "年份: 2017\n文号: 国办发明电〔2016〕1号\n放假:\n  - {节日: 元旦, 从: 2017-01-01, 到: 2017-01-01}\n"
    (holidays / "2017.yaml").write_text("年份: [", encoding="utf-8")
    now[0] += LOOK_SECONDS
    assert books() is before, "a faulty file changes nothing"
    (holidays / "2017.yaml").write_text(notice, encoding="utf-8")
    assert books() is before, "not looked at so soon"
    now[0] += LOOK_SECONDS
    assert books().days.knows(2017)
