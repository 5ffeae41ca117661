"""``hotline doctor`` finds what is broken: each thing is broken for real where it can be."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import Alert, raise_alerts
from hotline import doctor_database, doctor_exchange, doctor_files, doctor_line, doctor_parts, doctor_rules
from hotline.backup_record import Backup, write_last
from hotline.checks import check_policies
from hotline.cli import main
from hotline.doctor import Checks, Finding, examine, ok
from hotline.migrate import head
from hotline.preflight import only_supervisor
from hotline.rulebook import open_rulebook
from hotline.secrets import KEY_FILE, load_or_create
from hotline.settings import Settings
from hotline.settings_sections import Agi, Database, Recording, Speech
from hotline.supervisor import STATUS_FILE
from hotline.trial import free_ports
from ivr.prompts import FOLDER as PROMPTS
from ivr.prompts import check as check_prompts
from line import announcements, switches
from line.announcements import NewAnnouncement
from line.words import Switch
from tickets.policy_file import POLICIES


def levels(findings: Iterable[Finding]) -> list[str]:
    found = list(findings)
    assert all(bool(one.remedy) == (one.level != "ok") for one in found)
    return [one.level for one in found]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """As after a first start."""
    settings = Settings(home=tmp_path / "home", recording=Recording(min_free_mb=1))
    load_or_create(settings, [])
    open_rulebook(settings, create=True)
    settings.home.chmod(0o700)
    for folder in (settings.run_dir, settings.recordings_dir, settings.asterisk_dir, settings.log_dir):
        folder.mkdir(mode=0o700)
    return settings


def test_free_space(settings: Settings) -> None:
    assert levels(doctor_files.free_space(settings)) == ["ok", "ok"]
    most = settings.model_copy(update={"recording": Recording(min_free_mb=1 << 40)})
    assert levels(doctor_files.free_space(most)) == ["error", "error"]
    free = shutil.disk_usage(settings.home).free >> 20
    scarce = settings.model_copy(update={"recording": Recording(min_free_mb=round(free * 0.75))})
    assert levels(doctor_files.free_space(scarce)) == ["ok", "warning"]
    settings.recording_off_flag.touch()
    assert levels(doctor_files.free_space(settings))[-1] == "error"


def test_rights_of_folders(settings: Settings) -> None:
    assert levels(doctor_files.folder_rights(settings)) == ["ok"]
    settings.log_dir.chmod(0o755)
    year = settings.recordings_dir / "2026"
    year.mkdir()
    year.chmod(0o777)
    found = list(doctor_files.folder_rights(settings))
    assert levels(found) == ["warning", "warning"]
    assert {one.remedy for one in found} == {f"chmod go-rw {settings.log_dir}", f"chmod go-rw {year}"}


def test_rights_of_a_folder_that_cannot_be_written(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != settings.log_dir)  # root may write everywhere
    assert levels(doctor_files.folder_rights(settings)) == ["error"]


def test_rights_of_secrets(settings: Settings) -> None:
    assert levels(doctor_files.secrets_rights(settings)) == ["ok"]
    settings.secrets_file.chmod(0o644)
    (settings.home / KEY_FILE).unlink()
    (settings.home / "settings.toml").write_text('[sip.trunk]\npassword = "hunter22"\n')
    (settings.home / "settings.toml").chmod(0o640)
    found = list(doctor_files.secrets_rights(settings))
    assert levels(found) == ["error", "error", "error"]
    assert f"chmod 600 {settings.secrets_file}" in {one.remedy for one in found}
    assert levels(doctor_files.secrets_rights(Settings(home=settings.home / "new"))) == ["ok"]


@pytest.mark.parametrize(("days", "level"), [(0, "ok"), (3, "warning"), (8, "error")])
def test_age_of_the_backup(settings: Settings, days: int, level: str) -> None:
    assert levels(doctor_files.backup_age(settings)) == ["warning"], "never"
    moment = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    write_last(settings, Backup(moment, str(settings.home), 1))
    assert levels(doctor_files.backup_age(settings)) == [level]
    write_last(settings, Backup(moment, str(settings.home / "moved"), 1))
    assert levels(doctor_files.backup_age(settings)) == ["warning" if level == "ok" else level]


def test_ports(settings: Settings) -> None:
    ours, theirs, socket_port = free_ports(3)
    free = settings.model_copy(
        update={
            "agi": Agi(port=theirs),
            **{
                name: getattr(settings, name).model_copy(update={"port": port})
                for name, port in zip(("sip", "ami", "speech", "web"), free_ports(4), strict=True)
            },
            "emergency": settings.emergency.model_copy(update={"test_port": ours}),
        }
    )
    free = free.model_copy(update={"sip": free.sip.model_copy(update={"socket_port": socket_port})})
    assert levels(doctor_parts.port_conflicts(free)) == ["ok"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", theirs))
        other.listen()
        (found,) = doctor_parts.port_conflicts(free)
        assert found.level == "error"
        assert "agi.port" in found.remedy
        with supervised(free, voice="ready"):
            assert levels(doctor_parts.port_conflicts(free)) == ["ok"], "it is our own"
        with supervised(free, voice="waiting"):
            assert levels(doctor_parts.port_conflicts(free)) == ["error"], "somebody took it"


class supervised:
    """As if a supervisor kept these parts."""

    def __init__(self, settings: Settings, restarts: int = 0, since: float | None = None, **states: str) -> None:
        self._lock = only_supervisor(settings.run_dir)
        part = {"restarts": restarts, "log": "x.log", "pid": 1, "since": since or datetime.now(UTC).timestamp() + 60}
        status = {"parts": {name: {**part, "state": state} for name, state in states.items()}}
        (settings.run_dir / STATUS_FILE).write_text(json.dumps(status))

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)


def test_parts(settings: Settings) -> None:
    assert levels(doctor_parts.running(settings)) == ["error"], "not running"
    with supervised(settings, voice="ready", web="ready"):
        assert levels(doctor_parts.running(settings)) == ["ok"]
    with supervised(settings, voice="ready", web="waiting"):
        (found,) = doctor_parts.running(settings)
        assert (found.level, "web" in found.what, "x.log" in found.remedy) == ("error", True, True)
    with supervised(settings, restarts=4, voice="ready"):
        assert levels(doctor_parts.running(settings)) == ["warning"]


def test_what_counts_after_a_restart(settings: Settings) -> None:
    assert levels(doctor_parts.pending_restarts(settings)) == []
    file = settings.home / "settings.toml"
    file.write_text("")
    future = datetime.now(UTC).timestamp() + 86_400
    with supervised(settings, since=future, voice="ready"):
        assert levels(doctor_parts.pending_restarts(settings)) == ["ok"]
        os.utime(file, (future + 5,) * 2)
        (found,) = doctor_parts.pending_restarts(settings)
    assert found.level == "warning"
    assert str(file) in found.what


def test_policies(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(doctor_rules.policies(settings)) == ["ok"]
    assert levels(doctor_rules.policies(settings.model_copy(update={"policy": "nowhere-2000"}))) == ["error"]
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)
    broken = folder / "dalian-2015.yaml"
    broken.write_text(broken.read_text(encoding="utf-8") + "\n多余: 1\n", encoding="utf-8")
    monkeypatch.setattr(doctor_rules, "check_policies", partial(check_policies, folder))
    (found,) = doctor_rules.policies(settings)
    assert (found.level, "dalian-2015" in found.what) == ("error", True)


def test_rule_files(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(doctor_rules.rule_files(settings)) == ["ok"]
    from routing import queues

    broken = tmp_path / "queues.yaml"
    broken.write_text("queues: [", encoding="utf-8")
    monkeypatch.setattr(doctor_rules, "load_rules", lambda: queues.load_queues(broken))
    (found,) = doctor_rules.rule_files(settings)
    assert (found.level, "queues.yaml" in found.what) == ("error", True)


def test_prompts(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(doctor_rules.prompts(settings)) == ["ok"]
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder)
    next(path for path in sorted((folder / "zh").rglob("*")) if path.is_file()).unlink()
    monkeypatch.setattr(doctor_rules, "check_prompts", partial(check_prompts, folder))
    assert levels(doctor_rules.prompts(settings)) == ["error"]


@pytest.mark.parametrize(
    ("today", "level"),
    [
        (date(2025, 12, 31), "ok"),
        (date(2026, 11, 22), "warning"),
        (date(2026, 12, 20), "error"),
        (date(2033, 1, 2), "error"),
    ],
)
def test_holidays(today: date, level: str) -> None:
    assert levels(doctor_rules.holidays_on(today)) == [level]


def test_models(settings: Settings, tmp_path: Path) -> None:
    def without(**speech: object) -> list[str]:
        chosen = Speech.model_validate({"models_dir": tmp_path / "none", **speech})
        return levels(doctor_rules.speech_models(settings.model_copy(update={"speech": chosen})))

    assert without() == ["warning", "warning"]
    assert without(transcripts=False) == ["warning"]
    assert without(engine="none", transcripts=False) == ["ok"]


def test_time_zone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(doctor_rules.time_zone(settings)) == ["ok"]
    monkeypatch.setattr(doctor_rules, "ZoneInfo", lambda name: UTC)
    assert levels(doctor_rules.time_zone(settings)) == ["error"]


Check = Callable[..., Awaitable[Iterable[Finding]]]


async def ask(engine: AsyncEngine, settings: Settings, check: Check, *broken: str) -> list[str]:
    async with engine.begin() as connection:
        for statement in broken:
            await connection.execute(text(statement))
    async with engine.connect() as connection:
        return levels(await check(settings, connection))


async def test_schema(engine: AsyncEngine, settings: Settings) -> None:
    migrated = partial(ask, engine, settings, doctor_database.migrated)
    assert await migrated() == ["ok"]
    assert head() != "0001"
    assert await migrated("UPDATE alembic_version SET version_num = '0001'") == ["error"]
    async with engine.connect() as connection:
        (found,) = await doctor_database.migrated(settings, connection)
        assert "older" in found.what
    assert await migrated("UPDATE alembic_version SET version_num = '9999'") == ["error"]
    async with engine.connect() as connection:
        (found,) = await doctor_database.migrated(settings, connection)
        assert "newer" in found.what
    assert await migrated("DROP TABLE alembic_version") == ["error"]


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (3600, "error"), (-3600, "error")])
async def test_clocks(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int, level: str
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(seconds=seconds)

    monkeypatch.setattr(doctor_database, "datetime", Clock)
    assert await ask(engine, settings, doctor_database.clock) == [level]


async def test_log_reader(engine: AsyncEngine, settings: Settings) -> None:
    read = partial(ask, engine, settings, doctor_database.log_reader)
    assert await read() == ["ok"]
    settings.cel_file.parent.mkdir(parents=True)
    settings.cel_file.write_text("unread")
    stuck = (
        "INSERT INTO log_cursors (stream, device, inode, offset_bytes, head, modified_ns, position, updated_at)"
        " VALUES ('cel', 0, 0, 0, 0, 0, 0, now() - interval '1 hour')"
    )
    assert await read(stuck) == ["error"]
    assert await read("UPDATE log_cursors SET updated_at = now()") == ["ok"], "just behind"


async def test_recordings(engine: AsyncEngine, settings: Settings) -> None:
    made = partial(ask, engine, settings, doctor_database.recordings)
    call = "INSERT INTO calls (id, via, arrived_at, answered_at, ended_at) VALUES ('{}', 'public', {t}, {t}, {t})"
    earlier = call.format("a", t="now() - interval '2 hours'")
    assert await made() == ["ok"]
    assert await made(earlier) == ["warning"], "nothing was recorded"
    assert await made("INSERT INTO recordings (call_id, file) VALUES ('a', 'a.raw')") == ["error"], "not converted"
    assert await made("UPDATE recordings SET state = 'missing'") == ["error"]
    assert await made("UPDATE recordings SET state = 'done'") == ["ok"]


async def test_alerts(engine: AsyncEngine, settings: Settings) -> None:
    assert await ask(engine, settings, doctor_database.alerts) == ["ok"]
    async with engine.begin() as connection:
        await raise_alerts(connection, [Alert("log_gap", "x", "缺失"), Alert("disk_low", "", "满")])
    assert sorted(await ask(engine, settings, doctor_database.alerts)) == ["error", "warning"]
    assert await ask(engine, settings, doctor_database.alerts, "UPDATE alerts SET acknowledged_at = now()") == ["ok"]


async def test_what_callers_are_told(engine: AsyncEngine, settings: Settings) -> None:
    assert await ask(engine, settings, doctor_line.told) == ["ok"]
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        await switches.switch_on(connection, Switch.MAINTENANCE, "升级", None, "x", now)
        new = NewAnnouncement("停水", "0" * 32, now, now + timedelta(hours=1))
        await announcements.switch_on(connection, new, "x", now)
    assert sorted(await ask(engine, settings, doctor_line.told)) == ["error", "warning"]
    settings.spoken_dir.mkdir(parents=True)
    (settings.spoken_dir / f"{'0' * 32}.wav").touch()
    assert await ask(engine, settings, doctor_line.told) == ["warning"]


async def test_jobs(engine: AsyncEngine, settings: Settings) -> None:
    stuck = partial(ask, engine, settings, doctor_database.jobs)
    assert await stuck() == ["ok"]
    job = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at)"
        " VALUES ('recordings', 'x', '{}', now() {})"
    )
    assert await stuck(job.format("todo", "+ interval '1 hour'")) == ["ok"], "not due"
    assert await stuck(job.format("todo", "- interval '1 hour'")) == ["error"]
    assert await stuck("DELETE FROM procrastinate_jobs", job.format("doing", "")) == ["error"], "its worker died"
    assert await stuck("DELETE FROM procrastinate_jobs", job.format("failed", "")) == ["warning"]


def collect(settings: Settings, checks: Checks) -> list[Finding]:
    async def run() -> list[Finding]:
        return [found async for found in examine(settings, checks)]

    return asyncio.run(run())


def broken_check(settings: Settings) -> Iterator[Finding]:
    yield ok("x", "x")
    raise ValueError("a fault\nof ours")


def test_a_check_that_fails_is_a_finding_and_stops_no_other(settings: Settings, database_url: str) -> None:
    async def broken(*arguments: object) -> Iterable[Finding]:
        raise RuntimeError("broken")

    there = settings.model_copy(update={"database": Database(url=database_url)})
    checks = Checks((broken_check, doctor_rules.time_zone), (broken, doctor_database.migrated), (broken,))
    found = collect(there, checks)
    assert [(one.check, one.level) for one in found] == [
        ("broken_check", "error"),
        ("time-zone", "ok"),
        ("database", "ok"),
        ("broken", "error"),
        ("schema", "ok"),
        ("asterisk", "error"),
    ]
    assert "a fault of ours" in found[0].what


def test_a_database_that_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"database": Database(url="postgresql://x:hunter22@127.0.0.1:1/none")})
    found = collect(away, Checks((), doctor_database.CHECKS, ()))
    assert [(one.check, one.level) for one in found] == [("database", "error"), ("asterisk", "error")]
    assert "hunter22" not in str(found)


@pytest.mark.parametrize(
    ("contacts", "registrations", "expected"),
    [
        ("Avail", "Registered", ["ok", "ok", "ok"]),
        ("Unavail", "Registered", ["error", "ok", "ok"]),
        ("Avail", "Rejected", ["ok", "error", "ok"]),
        ("Avail", "", ["ok", "error", "ok"]),
    ],
)
async def test_trunks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, contacts: str, registrations: str, expected: list[str]
) -> None:
    """Words as Asterisk 22 prints them."""
    answers = {
        "pjsip show contacts": "  Contact:  emergency-1/sip:192.0.2.3:5060     926ab65526 Avail         0.429\n"
        f"  Contact:  trunk/sip:192.0.2.1:5060           b3faf5755d {contacts}        -nan\n",
        "pjsip show registrations": f" trunk/sip:192.0.2.1:5060     trunk         {registrations}      (exp. 8s ago)\n",
    }

    async def say(control: Path, command: str) -> str:
        return answers[command]

    monkeypatch.setattr(doctor_exchange, "ask", say)
    trunk = settings.sip.trunk.model_copy(update={"host": "192.0.2.1", "username": "u"})
    own = settings.model_copy(
        update={
            "sip": settings.sip.model_copy(update={"trunk": trunk}),
            "emergency": settings.emergency.model_copy(update={"trunks": ["192.0.2.3:5060"]}),
        }
    )
    assert levels(await doctor_exchange.trunks(own, Path())) == expected
    assert levels(await doctor_exchange.trunks(settings, Path())) == ["warning", "warning"], "none is set"


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["ok"] is False
    checks = {one["check"] for one in found["findings"]}
    assert {"parts", "policies", "prompts", "holidays", "database", "asterisk", "backup"} <= checks
    shown = CliRunner().invoke(main, ["doctor", "--quiet"])
    assert shown.exit_code == 1
    assert "✗ parts" in shown.output
    assert "✓" not in shown.output
