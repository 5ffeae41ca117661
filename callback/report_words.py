"""A report as people read it: headings and cells, the same for terminal, spreadsheet and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from callback.report import BY_CHINESE, Figures, Report

Cell = str | int | float | None
"""A float is a share, 0 to 1."""

RATES: Sequence[tuple[str, Callable[[Figures], float | None]]] = (
    ("评价率（评价/应回访）", lambda one: one.response_rate),
    ("满意率（满意/评价）", lambda one: one.satisfied_of_rated),
    ("满意率下限（满意/应回访）", lambda one: one.satisfied_at_least),
)
"""What pictures show: satisfaction never without the rate of who answered."""

COLUMNS: Sequence[tuple[str, Callable[[Figures], int | float | None]]] = (
    ("应回访", lambda one: one.asked),
    ("待回访", lambda one: one.waiting),
    ("已拨打", lambda one: one.dialled),
    ("接通", lambda one: one.reached),
    ("作答", lambda one: one.answered),
    ("评价", lambda one: one.rated),
    ("满意", lambda one: one.satisfied),
    ("已解决", lambda one: one.solved),
    ("未解决", lambda one: one.unsolved),
    ("拒绝回访", lambda one: one.opted_out),
    ("接通率", lambda one: one.reach_rate),
    *RATES,
    ("解决率（已解决/作答）", lambda one: one.solved_of_answers),
    ("解决率下限（已解决/应回访）", lambda one: one.solved_at_least),
)
TOTAL = "合计"
NOTE = "未作答不等于满意：满意率须与评价率一并引用；下限按未作答者均不满意计算。满意含“基本满意”。"


def headings(report: Report) -> list[str]:
    return [BY_CHINESE[report.by], *(name for name, _ in COLUMNS)]


def cells(report: Report) -> list[list[Cell]]:
    """A line each row, the total last."""
    lines = [(row.name, row.figures) for row in report.rows] + [(TOTAL, report.total)]
    return [[name, *(value(figures) for _, value in COLUMNS)] for name, figures in lines]


def shown(cell: Cell) -> str:
    """``12.3%``; nothing where there is nobody to take a share of."""
    if cell is None:
        return "—"
    return f"{cell:.1%}" if isinstance(cell, float) else str(cell)


def summary(total: Figures) -> str:
    """One line that cannot be quoted without its response rate."""
    return (
        f"应回访 {total.asked} 人，评价 {total.rated} 人（评价率 {shown(total.response_rate)}），"
        f"评价者中满意 {shown(total.satisfied_of_rated)}，按全部应回访人计至少 {shown(total.satisfied_at_least)}"
    )
