"""What ``bench.province`` found, as the page docs/benchmarks-callbacks.md."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from callback.simulation.figures import Felt, felt_by
from callback.words import Outcome, TargetState, chinese

if TYPE_CHECKING:
    from bench.province import Result

WITHIN_S = 15.0
_FTE_HOURS = 52 * 40 * 0.8 * 0.7
"""Hours on the telephone of one post in a year: 40 a week, a fifth leave, holidays and illness, of the rest 30 %
breaks and training."""
_ASSUMED = (
    (
        "calls, callbacks",
        "37,000,000 and 11,000,000 a year",
        "Jiangsu 2024: 37.20 M by telephone, 11.37 M ratings by callback, 4,708 agents (jiangsu.sina.com.cn, 2025-02)",
    ),
    (
        "hotlines",
        "13, as large as their cities (people, census of 2020)",
        "a province has one a city; each with agents, trunk, dialler and backlog of its own",
    ),
    ("weekday", "Monday 1.12 … Friday 1.04, Saturday 0.85, Sunday 0.80 of the mean", "assumed"),
    (
        "half hour",
        "two humps (09:30, 15:00); from 00:00 to 05:00 about a fiftieth of them",
        "assumed: `DAY_PROFILE` in `callback/simulation/world.py`",
    ),
    (
        "storm days",
        "{storms} days with 86 % more calls in all cities at once, and no more agents",
        "Binzhou 2021: 3,982 calls on its worst day instead of 2,135",
    ),
    (
        "handling",
        "180 s, lognormal, deviation 0.9 of the mean",
        "Changzhou 2021: 150 s of talk; 30 s of wrap-up assumed",
    ),
    ("patience", "exponential, mean 120 s", "assumed"),
    ("menu", "15 s, which hold a line and no agent", "assumed"),
    (
        "agents",
        "in each half hour as many as Erlang A asks for on an ordinary day of that weekday, those whom we put through"
        " included",
        "95 % in 15 s (GB/T 33358-2016)",
    ),
    (
        "an attempt",
        "answered 45 %, busy 6 %, refused or off 10 %, no such number 2 %, congestion 1 %, else 30 s in vain;"
        " drawn anew each time",
        "assumed",
    ),
    (
        "who answers",
        "after 12 s on average; 45 s of survey; 70 % rate (8 % of them: not solved, dissatisfied), 2 % want an agent,"
        " 1 % opt out, 0.2 % our own fault",
        "assumed",
    ),
    ("due", "between 08:30 and 17:30; on a Saturday or Sunday 30 % of a weekday", "assumed"),
    (
        "rules",
        "09:00-12:00 and 14:00-20:00, 3 attempts, 2 a day, 4 a week; busy 10 min, refused 4 h, no answer 2 h and"
        " another window",
        "the defaults of a campaign (`callback/campaign.py`)",
    ),
    (
        "lines of ours",
        "half as many again as the mean day fills; a fifth of their number, or 2, new a second",
        "assumed",
    ),
    (
        "trunk",
        "1.3 times the most agents, and our lines; a tenth of the most agents in reserve; no new call while 5 % of"
        " their number wait",
        "assumed",
    ),
)
_PAGE = """\
# A year of a province 一省一年

`python -m bench.province{scale} --write`: {days} days in virtual time, {calls:,} citizens who call in and {targets:,}
to be called back, each call by itself, and the same citizens once more without callbacks. It took {wall:.0f} s with
{workers} processes on {cores} cores, of which they had {share:.0%} to themselves (other work on the machine had the
rest): {cpu:.0f} s of processor time, {rate:,.0f} calls a second of it.
`python -m bench.province --scale 0.01` tries it out.

What is real here: `pacing.allowance`, hours, limits, retry and `follow` of `callback/`, asked at every look of the
dialler and for every attempt, and the Erlang A of `routing/erlang.py` that plans the agents. What is drawn: each
citizen's arrival, patience and handling time, each attempt's outcome, ring and talk (`callback/simulation/`). What is
checked before anything is written: no target lost or ended twice, an outcome for every attempt, and lines never above
the cap in any city.

## Assumptions 假设

| what | value | where from |
|---|---|---|
{assumed}
Not simulated: shifts in whole hours, citizens who call again after giving up, people who are never at home, holidays.

## Citizens who call in 来电

| | calls | mean wait s | median s | 95 % s | in 15 s | gave up | found every line taken |
|---|---:|---:|---:|---:|---:|---:|---:|
{felt}
Waits are those of the answered, after the menu; "in 15 s" is a share of all who called. With and without: the same
citizens. Jiangsu published for 2024 a mean wait of 13.4 s and 95.25 % answered by a person within 30 s; what is counted
there is not said.

## Callbacks 回访

| | |
|---|---|
{callbacks}
## By city 各市

| {heads} |
|---{dashes}|
{cities}
Held back: of the time in which we rang, the share in which somebody was due and citizens who call in came first.
{posts}"""
_HEADS = (
    "city",
    "calls",
    "callbacks",
    "calls of ours",
    "agents, most",
    "cap",
    "lines, most",
    "mean while ringing",
    "held back",
    "backlog, most",
    "left at the end",
    "in 15 s with",
    "without",
)
_POSTS = """\
Agents on duty: {hours:,.0f} hours on the telephone, as {posts:,.0f} posts give ({each:,.0f} hours a year each,
assumed: 40 a week, a fifth of leave, holidays and illness, of the rest 30 % of breaks and training). Whoever writes
tickets besides and tells citizens what came of theirs is not among them.
"""


def write(results: Sequence[Result], figures: dict[str, Any]) -> str:
    calls = sum(_calls(one, 0) for one in results)
    quiet = sum(_calls(one, 1) for one in results)
    attempts = sum(one.attempts for one in results)
    hours = sum(one.agent_seconds for one in results) / 3600
    cpu = sum(one.seconds for one in results)
    posts = hours * 365 / figures["days"] / _FTE_HOURS
    return _PAGE.format(
        scale="" if figures["scale"] == 1 else f" --scale {figures['scale']:g}",
        days=figures["days"],
        calls=calls,
        targets=sum(one.targets for one in results),
        wall=figures["wall_s"],
        workers=figures["workers"],
        cores=os.cpu_count(),
        cpu=cpu,
        share=cpu / figures["wall_s"] / figures["workers"],
        rate=(calls + quiet + attempts) / cpu,
        assumed="".join(f"| {' | '.join(row)} |\n" for row in _ASSUMED).format(storms=figures["storms"]),
        felt=_felt(results),
        callbacks=_callbacks(results, attempts),
        heads=" | ".join(_HEADS),
        dashes="|---:" * (len(_HEADS) - 1),
        cities="".join(map(_city, results)),
        posts=_POSTS.format(hours=hours, posts=posts, each=_FTE_HOURS),
    )


def _calls(result: Result, which: int) -> int:
    return len((result.with_campaign, result.without)[which]) + result.blocked[which]


def _felt(results: Sequence[Result]) -> str:
    rows = (
        ("with callbacks", [one.with_campaign for one in results], sum(one.blocked[0] for one in results)),
        ("without", [one.without for one in results], sum(one.blocked[1] for one in results)),
        ("storm days, with", [one.stormy for one in results], sum(one.stormy_blocked for one in results)),
    )
    return "".join(_row(name, felt_by(np.concatenate(waits), blocked, WITHIN_S)) for name, waits, blocked in rows)


def _row(name: str, felt: Felt) -> str:
    waits = " | ".join(
        "–" if one is None else f"{one:.2f}" for one in (felt.mean_wait_s, felt.median_wait_s, felt.p95_wait_s)
    )
    within = "–" if felt.answered_within is None else f"{felt.answered_within:.2%}"
    return f"| {name} | {felt.calls:,} | {waits} | {within} | {felt.abandoned:,} | {felt.blocked:,} |\n"


def _callbacks(results: Sequence[Result], attempts: int) -> str:
    outcomes = {outcome: sum(one.outcomes[outcome] for one in results) for outcome in Outcome}
    states = {state: sum(one.states[state] for one in results) for state in TargetState}
    targets = sum(one.targets for one in results)
    told = [("calls of ours", f"{attempts:,}, {attempts / targets:.2f} a target")]
    told += [
        (f"{chinese(outcome)} {outcome.value}", f"{count:,} ({count / attempts:.1%} of the calls)")
        for outcome, count in outcomes.items()
        if count
    ]
    told += [
        (f"{chinese(state)} {state.value}", f"{count:,} ({count / targets:.1%} of the targets)")
        for state, count in states.items()
        if count
    ]
    told.append(("still under way at midnight of the last day", f"{sum(one.left for one in results):,}"))
    told.append(("wanted an agent", f"{sum(one.wishes for one in results):,}"))
    told.append(
        (
            "tasks for people: unsolved, dissatisfied, or an agent wanted in vain",
            f"{sum(one.tasks for one in results):,}",
        )
    )
    return "".join(f"| {name} | {value} |\n" for name, value in told)


def _city(one: Result) -> str:
    cells = [
        one.city.name,
        f"{_calls(one, 0):,}",
        f"{one.targets:,}",
        f"{one.attempts:,}",
        f"{one.most_agents}",
        f"{one.city.world.pace.lines}",
        f"{one.peak_lines}",
        f"{one.mean_lines:.1f}",
        f"{one.held_share:.1%}",
        f"{one.most_left:,}",
        f"{one.left:,}",
    ]
    for waits, blocked in zip((one.with_campaign, one.without), one.blocked, strict=True):
        cells.append(f"{felt_by(waits, blocked, WITHIN_S).answered_within or 0.0:.2%}")
    return f"| {' | '.join(cells)} |\n"
