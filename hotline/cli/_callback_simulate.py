"""``hotline callback simulate``: how long a campaign takes, and what citizens who call in notice of it."""

from __future__ import annotations

import re
import sys
import time as clock
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import click
from pydantic import ValidationError

from callback.campaign import EVERY_DAY, MOST_PER_DAY, Retry, Rules, Window
from callback.pacing import Pace
from callback.simulation.engine import run
from callback.simulation.figures import summary
from callback.simulation.world import DAY, Inbound, Network, Survey, World
from hotline.cli._callback_simulated import show
from hotline.cli._database import CHINA, print_json

_HOURS = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})")
_UNANSWERED = {"busy": 0.11, "unallocated": 0.035, "congestion": 0.02, "rejected": 0.18}
"""Shares of the calls that are not answered, of those rates that are not given."""
_MOST_CALLERS = 5_000_000
"""Citizens who call in over the whole simulation that memory is spent on."""


class Number(click.FloatRange):
    """``nan`` lies in every range that is asked whether it lies outside."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number", param, ctx)
        return found


RATE = Number(0, 1)


class HoursType(click.ParamType[tuple[Window, ...]]):
    """``09:00-12:00,14:00-20:00``"""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Window, ...]:
        if isinstance(value, tuple):
            return value
        found = []
        for part in value.split(","):
            match = _HOURS.fullmatch(part.strip())
            try:
                if match is None:
                    raise ValueError
                found.append(Window(start=time.fromisoformat(match[1]), end=time.fromisoformat(match[2])))
            except ValueError as error:
                why = f": {_first(error)}" if isinstance(error, ValidationError) else ""
                self.fail(f"{part!r}{why}; write such as 09:00-12:00,14:00-20:00, within 08:00-21:00", param, ctx)
        return tuple(found)


@click.command(
    epilog="Example: hotline callback simulate --tickets 3000 --lines 20 --answer-rate 0.4 --inbound 4000 --seed 7"
)
@click.option("--tickets", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="To be rung.")
@click.option("--lines", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Calls of ours at once.")
@click.option(
    "--per-second",
    type=Number(0, 100, min_open=True),
    help="New calls a second. [a tenth of --lines, 1 to 100]",
)
@click.option("--answer-rate", type=RATE, default=0.45, show_default=True, help="Share of our calls that is answered.")
@click.option("--busy-rate", type=RATE, help="Busy. [11 % of those not answered]")
@click.option("--unallocated-rate", type=RATE, help="No such number. [3.5 % of those not answered]")
@click.option("--congestion-rate", type=RATE, help="No way through. [2 % of those not answered]")
@click.option("--rejected-rate", type=RATE, help="Refused or switched off. [18 % of those not answered]")
@click.option("--rated-rate", type=RATE, default=0.7, show_default=True, help="Of who answers: gives a rating.")
@click.option("--agent-rate", type=RATE, default=0.02, show_default=True, help="Of who answers: asks for an agent.")
@click.option("--ring", type=click.IntRange(10, 60), default=30, show_default=True, help="Seconds we let it ring.")
@click.option(
    "--answer-after",
    type=Number(1, 60),
    default=12.0,
    show_default=True,
    help="Mean seconds until somebody answers.",
)
@click.option("--talk", type=Number(1, 600), default=45.0, show_default=True, help="Mean seconds of a survey.")
@click.option("--hours", type=HoursType(), default="09:00-12:00,14:00-20:00", show_default=True, help="When we ring.")
@click.option("--attempts", type=click.IntRange(1, 10), default=3, show_default=True, help="Per target, at most.")
@click.option(
    "--per-day",
    type=click.IntRange(1, MOST_PER_DAY),
    default=2,
    show_default=True,
    help="Calls to a number in 24 hours.",
)
@click.option(
    "--per-week", type=click.IntRange(1, 35), default=4, show_default=True, help="Calls to a number in seven days."
)
@click.option(
    "--trunk-lines",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Lines for both directions; 0: enough.",
)
@click.option(
    "--reserve", type=click.IntRange(0, 100_000), default=0, show_default=True, help="Of them kept for citizens."
)
@click.option(
    "--waiting", type=click.IntRange(1, 10_000), default=1, show_default=True, help="So many waiting citizens stop us."
)
@click.option(
    "--inbound",
    type=click.IntRange(0, 1_000_000),
    default=2000,
    show_default=True,
    help="Citizens who call in on an average day.",
)
@click.option(
    "--agents", type=click.IntRange(0, 10_000), default=0, help="At every hour. [by Erlang A for 95 % in 15 s]"
)
@click.option("--handling", type=Number(1, 7200), default=180.0, show_default=True, help="Mean seconds an agent needs.")
@click.option("--patience", type=Number(1, 7200), default=120.0, show_default=True, help="Mean seconds citizens wait.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"]), help="Beijing time. [a Monday, as we begin to ring]"
)
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="Give up after so many.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The same seed, the same figures."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def simulate(as_json: bool, **options: Any) -> None:
    """Try a campaign in virtual time 模拟回访.

    The real pacing, hours, limits and retry decide; the network and those who call in are drawn by chance. Tells when
    everybody is done, and what citizens who call in notice of it. Nobody is rung and no hotline needs to run.
    """
    world = _world(options)
    days, tickets = int(options["days"]), int(options["tickets"])
    if options["inbound"] * days > _MOST_CALLERS:
        raise click.UsageError(f"--inbound times --days: at most {_MOST_CALLERS:,} citizens")
    with_campaign = run(
        world,
        lambda day: [0.0] * tickets if day == 0 else [],
        until=float(days * DAY),
        progress=_progress(world, "with the campaign"),
    )
    without = run(
        world,
        lambda day: [],
        until=with_campaign.ended_at,
        stop_when_cleared=False,
        progress=_progress(world, "without"),
    )
    _wipe()
    found = summary(world, with_campaign, without) | {"assumptions": _assumed(world)}
    if as_json:
        print_json(found)
    else:
        show(world, with_campaign, found)


def _world(options: dict[str, Any]) -> World:
    lines: int = options["lines"]
    windows: tuple[Window, ...] = options["hours"]
    start: datetime = options["start"] or datetime.combine(_monday(), min(window.start for window in windows))
    try:
        return World(
            start=start.replace(tzinfo=CHINA),
            pace=Pace(
                lines=lines,
                per_second=options["per_second"] or min(100.0, max(1.0, lines / 10)),
                trunk_lines=options["trunk_lines"],
                reserve=options["reserve"],
                waiting=options["waiting"],
            ),
            rules=Rules(
                max_lines=lines,
                windows=windows,
                weekdays=EVERY_DAY,
                per_day=options["per_day"],
                per_week=options["per_week"],
                ring_seconds=options["ring"],
                retry=Retry(attempts=options["attempts"]),
            ),
            network=_network(options),
            survey=Survey(talk_s=options["talk"], rated=options["rated_rate"], agent=options["agent_rate"]),
            inbound=Inbound(
                calls_per_day=options["inbound"],
                handling_s=options["handling"],
                patience_s=options["patience"],
                agents=options["agents"],
            ),
            seed=options["seed"],
        )
    except ValueError as error:
        raise click.UsageError(_first(error)) from error


def _network(options: dict[str, Any]) -> Network:
    given = {name: options[f"{name}_rate"] for name in _UNANSWERED}
    rest = 1 - options["answer_rate"] - sum(rate for rate in given.values() if rate is not None)
    if rest < -1e-9:
        raise click.UsageError("the rates add up to more than 1")
    rates = {name: _UNANSWERED[name] * max(0.0, rest) if rate is None else rate for name, rate in given.items()}
    return Network(answered=options["answer_rate"], ring_s=options["answer_after"], **rates)


def _monday() -> date:
    """Any would do: figures depend on the weekday alone."""
    today = datetime.now(CHINA).date()
    return today + timedelta(days=7 - today.weekday())


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return str(error)


def _progress(world: World, what: str) -> Callable[[float, int], None] | None:
    """A line on the terminal, twice a second; nothing where it would not be seen."""
    if not sys.stderr.isatty():
        return None
    shown = clock.monotonic()

    def show(now: float, left: int) -> None:
        nonlocal shown
        if clock.monotonic() - shown >= 0.5:
            shown = clock.monotonic()
            at = world.start + timedelta(seconds=now)
            click.echo(f"\r\033[K模拟 {what}: {at:%Y-%m-%d %H:%M}, {left:,} left", nl=False, err=True)

    return show


def _wipe() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)


def _assumed(world: World) -> dict[str, Any]:
    network, survey, inbound, pace = world.network, world.survey, world.inbound, world.pace
    return {
        "lines": pace.lines,
        "per_second": pace.per_second,
        "trunk_lines": pace.trunk_lines,
        "reserve": pace.reserve,
        "waiting": pace.waiting,
        "rates": {
            "answered": network.answered,
            "busy": network.busy,
            "unallocated": network.unallocated,
            "congestion": network.congestion,
            "rejected": network.rejected,
        },
        "ring_s": world.rules.ring_seconds,
        "answered_after_s": network.ring_s,
        "talk_s": survey.talk_s,
        "rated_of_answered": survey.rated,
        "agent_of_answered": survey.agent,
        "hours": [f"{window.start:%H:%M}-{window.end:%H:%M}" for window in world.rules.windows],
        "attempts": world.rules.retry.attempts,
        "inbound_per_day": inbound.calls_per_day,
        "handling_s": inbound.handling_s,
        "patience_s": inbound.patience_s,
        "agents_by_half_hour": list(world.on_duty(world.start.weekday())),
    }
