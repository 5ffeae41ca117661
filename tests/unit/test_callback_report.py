"""The figures of callbacks: they add up, none is larger than what it is part of, and rates stand side by side."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree

import openpyxl
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.campaign import NewCampaign, Rules, Window
from callback.hours import Hours
from callback.progress import expected_end
from callback.report import By, Figures, Group, Report, Selection, add_up, make, table
from callback.report_chart import svg
from callback.report_sheet import ANSWERS, SHEET, xlsx
from callback.report_words import COLUMNS, cells, headings, summary
from callback.store import create_campaign
from callback.tables import callback_answers, callback_attempts, callback_targets
from callback.words import Kind, Outcome, TargetState
from tests.unit.api_peer import make_rulebook
from tests.unit.ticket_people import AGENT
from tickets import book
from tickets.ticket import NewRequest
from tickets.words import BAD_LEVELS, Category, Level

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
BOSS = "=cmd|' /C calc'!A0"


def _group(key: str, state: TargetState, depth: int, level: str | None, solved: str | None, people: int) -> Group:
    """``depth``: how far they came: on the list, dialled, reached, answered."""
    said = depth >= 3
    return Group(key, state, depth >= 1, depth >= 2, said, level if said else None, solved if said else None, people)


groups = st.lists(
    st.builds(
        _group,
        st.sampled_from(["", "water", "housing", BOSS]),
        st.sampled_from(TargetState),
        st.integers(0, 3),
        st.sampled_from([None, *(level.value for level in Level)]),
        st.sampled_from([None, "yes", "no"]),
        st.integers(1, 10**7),
    ),
    max_size=30,
)


def counts(one: Figures) -> dict[str, int]:
    names = "asked waiting dialled reached answered rated satisfied solved unsolved opted_out dropped".split()
    return {name: getattr(one, name) for name in names}


@given(groups)
def test_rows_add_up_and_nothing_exceeds_its_whole(found: list[Group]) -> None:
    total = add_up(found)
    rows = [row.figures for row in table(found, By.UNIT, {})]
    for name, value in counts(total).items():
        assert sum(counts(row)[name] for row in rows) == value, name
    for one in (total, *rows):
        assert one.asked >= one.dialled >= one.reached >= one.answered >= one.rated >= one.satisfied
        assert one.answered >= one.solved + one.unsolved
        assert sum(one.levels.values()) == one.rated
        assert one.satisfied == sum(n for level, n in one.levels.items() if level not in BAD_LEVELS)
        assert all(rate is None or 0 <= rate <= 1 for rate in one.rates.values())
        if one.satisfied_of_rated is not None and one.satisfied_at_least is not None:
            assert one.satisfied_at_least <= one.satisfied_of_rated


def test_few_who_are_satisfied_are_not_shown_as_all() -> None:
    told = summary(Figures(asked=1000, dialled=900, reached=100, answered=20, rated=20, satisfied=19))
    assert "95.0%" in told
    assert "2.0%" in told
    assert "1.9%" in told


def _plain(found: list[Group], by: By = By.UNIT) -> Report:
    names = {"water": "水务局"}
    return Report(add_up(found), by, table(found, by, names), {"satisfaction": {"satisfied": 7}})


REPORT = _plain(
    [
        _group(BOSS, TargetState.RATED, 3, "satisfied", "yes", 7),
        _group("water", TargetState.UNREACHED, 1, None, None, 93),
        _group("", TargetState.UNRATED, 2, None, None, 2),
    ]
)


def test_the_spreadsheet_has_the_table_a_chart_and_no_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx(REPORT, "=1+1")))
    sheet = book[SHEET]
    assert sheet["A1"].value == "=1+1"
    assert sheet["A1"].data_type == "s"
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)][:5]
    assert rows[0] == headings(REPORT)
    assert rows[1][0] == "水务局"
    assert rows[2][0] == BOSS
    assert rows[4] == cells(REPORT)[-1]
    assert all(cell.data_type != "f" for page in book for row in page.iter_rows() for cell in row)
    assert len(sheet._charts) == 1
    assert [[cell.value for cell in row] for row in book[ANSWERS].iter_rows(min_row=2)] == [
        ["satisfaction", "satisfied", 7]
    ]


def test_the_picture_stands_alone() -> None:
    made = svg(REPORT)
    root = ElementTree.fromstring(made)
    text = "".join(root.itertext())
    assert "水务局（0/93）" in text
    assert "满意率下限" in text
    assert not [one for one in root.iter() if one.tag.rpartition("}")[2] in ("script", "image", "foreignObject")]
    assert b"@import" not in made


def test_a_report_of_nothing_can_be_written() -> None:
    empty = _plain([])
    assert cells(empty) == [["合计", *(0 if value(Figures()) == 0 else None for _, value in COLUMNS)]]
    assert xlsx(empty, "空")
    assert svg(empty)


# ---- from the database -----------------------------------------------------------------------------------------------


async def campaign_in(connection: AsyncConnection, kind: Kind = Kind.TICKETS, name: str = "回访") -> int:
    new = NewCampaign(name=name, kind=kind, survey="satisfaction", starts_on=date(2026, 11, 1))
    return (await create_campaign(connection, new, "test")).id


async def target_in(connection: AsyncConnection, campaign: int, about: str, **values: Any) -> int:
    row = {
        "campaign_id": campaign,
        "about": about,
        "number": "+8613900001111",
        "due_at": NOW,
        "next_at": NOW,
        **values,
    }
    made = await connection.execute(insert(callback_targets).values(row).returning(callback_targets.c.id))
    return int(made.scalar_one())


async def attempt_in(
    connection: AsyncConnection, campaign: int, target: int, outcome: Outcome | None, at: datetime, **answers: str
) -> None:
    row = {"campaign_id": campaign, "target_id": target, "number": "+8613900001111", "dialler": "test"}
    row |= {"claimed_at": at, "freed_at": None if outcome is None else at, "outcome": outcome}
    made = await connection.execute(insert(callback_attempts).values(row).returning(callback_attempts.c.id))
    id = made.scalar_one()
    for question, value in answers.items():
        answer = {"attempt_id": id, "question": question, "value": value, "by": "key"}
        await connection.execute(insert(callback_answers).values(answer))


def at_hour(hour: int) -> datetime:
    """On that day, Asia/Shanghai."""
    return datetime(2026, 11, 24, hour, 30, tzinfo=UTC) - timedelta(hours=8)


async def test_what_the_database_says_is_what_happened(engine: AsyncEngine) -> None:
    """A hundred random stories, counted one by one here and by SQL there."""
    rng = random.Random(5)
    rulebook = make_rulebook()
    expected: list[Group] = []
    hours: list[str] = []
    async with engine.begin() as connection:
        campaign = await campaign_in(connection)
        ours = [
            (await book.create(connection, rulebook, NewRequest(category=category), AGENT, NOW)).number
            for category in (Category.HELP, Category.COMPLAINT)
        ]
        for index in range(100):
            which = rng.randrange(3)
            state = rng.choice([*TargetState])
            values = {"state": state, "ticket": ours[which] if which < 2 else None}
            target = await target_in(connection, campaign, str(index), **values)
            dialled = reached = said = False
            level = solved = hour = None
            for turn in range(rng.randrange(4)):
                outcome = rng.choice([None, *Outcome])
                answers = {}
                if outcome is Outcome.ANSWERED:
                    if rng.random() < 0.7:
                        answers["satisfaction"] = rng.choice([*Level]).value
                    if rng.random() < 0.5:
                        answers["solved"] = rng.choice(["yes", "no"])
                moment = 9 + turn
                await attempt_in(connection, campaign, target, outcome, at_hour(moment), **answers)
                if outcome is Outcome.NOT_DIALLED:
                    continue
                dialled = True
                if outcome is Outcome.ANSWERED or not reached:
                    hour = f"{moment:02d}"
                reached |= outcome is Outcome.ANSWERED
                said |= bool(answers)
                level = answers.get("satisfaction", level)
                solved = answers.get("solved", solved)
            key = ["help", "complaint", ""][which]
            expected.append(Group(key, state, dialled, reached, said, level, solved, 1))
            hours.append(hour or "")
        category = await make(connection, Selection(campaign), By.CATEGORY)
        hourly = await make(connection, Selection(campaign), By.HOUR)
        unit = await make(connection, Selection(), By.UNIT, {})
        nobody = await make(connection, Selection(campaign + 1), By.UNIT)
    assert category.total == hourly.total == unit.total == add_up(expected)
    assert {row.key: row.figures for row in category.rows} == {
        key: add_up(one for one in expected if one.key == key) for key in ("help", "complaint", "")
    }
    assert [row.name for row in category.rows][-1] == "（无）"
    assert {row.key: row.figures.asked for row in hourly.rows} == {hour: hours.count(hour) for hour in set(hours)}
    assert category.answers["satisfaction"] == dict(category.total.levels)
    assert (nobody.total, nobody.rows) == (Figures(), [])


async def test_days_are_those_of_china_and_both_are_included(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        campaign = await campaign_in(connection, Kind.LIST)
        for number, hour in ((23, 23), (24, 0), (24, 23), (25, 0)):
            due = datetime(2026, 11, number, hour, 30, tzinfo=UTC) - timedelta(hours=8)
            await target_in(connection, campaign, f"{number} {hour}", due_at=due)
        day = date(2026, 11, 24)

        async def asked(first: date | None, last: date | None) -> int:
            return (await make(connection, Selection(campaign, first, last), By.HOUR)).total.asked

        assert await asked(day, day) == 2
        assert await asked(day, None) == 3
        assert await asked(None, day) == 3
        assert await asked(None, None) == 4


async def test_an_answer_of_a_call_that_was_not_answered_counts_for_nothing(engine: AsyncEngine) -> None:
    """Nor does one that is no level; of two calls the later answer stands."""
    async with engine.begin() as connection:
        campaign = await campaign_in(connection, Kind.LIST)
        first = await target_in(connection, campaign, "1")
        await attempt_in(connection, campaign, first, Outcome.UNKNOWN, at_hour(9), satisfaction="satisfied")
        second = await target_in(connection, campaign, "2")
        await attempt_in(connection, campaign, second, Outcome.ANSWERED, at_hour(9), satisfaction="satisfied")
        await attempt_in(connection, campaign, second, Outcome.ANSWERED, at_hour(10), satisfaction="dissatisfied")
        third = await target_in(connection, campaign, "3")
        await attempt_in(connection, campaign, third, Outcome.ANSWERED, at_hour(11), satisfaction="quite-good")
        made = await make(connection, Selection(campaign), By.HOUR)
    assert (made.total.answered, made.total.rated, made.total.satisfied) == (2, 1, 0)
    assert made.total.levels == {"dissatisfied": 1}
    assert {row.key: row.figures.asked for row in made.rows} == {"09": 1, "10": 1, "11": 1}


# ---- when it will be done --------------------------------------------------------------------------------------------


def hours_of(*windows: tuple[int, int], ends_on: date | None = None) -> Hours:
    rules = Rules(windows=tuple(Window(start=time(start), end=time(end)) for start, end in windows))
    new = NewCampaign(
        name="x", kind=Kind.LIST, survey="opinion", starts_on=date(2026, 11, 1), ends_on=ends_on, rules=rules
    )
    return Hours(new, lambda day: True)


def test_the_expected_end_passes_over_closed_hours() -> None:
    two = hours_of((9, 12), (14, 20))
    assert expected_end(60, 1.0, two, at_hour(9)) == at_hour(10)
    assert expected_end(180, 1.0, two, at_hour(10)) == at_hour(15)
    assert expected_end(1, 1.0, two, at_hour(12)) == at_hour(14) - timedelta(minutes=29)
    tomorrow = at_hour(9) + timedelta(days=1)
    assert expected_end(9 * 60, 1.0, two, at_hour(9)) == tomorrow
    assert expected_end(0, 0.0, two, at_hour(9)) == at_hour(9)
    assert expected_end(5, 0.0, two, at_hour(9)) is None
    assert expected_end(9 * 60, 1.0, hours_of((9, 12), (14, 20), ends_on=date(2026, 11, 24)), at_hour(9)) is None
    assert expected_end(364 * 9 * 60, 1.0, two, at_hour(9)) == at_hour(9) + timedelta(days=364)
    assert expected_end(400 * 9 * 60, 1.0, two, at_hour(9)) is None, "who looks so far ahead would look for long"
    assert expected_end(10**9, 0.1, two, at_hour(9)) is None


def test_every_column_has_a_name_of_its_own() -> None:
    names: Mapping[str, Any] = dict(COLUMNS)
    assert len(names) == len(COLUMNS)
