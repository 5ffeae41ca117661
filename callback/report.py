"""What a campaign brought: how many were to be asked, were rung, reached, answered, rated, were satisfied.

Each person of a campaign is in exactly one row of each table, so rows add up to the total. Rates never stand alone: of
who rated, and of all who were to be asked, so that 95 % of the few who answered is not read as 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.survey import SATISFACTION, SOLVED
from callback.words import TargetState
from tickets.words import BAD_LEVELS, Category, Level, chinese


class By(StrEnum):
    UNIT = "unit"
    CATEGORY = "category"
    HOUR = "hour"
    """Of the day, Asia/Shanghai: of the call that was answered, else of the last one."""


BY_CHINESE = {By.UNIT: "承办单位", By.CATEGORY: "类别", By.HOUR: "时段"}
NOBODY = "（无）"
"""Without a unit or category (no ticket), or never rung."""


@dataclass(frozen=True, slots=True)
class Group:
    """``people`` with the same story. ``level``: the last one given, as in the answers; ``solved``: yes, no or none."""

    key: str
    state: TargetState
    dialled: bool
    reached: bool
    answered: bool
    level: str | None
    solved: str | None
    people: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of people. asked ≥ dialled ≥ reached ≥ answered ≥ rated ≥ satisfied."""

    asked: int = 0
    """All whom the campaigns are to ask, whatever became of them."""
    waiting: int = 0
    """Of those asked, not finished yet."""
    dialled: int = 0
    reached: int = 0
    """A call was answered."""
    answered: int = 0
    """And at least one question."""
    rated: int = 0
    """Gave a level. "Solved" alone is none."""
    satisfied: int = 0
    """Gave one that is not bad; ``levels`` says which."""
    solved: int = 0
    unsolved: int = 0
    opted_out: int = 0
    dropped: int = 0
    levels: Mapping[str, int] = field(default_factory=dict)

    @property
    def response_rate(self) -> float | None:
        """Rated, of all who were to be asked."""
        return _share(self.rated, self.asked)

    @property
    def reach_rate(self) -> float | None:
        return _share(self.reached, self.dialled)

    @property
    def satisfied_of_rated(self) -> float | None:
        return _share(self.satisfied, self.rated)

    @property
    def satisfied_at_least(self) -> float | None:
        """Of all who were to be asked: what is proven, had all the silent been dissatisfied."""
        return _share(self.satisfied, self.asked)

    @property
    def solved_of_answers(self) -> float | None:
        return _share(self.solved, self.solved + self.unsolved)

    @property
    def solved_at_least(self) -> float | None:
        return _share(self.solved, self.asked)

    @property
    def rates(self) -> dict[str, float | None]:
        """All of them, by name: no satisfaction without its response rate."""
        names = "response_rate reach_rate satisfied_of_rated satisfied_at_least solved_of_answers solved_at_least"
        return {name: getattr(self, name) for name in names.split()}


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    total: Figures
    by: By
    rows: Sequence[Row]
    answers: Mapping[str, Mapping[str, int]]
    """What was answered, by question and value."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Of one campaign or all; by the day (Asia/Shanghai) a person was due, both days included."""

    campaign: int | None = None
    first: date | None = None
    last: date | None = None


def add_up(groups: Iterable[Group]) -> Figures:
    """One row's numbers."""
    count: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    for one in groups:
        true = {
            "asked": True,
            "waiting": one.state in (TargetState.WAITING, TargetState.CALLING),
            "dialled": one.dialled,
            "reached": one.reached,
            "answered": one.answered,
            "rated": one.level is not None,
            "satisfied": one.level is not None and one.level not in BAD_LEVELS,
            "solved": one.solved == "yes",
            "unsolved": one.solved == "no",
            "opted_out": one.state is TargetState.OPTED_OUT,
            "dropped": one.state is TargetState.DROPPED,
        }
        count.update({name: one.people for name, holds in true.items() if holds})
        if one.level is not None:
            levels[one.level] += one.people
    known = {level.value: levels[level] for level in Level if levels[level]}
    return Figures(**count, levels=known)


def table(groups: Sequence[Group], by: By, names: Mapping[str, str]) -> list[Row]:
    """A row a key; ``names`` of units. Hours and categories in their own order, units by how many were asked."""
    keys: dict[str, list[Group]] = {}
    for one in groups:
        keys.setdefault(one.key, []).append(one)
    rows = [Row(key, _name(by, key, names), add_up(members)) for key, members in keys.items()]
    return sorted(rows, key=lambda row: (row.key == "", _order(by, row), row.key))


def _order(by: By, row: Row) -> int:
    match by:
        case By.UNIT:
            return -row.figures.asked
        case By.CATEGORY:
            return [*Category].index(Category(row.key)) if row.key in [*Category] else len(Category)
        case By.HOUR:
            return int(row.key or 24)


def _name(by: By, key: str, names: Mapping[str, str]) -> str:
    if not key:
        return "未拨打" if by is By.HOUR else NOBODY
    match by:
        case By.UNIT:
            return names.get(key, key)
        case By.CATEGORY:
            return chinese(Category(key)) if key in [*Category] else key
        case By.HOUR:
            return f"{int(key):02d}:00–{int(key) + 1:02d}:00"


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else part / whole


_KEYS = {
    By.UNIT: "coalesce(k.unit, '')",
    By.CATEGORY: "coalesce(k.category, '')",
    By.HOUR: "coalesce(to_char(a.at AT TIME ZONE 'Asia/Shanghai', 'HH24'), '')",
}
_KNOWN = """
WITH chosen AS MATERIALIZED (SELECT t.id, t.state, t.ticket FROM callback_targets t WHERE {chosen}),
said AS (
    SELECT p.target_id, w.attempt_id, w.question, w.value
    FROM callback_answers w JOIN callback_attempts p ON p.id = w.attempt_id
    WHERE p.outcome = 'answered' AND p.target_id IN (SELECT id FROM chosen)
)"""
"""Answers count from answered attempts only."""
_GROUPS = (
    _KNOWN
    + """,
a AS (
    SELECT target_id, bool_or(outcome = 'answered') AS reached,
        coalesce(max(claimed_at) FILTER (WHERE outcome = 'answered'), max(claimed_at)) AS at
    FROM callback_attempts
    WHERE outcome IS DISTINCT FROM 'not_dialled' AND target_id IN (SELECT id FROM chosen) GROUP BY target_id
),
s AS (
    SELECT target_id,
        (array_agg(value ORDER BY attempt_id DESC) FILTER (WHERE question = :satisfaction))[1] AS level,
        (array_agg(value ORDER BY attempt_id DESC) FILTER (WHERE question = :solved))[1] AS solved
    FROM said GROUP BY target_id
)
SELECT {key} AS key, t.state, a.target_id IS NOT NULL AS dialled, coalesce(a.reached, false) AS reached,
    s.target_id IS NOT NULL AS answered, s.level, s.solved, count(*) AS people
FROM chosen t LEFT JOIN tickets k ON k.number = t.ticket
LEFT JOIN a ON a.target_id = t.id LEFT JOIN s ON s.target_id = t.id
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
)
_ANSWERS = (
    _KNOWN
    + """
SELECT question, value, count(*) AS people
FROM (SELECT DISTINCT ON (target_id, question) question, value
    FROM said ORDER BY target_id, question, attempt_id DESC) last
GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
)
_CHOSEN = """(CAST(:campaign AS bigint) IS NULL OR t.campaign_id = :campaign)
    AND (CAST(:first AS date) IS NULL OR t.due_at >= CAST(:first AS date)::timestamp AT TIME ZONE 'Asia/Shanghai')
    AND (CAST(:last AS date) IS NULL OR t.due_at < (CAST(:last AS date) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"""


async def make(
    connection: AsyncConnection, selection: Selection, by: By, names: Mapping[str, str] | None = None
) -> Report:
    """``names``: of the units, by id."""
    chosen = {"campaign": selection.campaign, "first": selection.first, "last": selection.last}
    asked = {**chosen, "satisfaction": SATISFACTION, "solved": SOLVED}
    found = await connection.execute(text(_GROUPS.format(key=_KEYS[by], chosen=_CHOSEN)), asked)
    groups = [
        Group(**{**one._mapping, "state": TargetState(one.state), "level": one.level if _known(one.level) else None})
        for one in found
    ]
    answers: dict[str, dict[str, int]] = {}
    for one in await connection.execute(text(_ANSWERS.format(chosen=_CHOSEN)), chosen):
        answers.setdefault(one.question, {})[one.value] = one.people
    return Report(add_up(groups), by, table(groups, by, names or {}), answers)


def _known(level: str | None) -> bool:
    return level in [*Level]
