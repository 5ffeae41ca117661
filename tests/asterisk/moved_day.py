"""``python -m tests.asterisk.moved_day MODULE``: a part of the hotline for which it is the moment in ``<home>/moment``.

Queues are open on some days only, and tests run on any. Only the hours of queues are moved; every clock stays as it is.
"""

from __future__ import annotations

import runpy
import sys
from datetime import datetime

from hotline.settings import home_folder
from routing.hours import SHANGHAI

FILE = "moment"


def moved() -> datetime:
    return datetime.fromisoformat((home_folder() / FILE).read_text(encoding="ascii")).replace(tzinfo=SHANGHAI)


if __name__ == "__main__":
    from hotline import hours_job

    hours_job.now = moved
    module = sys.argv[1]
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
