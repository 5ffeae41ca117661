"""The report as the JSON object of ``hotline simulate --json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hotline.simulate.figures import Report
from hotline.simulate.plan import Load


def public(made: Report, load: Load) -> dict[str, Any]:
    """``load``: what was tried. Seconds everywhere."""
    found = asdict(made)
    robots = found.pop("robots")
    return {
        "load": asdict(load),
        "sound": made.sound,
        **found,
        "robots": {**robots, "gave_up": dict(made.robots.gave_up), "under_way": made.robots.under_way},
    }
