"""Backup while the hotline is written to, and restore into an empty folder: the same, and nothing later."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline import backup_database
from hotline import restore as restore_module
from hotline.backup import Secrets, make_backup
from hotline.backup_manifest import DUMP, MANIFEST, RECORDINGS, BackupError, read_index, read_manifest
from hotline.backup_record import read_last
from hotline.backup_secrets import read_passphrase, seal, unseal
from hotline.backup_sink import open_sink, unpack
from hotline.db import driver_url
from hotline.migrate import alembic_config, head
from hotline.restore import RESTORED_RULES, check, restore
from hotline.rulebook import open_rulebook
from hotline.secrets import KEY_FILE, load_or_create, load_secrets
from hotline.settings import CHECKOUT, Settings
from hotline.settings_sections import Database
from tests.unit.conftest import create_database
from tests.unit.ticket_people import AGENT, MORNING, request, rulebook
from tickets.book import create

PASSPHRASE = "correct horse battery"
SOUND = b"RIFF sound of a call"


def quiet(line: str) -> None:
    """Progress is for people."""


@pytest.fixture
def place() -> Iterator[Path]:
    """Not below pytest's own folder: started by root, the restored database's server is another user's."""
    with tempfile.TemporaryDirectory(prefix="hotline-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def settings(place: Path, database_url: str) -> Settings:
    settings = Settings(home=place / "home", database=Database(url=database_url))
    load_or_create(settings, ["1001"])
    open_rulebook(settings, create=True)
    (settings.home / "settings.toml").write_text("# 大连\n[callback]\nlines = 7\n", encoding="utf-8")
    return settings


async def seed(engine: AsyncEngine, settings: Settings) -> None:
    """Calls with a recording that is done, one that is not, one that is gone, a message, an attachment."""
    folder = settings.recordings_dir / "2026/11/22"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(SOUND)
    (folder / "b.raw").write_bytes(b"raw")
    (folder / "open.raw").write_bytes(b"still growing")
    (folder / "a-message.wav").write_bytes(b"message")
    (folder / "sealed.wav").write_bytes(b"sealed sound")
    paper = uuid.uuid4()
    papers = settings.attachments_dir / paper.hex[:2]
    papers.mkdir(parents=True)
    (papers / f"{paper.hex}.sealed").write_bytes(b"sealed")
    settings.spoken_dir.mkdir()
    (settings.spoken_dir / "water.wav").write_bytes(b"water is off")
    async with engine.begin() as connection:
        for call_id, ended in (("a", "now()"), ("b", "now()"), ("gone", "now()"), ("open", "NULL")):
            await connection.execute(
                text(f"INSERT INTO calls (id, arrived_at, ended_at) VALUES ('{call_id}', now(), {ended})")
            )
        await connection.execute(text("UPDATE calls SET message_file = '2026/11/22/a-message.wav' WHERE id = 'a'"))
        rows = [
            ("a", "a", "done", hashlib.sha256(SOUND).hexdigest(), len(SOUND)),
            ("b", "b", "pending", "", None),
            ("open", "open", "pending", "", None),
            ("gone", "gone", "done", "ab" * 32, 5),
            ("evil", "../../../etc/passwd", "done", "cd" * 32, 5),
            ("sealed", "sealed", "done", "ef" * 32, 3),
        ]
        for call_id, name, state, sha256, size in rows:
            await connection.execute(
                text(
                    "INSERT INTO recordings (call_id, file, state, path, sha256, bytes)"
                    " VALUES (:id, :file, :state, :path, :sha256, :bytes)"
                ),
                {
                    "id": call_id,
                    "file": f"2026/11/22/{name}.raw",
                    "state": state,
                    "path": f"2026/11/22/{name}.wav" if state == "done" else "",
                    "sha256": sha256,
                    "bytes": size,
                },
            )
        clip = {"kind": "message", "path": "2026/11/22/a-message.wav", "bytes": 7, "key_id": ""}
        clip["sha256"] = hashlib.sha256(b"message").hexdigest()
        await connection.execute(
            text("UPDATE recordings SET clips = CAST(:clips AS jsonb) WHERE call_id = 'a'"),
            {"clips": json.dumps([clip])},
        )
        await connection.execute(text("UPDATE recordings SET key_id = 'k1' WHERE call_id = 'sealed'"))
        await connection.execute(
            text(
                "INSERT INTO attachments (id, ticket, name, media, bytes, sha256, sealed, actor, at)"
                " VALUES (:id, 't', 'n', 'application/pdf', 6, '', true, 'agent', now())"
            ),
            {"id": paper},
        )
        await connection.execute(
            text(
                "INSERT INTO log_cursors (stream, device, inode, offset_bytes, head, modified_ns, position)"
                " VALUES ('cel', 5, 77, 1000, 9, 9, 123456)"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO campaigns (name, kind, survey, state, starts_on, created_by)"
                " VALUES ('running', 'list', 'opinion', 'running', '2026-11-01', 'manager')"
            )
        )


async def write_on(engine: AsyncEngine, stop: asyncio.Event, written: list[tuple[datetime, datetime, str]]) -> None:
    """Tickets, one after the other: when each was begun and committed."""
    book = rulebook()
    while not stop.is_set():
        began = datetime.now(UTC)
        async with engine.begin() as connection:
            ticket = await create(connection, book, request(), AGENT, MORNING)
        written.append((began, datetime.now(UTC), ticket.number))


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
async def test_backup_while_tickets_are_written_and_restore(
    engine: AsyncEngine, settings: Settings, place: Path, name: str
) -> None:
    await seed(engine, settings)
    target, written, stop = place / name, list[tuple[datetime, datetime, str]](), asyncio.Event()
    writers = [asyncio.create_task(write_on(engine, stop, written)) for _ in range(3)]
    async with asyncio.timeout(60):
        while len(written) < 10:
            await asyncio.sleep(0.01)
        secrets: Secrets = ("sealed", PASSPHRASE)
        made = await asyncio.to_thread(make_backup, settings, target, secrets=secrets, with_recordings=True, say=quiet)
        at_end = len(written)
        while len(written) < at_end + 10:
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*writers)
    moment = datetime.fromisoformat(made.moment)
    home = place / "restored"
    done = await asyncio.to_thread(restore, target, home, passphrase=PASSPHRASE, say=quiet)
    assert done.manifest == made
    assert list(place.glob(".*")) == []

    restored = Settings(home=home)
    with restore_module._database(restored, load_secrets(restored)) as url, psycopg.connect(driver_url(url)) as session:
        numbers = {row[0] for row in session.execute("SELECT number FROM tickets")}
        latest = session.execute("SELECT max(recorded_at) FROM ticket_events").fetchone()
        cursor = session.execute("SELECT inode, position FROM log_cursors WHERE stream = 'cel'").fetchone()
        campaign = session.execute("SELECT state FROM campaigns").fetchone()
        assert set(backup_database.proof(session)) == set(made.tables)
    assert len(numbers) == made.tables["tickets"].rows
    assert numbers >= {number for _, committed, number in written[:10]}
    assert not numbers & {number for began, _, number in written if began > moment}
    assert latest is not None
    assert latest[0] <= moment
    assert (cursor, campaign) == ((0, 123456), ("paused",))
    assert "1 个回访任务" in " ".join(done.notes)
    assert "recordings.keys" in " ".join(done.notes), "a recording is sealed, and there is no key"

    assert (home / "settings.toml").read_bytes() == (settings.home / "settings.toml").read_bytes()
    for secret in ("secrets.toml", KEY_FILE):
        assert (home / secret).read_bytes() == (settings.home / secret).read_bytes()
        assert (home / secret).stat().st_mode & 0o077 == 0
    sounds = {
        path.relative_to(home / "recordings").as_posix(): path.read_bytes() for path in files(home / "recordings")
    }
    assert sounds == {
        "2026/11/22/a.wav": SOUND,
        "2026/11/22/b.raw": b"raw",
        "2026/11/22/a-message.wav": b"message",
        "2026/11/22/sealed.wav": b"sealed sound",
    }
    assert [path.read_bytes() for path in files(home / "attachments")] == [b"sealed"]
    assert [path.read_bytes() for path in files(home / "spoken")] == [b"water is off"]
    assert not (home / RESTORED_RULES).exists(), "nothing differs from this checkout"
    assert (made.recordings.files, made.recordings.included, made.recordings.absent) == (5, 4, 1)
    last = read_last(settings)
    assert last is not None
    assert last.at == moment


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def backup(settings: Settings, place: Path) -> Path:
    make_backup(settings, place / "copy", say=quiet)
    return place / "copy"


def test_without_being_asked_no_secret_is_in_it(backup: Path, settings: Settings) -> None:
    secrets = load_secrets(settings)
    key = (settings.home / KEY_FILE).read_text(encoding="utf-8").split('"')[1]
    everything = b"".join(path.read_bytes() for path in files(backup))
    assert not [
        one for one in (secrets.ami, secrets.database, secrets.agents["1001"], key) if one.encode() in everything
    ]
    assert read_manifest(backup).secrets == "none"
    assert {path.stat().st_mode & 0o077 for path in files(backup)} == {0}


def test_settings_with_passwords_are_secrets(settings: Settings, place: Path) -> None:
    (settings.home / "settings.toml").write_text('[sip.trunk]\nhost = "192.0.2.1"\npassword = "hunter22"\n')
    open_backup, sealed, plain = (place / name for name in ("none", "sealed", "plain"))
    make_backup(settings, open_backup, say=quiet)
    make_backup(settings, sealed, secrets=("sealed", PASSPHRASE), say=quiet)
    make_backup(settings, plain, secrets="plain", say=quiet)
    holds = {
        folder.name: any(b"hunter22" in path.read_bytes() for path in files(folder))
        for folder in (open_backup, sealed, plain)
    }
    assert holds == {"none": False, "sealed": False, "plain": True}


def test_sealed_secrets(tmp_path: Path) -> None:
    sealed = seal({"a": "文"}, PASSPHRASE)
    assert unseal(sealed, PASSPHRASE) == {"a": "文"}
    with pytest.raises(BackupError, match="passphrase"):
        unseal(sealed, PASSPHRASE + "x")
    for damaged in ("", "[]", "{}", '{"salt": "AA=="}', sealed.replace("salt", "sale")):
        with pytest.raises(BackupError, match="damaged"):
            unseal(damaged, PASSPHRASE)
    short = tmp_path / "short"
    short.write_text("12345\n")
    with pytest.raises(BackupError, match="12 letters"):
        read_passphrase(short)


Damage = Callable[[Path], None]


def flip(name: str) -> Damage:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def forge(**changes: object) -> Damage:
    """A manifest whose own hash is right."""

    def damage(folder: Path) -> None:
        (folder / MANIFEST).write_text(replace(read_manifest(folder), **changes).to_text())  # type: ignore[arg-type]

    return damage


def lose(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def link(folder: Path) -> None:
    (folder / DUMP).rename(folder / "elsewhere")
    (folder / DUMP).symlink_to(folder / "elsewhere")


DAMAGES: list[tuple[Damage, str]] = [
    (flip(DUMP), "hash differs"),
    (flip("settings/settings.toml"), "hash differs"),
    (flip("rules/routing/queues.yaml"), "hash differs"),
    (flip(RECORDINGS), "hash differs"),
    (flip("recordings/2026/11/22/a.wav"), r"a\.wav.*hash differs"),
    (lose("recordings/2026/11/22/a.wav"), "No such file"),
    (flip(MANIFEST), "damaged"),
    (lose(MANIFEST), "never finished"),
    (lose(DUMP), "No such file"),
    (link, "symbolic links"),
    (forge(schema="9999"), "newer schema 9999"),
    (forge(files=[]), f"{RECORDINGS} is not listed"),
]


def test_a_damaged_backup_is_refused_before_anything_is_written(
    engine: AsyncEngine, settings: Settings, place: Path
) -> None:
    asyncio.run(seed(engine, settings))
    make_backup(settings, place / "copy", with_recordings=True, say=quiet)
    assert check(place / "copy", quiet).recordings.included == 4
    for damage, why in DAMAGES:
        shutil.copytree(place / "copy", place / "damaged")
        damage(place / "damaged")
        with pytest.raises(BackupError, match=why):
            restore(place / "damaged", place / "restored", say=quiet)
        shutil.rmtree(place / "damaged")
        assert {path.name for path in place.iterdir()} == {"home", "copy"}


def test_without_their_sound_recordings_are_listed_with_hashes(
    engine: AsyncEngine, settings: Settings, place: Path
) -> None:
    asyncio.run(seed(engine, settings))
    make_backup(settings, place / "copy", say=quiet)
    found = {one.path.rpartition("/")[2]: one.sha256 for one in read_index(place / "copy" / RECORDINGS)}
    assert found == {
        "a.wav": hashlib.sha256(SOUND).hexdigest(),
        "a-message.wav": hashlib.sha256(b"message").hexdigest(),
        "b.raw": hashlib.sha256(b"raw").hexdigest(),
        "gone.wav": "",
        "sealed.wav": "",
    }
    assert not (place / "copy" / "recordings").exists()


def test_what_is_there_is_never_overwritten(backup: Path, settings: Settings, place: Path) -> None:
    with pytest.raises(BackupError, match="exists"):
        make_backup(settings, backup, say=quiet)
    with pytest.raises(BackupError, match="not empty"):
        restore(backup, settings.home, say=quiet)
    (place / ".new.restoring").mkdir()
    with pytest.raises(BackupError, match="killed"):
        restore(backup, place / "new", say=quiet)


def test_a_backup_that_fails_leaves_nothing(settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(place.iterdir())
    away = settings.model_copy(update={"database": Database(url="postgresql://nobody@127.0.0.1:1/none")})
    with pytest.raises(BackupError, match="does not answer"):
        make_backup(away, place / "copy.tar", say=quiet)
    monkeypatch.setattr("hotline.backup.free_bytes", lambda folder: 1 << 20)
    with pytest.raises(BackupError, match="1 MB free"):
        make_backup(settings, place / "copy", say=quiet)
    assert sorted(place.iterdir()) == before
    assert read_last(settings) is None


@pytest.mark.parametrize("kind", ["outside", "absolute", "link", "cut"])
def test_a_hostile_tar_file_is_refused(tmp_path: Path, kind: str) -> None:
    source, goal = tmp_path / "x.tar", tmp_path / "goal"
    goal.mkdir()
    names = {"outside": "../evil", "absolute": "/tmp/evil", "link": "link", "cut": "a"}
    with tarfile.open(source, "w") as tar:
        info = tarfile.TarInfo(names[kind])
        if kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    if kind == "cut":
        source.write_bytes(b"not a tar file at all")
    with pytest.raises(BackupError):
        unpack(source, goal)
    assert list(goal.iterdir()) == []


def test_a_sink_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    for name in ("x", "x.tar"):
        sink = open_sink(tmp_path / name)
        sink.add_text("a/b", "c")
        sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_an_older_backup_is_brought_up_to_date_in_a_server_of_ones_own(
    postgres_url: str, settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"test_{uuid.uuid4().hex}" for _ in range(2)]
    old, new = (make_url(postgres_url).set(database=name).render_as_string(hide_password=False) for name in names)
    for name in names:
        create_database(postgres_url, name)
    engine = create_engine(old, poolclass=NullPool)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0005")
        connection.execute(text("INSERT INTO calls (id, arrived_at) VALUES ('old', now())"))
    engine.dispose()
    older = settings.model_copy(update={"database": Database(url=old)})
    made = make_backup(older, place / "copy", secrets="plain", say=quiet)
    assert made.schema == "0005"
    monkeypatch.setenv("HOTLINE_DATABASE__URL", new)
    done = restore(place / "copy", place / "restored", say=quiet)
    assert done.notes == []
    with psycopg.connect(driver_url(new)) as session:
        assert session.execute("SELECT version_num FROM alembic_version").fetchone() == (head(),)
        assert session.execute("SELECT id FROM calls").fetchall() == [("old",)]
    with pytest.raises(BackupError, match="database is not empty"):
        restore(place / "copy", place / "again", say=quiet)
    assert not (place / "again").exists()
    with psycopg.connect(driver_url(postgres_url), autocommit=True) as session:
        for name in names:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_rules_that_differ_are_laid_out(backup: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = place / "checkout"
    (other / "routing").mkdir(parents=True)
    (other / "routing" / "queues.yaml").write_bytes((CHECKOUT / "routing" / "queues.yaml").read_bytes())
    monkeypatch.setattr(restore_module, "CHECKOUT", other)
    manifest = read_manifest(backup)
    manifest.files[:] = [one for one in manifest.files if one.path.startswith("rules/routing/")]
    done = restore_module.Restored(manifest)
    restore_module._rules(backup, place / "staging", done)
    laid = {path.relative_to(place / "staging" / RESTORED_RULES).as_posix() for path in files(place / "staging")}
    assert "routing/agents.yaml" in laid
    assert "routing/queues.yaml" not in laid
    assert len(done.notes) == 1


def test_on_the_command_line(settings: Settings, database_url: str, place: Path) -> None:
    environment = {**os.environ, "HOTLINE_HOME": str(settings.home), "HOTLINE_DATABASE__URL": database_url}

    def hotline(*words: str) -> subprocess.CompletedProcess[str]:
        command_line = [sys.executable, "-m", "hotline", *words]
        return subprocess.run(command_line, env=environment, cwd=CHECKOUT, capture_output=True, text=True)

    (place / "backups").mkdir()
    made = hotline("backup", str(place / "backups"), "--json")
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    assert (facts["secrets"], facts["tables"]["tickets"]["rows"]) == ("none", 0)
    target = Path(facts["target"])
    assert target.parent == place / "backups"
    checked = hotline("restore", str(target), "--check")
    assert checked.returncode == 0, checked.stderr
    assert facts["moment"] in checked.stdout
    flip(DUMP)(target)
    broken = hotline("restore", str(target), "--check")
    assert broken.returncode == 1
    assert "hash differs" in broken.stderr
    refused = hotline("restore", str(target))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr or "hash differs" in refused.stderr
