"""龙南市“问政赣州”网络问政平台运行管理办法（试行）, article by article. Monday 2 March 2026 is an ordinary week."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance import play as core
from tests.acceptance.play import Event, Played, end, iso, limits, refused

NAME = "longnan-2021"
OWN_5 = "本项目规定（参照第五条）"
DONE = {"result": "已修复路灯", "basis": "《城市道路照明设施管理规定》"}
GIVEN_BACK = {"reason": "不属于本单位职责", "basis": "三定方案第三条"}

ACCEPT: Event = ("2026-03-02 09:00", "accept")
WITH_UNIT: tuple[Event, ...] = (ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "城管局"}))
"""A complaint: contact by 4 March, return by 3 March, completion by 9 March."""
COMPLETED: tuple[Event, ...] = (*WITH_UNIT, ("2026-03-05 09:00", "complete", DONE))
REVIEWED: tuple[Event, ...] = (*COMPLETED, ("2026-03-05 15:00", "review", {"pass": True}))
ALL = ["consultation", "help", "complaint", "report", "suggestion", "other"]
SPOKEN_TO = ["help", "complaint", "suggestion", "other"]


def play(*events: Event, until: str | None = None, **ticket: Any) -> Played:
    return core.play(NAME, ticket, *events, until=until)


def dispatched(at: str, **ticket: Any) -> dict[str, str]:
    """The limits of a ticket dispatched at ``at``."""
    return play((at, "accept"), (at, "dispatch", {"unit": "城管局"}), **ticket).deadlines


# ---- 第四条 按责转办、限时办结 --------------------


@pytest.mark.parametrize(
    ("event", "before"),
    [
        (("2026-03-06 09:00", "dispatch", {"unit": "住建局"}), WITH_UNIT),
        (("2026-03-06 09:00", "dispatch", {"unit": "住建局"}), ()),
        (("2026-03-06 09:00", "accept"), WITH_UNIT),
        (("2026-03-06 09:00", "complete", DONE), ()),
        (("2026-03-06 09:00", "complete", DONE), COMPLETED),
        (("2026-03-06 09:00", "review", {"pass": True}), WITH_UNIT),
        (("2026-03-06 09:00", "rate", {"level": "satisfied"}), WITH_UNIT),
        (("2026-03-06 09:00", "return", GIVEN_BACK), COMPLETED),
        (("2026-03-06 09:00", "decide_return", {"agree": True}), WITH_UNIT),
    ],
)
def test_article_04_each_step_in_its_turn(event: Event, before: tuple[Event, ...]) -> None:
    refused(NAME, {}, *before, event, article="第四条")


def test_article_04_everything_goes_through_a_unit() -> None:
    # No article lets the hotline answer by itself.
    refused(NAME, {"category": "consultation"}, ACCEPT, ("2026-03-02 10:00", "complete", DONE), article="第四条")
    refused(NAME, {}, ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": " "}), article="第四条", words="承办单位")


# ---- 第五条 成员单位 --------------------


def test_article_05_one_tier_only() -> None:
    to_county: Event = ("2026-03-02 10:00", "dispatch", {"unit": "里仁镇", "county": True})
    refused(NAME, {}, ACCEPT, to_county, article=OWN_5, words="一级")
    refused(NAME, {}, *WITH_UNIT, ("2026-03-02 11:00", "forward", {"unit": "里仁镇"}), article=OWN_5)
    assert play(*WITH_UNIT, tier="county").state == "dispatched"


# ---- 第七条、第八条 受理范围 --------------------


@pytest.mark.parametrize("category", ALL)
def test_article_07_all_six_kinds_are_taken(category: str) -> None:
    accepted = play(ACCEPT, category=category)
    assert accepted.state == "accepted"
    assert accepted.last["articles"] == ["第七条"]
    assert accepted.deadlines == {}  # no article limits the time until dispatch


@pytest.mark.parametrize(
    "reason",
    "outside_city emergency other_powers litigation secrets discipline other_channels malicious handled"
    " consumer_mediated other".split(),
)
def test_article_08_what_is_not_accepted(reason: str) -> None:
    for before in ((), (ACCEPT,)):
        declined = play(*before, ("2026-03-02 09:30", "decline", {"reason": reason}))
        assert declined.state == "declined"
        own = ["本项目规定（参照第八条）"] if reason in ("emergency", "discipline") else []
        assert declined.last["articles"] == ["第八条", *own]
        assert declined.obligations == (["tell_right_office"] if own else [])
        assert declined.deadlines == {}


def test_article_08_not_without_naming_the_item() -> None:
    refused(NAME, {}, ("2026-03-02 09:30", "decline"), article="第八条", words="依据")


def test_article_08_not_once_it_is_with_a_unit() -> None:
    refused(NAME, {}, *WITH_UNIT, ("2026-03-02 11:00", "decline", {"reason": "handled"}), article="第四条")


def test_article_08_item_09_is_proposed_by_the_system() -> None:
    items = {item.item: item for item in core.policy(NAME).refusals.items}
    assert items["（九）"].when == "handled_nothing_new"
    assert len(items) == 11


# ---- 第九条 重大事项专报 --------------------


def test_article_09_a_major_matter_is_reported() -> None:
    reported = play(*WITH_UNIT, ("2026-03-02 11:00", "report_major"))
    assert reported.last["articles"] == ["第九条"]
    assert reported.obligations == ["report_upward"]


# ---- 第十条、第十一条 退回 --------------------


@pytest.mark.parametrize(
    ("received", "last_day"),
    [
        ("2026-03-02 00:00", "2026-03-03"),
        ("2026-03-06 23:59:59", "2026-03-09"),  # a Friday
        ("2026-02-13 10:00", "2026-02-14"),  # the Saturday is a make-up day
        ("2026-02-14 10:00", "2026-02-24"),  # then Spring Festival
        ("2025-09-30 10:00", "2025-10-09"),
        ("2025-10-10 10:00", "2025-10-11"),  # a make-up Saturday
    ],
)
def test_article_10_one_working_day_to_return(received: str, last_day: str) -> None:
    assert limits(NAME, received, "complaint")["return"] == (end(last_day), "第十条")


def test_article_10_in_the_last_second() -> None:
    asked = play(*WITH_UNIT, ("2026-03-03 23:59:59", "return", GIVEN_BACK))
    assert asked.state == "return_requested"
    assert asked.last["articles"] == ["第十条"]
    assert "return" not in asked.deadlines
    assert asked.deadlines["complete"] == end("2026-03-09")  # runs on meanwhile


def test_article_10_not_in_the_first_second_after() -> None:
    refused(NAME, {}, *WITH_UNIT, ("2026-03-04 00:00:00", "return", GIVEN_BACK), article="第十条", words="已过")
    (lapse,) = play(*WITH_UNIT, until="2026-03-04 00:00:00").ticks("return_lapsed")
    assert (lapse["at"], lapse["articles"]) == (iso("2026-03-04 00:00:00"), ["第十条"])
    assert play(*WITH_UNIT, until="2026-03-03 23:59:59").clock == []


@pytest.mark.parametrize(("missing", "words"), [("reason", "理由"), ("basis", "依据")])
def test_article_10_reason_and_basis(missing: str, words: str) -> None:
    papers = {**GIVEN_BACK, missing: "  "}
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 09:00", "return", papers), article="第十条", words=words)


def test_article_11_agreed_and_sent_to_another_unit() -> None:
    returned: Event = ("2026-03-03 10:00", "return", GIVEN_BACK)
    again = play(*WITH_UNIT, returned, ("2026-03-04 10:00", "decide_return", {"agree": True, "unit": "住建局"}))
    assert again.state == "dispatched"
    assert again.deadlines == {
        "return": end("2026-03-05"),
        "contact": end("2026-03-06"),
        "complete": end("2026-03-11"),
    }


def test_article_11_agreed_and_duty_to_be_found_first() -> None:
    returned: Event = ("2026-03-03 10:00", "return", GIVEN_BACK)
    back = (*WITH_UNIT, returned, ("2026-03-04 10:00", "decide_return", {"agree": True}))
    assert play(*back).state == "accepted"
    assert play(*back).deadlines == {}
    again = play(*back, ("2026-03-05 10:00", "dispatch", {"unit": "住建局"}))
    assert again.deadlines["complete"] == end("2026-03-12")
    assert again.final["counted_overdue"] is False


def test_article_11_not_agreed_and_the_clock_has_run_on() -> None:
    returned: Event = ("2026-03-03 10:00", "return", GIVEN_BACK)
    stays = play(*WITH_UNIT, returned, ("2026-03-05 10:00", "decide_return", {"agree": False}))
    assert stays.state == "dispatched"
    assert stays.deadlines == {"contact": end("2026-03-04"), "complete": end("2026-03-09")}
    late = play(*WITH_UNIT, returned, until="2026-03-10 00:00:00")
    assert late.state == "return_requested"  # nobody's silence decides here
    assert late.final["counted_overdue"] is True


# ---- 第十二条 共同办理 --------------------


def test_article_12_several_units_together() -> None:
    together = play(ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "城管局", "co_units": ["住建局", "公安局"]}))
    assert "第十二条" in together.last["articles"]
    assert together.reasons == []  # not a case for supervision in this city
    assert "第十二条" not in play(*WITH_UNIT).last["articles"]


# ---- 第十三条 办理时限 --------------------


@pytest.mark.parametrize(
    ("at", "second", "fifth"),
    [
        ("2026-03-02 10:00", "2026-03-04", "2026-03-09"),
        ("2026-03-06 23:59:59", "2026-03-10", "2026-03-13"),  # a Friday
        ("2026-03-07 00:00", "2026-03-10", "2026-03-13"),  # a Saturday
        ("2026-02-13 10:00", "2026-02-24", "2026-02-27"),  # one make-up day before Spring Festival
        ("2026-02-14 10:00", "2026-02-25", "2026-02-28"),  # ends on the make-up day after it
        ("2026-04-30 10:00", "2026-05-07", "2026-05-11"),
        ("2025-09-30 10:00", "2025-10-10", "2025-10-14"),
        ("2026-09-30 15:00", "2026-10-09", "2026-10-13"),
        ("2025-09-26 17:00", "2025-09-29", "2025-10-10"),  # Sunday the 28th is worked
    ],
)
def test_article_13_two_and_five_days(at: str, second: str, fifth: str) -> None:
    assert limits(NAME, at, "consultation")["complete"] == (end(second), "第十三条")
    for category in SPOKEN_TO:
        found = limits(NAME, at, category)
        assert found["contact"] == (end(second), "第十三条")
        assert found["complete"] == (end(fifth), "第十三条")


def test_article_13_who_is_to_be_spoken_to() -> None:
    assert set(dispatched("2026-03-02 10:00", category="consultation")) == {"return", "complete"}
    assert set(dispatched("2026-03-02 10:00", category="report")) == {"return", "decide_report"}
    for category in SPOKEN_TO:
        assert set(dispatched("2026-03-02 10:00", category=category)) == {"return", "contact", "complete"}


def test_article_13_contact_in_time_and_late() -> None:
    assert "contact" not in play(*WITH_UNIT, ("2026-03-04 23:59:59", "contact")).deadlines
    assert (
        play(*WITH_UNIT, ("2026-03-04 23:59:59", "contact"), until="2026-03-09 23:59:59").ticks("contact_overdue") == []
    )
    (late,) = play(*WITH_UNIT, until="2026-03-05 00:00:00").ticks("contact_overdue")
    assert (late["at"], late["articles"]) == (iso("2026-03-05 00:00:00"), ["第十三条"])
    # Late contact is no late completion.
    assert play(*WITH_UNIT, until="2026-03-09 23:59:59").final["counted_overdue"] is False


def test_article_13_a_report_is_taken_up_or_not_within_two_days() -> None:
    assert limits(NAME, "2026-09-30 15:00", "report")["decide_report"] == (end("2026-10-09"), "第十三条")
    (late,) = play(*WITH_UNIT, until="2026-03-05 00:00:00", category="report").ticks("decide_report_overdue")
    assert late["articles"] == ["第十三条"]
    done: Event = ("2026-03-03 10:00", "complete", DONE)
    refused(NAME, {"category": "report"}, *WITH_UNIT, done, article="第十三条", words="先决定")


def test_article_13_ten_days_from_taking_it_up() -> None:
    taken = play(
        ("2026-09-30 14:00", "accept"),
        ("2026-09-30 15:00", "dispatch", {"unit": "市监局"}),
        ("2026-10-09 23:59:59", "decide_report", {"accept": True}),
        category="report",
    )
    assert taken.last["articles"] == ["第十三条"]
    assert taken.deadlines == {"complete": end("2026-10-22")}  # from 10 October, a make-up Saturday
    assert taken.obligations == []


def test_article_13_not_taken_up_and_the_citizen_told() -> None:
    left = play(*WITH_UNIT, ("2026-03-04 10:00", "decide_report", {"accept": False}), category="report")
    assert left.state == "dispatched"
    assert left.deadlines.keys() == {"complete"}
    assert left.obligations == ["notify_citizen"]
    assert "本项目规定（参照第十三条）" in left.last["articles"]


def test_article_13_one_decision_and_for_reports_alone() -> None:
    decided: Event = ("2026-03-04 10:00", "decide_report", {"accept": True})
    refused(NAME, {"category": "report"}, *WITH_UNIT, decided, decided, article="第十三条")
    refused(NAME, {}, *WITH_UNIT, decided, article="第十三条", words="举报")


@pytest.mark.parametrize(
    ("stricter", "last_day"), [(1, "2026-03-03"), (4, "2026-03-06"), (5, "2026-03-09"), (30, "2026-03-09")]
)
def test_article_13_the_shortest_limit(stricter: int, last_day: str) -> None:
    assert limits(NAME, "2026-03-02 10:00", "complaint", stricter=stricter)["complete"] == (end(last_day), "第十三条")


def test_article_13_the_shortest_limit_of_a_report() -> None:
    decided: Event = ("2026-03-04 10:00", "decide_report", {"accept": True})
    taken = play(*WITH_UNIT, decided, category="report", stricter_limit_working_days=3)
    assert taken.deadlines == {"complete": end("2026-03-09")}


def test_article_13_the_last_second_and_the_first_after() -> None:
    in_time = play(*WITH_UNIT, ("2026-03-09 23:59:59", "complete", DONE), until="2026-03-30 09:00")
    assert in_time.final["counted_overdue"] is False
    assert in_time.ticks("complete_overdue") == []
    assert play(*WITH_UNIT, ("2026-03-09 23:59:59.999999", "complete", DONE)).final["counted_overdue"] is False
    late = play(*WITH_UNIT, ("2026-03-10 00:00:00", "complete", DONE), until="2026-03-30 09:00")
    assert late.final["counted_overdue"] is True
    assert late.final["overdue_working_days"] == 1
    (tick,) = late.ticks("complete_overdue")
    assert (tick["at"], tick["articles"]) == (iso("2026-03-10 00:00:00"), ["第十三条"])


# ---- 第十四条 延期 --------------------


def extended(at: str, working_days: int, agree: bool = True) -> tuple[Event, Event]:
    return (at, "extend", {"working_days": working_days}), (at, "decide_extension", {"agree": agree})


@pytest.mark.parametrize("category", ["consultation", *SPOKEN_TO])
def test_article_14_every_kind(category: str) -> None:
    assert play(*WITH_UNIT, *extended("2026-03-04 10:00", 5), category=category).last["ok"]


def test_article_14_a_report_once_it_is_taken_up() -> None:
    decided: Event = ("2026-03-04 10:00", "decide_report", {"accept": True})  # until 18 March
    taken = play(*WITH_UNIT, decided, *extended("2026-03-18 23:59:59", 1), category="report")
    assert taken.deadlines["complete"] == end("2026-03-19")
    asked: Event = ("2026-03-03 10:00", "extend", {"working_days": 1})
    refused(NAME, {"category": "report"}, *WITH_UNIT, asked, article="第十四条")


def test_article_14_before_the_limit_ends() -> None:
    asked = play(*WITH_UNIT, ("2026-03-09 23:59:59", "extend", {"working_days": 3}))
    assert asked.last["articles"] == ["第十四条"]
    assert asked.deadlines["complete"] == end("2026-03-09")  # nothing is moved before the decision
    after: Event = ("2026-03-10 00:00:00", "extend", {"working_days": 3})
    refused(NAME, {}, *WITH_UNIT, after, article="第十四条", words="届满前")


def test_article_14_runs_on_from_the_old_limit() -> None:
    to_september: tuple[Event, ...] = (
        ("2026-09-22 09:00", "accept"),
        ("2026-09-22 10:00", "dispatch", {"unit": "城管局"}),  # until 30 September, Mid-Autumn between
    )
    assert play(*to_september).deadlines["complete"] == end("2026-09-30")
    assert play(*to_september, *extended("2026-09-23 10:00", 2)).deadlines["complete"] == end("2026-10-09")
    # No article says how long.
    assert play(*WITH_UNIT, *extended("2026-03-03 10:00", 60)).deadlines["complete"] == end("2026-06-04")


def test_article_14_not_when_urgent() -> None:
    asked: Event = ("2026-03-03 10:00", "extend", {"working_days": 1})
    refused(NAME, {"urgent": True}, *WITH_UNIT, asked, article="第十四条", words="突发")


def test_article_14_twice_at_most() -> None:
    twice = (*WITH_UNIT, *extended("2026-03-03 10:00", 1), *extended("2026-03-04 10:00", 1))
    assert play(*twice).deadlines["complete"] == end("2026-03-11")
    refused(NAME, {}, *twice, ("2026-03-05 10:00", "extend", {"working_days": 1}), article="第十四条", words="2次")


def test_article_14_what_was_not_granted_does_not_count() -> None:
    in_vain = [event for day in (3, 4, 5) for event in extended(f"2026-03-0{day} 10:00", 1, agree=False)]
    assert play(*WITH_UNIT, *in_vain).deadlines["complete"] == end("2026-03-09")
    granted = play(*WITH_UNIT, *in_vain, *extended("2026-03-06 10:00", 1), *extended("2026-03-06 11:00", 1))
    assert granted.deadlines["complete"] == end("2026-03-11")


def test_article_14_the_citizen_is_told_of_what_was_granted() -> None:
    granted = play(*WITH_UNIT, *extended("2026-03-03 10:00", 1))
    assert granted.obligations == ["notify_citizen"]
    assert granted.last["articles"] == ["第十四条"]
    told = play(
        *WITH_UNIT, *extended("2026-03-03 10:00", 1), ("2026-03-03 11:00", "fulfil", {"obligation": "notify_citizen"})
    )
    assert told.obligations == []
    assert play(*WITH_UNIT, *extended("2026-03-03 10:00", 1, agree=False)).obligations == []


def test_article_14_asked_for_in_time_and_granted_late() -> None:
    asked: Event = ("2026-03-09 23:00", "extend", {"working_days": 5})
    assert play(*WITH_UNIT, asked, until="2026-03-11 08:00").final["warning"] == "yellow"
    final = play(*WITH_UNIT, asked, ("2026-03-11 09:00", "decide_extension", {"agree": True})).final
    assert final["deadlines"]["complete"] == end("2026-03-16")
    assert (final["counted_overdue"], final["warning"], final["points"]) == (False, None, 0)
    assert final["supervised"] is False
    assert "supervise" not in final["deadlines"]
    refused_late = play(*WITH_UNIT, asked, ("2026-03-11 09:00", "decide_extension", {"agree": False})).final
    assert (refused_late["counted_overdue"], refused_late["warning"]) == (True, "yellow")


def test_article_14_one_application_at_a_time_and_a_length() -> None:
    asked: Event = ("2026-03-03 10:00", "extend", {"working_days": 1})
    refused(NAME, {}, *WITH_UNIT, asked, asked, article="第十四条", words="待审核")
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 10:00", "extend"), article="第十四条", words="延期时间")
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 10:00", "decide_extension", {"agree": True}), article="第十四条")


# ---- 第十五条 办理结果 --------------------


@pytest.mark.parametrize(("missing", "words"), [("result", "结果"), ("basis", "依据")])
def test_article_15_result_and_basis(missing: str, words: str) -> None:
    done: Event = ("2026-03-05 09:00", "complete", {**DONE, missing: " "})
    refused(NAME, {}, *WITH_UNIT, done, article="第十五条", words=words)


def test_article_15_both_are_there() -> None:
    done = play(*COMPLETED)
    assert done.state == "completed"
    assert done.last["articles"] == ["第十五条"]
    assert done.deadlines == {}


# ---- 第十六条 审核 --------------------


def test_article_16_in_order() -> None:
    passed = play(*REVIEWED)
    assert passed.state == "reviewed"
    assert passed.last["articles"] == ["第十六条"]
    # No article limits the review: time alone does nothing.
    assert play(*COMPLETED, until="2026-12-01 09:00").clock == play(*COMPLETED).clock


def test_article_16_not_in_order_and_the_old_limit_goes_on() -> None:
    no: dict[str, Any] = {"pass": False, "reason": "没有回应诉求"}
    back = (*COMPLETED, ("2026-03-06 09:00", "review", no))
    assert play(*back).state == "rework"
    assert play(*back).deadlines == {"complete": end("2026-03-09")}
    assert play(*back).obligations == ["rework"]
    assert play(*back).last["articles"] == ["第十六条"]
    # Nor does a second failure buy time.
    twice = play(*back, ("2026-03-06 10:00", "complete", DONE), ("2026-03-06 11:00", "review", no))
    assert twice.deadlines == {"complete": end("2026-03-09")}
    assert play(*back, until="2026-03-09 23:59:59").final["counted_overdue"] is False
    assert play(*back, until="2026-03-10 00:00:00").final["counted_overdue"] is True
    assert play(*back, ("2026-03-06 10:00", "complete", DONE)).obligations == []


def test_article_16_the_reason_is_given() -> None:
    no: Event = ("2026-03-06 09:00", "review", {"pass": False})
    refused(NAME, {}, *COMPLETED, no, article="第十六条", words="理由")


def test_article_16_archived_only_then() -> None:
    own = "本项目规定（参照第十六条）"
    refused(NAME, {}, *COMPLETED, ("2026-03-05 10:00", "archive"), article=own)
    archived = play(*REVIEWED, ("2026-03-05 16:00", "archive"))
    assert (archived.state, archived.last["articles"]) == ("archived", [own])


# ---- 第十七条 满意度 --------------------


@pytest.mark.parametrize("level", ["very_satisfied", "satisfied", "basically_satisfied"])
def test_article_17_content(level: str) -> None:
    rated = play(*REVIEWED, ("2026-03-06 09:00", "rate", {"level": level}))
    assert (rated.state, rated.deadlines, rated.obligations) == ("reviewed", {}, [])
    assert rated.last["articles"] == ["第十七条"]


@pytest.mark.parametrize("level", ["dissatisfied", "very_dissatisfied"])
@pytest.mark.parametrize(("at", "last_day"), [("2026-03-06 09:00", "2026-03-13"), ("2026-09-30 09:00", "2026-10-13")])
def test_article_17_discontent_sends_it_back_for_five_days(level: str, at: str, last_day: str) -> None:
    rated = play(*REVIEWED, (at, "rate", {"level": level}))
    assert rated.state == "rework"
    assert rated.deadlines == {"rework": end(last_day)}
    assert rated.obligations == ["rework"]
    assert rated.last["articles"] == ["第十七条"]


def test_article_17_late_rework() -> None:
    rated = (*REVIEWED, ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}))
    assert play(*rated, ("2026-03-13 23:59:59", "complete", DONE)).final["counted_overdue"] is False
    late = play(*rated, until="2026-03-14 00:00:00")
    assert late.final["counted_overdue"] is True
    assert [tick["articles"] for tick in late.ticks("rework_overdue")] == [["第十七条"]]
    refused(NAME, {}, *rated, ("2026-03-07 09:00", "extend", {"working_days": 1}), article="第十四条")


def test_article_17_once_only() -> None:
    again = play(
        *REVIEWED,
        ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}),
        ("2026-03-09 09:00", "complete", DONE),
        ("2026-03-09 10:00", "review", {"pass": True}),
        ("2026-03-10 09:00", "rate", {"level": "very_dissatisfied"}),
    )
    assert (again.state, again.deadlines, again.obligations) == ("reviewed", {}, [])
    assert again.reasons == []  # whose fault it was is not known yet


def test_article_17_unsolved_is_no_rating() -> None:
    """A person asks; the rating then given decides."""
    said: tuple[Event, ...] = (*REVIEWED, ("2026-03-06 09:00", "unsolved"))
    found = play(*said)
    assert (found.state, found.obligations) == ("reviewed", ["manual_callback"])
    assert found.last["articles"] == ["本项目规定（参照第十七条）"]
    bad = play(*said, ("2026-03-06 10:00", "rate", {"level": "dissatisfied"}))
    assert (bad.state, bad.obligations, bad.deadlines) == ("rework", ["rework"], {"rework": end("2026-03-13")})
    good = play(*said, ("2026-03-06 10:00", "rate", {"level": "satisfied"}))
    assert (good.state, good.obligations) == ("reviewed", [])


def test_article_17_sent_back_and_a_person_asked_for() -> None:
    """What the citizen says in one call: the rating, then who they want to talk to."""
    said: tuple[Event, ...] = (
        *REVIEWED,
        ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}),
        ("2026-03-06 09:00", "ask_callback"),
    )
    assert (play(*said).state, play(*said).obligations) == ("rework", ["rework", "manual_callback"])
    done = play(*said, ("2026-03-09 09:00", "complete", DONE))
    assert done.obligations == ["manual_callback"]


def test_article_17_sent_back_and_unsolved() -> None:
    """It is being done again already: nobody needs to ask."""
    rated: tuple[Event, ...] = (*REVIEWED, ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}))
    said = play(*rated, ("2026-03-06 09:00", "unsolved"))
    assert (said.state, said.obligations) == ("rework", ["rework"])
    assert said.last["articles"] == ["第十七条"]


def test_article_17_five_levels() -> None:
    assert len(core.policy(NAME).rating.levels) == 5
    step = core.play_any(NAME, {}, *REVIEWED, ("2026-03-06 09:00", "rate", {"level": "一般"})).last
    assert step["ok"] is False


# ---- 第十九条、第二十条 保密 --------------------


def test_article_19_the_complainant_is_not_named() -> None:
    assert {rule.article: rule.measures for rule in core.policy(NAME).secrecy}["第十九条"] == ["不向被诉人透露"]


def test_article_20_what_may_not_be_published() -> None:
    assert {rule.article: rule.measures for rule in core.policy(NAME).secrecy}["第二十条"] == ["不公开"]


# ---- 第二十三条、第二十四条 督办 --------------------


@pytest.mark.parametrize("reason", ["leader", "repeat_people", "other", "media"])
def test_article_23_supervised_by_a_person(reason: str) -> None:
    supervised = play(*WITH_UNIT, ("2026-03-03 10:00", "supervise", {"reason": reason}))
    assert supervised.reasons == [reason]
    assert supervised.last["articles"] == ["第二十三条", "第二十四条"]
    again: Event = ("2026-03-03 11:00", "supervise", {"reason": reason})
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 10:00", "supervise", {"reason": reason}), again, article="第二十三条")


def test_article_23_many_callers_alone_do_not_supervise() -> None:
    calls: list[Event] = [(f"2026-03-03 10:{n:02}", "repeat", {"caller": f"1390000{n:04}"}) for n in range(30)]
    assert play(*WITH_UNIT, *calls).reasons == []


def test_article_23_overdue_by_itself() -> None:
    assert play(*WITH_UNIT, until="2026-03-09 23:59:59").reasons == []
    late = play(*WITH_UNIT, until="2026-03-10 00:00:00")
    assert late.reasons == ["overdue"]
    (tick,) = late.ticks("supervised")
    assert tick["articles"] == ["第二十三条", "第二十四条"]
    assert late.deadlines["supervise"] == end("2026-03-12")
    assert len(play(*WITH_UNIT, until="2026-06-30 00:00:00").ticks("supervised")) == 1


DISCONTENT_TWICE = (
    *REVIEWED,
    ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}),
    ("2026-03-09 09:00", "complete", DONE),
    ("2026-03-09 10:00", "review", {"pass": True}),
    ("2026-03-10 09:00", "rate", {"level": "dissatisfied"}),
)


def test_article_23_still_discontent_by_the_units_fault() -> None:
    fault = {"pass": False, "reason": "推诿", "unit_at_fault": True}
    found = play(*DISCONTENT_TWICE, ("2026-03-11 09:00", "review", fault))
    assert found.reasons == ["unsolved"]
    assert "第二十三条" in found.last["articles"]
    assert found.deadlines["supervise"] == end("2026-03-13")


def test_article_23_still_unsolved_by_the_units_fault() -> None:
    said: tuple[Event, ...] = (*DISCONTENT_TWICE[:-1], ("2026-03-10 09:00", "unsolved"))
    fault = {"pass": False, "reason": "推诿", "unit_at_fault": True}
    found = play(*said, ("2026-03-11 09:00", "review", fault))
    assert (found.state, found.reasons) == ("rework", ["unsolved"])
    assert "第二十三条" in found.last["articles"]
    no_fault = {"pass": False, "reason": "期望过高"}
    refused(NAME, {}, *said, ("2026-03-11 09:00", "review", no_fault), article="第十七条", words="一次")


def test_article_17_still_discontent_without_the_units_fault_is_no_second_rework() -> None:
    no_fault = {"pass": False, "reason": "期望过高"}
    refused(NAME, {}, *DISCONTENT_TWICE, ("2026-03-11 09:00", "review", no_fault), article="第十七条", words="一次")


def test_article_23_the_first_discontent_is_no_supervision() -> None:
    rated = play(
        *REVIEWED,
        ("2026-03-06 09:00", "rate", {"level": "dissatisfied"}),
        ("2026-03-09 09:00", "complete", DONE),
        ("2026-03-09 10:00", "review", {"pass": False, "reason": "推诿", "unit_at_fault": True}),
    )
    assert rated.reasons == []


@pytest.mark.parametrize(
    ("told", "last_day"),
    [
        ("2026-03-03 10:00", "2026-03-05"),
        ("2026-03-06 10:00", "2026-03-10"),  # a Friday
        ("2026-05-08 10:00", "2026-05-11"),  # the Saturday is worked
        ("2026-09-30 10:00", "2026-10-09"),
    ],
)
def test_article_24_two_days_from_the_notice(told: str, last_day: str) -> None:
    supervised = play(*WITH_UNIT, *extended("2026-03-02 11:00", 160), (told, "supervise", {"reason": "leader"}))
    assert supervised.deadlines["supervise"] == end(last_day)


def test_article_24_late_and_in_time() -> None:
    supervised = (*WITH_UNIT, ("2026-03-03 10:00", "supervise", {"reason": "leader"}))
    (late,) = play(*supervised, until="2026-03-06 00:00:00").ticks("supervise_overdue")
    assert (late["at"], late["articles"]) == (iso("2026-03-06 00:00:00"), ["第二十四条"])
    done = play(*supervised, ("2026-03-05 23:59:59", "complete", DONE), until="2026-03-30 00:00:00")
    assert done.ticks("supervise_overdue") == []
    # A second reason does not give the unit more time.
    more = play(*supervised, ("2026-03-05 10:00", "supervise", {"reason": "other"}))
    assert more.deadlines["supervise"] == end("2026-03-05")


# ---- 第二十六条 预警 --------------------


@pytest.mark.parametrize(
    ("now", "warning", "overdue", "points"),
    [
        ("2026-03-09 23:59:59", None, 0, 0),
        ("2026-03-10 00:00:00", "blue", 1, 0.5),
        ("2026-03-10 23:59:59", "blue", 1, 0.5),
        ("2026-03-11 00:00:00", "yellow", 2, 1),
        ("2026-03-12 23:59:59", "yellow", 3, 1),
        ("2026-03-13 00:00:00", "red", 4, 3),
        ("2026-03-16 12:00:00", "red", 5, 3),
        ("2026-03-17 23:59:59", "red", 6, 3),
        ("2026-03-18 00:00:00", "inspection", 7, 3),
        ("2026-04-30 00:00:00", "inspection", 37, 3),
    ],
)
def test_article_26_colour_and_points(now: str, warning: str | None, overdue: int, points: float) -> None:
    final = play(*WITH_UNIT, until=now).final
    assert (final["warning"], final["overdue_working_days"], final["points"]) == (warning, overdue, points)


@pytest.mark.parametrize(
    ("now", "warning", "overdue"),
    [
        ("2026-10-07 23:59:59", None, 0),  # overdue since the 1st, and not by one working day
        ("2026-10-08 00:00:00", "blue", 1),
        ("2026-10-09 00:00:00", "yellow", 2),
        ("2026-10-11 23:59:59", "yellow", 3),  # the Saturday is the third
        ("2026-10-12 00:00:00", "red", 4),
        ("2026-10-14 23:59:59", "red", 6),
        ("2026-10-15 00:00:00", "inspection", 7),
    ],
)
def test_article_26_only_working_days_count(now: str, warning: str | None, overdue: int) -> None:
    events: tuple[Event, ...] = (("2026-09-22 09:00", "accept"), ("2026-09-22 10:00", "dispatch", {"unit": "城管局"}))
    final = play(*events, until=now).final
    assert (final["warning"], final["overdue_working_days"]) == (warning, overdue)
    assert final["counted_overdue"] is True


def test_article_26_whom_each_goes_to() -> None:
    told = play(*WITH_UNIT, until="2026-04-30 00:00:00").clock
    warnings = [(tick["what"], tick["text"], tick["articles"]) for tick in told if tick["what"].startswith("warning_")]
    assert warnings == [
        ("warning_blue", "蓝色预警：承办单位", ["第二十六条"]),
        ("warning_yellow", "黄色预警：承办单位分管领导", ["第二十六条"]),
        ("warning_red", "红色预警：承办单位主要领导", ["第二十六条"]),
        ("warning_inspection", "转政府督查室：市政府督查室", ["第二十六条"]),
    ]


def test_article_26_not_to_the_inspection_office_once_explained() -> None:
    explained: Event = ("2026-03-17 23:59:59", "explain", {"reason": "等待上级批复"})
    final = play(*WITH_UNIT, explained, until="2026-06-30 00:00:00").final
    assert (final["warning"], final["points"]) == ("red", 3)
    assert play(*WITH_UNIT, explained).last["articles"] == ["第二十六条"]
    late: Event = ("2026-03-18 00:00:00", "explain", {"reason": "等待上级批复"})
    assert play(*WITH_UNIT, late).final["warning"] == "inspection"
    refused(NAME, {}, *WITH_UNIT, ("2026-03-17 09:00", "explain", {"reason": " "}), article="第二十六条", words="原因")


def test_article_26_after_an_extension_from_its_new_end() -> None:
    granted = (*WITH_UNIT, *extended("2026-03-09 10:00", 3))  # until the 12th
    assert play(*granted, until="2026-03-12 23:59:59").final["warning"] is None
    assert play(*granted, until="2026-03-13 00:00:00").final["warning"] == "blue"


def test_article_26_it_stops_with_the_completion() -> None:
    done = play(*WITH_UNIT, ("2026-03-11 09:00", "complete", DONE), until="2026-06-30 00:00:00")
    assert (done.final["overdue_working_days"], done.final["points"]) == (2, 1)
    assert done.ticks("warning_red") == []
