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
from hotline.schema import breaks, schema_of
from line.tables import metadata as line_metadata
from notify.tables import metadata as notify_metadata
from people.tables import metadata as people_metadata
from tickets.tables import metadata as tickets_metadata
from web.tables import metadata as web_metadata

METADATA = [
    callback_metadata, calls_metadata, line_metadata, notify_metadata, people_metadata, tickets_metadata, web_metadata,
]  # fmt: skip
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_SECONDS = 3
_LOCK = 12345
"""Advisory lock: two processes that start together migrate one after the other."""


class NotAdditive(Exception):
    """A migration that those who know the old schema cannot live with; nothing was changed."""


def migrate(url: str, *, under_way: bool = False) -> None:
    """Bring the schema to this version's, or do nothing. Raises sqlalchemy.exc.OperationalError when not reachable.

    ``under_way``: while parts of the version before are at work. Nothing is waited for long (OperationalError), for
    they would wait behind us; and what is not compatible with them is undone: :class:`NotAdditive`.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        if under_way:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        before = schema_of(connection) if under_way else None
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(connection), "head")
        if before is not None and (faults := breaks(before, schema_of(connection))):
            raise NotAdditive("; ".join(faults))
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
