"""Ends every recording under way, over AMI: the disk is full."""

from __future__ import annotations

import logging

from hotline.ami import open_ami
from hotline.settings import Settings
from routing.ami import AmiRefused
from routing.live import channels, stop_mixmonitor

log = logging.getLogger(__name__)


async def stop_recordings(settings: Settings) -> None:
    """Calls go on without recording. Raises :class:`routing.ami.AmiError` when Asterisk cannot be reached."""
    async with open_ami(settings) as ami:
        for row in await channels(ami):
            if row.unique_id == row.call_id:  # the caller's own channel
                try:
                    await stop_mixmonitor(ami, row.channel)
                except AmiRefused as error:  # not recorded, or over in this moment
                    log.info("recording of %s: %s", row.call_id, error)
