"""What ``hotline run`` brings up: which parts, in which order, with what prepared before each."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from hotline import asterisk, parts, postgres
from hotline.first_run import setup_link
from hotline.parts import Part
from hotline.preflight import check_port, ports
from hotline.render import render
from hotline.rulebook import open_rulebook
from hotline.rules import load_rules
from hotline.secrets import Secrets, load_or_create
from hotline.settings import Settings, SettingsError
from hotline.supervisor import Supervisor, all_of


class Hotline:
    """The instance that the settings describe."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self.setup_link: str | None = None
        """Once it has started, while there is no administrator."""

    async def start(self, supervisor: Supervisor) -> None:
        """Raises SettingsError, DataFileError or PartFailed, each one line."""
        settings = self._settings
        secrets = await asyncio.to_thread(prepare, settings)
        exchange = supervisor.add(exchange_part(settings))
        servers = [supervisor.add(part) for part in python_parts(settings)]
        await all_of(*(keeper.clear_leftover() for keeper in servers))
        taken_over = exchange.part.running is not None and exchange.part.running() is not None
        for port in ports(settings):
            if not (taken_over and port.part == "asterisk"):
                check_port(port)

        async def start_exchange() -> None:
            changed = await asyncio.to_thread(_render, settings)
            await supervisor.bring_up(exchange)
            if changed and exchange.process is not None and exchange.process.adopted:
                self._say("asterisk  configuration changed: reloading 重新加载配置")
                await asterisk.ask(asterisk.control_socket(settings), "core reload", seconds=20.0)

        # The voice server needs no database, and should be there before Asterisk takes the first call.
        voice, *others = servers
        await all_of(supervisor.bring_up(voice), self._database(supervisor, secrets), start_exchange())
        await all_of(*(supervisor.bring_up(keeper) for keeper in others))

    async def _database(self, supervisor: Supervisor, secrets: Secrets) -> None:
        # Imported late: while Alembic loads, PostgreSQL and Asterisk are starting.
        settings = self._settings
        if not settings.database.url:
            server = await asyncio.to_thread(postgres.prepare, settings, secrets)
            await supervisor.bring_up(supervisor.add(parts.postgres_part(server, secrets)))
            await asyncio.to_thread(postgres.create_database, server, secrets)
        await asyncio.to_thread(_migrate, postgres.database_url(settings, secrets))
        self.setup_link = await setup_link(settings)


def prepare(settings: Settings) -> Secrets:
    """What must be right before anything starts: rule files, passwords, keys. Raises SettingsError, DataFileError."""
    secrets = load_or_create(settings, load_rules().agents.agents)
    open_rulebook(settings, create=True)
    return secrets


def exchange_part(settings: Settings) -> Part:
    return parts.asterisk_part(asterisk.find_asterisk(), settings)


def python_parts(settings: Settings) -> list[Part]:
    """The voice server first: it is the one that callers notice."""
    kinds = [parts.voice_part, parts.worker_part, parts.web_part, parts.dialler_part]
    if settings.speech.transcripts:
        kinds.append(parts.scribe_part)
    return [kind(settings) for kind in kinds]


def _migrate(url: str) -> None:
    from sqlalchemy.exc import OperationalError

    from hotline.migrate import migrate

    try:
        migrate(url)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise SettingsError(
            f"the database cannot be used: {reason}: see database.url (HOTLINE_DATABASE__URL)"
        ) from error


def _render(settings: Settings) -> bool:
    """Write Asterisk's configuration; whether anything in it changed."""
    folder = settings.asterisk_dir / "etc"

    def digest() -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.conf")}

    before = digest()
    render(settings)
    return digest() != before
