"""The web server process: ``python -m hotline.web_server``."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from functools import partial

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import database_url, driver_url, open_engine
from hotline.demo import Demonstration
from hotline.first_run import SetupFile
from hotline.floor import keep
from hotline.handover import Offer, take
from hotline.health import probes
from hotline.logs import configure_logging
from hotline.metrics import Publisher
from hotline.metrics_database import pool_figures
from hotline.metrics_gather import Gather
from hotline.outgoing import ring
from hotline.pages import built_pages
from hotline.recordings_keys import keys_of_reader
from hotline.rulebook import Rulebooks, open_rulebook
from hotline.rules import load_rules
from hotline.secrets import load_secrets
from hotline.settings import Settings, load_settings
from hotline.speaker import Speaker
from hotline.telephone import Telephones
from hotline.web_phone import WebPhones
from tickets.catalogue import load_catalogue
from web.api.services import Services
from web.app import api_document, create_app
from web.files import Files
from web.floor import Floors
from web.live import Live
from web.metrics import Scrape
from web.sounds import Sounds

log = logging.getLogger(__name__)


POOL = 15
SHUTDOWN_SECONDS = 5.0


def services(settings: Settings, engine: AsyncEngine) -> Services:
    """What the API works with. Raises SettingsError, datafile.DataFileError."""
    rules = load_rules()
    rulebooks = Rulebooks(open_rulebook(settings))
    return Services(
        engine=engine,
        rulebook=rulebooks,
        live=Live(engine, driver_url(database_url(settings))),
        files=Files(settings.attachments_dir, settings.recording.min_free_mb << 20),
        document=api_document,
        catalogue=load_catalogue(settings.catalogue) if settings.catalogue else None,
        https=settings.web.https,
        proxies=frozenset(settings.web.proxies),
        surveys=frozenset(rules.surveys),
        lines=settings.callback.lines,
        area_code=settings.callback.area_code,
        extensions=frozenset(rules.agents.agents),
        ring=partial(ring, settings),
        sounds=Sounds(settings.recordings_dir, partial(keys_of_reader, settings)),
        announcer=Speaker(settings.spoken_dir),
        telephone=Telephones(settings, rules),
        floors=Floors(),
        web_phone=WebPhones(load_secrets(settings), min(rules.flows)) if settings.web.phone_calls else None,
        live_words=settings.speech.live,
        sip_socket=f"ws://127.0.0.1:{settings.sip.socket_port}/ws",
        progress_tries=settings.line.progress_tries,
        photos_a_day=settings.web.photos_mb_a_day << 20,
        setup=SetupFile(settings.run_dir),
        demo=Demonstration(settings, engine, rulebooks),
    )


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_engine(settings, pool_size=POOL) as engine:
        parts = probes(settings, engine)
        gather = Gather(settings, engine, parts, Publisher("web", lambda: pool_figures("web", engine)))
        metrics = Scrape(gather, settings.web.metrics_allow, frozenset(settings.web.proxies))
        work = services(settings, engine)
        app = create_app(parts, work, metrics, settings.web.pages or built_pages())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        floor = asyncio.create_task(_floor(settings, engine, work.floors))
        try:
            address = (settings.web.bind, settings.web.port)
            family = socket.AF_INET6 if ":" in settings.web.bind else socket.AF_INET
            listener = await asyncio.to_thread(take, settings.run_dir, "web")
            listener = listener or socket.create_server(address, family=family)
            await web.SockSite(runner, listener).start()
            offer = Offer(settings.run_dir, "web", listener)
            offer.open()
            log.info("web server on http://%s:%d", settings.web.bind, settings.web.port)
            await stop.wait()
            offer.close()
        finally:
            await runner.cleanup()
            floor.cancel()
            await asyncio.gather(floor, return_exceptions=True)


async def _floor(settings: Settings, engine: AsyncEngine, floors: Floors | None) -> None:
    if floors is not None:
        await keep(settings, load_rules(), engine, floors)


def main() -> None:
    configure_logging()
    asyncio.run(serve(load_settings()))


if __name__ == "__main__":
    main()
