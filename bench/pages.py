"""What the pages weigh, and whether the wallboard stays smooth: ``python -m bench.pages``.

The built pages in Chromium, from the real web server with a sample city's database and a telephone side that is played
(bench/pages_server.py). Each page is opened in several ways, with an empty page of the same server and everything
unpacked and unkept beside it; the wallboard is looked at with and without events, and for an hour that passes faster.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench.pages_page import page
from bench.pages_rig import rig
from bench.pages_server import Pace
from bench.pages_wall import Watched, watch
from bench.pages_weight import Visit, weigh
from hotline.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "benchmarks-pages.md"
EVENTS = 50.0
SPEED = 10.0
HOUR_SECONDS = 3600.0
LOOKS = 24


async def measure(
    runs: int, seconds: float, hour: float, picture: Path | None, say: Callable[[str], None]
) -> tuple[dict[str, dict[str, Visit]], list[Watched]]:
    """``hour``: seconds of the floor's own time."""
    async with rig() as here:
        weights = await weigh(here, runs, say) if runs else {}
        walls = []
        for name, pace, slower in (
            ("no events", Pace(0), 1.0),
            ("events", Pace(EVENTS), 1.0),
            ("events, whole state each time", Pace(EVENTS, whole=True), 1.0),
            ("no events, 4 times slower", Pace(0), 4.0),
            ("events, 4 times slower", Pace(EVENTS), 4.0),
        ):
            walls.append(await watch(here, name, pace, seconds, slower=slower))
            say(json.dumps(walls[-1].told()))
        fast = Pace(EVENTS, SPEED)
        walls.append(await watch(here, "an hour", fast, hour / SPEED, looks=LOOKS, picture=picture))
        say(json.dumps(walls[-1].told()))
        return weights, walls


@click.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(0, 50), help="0: the wallboard alone.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(5, 3600))
@click.option("--hour", default=HOUR_SECONDS, show_default=True, type=click.FloatRange(60, 36_000))
@click.option("--picture", type=click.Path(path_type=Path), help="Of the wallboard at the end.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks-pages.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(runs: int, seconds: float, hour: float, picture: Path | None, write: bool, as_json: bool) -> None:
    """How heavy the pages are, and how smooth the wallboard is."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    weights, walls = asyncio.run(measure(runs, seconds, hour, picture, say))
    text = page(weights, walls, runs)
    click.echo(json.dumps(_told(weights, walls)) if as_json else text)
    if write:
        PAGE.write_text(text, encoding="utf-8")


def _told(weights: dict[str, dict[str, Visit]], walls: list[Watched]) -> dict[str, Any]:
    visits = {name: {way: vars(one) for way, one in ways.items()} for name, ways in weights.items()}
    return {"weights": visits, "wall": [one.told() for one in walls]}


if __name__ == "__main__":
    main()
