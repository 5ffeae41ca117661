"""A real PostgreSQL for the tests that need one: one server a session, a new database each test."""

from __future__ import annotations

import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline import postgres
from hotline.db import create_hotline_engine, driver_url
from hotline.migrate import migrate
from hotline.secrets import load_or_create
from hotline.settings import Settings

TEMPLATE = "hotline_template"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An empty server; its database ``hotline_template`` has the schema."""
    # Not below pytest's own folder: that is closed again by every other session that starts, and the server may run as
    # somebody else.
    with tempfile.TemporaryDirectory(prefix="hotline-test-") as name:
        Path(name).chmod(0o711)
        yield from _serve(Path(name))


def _serve(home: Path) -> Iterator[str]:
    settings = Settings(home=home)
    secrets = load_or_create(settings, [])
    server = postgres.prepare(settings, secrets)
    with (home / "log").open("wb") as output:
        command = [*server.command_line(), "-c", "fsync=off"]
        process = subprocess.Popen(command, cwd="/", stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not postgres.is_ready(server, secrets):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        url = make_url(postgres.database_url(settings, secrets)).set(database="postgres")
        create_database(url.render_as_string(hide_password=False), TEMPLATE)
        migrate(url.set(database=TEMPLATE).render_as_string(hide_password=False))
        yield url.render_as_string(hide_password=False)
    finally:
        process.send_signal(postgres.STOP_FAST)
        process.wait(20)


def create_database(url: str, name: str, template: str = "template0") -> None:
    with psycopg.connect(driver_url(url), autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """SQLAlchemy URL of a new database with the schema."""
    name = f"test_{uuid.uuid4().hex}"
    create_database(postgres_url, name, TEMPLATE)
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(driver_url(postgres_url), autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_hotline_engine(database_url)
    yield engine
    await engine.dispose()
