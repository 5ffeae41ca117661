"""The schema, brought up to date. Going back is a restore, not a migration.

A module of its own: the servers do not have to load Alembic.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, text

from callback.tables import metadata as callback_metadata
from calls.tables import metadata as calls_metadata
from line.tables import metadata as line_metadata
from notify.tables import metadata as notify_metadata
from people.tables import metadata as people_metadata
from tickets.tables import metadata as tickets_metadata
from web.tables import metadata as web_metadata

METADATA = [
    callback_metadata, calls_metadata, line_metadata, notify_metadata, people_metadata, tickets_metadata, web_metadata,
]  # fmt: skip
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 12345
"""Advisory lock: two processes that start together migrate one after the other."""


def migrate(url: str) -> None:
    """Bring the schema to this version's, or do nothing. Raises sqlalchemy.exc.OperationalError when not reachable."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(connection), "head")
    engine.dispose()


def revisions() -> set[str]:
    """Every state of the schema that this version knows how to bring up to date."""
    return {one.revision for one in ScriptDirectory.from_config(alembic_config(None)).walk_revisions()}


def head() -> str:
    """The schema of this version."""
    return ScriptDirectory.from_config(alembic_config(None)).get_current_head() or ""


def alembic_config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
