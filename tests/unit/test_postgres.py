"""The embedded PostgreSQL, for real: made, started, asked, stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from hotline import postgres
from hotline.process import Process, remembered, start_ticks
from hotline.secrets import Secrets, load_or_create
from hotline.settings import Settings, SettingsError
from hotline.settings_sections import Database, Run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "h")


@pytest.fixture
def secrets(settings: Settings) -> Secrets:
    return load_or_create(settings, [])


@contextmanager
def running(server: postgres.Postgres, secrets: Secrets, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(server.command_line(), cwd="/", stdout=out, stderr=out, start_new_session=True)
    try:
        asyncio.run(until_ready(server, secrets, process))
        yield process
    finally:
        process.send_signal(postgres.STOP_FAST)
        assert process.wait(30) == 0


async def until_ready(server: postgres.Postgres, secrets: Secrets, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(30):
        while not postgres.is_ready(server, secrets):
            assert process.poll() is None
            await asyncio.sleep(0.02)


def test_first_and_second_start(settings: Settings, secrets: Secrets, tmp_path: Path) -> None:
    server = postgres.prepare(settings, secrets)
    assert server.running_pid() is None
    address = postgres.database_url(settings, secrets).replace("+psycopg", "")
    with running(server, secrets, tmp_path / "log") as process:
        assert server.running_pid() == process.pid
        postgres.create_database(server, secrets)
        with psycopg.connect(address) as session:
            session.execute("CREATE TABLE kept (name text)")
            settled = ["fsync", "synchronous_commit", "listen_addresses", "data_checksums", "server_encoding"]
            values = [session.execute(f"SHOW {name}").fetchone() for name in settled]
            assert values == [("on",), ("on",), ("",), ("on",), ("UTF8",)]
    assert server.running_pid() is None
    server = postgres.prepare(settings, secrets)
    with running(server, secrets, tmp_path / "log"):
        postgres.create_database(server, secrets)
        with psycopg.connect(address) as session:
            assert session.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_nobody_gets_in_without_the_password(settings: Settings, secrets: Secrets, tmp_path: Path) -> None:
    server = postgres.prepare(settings, secrets)
    for folder in (settings.postgres_dir, server.socket, server.data):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not (settings.postgres_dir / "password").exists()
    wrong = Secrets(ami=secrets.ami, database="another-password", agents={})
    with running(server, secrets, tmp_path / "log"):
        assert not postgres.is_ready(server, wrong)
        with pytest.raises(SettingsError, match=r"put the old secrets\.toml back"):
            postgres.create_database(server, wrong)


def test_killed_it_recovers(settings: Settings, secrets: Secrets, tmp_path: Path) -> None:
    server = postgres.prepare(settings, secrets)
    process = subprocess.Popen(server.command_line(), cwd="/", stderr=subprocess.DEVNULL, start_new_session=True)
    asyncio.run(until_ready(server, secrets, process))
    postgres.create_database(server, secrets)
    address = postgres.database_url(settings, secrets).replace("+psycopg", "")
    with psycopg.connect(address) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS one")
    process.kill()
    process.wait()
    assert server.running_pid() is None, "its socket is still there, but nobody listens"
    asyncio.run(gone(process.pid))
    with running(server, secrets, tmp_path / "log"), psycopg.connect(address) as session:
        assert session.execute("SELECT one FROM kept").fetchone() == (1,)


async def gone(session_leader: int) -> None:
    """The workers of a killed server end by themselves; PostgreSQL does not start before that."""
    async with asyncio.timeout(30):
        while any(_session(pid) == session_leader for pid in map(int, filter(str.isdigit, os.listdir("/proc")))):
            await asyncio.sleep(0.02)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def test_a_first_start_that_was_killed_is_done_again(settings: Settings, secrets: Secrets) -> None:
    postgres.prepare(settings, secrets)
    (settings.postgres_dir / "data-18").rename(settings.postgres_dir / "making")
    server = postgres.prepare(settings, secrets)
    assert (server.data / "PG_VERSION").read_text().strip() == postgres.MAJOR


def test_a_long_path_gets_a_short_socket_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = Settings(home=tmp_path / ("x" * 100))
    folder = postgres.socket_folder(settings)
    assert folder.parent == tmp_path
    assert postgres.socket_folder(settings) == folder
    assert postgres.socket_folder(Settings(home=tmp_path / ("y" * 100))) != folder
    assert postgres.socket_folder(Settings(home=Path("/srv/hotline"))) == Path("/srv/hotline/postgres/socket")


def test_a_socket_folder_that_is_a_link_is_refused(settings: Settings, secrets: Secrets, tmp_path: Path) -> None:
    postgres.prepare(settings, secrets)
    (settings.postgres_dir / "socket").rmdir()
    (settings.postgres_dir / "socket").symlink_to(tmp_path)
    with pytest.raises(SettingsError, match="socket"):
        postgres.prepare(settings, secrets)


def test_the_url_of_another_server(settings: Settings, secrets: Secrets) -> None:
    own = settings.model_copy(update={"database": Database(url="postgresql://a:p%40ss@db.example:5433/h")})
    assert postgres.database_url(own, secrets) == "postgresql+psycopg://a:p%40ss@db.example:5433/h"


@pytest.mark.parametrize("url", ["mysql://a@b/c", "no address", "postgresql://me@db:s3cr3t/h"])
def test_a_wrong_url_is_one_line_without_the_password(settings: Settings, secrets: Secrets, url: str) -> None:
    wrong = settings.model_copy(update={"database": Database(url=url)})
    with pytest.raises(SettingsError, match=r"setting database\.url") as caught:
        postgres.database_url(wrong, secrets)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
@pytest.mark.parametrize(("user", "complaint"), [("no-such-user", "no user"), ("root", "refuses")])
def test_the_user_it_runs_as(settings: Settings, secrets: Secrets, user: str, complaint: str) -> None:
    other = settings.model_copy(update={"run": Run(user=user)})
    with pytest.raises(SettingsError, match=complaint):
        postgres.prepare(other, secrets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_writes_nothing_by_name_where_the_server_may_lay_links(
    settings: Settings, secrets: Secrets, tmp_path: Path
) -> None:
    server = postgres.prepare(settings, secrets)
    mine = tmp_path / "mine"
    mine.write_text("untouched")
    for name in ("postgresql.conf", "postgresql.new", "pg_hba.new", "pg_hba.conf"):
        (server.data / name).unlink(missing_ok=True)
        (server.data / name).symlink_to(mine)
    postgres.prepare(settings, secrets)
    assert (mine.read_text(), mine.stat().st_uid) == ("untouched", 0)
    for path in (server.config, *server.config.iterdir()):
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o027) == (0, server.gid, 0)
    with running(server, secrets, tmp_path / "log"):
        assert postgres.is_ready(server, secrets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_in_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and programs below a folder that only root may enter, such as /root."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = postgres.programs().parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, closed / name)
    monkeypatch.setattr(postgres, "programs", lambda: closed / package.name / "pginstall" / "bin")
    settings = Settings(home=closed / "h")
    secrets = load_or_create(settings, [])
    server = postgres.prepare(settings, secrets)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0
    with running(server, secrets, tmp_path / "log") as process:
        status = Path(f"/proc/{process.pid}/status").read_text()
        values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(values["Uid"].split()) == {"65534"}
        # cap_dac_read_search is bit 2 (capability.h)
        assert int(values["CapEff"], 16) == 0b100


async def test_a_process_id_used_again_is_not_ours(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"])
    process = Process(child.pid, child)
    process.remember(tmp_path / "x.pid")
    text = (tmp_path / "x.pid").read_text()
    assert remembered(tmp_path / "x.pid") == child.pid
    (tmp_path / "x.pid").write_text(text.replace(str(start_ticks(child.pid)), "1"))
    assert remembered(tmp_path / "x.pid") is None
    (tmp_path / "x.pid").write_text(text)
    process.signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert remembered(tmp_path / "x.pid") is None
    process.close()
