"""What ``hotline callback simulate`` shows to people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.table import Table

from callback.simulation.chart import lines as chart_lines
from callback.simulation.course import Course
from callback.simulation.world import World
from callback.words import Outcome, chinese
from hotline.cli._database import console


def show(world: World, course: Course, found: dict[str, Any]) -> None:
    out = console()
    table = Table(title="模拟回访 simulated campaign", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for words, value in _rows(world, found):
        table.add_row(words, value)
    out.print(table)
    felt = Table(title="来电感受（回访时段内） what citizens who called in met while we might ring")
    for name in ("", "有回访 with", "无回访 without"):
        felt.add_column(name, justify="right" if name else "left")
    both = found["inbound_while_ringing"]
    pair = (both["with_campaign"], both["without_campaign"])
    for key, words in _FELT.items():
        felt.add_row(words, *(_number(one[key]) for one in pair))
    within = next(key for key in pair[0] if key.startswith("answered_within"))
    felt.add_row("15 秒内接听 answered in 15 s", *(_share(one[within]) for one in pair))
    out.print(felt)
    for line in chart_lines(world, course):
        out.print(line, markup=False)


_FELT = {
    "calls": "来电 calls",
    "mean_wait_s": "平均等待 mean wait, s",
    "median_wait_s": "中位等待 median, s",
    "p95_wait_s": "95% 等待 p95, s",
    "abandoned": "放弃 abandoned",
    "blocked": "线路全忙 found every line taken",
}


def _rows(world: World, found: dict[str, Any]) -> list[tuple[str, str]]:
    cleared = found["cleared_at_s"]
    when = "" if cleared is None else f"{world.start + timedelta(seconds=cleared):%Y-%m-%d %H:%M:%S}"
    told = "未完成 not cleared" if cleared is None else f"{when}（{timedelta(seconds=round(cleared))}）"
    held = ", ".join(f"{_HELD[why]} {seconds:,.0f} s" for why, seconds in found["held_back_s"].items()) or "–"
    calls = ", ".join(f"{chinese(Outcome(name))} {count:,}" for name, count in found["calls"].items())
    return [
        ("工单 tickets", f"{found['tickets']:,}"),
        ("全部完成 cleared", told),
        ("最多占用线路 / 上限 peak lines / cap", f"{found['peak_lines']} / {found['cap']}"),
        ("有待办时平均线路 mean lines with a backlog", _number(found["mean_lines_while_backlog"])),
        ("其中未让路时 of it, while nothing held us back", _number(found["mean_lines_not_held_back"])),
        ("为来电让路 held back by citizens", held),
        ("呼叫 calls", f"{found['attempts']:,}: {calls}"),
        ("接通 reached", _of(found["reached"], found["tickets"])),
        ("已评价 rated", _of(found["rated"], found["tickets"])),
        ("接通未评价 reached, no rating", f"{found['unrated']:,}"),
        ("转人工回访 tasks for people", f"{found['manual_callbacks']:,}"),
        ("未接通 never reached", _of(found["unreached"], found["tickets"])),
    ]


_HELD = {"waiting": "有人排队 somebody waited", "trunk": "中继 trunk"}


def _of(part: int, whole: int) -> str:
    return f"{part:,}（{part / whole:.1%}）"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
