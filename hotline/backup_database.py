"""The database's part of backup and restore: one snapshot, PostgreSQL's own pg_dump and pg_restore, and a proof.

The proof are rows and a digest of each table, taken in the very snapshot that pg_dump copies, and compared after
pg_restore. The digest is the sum of 64-bit hashes of the rows as text: the order of the rows does not matter, and the
server reads each table once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hotline import postgres
from hotline.backup_manifest import BackupError, Table
from hotline.settings import SettingsError

Session = psycopg.Connection[tuple[Any, ...]]

# Rows as text must read alike on both sides.
_OPTIONS = (
    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
    " -c statement_timeout=0"
)
_TABLES = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname"
)
_DIGEST = "SELECT count(*), COALESCE(sum(hashtextextended(CAST(row AS text), 0)::numeric), 0)::text FROM {} AS row"


@dataclass(frozen=True)
class Snapshot:
    """``name``: for pg_dump. ``moment``: all that is seen was committed before it, ISO 8601 in UTC."""

    session: Session
    name: str
    moment: str
    schema: str
    server: str


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """libpq's ``url``. Writers go on; only migrations have to wait. Raises BackupError."""
    with _connect(url) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.read_only = True
        found = session.execute(
            "SELECT pg_export_snapshot(), to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.USOF'),"
            " (SELECT version_num FROM alembic_version), current_setting('server_version')"
        ).fetchone()
        assert found is not None
        yield Snapshot(session, *map(str, found))


def proof(session: Session) -> dict[str, Table]:
    """Rows and digest of every table."""
    found = {}
    for (name,) in session.execute(_TABLES).fetchall():
        row = session.execute(sql.SQL(_DIGEST).format(sql.Identifier(name))).fetchone()
        assert row is not None
        found[name] = Table(*row)
    return found


def size(session: Session, with_recordings: bool) -> int:
    """Bytes of the database, which is more than its dump takes, and of the recordings."""
    row = session.execute(
        "SELECT pg_database_size(current_database())"
        " + CASE WHEN %s THEN (SELECT COALESCE(sum(bytes), 0) FROM recordings) ELSE 0 END",
        (with_recordings,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def dump(url: str, taken: Snapshot, file: Path) -> None:
    """Raises BackupError."""
    options = ["--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", f"--snapshot={taken.name}"]
    _run("pg_dump", url, [*options, f"--file={file}"])


def load(url: str, file: Path, wanted: dict[str, Table]) -> None:
    """Into an empty database, in one transaction; then every table is compared. Raises BackupError."""
    with _connect(url) as session:
        if session.execute(_TABLES).fetchone() is not None:
            raise BackupError("the database is not empty: restore into a new one")
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    _run("pg_restore", url, [*options, str(file)])
    with _connect(url) as session:
        found = proof(session)
    wrong = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    if wrong:
        raise BackupError(f"after pg_restore these tables are not as they were: {', '.join(wrong)}")


def settle(url: str) -> int:
    """What must not go on as it was. Returns how many campaigns are paused now.

    The log files that the cursors point into are not here: reading begins with the first new line, and positions go on.
    Whom campaigns have rung since the backup is not known here: a person decides whether they run on.
    """
    with _connect(url) as session:
        session.execute("UPDATE log_cursors SET device = 0, inode = 0, offset_bytes = 0, head = 0, modified_ns = 0")
        return session.execute("UPDATE campaigns SET state = 'paused' WHERE state = 'running'").rowcount


def _connect(url: str) -> Session:
    try:
        return psycopg.connect(url, connect_timeout=10, options=_OPTIONS)
    except psycopg.Error as error:
        raise BackupError(f"the database does not answer: {' '.join(str(error).split())[:200]}") from error


def _run(program: str, url: str, options: list[str]) -> None:
    """The password goes by the environment: command lines can be read by everybody."""
    where = conninfo_to_dict(url)
    password = where.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command = [_tool(program), f"--dbname={make_conninfo('', **where)}", *options]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if "error:" in line), lines[-1] if lines else "")
        raise BackupError(f"{program}: {reason[:300] or f'exit code {done.returncode}'}")


def _tool(name: str) -> str:
    """The wheel's own, else the one on this machine; it must not be older than the server."""
    try:
        return str(postgres.programs() / name)
    except SettingsError:
        found = shutil.which(name)
        if found is None:
            raise BackupError(f"{name} is not installed (package postgresql-client)") from None
        return found
