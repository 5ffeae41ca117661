"""大连市政府12345市民服务平台投诉举报处理办法, article by article. July 2026 has no holiday: Wednesday the 1st."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.play import Event, Played, end, iso, limits, play, policy, refused

NAME = "dalian-2015"
EVERY = ("consultation", "help", "complaint", "report", "suggestion", "other")
ACCEPT: Event = ("2026-07-01 09:00", "accept")
SENT: tuple[Event, ...] = (ACCEPT, ("2026-07-01 10:00", "dispatch", {"unit": "房产局"}))
DONE: tuple[Event, ...] = (*SENT, ("2026-07-08 10:00", "complete", {"result": "已修复"}))
PASSED: tuple[Event, ...] = (*DONE, ("2026-07-09 10:00", "review", {"pass": True}))
ASKED: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "return", {"reason": "不属于本单位职责"}))
EXTEND: dict[str, Any] = {"working_days": 5, "reason": "等待鉴定"}
AGAIN: dict[str, Any] = {**EXTEND, "stage_report": "已鉴定一半", "leader_consent": True}
EXTENDED: tuple[Event, ...] = (
    *SENT,
    ("2026-07-20 10:00", "extend", EXTEND),
    ("2026-07-21 10:00", "decide_extension", {"agree": True}),
)


def life(*events: Event, until: str | None = None, **ticket: Any) -> Played:
    return play(NAME, ticket, *events, until=until)


def no(*events: Event, article: str, words: str = "", **ticket: Any) -> str:
    return refused(NAME, ticket, *events, article=article, words=words)


# ---- 第一章 总则 --------------------------------------------------------------------------------------------------


def test_article_02_accepted_sent_done_in_this_order() -> None:
    no(("2026-07-01 09:00", "dispatch", {"unit": "房产局"}), article="第二条", words="待受理")
    no(ACCEPT, ("2026-07-01 10:00", "complete", {"result": "已修复"}), article="第十六条", words="应转办承办单位")
    no(*SENT, ("2026-07-01 11:00", "dispatch", {"unit": "城管局"}), article="第二条")
    no(*SENT, ("2026-07-01 11:00", "review", {"pass": True}), article="第二条")
    no(ACCEPT, ("2026-07-01 10:00", "dispatch"), article="第二条", words="承办单位")
    no(*SENT, ("2026-07-01 09:59", "contact"), article="第二条", words="时间早于上一事件")


def test_article_06_districts_are_units() -> None:
    no(ACCEPT, ("2026-07-01 10:00", "dispatch", {"unit": "金州区", "county": True}), article="第六条", words="一级转办")
    no(*SENT, ("2026-07-01 11:00", "forward", {"unit": "街道"}), article="第六条")
    # A matter of a district goes to the district as to any unit.
    assert life(*SENT, tier="county").state == "dispatched"


# ---- 第二章 业务范围 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", EVERY)
def test_article_11_accepted(category: str) -> None:
    played = life(ACCEPT, category=category)
    assert played.state == "accepted"
    assert played.last["articles"] == ["第十一条"]
    assert played.deadlines == {}


def test_article_12_thirteen_kinds_not_accepted() -> None:
    items = policy(NAME).refusals.items
    assert [item.item for item in items] == [f"（{number}）" for number in "一二三四五六七八九十"] + [
        "（十一）",
        "（十二）",
        "（十三）",
    ]
    for item in items:
        for reason in (item.id, item.quote):
            declined = life(("2026-07-01 09:00", "decline", {"reason": reason}))
            assert declined.state == "declined"
            assert declined.last["articles"][0] == "第十二条"


def test_article_12_needs_its_reason() -> None:
    no(("2026-07-01 09:00", "decline"), article="第十二条", words="依据")
    no(("2026-07-01 09:00", "decline", {"reason": "  "}), article="第十二条", words="依据")


def test_article_12_also_after_acceptance_never_after_dispatch() -> None:
    assert life(ACCEPT, ("2026-07-01 10:00", "decline", {"reason": "petition"})).state == "declined"
    no(*SENT, ("2026-07-01 11:00", "decline", {"reason": "petition"}), article="第二条")


def test_article_12_nothing_new_and_older_than_two_years_are_proposed() -> None:
    conditions = {item.item: item.when for item in policy(NAME).refusals.items if item.when}
    assert conditions == {"（八）": "handled_nothing_new", "（十一）": "older_than_two_years"}


# ---- 第三章 业务办理 ----------------------------------------------------------------------------------------------


def test_article_14_dispatch_answer_callback_archive() -> None:
    played = life(
        *PASSED,
        ("2026-07-10 10:00", "rate", {"level": "satisfied"}),
        ("2026-07-10 11:00", "archive"),
        until="2026-12-31 12:00",
    )
    assert [step["state"] for step in played.steps] == [
        "accepted",
        "dispatched",
        "completed",
        "reviewed",
        "reviewed",
        "archived",
    ]
    assert (played.deadlines, played.obligations, played.reasons) == ({}, [], [])


def test_article_15_return_needs_its_reason() -> None:
    no(*SENT, ("2026-07-02 10:00", "return"), article="第十五条", words="理由")
    asked = life(*ASKED)
    assert asked.state == "return_requested"
    assert "第十五条" in asked.last["articles"]
    assert asked.obligations == ["joint_meeting"]


@pytest.mark.parametrize("hollow", ["工单记录不详细", "与城管局职能交叉"])
def test_article_15_not_for_poor_notes_or_shared_powers(hollow: str) -> None:
    no(*SENT, ("2026-07-02 10:00", "return", {"reason": hollow}), article="第十五条", words="不得以")


def test_article_15_return_within_two_working_days() -> None:
    given = {"reason": "不属于本单位职责"}
    assert life(*SENT).deadlines["return"] == end("2026-07-03")
    assert life(*SENT, ("2026-07-03 23:59:59", "return", given)).state == "return_requested"
    no(*SENT, ("2026-07-04 00:00:00", "return", given), article="第十五条", words="退单时限")


def test_article_15_three_with_a_site_visit() -> None:
    given = {"reason": "现场在管辖界线以外", "site_visit": True}
    assert life(*SENT, ("2026-07-06 23:59:59", "return", given)).state == "return_requested"
    no(*SENT, ("2026-07-07 00:00:00", "return", given), article="第十五条", words="退单时限")


def test_article_15_only_a_joint_meeting_designates() -> None:
    at = "2026-07-06 10:00"
    no(*ASKED, (at, "decide_return", {"agree": True, "unit": "城管局"}), article="第十五条", words="联席会议")
    no(*ASKED, (at, "decide_return", {"agree": True, "joint_meeting": True}), article="第十五条", words="联席会议")
    given = {"agree": True, "joint_meeting": True, "unit": "城管局"}
    moved = life(*ASKED, (at, "decide_return", given))
    assert (moved.state, moved.obligations) == ("dispatched", [])
    # The new unit has its whole time.
    assert moved.deadlines["contact"] == end("2026-07-08")
    assert moved.deadlines["complete"] == end("2026-08-03")


@pytest.mark.parametrize("decision", [{"agree": True, "unit": "城管局"}, {"agree": False}])
def test_article_15_the_designated_unit_may_not_refuse(decision: dict[str, Any]) -> None:
    meeting: Event = ("2026-07-02 16:00", "decide_return", {**decision, "joint_meeting": True})
    no(
        *ASKED,
        meeting,
        ("2026-07-03 10:00", "return", {"reason": "也不属于本单位"}),
        article="第十五条",
        words="联席会议指定",
    )


def test_article_15_a_refused_return_leaves_the_clock_running() -> None:
    back = life(*ASKED, ("2026-07-03 10:00", "decide_return", {"agree": False}))
    assert (back.state, back.obligations) == ("dispatched", [])
    assert back.deadlines["complete"] == end("2026-07-29")


def test_article_15_the_limit_runs_while_the_meeting_is_awaited() -> None:
    waiting = life(*ASKED, until="2026-07-30 00:00:00")
    assert (waiting.state, waiting.reasons) == ("return_requested", ["overdue"])
    no(*ASKED, ("2026-07-02 11:00", "complete", {"result": "已修复"}), article="第二条", words="申请退单")


def test_article_16_consultation_answered_at_once() -> None:
    played = life(ACCEPT, ("2026-07-01 09:05", "complete", {"result": "凭身份证办理"}), category="consultation")
    assert (played.state, played.deadlines) == ("completed", {})
    assert "第十六条" in played.last["articles"]
    no(ACCEPT, ("2026-07-01 09:05", "complete"), article="第二十一条", words="结果", category="consultation")


@pytest.mark.parametrize("category", EVERY[1:])
def test_article_16_nothing_else_is_answered_at_once(category: str) -> None:
    no(ACCEPT, ("2026-07-01 09:05", "complete", {"result": "好"}), article="第十六条", category=category)


def test_article_16_complex_consultation_in_one_working_day() -> None:
    found = limits(NAME, "2026-07-03 17:00", "consultation", is_complex=True)  # a Friday
    assert found["complete"] == (end("2026-07-06"), "第十六条")
    assert found["contact"] == (end("2026-07-06"), "第十六条")
    # Complex or not makes no difference to anything else.
    assert limits(NAME, "2026-07-03 17:00", "complaint", is_complex=True) == limits(
        NAME, "2026-07-03 17:00", "complaint"
    )


def test_article_17_emergencies_and_discipline_have_their_own_offices() -> None:
    for reason in ("emergency", "楼道着火", "discipline", "局长受贿"):
        declined = life(("2026-07-01 09:00", "decline", {"reason": reason}))
        assert declined.last["articles"] == ["第十二条", "第十七条"]
        assert declined.obligations == ["tell_right_office"]
    assert life(("2026-07-01 09:00", "decline", {"reason": "malicious"})).obligations == []
    told = {item.id: item.tell.contact for item in policy(NAME).refusals.items if item.tell is not None}
    assert told == {"emergency": "110、119、120", "discipline": "12388"}


# dispatched at, consultation ends, the others end
@pytest.mark.parametrize(
    ("at", "two", "twenty"),
    [
        ("2026-07-01 00:00:00", "2026-07-03", "2026-07-29"),
        ("2026-07-01 23:59:59", "2026-07-03", "2026-07-29"),
        ("2026-07-02 00:00:00", "2026-07-06", "2026-07-30"),
        ("2026-07-04 12:00", "2026-07-07", "2026-07-31"),  # a Saturday
        ("2025-09-26 10:00", "2025-09-29", "2025-10-30"),  # Sunday the 28th made up, National Day, Saturday the 11th
        ("2025-09-30 10:00", "2025-10-10", "2025-11-04"),
        ("2026-02-13 10:00", "2026-02-24", "2026-03-19"),  # Saturdays 14 and 28 made up, Spring Festival
        ("2026-04-30 15:00", "2026-05-07", "2026-06-01"),  # May Day, Saturday the 9th made up
        ("2026-09-18 10:00", "2026-09-21", "2026-10-22"),  # Sunday the 20th made up, Mid-Autumn, National Day
        ("2026-09-30 15:00", "2026-10-09", "2026-11-03"),  # Saturday the 10th made up
        ("2026-10-03 12:00", "2026-10-09", "2026-11-03"),  # in the middle of the holiday
    ],
)
def test_article_18_two_and_twenty_working_days(at: str, two: str, twenty: str) -> None:
    for category in EVERY:
        found = limits(NAME, at, category)
        own = "本项目规定（参照第十八条）" if category == "other" else "第十八条"
        assert found["contact"] == (end(two), own)
        assert found["complete"] == (end(two if category == "consultation" else twenty), own)
        assert found["return"] == (end(two), "第十五条")
        assert set(found) == {"contact", "complete", "return"}


def test_article_18_a_stricter_law_prevails_a_looser_one_does_not() -> None:
    assert limits(NAME, "2026-07-01 10:00", "complaint", stricter=7)["complete"] == (end("2026-07-10"), "第十八条")
    assert limits(NAME, "2026-07-01 10:00", "complaint", stricter=60)["complete"][0] == end("2026-07-29")
    assert life(*SENT, stricter_limit_working_days=1).deadlines["complete"] == end("2026-07-02")


def test_article_18_contact_ends_its_own_limit() -> None:
    assert "contact" not in life(*SENT, ("2026-07-03 23:59:59", "contact"), until="2026-07-05 00:00").deadlines
    late = life(*SENT, until="2026-07-04 00:00:00")
    assert [(tick["at"], tick["articles"]) for tick in late.ticks("contact_overdue")] == [
        (iso("2026-07-04 00:00:00"), ["第十八条"])
    ]
    assert late.deadlines["contact"] == end("2026-07-03")
    assert (late.reasons, late.final["counted_overdue"]) == ([], False)


def test_article_19_on_site_in_two_hours_by_the_clock() -> None:
    found = limits(NAME, "2026-10-01 23:30", "help", urgent=True)
    assert found["onsite"] == (iso("2026-10-02 01:30"), "第十九条")
    assert "onsite" not in limits(NAME, "2026-10-01 23:30", "help")


def test_article_19_two_hours_from_the_notice() -> None:
    notice: tuple[Event, ...] = (*SENT, ("2026-07-01 10:30", "notify_urgent"))
    assert life(*notice, urgent=True).deadlines["onsite"] == iso("2026-07-01 12:30")
    # A second notice does not give more time.
    again = life(*notice, ("2026-07-01 11:30", "notify_urgent"), urgent=True)
    assert again.deadlines["onsite"] == iso("2026-07-01 12:30")
    in_time = life(*notice, ("2026-07-01 12:30", "arrive"), until="2026-07-01 13:00", urgent=True)
    assert ("onsite" in in_time.deadlines, in_time.ticks("onsite_overdue")) == (False, [])
    late = life(*notice, ("2026-07-01 12:30:01", "arrive"), urgent=True)
    assert [tick["articles"] for tick in late.ticks("onsite_overdue")] == [["第十九条"]]


def test_article_19_only_what_is_urgent() -> None:
    no(*SENT, ("2026-07-01 10:30", "notify_urgent"), article="第十九条", words="不是突发类")
    no(*SENT, ("2026-07-01 10:30", "arrive"), article="第十九条", words="不是突发类")


@pytest.mark.parametrize("category", EVERY)
def test_article_19_answered_in_two_working_days(category: str) -> None:
    assert limits(NAME, "2026-09-30 15:00", category, urgent=True)["complete"] == (end("2026-10-09"), "第十九条")


def test_article_19_the_shortest_limit_wins() -> None:
    at = "2026-07-01 10:00"
    assert limits(NAME, at, "consultation", urgent=True, is_complex=True)["complete"] == (end("2026-07-02"), "第十六条")
    assert limits(NAME, at, "help", urgent=True, stricter=1)["complete"] == (end("2026-07-02"), "第十八条")


def test_article_20_asked_while_two_working_days_remain() -> None:
    asked = life(*SENT, ("2026-07-27 23:59:59", "extend", EXTEND))
    assert asked.last["articles"] == ["第二十条"]
    assert asked.deadlines["complete"] == end("2026-07-29")  # asking alone moves nothing
    no(*SENT, ("2026-07-28 00:00:00", "extend", EXTEND), article="第二十条", words="现剩1个")
    no(*SENT, ("2026-07-30 00:00:00", "extend", EXTEND), article="第二十条", words="届满前")


def test_article_20_holidays_are_no_remaining_days() -> None:
    sent: tuple[Event, ...] = (
        ("2026-09-10 09:00", "accept"),
        ("2026-09-10 10:00", "dispatch", {"unit": "房产局"}),
    )
    assert life(*sent).deadlines["complete"] == end("2026-10-14")
    assert life(*sent, ("2026-10-12 10:00", "extend", EXTEND)).last["ok"]
    no(*sent, ("2026-10-13 10:00", "extend", EXTEND), article="第二十条", words="现剩1个")


def test_article_20_a_consultation_on_the_day_it_is_sent() -> None:
    day: dict[str, Any] = {"working_days": 2, "reason": "资料待调"}
    assert life(*SENT, ("2026-07-01 23:59:59", "extend", day), category="consultation").last["ok"]
    no(*SENT, ("2026-07-02 00:00:00", "extend", day), article="第二十条", category="consultation")


@pytest.mark.parametrize(("category", "first"), [*zip(EVERY, (2, 20, 20, 20, 20, 20), strict=True)])
def test_article_20_not_longer_than_the_first_limit(category: str, first: int) -> None:
    at = "2026-07-01 11:00"
    asked: dict[str, Any] = {"reason": "等待鉴定", "working_days": first}
    assert life(*SENT, (at, "extend", asked), category=category).last["ok"]
    no(
        *SENT,
        (at, "extend", {**asked, "working_days": first + 1}),
        article="第二十条",
        words=f"不得超过{first}个",
        category=category,
    )


def test_article_20_says_for_how_long() -> None:
    no(*SENT, ("2026-07-20 10:00", "extend", {"reason": "等待鉴定"}), article="第二十条", words="延期时间")
    no(*SENT, ("2026-07-20 10:00", "extend", {"reason": "等待鉴定", "working_days": 0}), article="第二条")


def test_article_20_runs_on_from_the_old_limit_and_the_citizen_is_told() -> None:
    granted = life(*EXTENDED)
    assert granted.deadlines["complete"] == end("2026-08-05")
    assert granted.obligations == ["notify_citizen"]
    assert granted.last["articles"] == ["第二十条"]
    told = life(*EXTENDED, ("2026-07-21 11:00", "fulfil", {"obligation": "notify_citizen"}))
    assert told.obligations == []


def test_article_20_refused_or_undecided_the_old_limit_stands() -> None:
    asked: tuple[Event, ...] = EXTENDED[:-1]
    denied = life(*asked, ("2026-07-21 10:00", "decide_extension", {"agree": False}))
    assert (denied.deadlines["complete"], denied.obligations) == (end("2026-07-29"), [])
    assert life(*asked, until="2026-07-30 00:00:00").reasons == ["overdue"]
    no(*asked, ("2026-07-20 11:00", "extend", EXTEND), article="第二十条", words="待审核")
    no(*SENT, ("2026-07-20 11:00", "decide_extension", {"agree": True}), article="第二十条", words="没有待审核")


@pytest.mark.parametrize("paper", ["stage_report", "leader_consent"])
def test_article_20_again_with_a_report_and_the_leaders_consent(paper: str) -> None:
    lacking = {key: value for key, value in AGAIN.items() if key != paper}
    words = {"stage_report": "阶段性情况", "leader_consent": "领导同意"}[paper]
    no(*EXTENDED, ("2026-08-03 10:00", "extend", lacking), article="第二十条", words=words)
    no(*EXTENDED, ("2026-08-04 10:00", "extend", AGAIN), article="第二十条", words="现剩1个")


def test_article_20_as_often_as_needed() -> None:
    events = list(EXTENDED)
    for day in ("2026-08-03", "2026-08-10", "2026-08-17"):
        events += [(f"{day} 10:00", "extend", AGAIN), (f"{day} 11:00", "decide_extension", {"agree": True})]
    assert life(*events).deadlines["complete"] == end("2026-08-26")


def test_article_21_reviewed_in_two_working_days() -> None:
    assert life(*DONE).deadlines == {"review": end("2026-07-10")}
    assert life(*DONE, ("2026-07-10 23:59:59", "review", {"pass": True})).clock == life(*DONE).clock
    late = life(*DONE, until="2026-07-11 00:00:00")
    assert [tick["articles"] for tick in late.ticks("review_overdue")] == [["第二十一条"]]
    # The centre's delay is not the unit's.
    assert (late.final["counted_overdue"], late.reasons) == (False, [])


def test_article_21_completed_with_its_result() -> None:
    no(*SENT, ("2026-07-08 10:00", "complete"), article="第二十一条", words="结果")
    no(*SENT, ("2026-07-08 10:00", "complete", {"result": " "}), article="第二十一条", words="结果")


@pytest.mark.parametrize(
    ("level", "owed"),
    [
        ("very_satisfied", []),
        ("satisfied", []),
        ("basically_satisfied", []),
        ("dissatisfied", ["manual_callback"]),
        ("very_dissatisfied", ["manual_callback"]),
    ],
)
def test_article_21_a_person_calls_the_dissatisfied(level: str, owed: list[str]) -> None:
    rated = life(*PASSED, ("2026-07-10 10:00", "rate", {"level": level}))
    assert (rated.state, rated.obligations, rated.reasons) == ("reviewed", owed, [])
    assert rated.last["articles"] == ["第二十一条"]


def test_article_21_a_person_calls_about_what_is_supervised() -> None:
    supervised = life(*SENT, ("2026-07-02 10:00", "supervise", {"reason": "leader"}))
    assert supervised.obligations == ["manual_callback"]
    assert supervised.last["articles"] == ["第二十五条", "第二十一条"]


@pytest.mark.parametrize("rated", [(), (("2026-07-10 10:00", "rate", {"level": "satisfied"}),)])
def test_article_21_a_person_calls_whoever_says_it_is_not_solved(rated: tuple[Event, ...]) -> None:
    said: tuple[Event, ...] = (*PASSED, *rated, ("2026-07-10 10:00", "unsolved", {"reason": "仍在漏水"}))
    found = life(*said)
    assert (found.state, found.obligations, found.last["articles"]) == ("reviewed", ["manual_callback"], ["第二十一条"])
    assert life(*said, ("2026-07-10 10:01", "unsolved")).final == found.final  # said again, nothing more is owed
    no(*said, ("2026-07-10 11:00", "archive"), article="第二十四条", words="人工回访")
    called: Event = ("2026-07-10 11:00", "fulfil", {"obligation": "manual_callback"})
    assert life(*said, called).last["articles"] == ["第二十一条"]
    assert life(*said, called, ("2026-07-10 12:00", "archive")).state == "archived"


def test_article_21_whoever_asks_for_a_person_is_called_by_one() -> None:
    asked: tuple[Event, ...] = (*PASSED, ("2026-07-10 10:00", "ask_callback"))
    found = life(*asked, ("2026-07-10 10:01", "ask_callback"))
    assert (found.obligations, found.last["articles"]) == (["manual_callback"], ["第二十一条"])
    # It is no complaint: the review has nothing to fail.
    no(*asked, ("2026-07-10 11:00", "review", {"pass": False, "reason": "仍在漏水"}), article="第二条")
    assert life(*asked, ("2026-07-10 11:00", "rate", {"level": "satisfied"})).obligations == []


@pytest.mark.parametrize("do", ["unsolved", "ask_callback", "end_callback"])
def test_article_02_nobody_is_asked_before_it_is_done(do: str) -> None:
    no(*SENT, ("2026-07-02 10:00", do), article="第二条")
    rated: Event = ("2026-07-10 10:00", "rate", {"level": "satisfied"})
    no(*PASSED, rated, ("2026-07-10 11:00", "archive"), ("2026-07-10 12:00", do), article="第二条")


def test_article_21_what_is_supervised_is_asked_about_by_a_person_each_time_it_is_done() -> None:
    called: Event = ("2026-07-02 11:00", "fulfil", {"obligation": "manual_callback"})
    before: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "supervise", {"reason": "leader"}), called)
    assert life(*before).obligations == []
    done = life(*before, ("2026-07-08 10:00", "complete", {"result": "已修复"}))
    assert done.obligations == ["manual_callback"]


def test_article_22_back_to_the_unit_and_supervised_when_at_fault() -> None:
    failed: dict[str, Any] = {"pass": False, "reason": "仍在漏水"}
    at_fault = life(*DONE, ("2026-07-09 10:00", "review", {**failed, "unit_at_fault": True}))
    assert (at_fault.state, at_fault.reasons) == ("rework", ["unsolved"])
    assert at_fault.last["articles"][:2] == ["第二十一条", "第二十二条"]
    assert set(at_fault.obligations) == {"rework", "manual_callback"}
    # Back to the same unit: 20 working days, which are the project's own.
    assert at_fault.deadlines == {"rework": end("2026-08-06")}
    assert "本项目规定（参照第十八条）" in at_fault.last["articles"]
    blameless = life(*DONE, ("2026-07-09 10:00", "review", failed))
    assert (blameless.state, blameless.reasons, blameless.obligations) == ("rework", [], ["rework"])


def test_article_22_also_after_a_callback_that_found_it_unsolved() -> None:
    unhappy: tuple[Event, ...] = (*PASSED, ("2026-07-10 10:00", "rate", {"level": "dissatisfied"}))
    failed: dict[str, Any] = {"pass": False, "reason": "仍在漏水", "unit_at_fault": True}
    again = life(*unhappy, ("2026-07-10 11:00", "review", failed))
    assert (again.state, again.reasons) == ("rework", ["unsolved"])
    content: tuple[Event, ...] = (*PASSED, ("2026-07-10 10:00", "rate", {"level": "satisfied"}))
    no(*content, ("2026-07-10 11:00", "review", failed), article="第二条")


def test_article_22_unsolved_whatever_the_rating() -> None:
    """The review decides whose fault it is, once a person has asked."""
    said: tuple[Event, ...] = (
        *PASSED,
        ("2026-07-10 10:00", "rate", {"level": "satisfied"}),
        ("2026-07-10 10:00", "unsolved"),
    )
    failed: dict[str, Any] = {"pass": False, "reason": "回访属实"}
    at_fault = life(*said, ("2026-07-10 11:00", "review", {**failed, "unit_at_fault": True}))
    assert (at_fault.state, at_fault.reasons) == ("rework", ["unsolved"])
    assert at_fault.last["articles"][:2] == ["第二十一条", "第二十二条"]
    assert set(at_fault.obligations) == {"rework", "manual_callback"}
    # A person asked, and it turned out to be solved.
    solved: Event = ("2026-07-10 11:00", "rate", {"level": "basically_satisfied"})
    assert life(*said, solved).obligations == []
    no(*said, solved, ("2026-07-10 12:00", "review", failed), article="第二条")


def test_article_22_asked_again_after_the_rework_and_again_not_content() -> None:
    failed: dict[str, Any] = {"pass": False, "reason": "仍在漏水"}
    again: tuple[Event, ...] = (
        *PASSED,
        ("2026-07-10 10:00", "rate", {"level": "dissatisfied"}),
        ("2026-07-10 11:00", "fulfil", {"obligation": "manual_callback"}),
        ("2026-07-10 12:00", "review", failed),
        ("2026-07-13 10:00", "complete", {"result": "已换水管"}),
        ("2026-07-14 10:00", "review", {"pass": True}),
    )
    assert life(*again).obligations == []
    # What was said, and the call that was made, was about the work before.
    no(*again, ("2026-07-14 11:00", "archive"), article="第二十四条", words="回访")
    bad = life(*again, ("2026-07-15 10:00", "rate", {"level": "very_dissatisfied"}))
    assert bad.obligations == ["manual_callback"]
    at_fault: Event = ("2026-07-15 11:00", "review", {**failed, "unit_at_fault": True})
    twice = life(*again, ("2026-07-15 10:00", "rate", {"level": "very_dissatisfied"}), at_fault)
    assert (twice.state, twice.reasons) == ("rework", ["unsolved"])


def test_article_22_done_again_it_goes_the_same_way() -> None:
    played = life(
        *DONE,
        ("2026-07-09 10:00", "review", {"pass": False, "reason": "仍在漏水", "unit_at_fault": True}),
        ("2026-07-13 10:00", "complete", {"result": "已换水管"}),
    )
    assert (played.state, played.deadlines) == ("completed", {"review": end("2026-07-15")})
    assert "rework" not in played.obligations


@pytest.mark.parametrize("before", [DONE, PASSED])
def test_article_23_written_result_ten_working_days_from_the_request(before: tuple[Event, ...]) -> None:
    asked: tuple[Event, ...] = (*before, ("2026-09-30 10:00", "ask_written_result"))
    played = life(*asked)
    assert played.deadlines["written_result"] == end("2026-10-20")
    assert (played.obligations, played.last["articles"]) == (["written_result"], ["第二十三条"])
    given = life(*asked, ("2026-10-20 23:59:59", "deliver_written_result"), until="2026-11-01 00:00")
    assert "written_result" not in given.deadlines
    assert (given.obligations, given.ticks("written_result_overdue")) == ([], [])
    late = life(*asked, until="2026-10-21 00:00:00")
    assert [tick["articles"] for tick in late.ticks("written_result_overdue")] == [["第二十三条"]]


def test_article_23_once_it_is_done_even_archived() -> None:
    no(*SENT, ("2026-07-02 10:00", "ask_written_result"), article="第二十三条", words="办结后")
    no(*DONE, ("2026-07-08 11:00", "deliver_written_result"), article="第二十三条", words="没有人要求")
    asked: Event = ("2026-07-10 12:00", "ask_written_result")
    archived: tuple[Event, ...] = (
        *PASSED,
        ("2026-07-10 10:00", "rate", {"level": "satisfied"}),
        ("2026-07-10 11:00", "archive"),
    )
    assert life(*archived, asked).deadlines == {"written_result": end("2026-07-24")}
    no(*archived, asked, ("2026-07-10 13:00", "ask_written_result"), article="第二十三条", words="已经要求")


def test_article_24_archived_after_review_and_callback() -> None:
    rate: Event = ("2026-07-10 10:00", "rate", {"level": "satisfied"})
    no(*PASSED, ("2026-07-10 11:00", "archive"), article="第二十四条", words="回访")
    no(*DONE, rate, ("2026-07-10 11:00", "archive"), article="第二十四条", words="审核")
    no(*SENT, ("2026-07-10 11:00", "archive"), article="第二十四条", words="审核")
    archived = life(*PASSED, rate, ("2026-07-10 11:00", "archive"))
    assert (archived.state, archived.last["articles"]) == ("archived", ["第二十四条"])


@pytest.mark.parametrize("outcome", ["unreached", "unrated", "declined"])
def test_article_24_called_back_without_a_rating(outcome: str) -> None:
    ended: tuple[Event, ...] = (*PASSED, ("2026-07-15 10:00", "end_callback", {"outcome": outcome}))
    assert life(*ended).last["articles"] == ["第二十四条"]
    archived = life(*ended, ("2026-07-15 11:00", "archive"))
    assert (archived.state, archived.last["articles"]) == ("archived", ["第二十四条"])


def test_article_24_what_a_person_owes_is_not_done_by_giving_up() -> None:
    said: tuple[Event, ...] = (*PASSED, ("2026-07-10 10:00", "unsolved"), ("2026-07-15 10:00", "end_callback"))
    assert life(*said).obligations == ["manual_callback"]
    no(*said, ("2026-07-15 11:00", "archive"), article="第二十四条", words="人工回访")


@pytest.mark.parametrize(("reason", "article"), [("leader", "第二十五条"), ("poor_quality", "第二十五条")])
def test_article_25_supervised_by_hand(reason: str, article: str) -> None:
    given: Event = ("2026-07-02 10:00", "supervise", {"reason": reason})
    played = life(*SENT, given)
    assert (played.final["supervised"], played.reasons) == (True, [reason])
    assert played.last["articles"][0] == article
    assert "supervise" not in played.deadlines  # the document sets no limit
    no(*SENT, given, ("2026-07-02 11:00", "supervise", {"reason": reason}), article=article, words="已按此情形")


def test_article_25_supervised_the_second_after_the_limit() -> None:
    in_time = life(*SENT, until="2026-07-29 23:59:59")
    assert (in_time.reasons, in_time.final["overdue_working_days"]) == ([], 0)
    late = life(*SENT, until="2026-07-30 00:00:00")
    assert (late.reasons, late.obligations) == (["overdue"], ["manual_callback"])
    assert (late.final["counted_overdue"], late.final["overdue_working_days"]) == (True, 1)
    assert [(tick["at"], tick["articles"]) for tick in late.ticks("supervised")] == [
        (iso("2026-07-30 00:00:00"), ["第二十五条", "第二十一条"])
    ]
    assert life(*SENT, until="2026-08-03 12:00").final["overdue_working_days"] == 3
    assert (late.final["warning"], late.final["points"]) == (None, 0)  # no colours in Dalian


def test_article_25_done_in_the_last_second_is_in_time() -> None:
    done = life(*SENT, ("2026-07-29 23:59:59", "complete", {"result": "已修复"}), until="2026-07-30 12:00")
    assert (done.final["counted_overdue"], done.reasons) == (False, [])
    late = life(*SENT, ("2026-07-30 00:00:00", "complete", {"result": "已修复"}), until="2026-08-20 12:00")
    # What is done late was that late, however much later one looks.
    assert (late.final["counted_overdue"], late.final["overdue_working_days"], late.reasons) == (True, 1, ["overdue"])


def test_article_25_several_units_and_repeats_are_not_supervised() -> None:
    events: list[Event] = [ACCEPT, ("2026-07-01 10:00", "dispatch", {"unit": "房产局", "co_units": ["城管局"]})]
    events += [(f"2026-07-02 1{n}:00", "repeat", {"caller": "13900000001"}) for n in range(6)]
    assert life(*events, urgent=True).reasons == []


# ---- 第四章 要求事项 ----------------------------------------------------------------------------------------------


def test_article_26_complainants_are_not_revealed() -> None:
    assert [(rule.cite, rule.measures) for rule in policy(NAME).secrecy] == [("第二十六条", ["不向被诉人透露"])]
