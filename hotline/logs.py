"""One line per event on standard error; the supervisor puts it into ``<home>/log/<part>.log``."""

from __future__ import annotations

import logging
import time


def configure_logging(level: int = logging.INFO) -> None:
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
