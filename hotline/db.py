"""The database: one engine a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hotline import postgres
from hotline.secrets import load_secrets
from hotline.settings import Settings


def database_url(settings: Settings) -> str:
    """SQLAlchemy URL (psycopg 3) of this instance's database; it contains the password."""
    return postgres.database_url(settings, load_secrets(settings))


def driver_url(url: str) -> str:
    """The same for libpq and what is built on it (procrastinate, psql)."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def create_hotline_engine(url: str, *, pool_size: int = 5) -> AsyncEngine:
    """``pool_pre_ping``: after the database was away, the next use opens a new connection instead of failing.
    ``hide_parameters``: an error's text goes into the log, and a statement's values are citizens' data."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,
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
