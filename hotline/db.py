"""The database: one engine a process, and the schema brought up to date. Going back is a restore, not a migration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from calls.tables import metadata as calls_metadata
from hotline import postgres
from hotline.secrets import load_secrets
from hotline.settings import Settings
from tickets.tables import metadata as tickets_metadata

METADATA = [calls_metadata, tickets_metadata]
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 12345
"""Advisory lock: two processes that start together migrate one after the other."""


def database_url(settings: Settings) -> str:
    """SQLAlchemy URL (psycopg 3) of this instance's database; it contains the password."""
    return postgres.database_url(settings, load_secrets(settings))


def driver_url(url: str) -> str:
    """The same for libpq and what is built on it (procrastinate, psql)."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def create_hotline_engine(url: str, *, pool_size: int = 5) -> AsyncEngine:
    """``pool_pre_ping``: after the database was away, the next use opens a new connection instead of failing."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c statement_timeout=60000"},
    )


@asynccontextmanager
async def open_engine(settings: Settings, *, pool_size: int = 5) -> AsyncIterator[AsyncEngine]:
    """The process's engine; connects when first used."""
    engine = create_hotline_engine(database_url(settings), pool_size=pool_size)
    try:
        yield engine
    finally:
        await engine.dispose()


def migrate(url: str) -> None:
    """Bring the schema to this version's, or do nothing. Raises sqlalchemy.exc.OperationalError when not reachable."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(connection), "head")
    engine.dispose()


def alembic_config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
