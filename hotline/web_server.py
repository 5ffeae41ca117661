"""The web server process: ``python -m hotline.web_server``."""

from __future__ import annotations

import asyncio
import logging
import signal

from aiohttp import web

from hotline.db import open_engine
from hotline.health import probes
from hotline.logs import configure_logging
from hotline.settings import Settings, load_settings
from web.app import create_app

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_engine(settings) as engine:
        runner = web.AppRunner(create_app(probes(settings, engine)), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.web.bind, settings.web.port).start()
            log.info("web server on http://%s:%d", settings.web.bind, settings.web.port)
            await stop.wait()
        finally:
            await runner.cleanup()


def main() -> None:
    configure_logging()
    asyncio.run(serve(load_settings()))


if __name__ == "__main__":
    main()
