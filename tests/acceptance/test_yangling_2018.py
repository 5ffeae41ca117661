"""杨凌“12345”市民热线运行管理办法（试行）, article by article. July 2026 has no holiday: Wednesday the 1st."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.play import Event, Played, end, iso, limits, play, policy, refused

NAME = "yangling-2018"
EVERY = ("consultation", "help", "complaint", "report", "suggestion", "other")
APPROVED_FIRST = ("complaint", "report")
ACCEPT: Event = ("2026-07-01 09:00", "accept")
APPROVE: Event = ("2026-07-01 09:30", "approve_dispatch")
SEND: Event = ("2026-07-01 10:00", "dispatch", {"unit": "杨陵区"})
SENT: tuple[Event, ...] = (ACCEPT, APPROVE, SEND)
DONE: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "complete", {"result": "已修复"}))
PASSED: tuple[Event, ...] = (*DONE, ("2026-07-03 10:00", "review", {"pass": True}))
EXTEND: dict[str, Any] = {"working_days": 5, "reason": "等待鉴定"}
EXTENDED: tuple[Event, ...] = (
    *SENT,
    ("2026-07-02 10:00", "extend", EXTEND),
    ("2026-07-03 10:00", "decide_extension", {"agree": True}),
)


def life(*events: Event, until: str | None = None, **ticket: Any) -> Played:
    return play(NAME, ticket, *events, until=until)


def no(*events: Event, article: str, words: str = "", **ticket: Any) -> str:
    return refused(NAME, ticket, *events, article=article, words=words)


# ---- 第二章 工作机构 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason",
    [
        "overdue",
        "leader",
        "upper_level",
        "unclear_duty",
        "poor_quality",
        "several_units",
        "repeat_person",
        "repeat_people",
        "sudden",
        "media",
        "unsolved",
        "other",
    ],
)
def test_article_05_supervised_by_a_person(reason: str) -> None:
    given: Event = ("2026-07-02 10:00", "supervise", {"reason": reason})
    played = life(*SENT, given)
    assert (played.reasons, played.last["articles"]) == ([reason], ["第五条"])
    assert "supervise" not in played.deadlines
    no(*SENT, given, ("2026-07-02 11:00", "supervise", {"reason": reason}), article="第五条")


def test_article_05_never_by_itself() -> None:
    events: list[Event] = [
        ACCEPT,
        APPROVE,
        ("2026-07-01 10:00", "dispatch", {"unit": "杨陵区", "co_units": ["公安局"]}),
    ]
    events += [(f"2026-07-02 1{n}:00", "repeat", {"caller": f"1390000000{n % 2 + 1}"}) for n in range(8)]
    late = life(*events, until="2026-09-01 00:00", urgent=True)
    assert (late.reasons, late.final["counted_overdue"]) == ([], True)
    assert (late.final["warning"], late.final["points"]) == (None, 0)


def test_article_09_yangling_district_is_a_unit() -> None:
    assert life(*SENT, tier="county").state == "dispatched"


def test_article_10_straight_to_the_unit() -> None:
    no(ACCEPT, APPROVE, ("2026-07-01 10:00", "dispatch", {"unit": "杨陵区", "county": True}), article="第十条")
    no(*SENT, ("2026-07-01 11:00", "forward", {"unit": "街道"}), article="第十条", words="一级转办")


def test_article_10_returns_are_the_projects_own() -> None:
    own = "本项目规定（参照第十条）"
    no(*SENT, ("2026-07-02 10:00", "return"), article=own, words="理由")
    # The document gives no limit: until it is done, even late.
    asked: tuple[Event, ...] = (*SENT, ("2026-07-20 10:00", "return", {"reason": "不属于本单位职责"}))
    assert "return" not in life(*SENT).deadlines
    assert (life(*asked).state, life(*asked).last["articles"]) == ("return_requested", [own])
    moved = life(*asked, ("2026-07-21 10:00", "decide_return", {"agree": True, "unit": "公安局"}))
    assert (moved.state, moved.deadlines) == ("dispatched", {"complete": end("2026-07-28")})
    stays = life(*asked, ("2026-07-21 10:00", "decide_return", {"agree": False}))
    assert (stays.state, stays.deadlines) == ("dispatched", {"complete": end("2026-07-08")})
    no(*DONE, ("2026-07-02 11:00", "return", {"reason": "不属于本单位职责"}), article="第十四条")


# ---- 第三章 业务范围 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", EVERY)
def test_article_11_accepted(category: str) -> None:
    played = life(ACCEPT, category=category)
    assert (played.state, played.last["articles"]) == ("accepted", ["第十一条"])
    assert (played.obligations, played.deadlines) == ([], {})


def test_article_12_seven_kinds_not_accepted() -> None:
    items = policy(NAME).refusals.items
    assert [item.item for item in items] == [f"（{number}）" for number in "一二三四五六七"]
    for item in items:
        for reason in (item.id, item.quote):
            declined = life(("2026-07-01 09:00", "decline", {"reason": reason}))
            # The document does not order anybody to be sent anywhere.
            assert (declined.state, declined.obligations) == ("declined", [])
            assert declined.last["articles"] == ["第十二条"]
    assert {item.item: item.when for item in items if item.when} == {"（六）": "handled_nothing_new"}


def test_article_12_needs_its_basis() -> None:
    no(("2026-07-01 09:00", "decline"), article="第十二条", words="依据")
    no(*SENT, ("2026-07-01 11:00", "decline", {"reason": "malicious"}), article="第十四条")


@pytest.mark.parametrize("category", EVERY)
def test_article_13_linked_with_110(category: str) -> None:
    played = life(ACCEPT, category=category, urgent=True)
    assert played.obligations == ["notify_emergency_service"]
    assert "第十三条" in played.last["articles"]
    done = life(ACCEPT, ("2026-07-01 09:01", "fulfil", {"obligation": "notify_emergency_service"}), urgent=True)
    assert done.obligations == []


def test_article_13_nobody_is_alarmed_without_need() -> None:
    no(ACCEPT, ("2026-07-01 09:01", "notify_urgent"), article="第十三条", words="不是突发类")
    no(ACCEPT, ("2026-07-01 09:01", "fulfil", {"obligation": "notify_emergency_service"}), article="第十四条")


# ---- 第四章 工作规程 ----------------------------------------------------------------------------------------------

# dispatched at; consultation, complaint and report, help end
LIMITS = [
    ("2026-07-01 00:00:00", "2026-07-06", "2026-07-08", "2026-07-03"),
    ("2026-07-01 23:59:59", "2026-07-06", "2026-07-08", "2026-07-03"),
    ("2026-07-03 10:00", "2026-07-08", "2026-07-10", "2026-07-07"),  # a Friday
    ("2026-07-04 10:00", "2026-07-08", "2026-07-10", "2026-07-07"),  # a Saturday
    ("2025-09-26 10:00", "2025-09-30", "2025-10-10", "2025-09-29"),  # Sunday the 28th made up, National Day
    ("2025-10-10 10:00", "2025-10-14", "2025-10-16", "2025-10-13"),  # Saturday the 11th made up
    ("2026-02-13 10:00", "2026-02-25", "2026-02-27", "2026-02-24"),  # Saturday the 14th made up, Spring Festival
    ("2026-02-26 10:00", "2026-03-02", "2026-03-04", "2026-02-28"),  # Saturday the 28th made up
    ("2026-04-30 15:00", "2026-05-08", "2026-05-11", "2026-05-07"),  # May Day, Saturday the 9th made up
    ("2026-09-18 10:00", "2026-09-22", "2026-09-24", "2026-09-21"),  # Sunday the 20th made up
    ("2026-09-30 15:00", "2026-10-10", "2026-10-13", "2026-10-09"),  # National Day, Saturday the 10th made up
]


@pytest.mark.parametrize(("at", "three", "five", "two"), LIMITS)
def test_article_14_item_1_consultation_three(at: str, three: str, five: str, two: str) -> None:
    assert limits(NAME, at, "consultation") == {"complete": (end(three), "第十四条")}
    assert limits(NAME, at, "consultation", urgent=True, is_complex=True) == limits(NAME, at, "consultation")


@pytest.mark.parametrize(("at", "three", "five", "two"), LIMITS)
def test_article_14_item_2_complaint_and_report_five(at: str, three: str, five: str, two: str) -> None:
    for category in ("complaint", "report"):
        assert limits(NAME, at, category) == {"complete": (end(five), "第十四条")}
    for category in ("suggestion", "other"):
        assert limits(NAME, at, category) == {"complete": (end(five), "本项目规定（参照第十四条）")}


@pytest.mark.parametrize(("at", "three", "five", "two"), LIMITS)
def test_article_14_item_4_help_two(at: str, three: str, five: str, two: str) -> None:
    assert limits(NAME, at, "help") == {"complete": (end(two), "第十四条")}


def test_article_14_item_1_consultations_answered_at_once() -> None:
    answered = life(ACCEPT, ("2026-07-01 09:05", "complete", {"result": "凭身份证办理"}), category="consultation")
    assert answered.state == "completed"
    assert "第十四条" in answered.last["articles"]
    for category in EVERY[1:]:
        no(ACCEPT, ("2026-07-01 09:05", "complete", {"result": "好"}), article="第十四条", category=category)


@pytest.mark.parametrize("category", APPROVED_FIRST)
def test_article_14_item_2_approved_before_dispatch(category: str) -> None:
    no(ACCEPT, SEND, article="第十四条", words="审核", category=category)
    no(("2026-07-01 09:00", "approve_dispatch"), article="第十四条", category=category)
    sent = life(*SENT, category=category)
    assert [step["state"] for step in sent.steps] == ["accepted", "accepted", "dispatched"]
    assert sent.steps[1]["articles"] == ["第十四条"]


@pytest.mark.parametrize("category", [category for category in EVERY if category not in APPROVED_FIRST])
def test_article_14_item_2_only_complaints_and_reports_need_it(category: str) -> None:
    assert life(ACCEPT, SEND, category=category).state == "dispatched"
    assert life(*SENT, category=category).state == "dispatched"  # an approval does no harm


@pytest.mark.parametrize("category", EVERY[2:])
def test_article_14_item_2_complaint_and_report_are_extended(category: str) -> None:
    # Suggestions and others go with them: the project's own.
    assert life(*EXTENDED, category=category).deadlines["complete"] == end("2026-07-15")


def test_article_14_item_2_extended_once_by_five() -> None:
    assert life(*EXTENDED).deadlines["complete"] == end("2026-07-15")
    assert life(*EXTENDED).last["articles"] == ["第十四条"]
    no(*EXTENDED, ("2026-07-06 10:00", "extend", EXTEND), article="第十四条", words="不得超过1次")
    six: Event = ("2026-07-02 10:00", "extend", {**EXTEND, "working_days": 6})
    no(*SENT, six, article="第十四条", words="不得超过5个")
    # Five where nothing else is said.
    unsaid: Event = ("2026-07-02 10:00", "extend", {"reason": "等待鉴定"})
    assert life(*SENT, unsaid, EXTENDED[-1]).deadlines["complete"] == end("2026-07-15")
    two: Event = ("2026-07-02 10:00", "extend", {**EXTEND, "working_days": 2})
    assert life(*SENT, two, EXTENDED[-1]).deadlines["complete"] == end("2026-07-10")


def test_article_14_item_2_an_extension_not_granted_was_none() -> None:
    denied: tuple[Event, ...] = (*EXTENDED[:-1], ("2026-07-03 10:00", "decide_extension", {"agree": False}))
    assert life(*denied).deadlines["complete"] == end("2026-07-08")
    assert life(*denied, ("2026-07-06 10:00", "extend", EXTEND)).last["ok"]


def test_article_14_item_2_asked_before_the_limit_ends() -> None:
    assert life(*SENT, ("2026-07-08 23:59:59", "extend", EXTEND)).last["ok"]
    no(*SENT, ("2026-07-09 00:00:00", "extend", EXTEND), article="第十四条", words="届满前")


@pytest.mark.parametrize("category", ["consultation", "help"])
def test_article_14_consultations_and_help_are_not_extended(category: str) -> None:
    no(*SENT, ("2026-07-02 10:00", "extend", EXTEND), article="第十四条", words="不得延期", category=category)


def test_article_14_item_2_another_law_prevails_where_it_is_stricter() -> None:
    at = "2026-07-01 10:00"
    assert limits(NAME, at, "complaint", stricter=3) == {"complete": (end("2026-07-06"), "第十四条")}
    assert limits(NAME, at, "complaint", stricter=30) == {"complete": (end("2026-07-08"), "第十四条")}


def test_article_14_item_3_urgent_help_goes_to_the_rescuers_and_to_the_unit() -> None:
    played = life(ACCEPT, SEND, category="help", urgent=True)
    assert played.obligations == ["notify_emergency_service"]
    assert played.deadlines == {"complete": end("2026-07-03")}


def test_article_14_the_last_second_is_in_time_the_next_is_not() -> None:
    done: dict[str, Any] = {"result": "已修复"}
    assert life(*SENT, ("2026-07-08 23:59:59", "complete", done)).final["counted_overdue"] is False
    late = life(*SENT, ("2026-07-09 00:00:00", "complete", done), until="2026-08-01 00:00")
    assert (late.final["counted_overdue"], late.final["overdue_working_days"]) == (True, 1)
    assert [(tick["at"], tick["articles"]) for tick in late.ticks("complete_overdue")] == [
        (iso("2026-07-09 00:00:00"), ["第十四条"])
    ]


def test_article_14_one_step_after_the_other() -> None:
    no(("2026-07-01 09:00", "dispatch", {"unit": "杨陵区"}), article="第十四条", words="待受理")
    no(*SENT, ("2026-07-02 10:00", "review", {"pass": True}), article="第十四条")
    no(*SENT, ("2026-07-02 10:00", "accept"), article="第十四条")
    no(*SENT, ("2026-07-02 10:00", "decide_report", {"accept": True}), article="第十四条", category="report")


def test_article_15_the_result_is_reported() -> None:
    no(*SENT, ("2026-07-02 10:00", "complete"), article="第十五条", words="结果")
    no(*SENT, ("2026-07-02 10:00", "complete", {"result": " "}), article="第十五条", words="结果")
    assert life(*DONE).last["articles"][0] == "第十五条"


def test_article_16_the_citizen_is_told() -> None:
    done = life(*DONE)
    assert done.obligations == ["notify_citizen"]
    assert done.last["articles"] == ["第十五条", "第十六条"]
    assert life(*DONE, ("2026-07-02 11:00", "fulfil", {"obligation": "notify_citizen"})).obligations == []


@pytest.mark.parametrize(
    "level", ["very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied"]
)
def test_article_16_asked_whether_satisfied(level: str) -> None:
    before = life(*PASSED)
    rated = life(*PASSED, ("2026-07-06 10:00", "rate", {"level": level}))
    assert rated.last["articles"] == ["第十六条"]
    # The document attaches nothing to a bad answer.
    assert (rated.state, rated.obligations, rated.reasons) == ("reviewed", before.obligations, [])
    no(*SENT, ("2026-07-02 10:00", "rate", {"level": level}), article="第十四条")


def test_article_16_unsolved_is_asked_about_by_a_person() -> None:
    before = life(*PASSED).obligations
    said: tuple[Event, ...] = (*PASSED, ("2026-07-06 10:00", "unsolved"))
    assert life(*said).obligations == [*before, "manual_callback"]
    assert life(*said).last["articles"] == ["本项目规定（参照第十六条）"]
    # The answer, whatever it is, is what the callback was for.
    rated = life(*said, ("2026-07-06 11:00", "rate", {"level": "dissatisfied"}))
    assert (rated.state, rated.obligations, rated.reasons) == ("reviewed", before, [])


def test_article_16_dissatisfied_and_unsolved_in_one_call() -> None:
    """The rating has no consequence, what is not solved has."""
    before = life(*PASSED).obligations
    said = life(*PASSED, ("2026-07-06 10:00", "rate", {"level": "dissatisfied"}), ("2026-07-06 10:00", "unsolved"))
    assert said.obligations == [*before, "manual_callback"]


def test_article_16_review_and_archive_are_the_projects_own() -> None:
    own = "本项目规定（参照第十六条）"
    assert life(*DONE, until="2026-12-01 00:00").deadlines == {}
    no(*DONE, ("2026-07-03 10:00", "archive"), article=own, words="审核")
    assert life(*PASSED, ("2026-07-03 11:00", "archive")).last["articles"] == [own]
    back = life(*DONE, ("2026-07-03 10:00", "review", {"pass": False}))
    assert (back.state, back.deadlines, back.reasons) == ("rework", {"rework": end("2026-07-10")}, [])
    assert back.last["articles"] == [own, "本项目规定（参照第十四条）"]


def test_article_17_major_matters_are_reported_upward() -> None:
    for events in ((ACCEPT,), SENT):
        played = life(*events, ("2026-07-01 11:00", "report_major"))
        assert (played.obligations, played.last["articles"]) == (["report_upward"], ["第十七条"])
        assert played.state == life(*events).state
    assert life(*SENT, urgent=True).obligations == ["notify_emergency_service"]  # urgent alone is not major


# ---- 第六章 保密规定 ----------------------------------------------------------------------------------------------


def measures(article: str) -> list[list[str]]:
    return [[*rule.measures] for rule in policy(NAME).secrecy if rule.cite == article]


def test_article_22_complainants_are_not_revealed() -> None:
    assert measures("第二十二条") == [["不向被诉人透露"]]


def test_article_23_encrypted_with_a_handler_of_its_own() -> None:
    assert measures("第二十三条") == [["加密", "专人"]]


def test_article_24_nothing_is_given_out() -> None:
    assert measures("第二十四条") == [["不公开"]]
