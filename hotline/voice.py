"""The voice server process: ``python -m hotline.voice``. It answers Asterisk's FastAGI requests and holds no state."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal

import uvloop

from agi_scripts import inbound
from hotline.logs import configure_logging
from hotline.rules import load_rules
from hotline.settings import Settings, load_settings
from ivr.fastagi import FastAgiServer

log = logging.getLogger(__name__)
UNKNOWN_SECONDS = 30.0
"""For a sound that the manifest does not know: too long only delays the watchdog, too short would cut the prompt."""


async def serve(settings: Settings) -> None:
    """Run until SIGTERM; calls under way then have a few seconds to end."""
    rules = load_rules()
    server = FastAgiServer(
        {"inbound": inbound.endpoint(rules.flows)},
        seconds=lambda sound: rules.prompts.seconds(sound) or UNKNOWN_SECONDS,
        port=settings.agi.port,
        first_reply_seconds=settings.agi.first_reply_seconds,
        max_sessions=settings.agi.max_sessions,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start()
    log.info("voice server on 127.0.0.1:%d, %d flows", server.port, len(rules.flows))
    await stop.wait()
    await server.stop()


def main() -> None:
    configure_logging()
    # What is loaded by now stays: the collector need not look at it again for every call.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(load_settings()))


if __name__ == "__main__":
    main()
