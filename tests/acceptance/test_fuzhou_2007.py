"""福州市便民呼叫中心12345系统运行管理暂行办法（修订）, article by article. Monday 2 March 2026 is an ordinary week."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance import play as core
from tests.acceptance.play import Event, Played, end, iso, limits, refused

NAME = "fuzhou-2007"
COUNTY = {"tier": "county"}
DONE = {"result": "已修复路灯", "leader_approval": "分管领导：同意"}
GIVEN_BACK = {"reason": "不属于本单位职责", "suggested_unit": "市住建局"}
NO = {"pass": False, "reason": "答非所问"}

ACCEPT: Event = ("2026-03-02 09:00", "accept")
WITH_UNIT: tuple[Event, ...] = (ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "市城管局"}))
"""View and return by 4 March, answer by 16 March."""
AT_COUNTY: tuple[Event, ...] = (ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "鼓楼区"}))
"""Forward and return by 3 March."""
COMPLETED: tuple[Event, ...] = (*WITH_UNIT, ("2026-03-05 09:00", "complete", DONE))
"""Review by 9 March."""
FAILED: tuple[Event, ...] = (*COMPLETED, ("2026-03-06 09:00", "review", NO))
"""Rework by 11 March."""
REVIEWED: tuple[Event, ...] = (*COMPLETED, ("2026-03-06 09:00", "review", {"pass": True}))
ALL = ["consultation", "help", "complaint", "report", "suggestion", "other"]


def play(*events: Event, until: str | None = None, **ticket: Any) -> Played:
    return core.play(NAME, ticket, *events, until=until)


# ---- 第三条 不予受理 --------------------


@pytest.mark.parametrize(
    "reason",
    "unlawful subversion rumours malicious outside_city litigation unit_not_joined not_administrative".split(),
)
def test_article_03_what_is_not_accepted(reason: str) -> None:
    for before in ((), (ACCEPT,)):
        declined = play(*before, ("2026-03-02 09:30", "decline", {"reason": reason}))
        assert (declined.state, declined.deadlines, declined.obligations) == ("declined", {}, [])
        assert declined.last["articles"] == ["第三条"]


@pytest.mark.parametrize("reason", ["emergency", "小区着火", "有人受伤，要急救"])
def test_article_03_emergencies_are_sent_to_110_and_122(reason: str) -> None:
    declined = play(("2026-03-02 09:30", "decline", {"reason": reason}))
    assert declined.state == "declined"
    assert declined.obligations == ["tell_right_office"]
    item = next(one for one in core.policy(NAME).refusals.items if one.id == "emergency")
    assert item.tell is not None
    assert item.tell.contact == "110、122"


def test_article_03_not_without_naming_the_item() -> None:
    refused(NAME, {}, ("2026-03-02 09:30", "decline", {"reason": " "}), article="第三条", words="依据")


# ---- 第四条 市直单位、县（市）区 --------------------


@pytest.mark.parametrize("category", ALL)
def test_article_04_everything_else_is_accepted(category: str) -> None:
    accepted = play(ACCEPT, category=category)
    assert accepted.state == "accepted"
    assert accepted.last["articles"][0] == "第四条"


def test_article_04_to_a_unit_of_the_city_or_through_the_county() -> None:
    assert play(*WITH_UNIT).state == "dispatched"
    assert play(*AT_COUNTY, **COUNTY).state == "at_county"
    # What the dispatcher says comes before what the ticket says.
    assert play(ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "鼓楼区", "county": True})).state == "at_county"
    to_city: Event = ("2026-03-02 10:00", "dispatch", {"unit": "市城管局", "county": False})
    assert play(ACCEPT, to_city, **COUNTY).state == "dispatched"


# ---- 第六条 内部批转 --------------------


@pytest.mark.parametrize("ticket", [{}, COUNTY])
def test_article_06_the_citizen_is_told_of_an_internal_ticket(ticket: dict[str, Any]) -> None:
    internal = core.play(NAME, {**ticket, "public": False}, *WITH_UNIT)
    assert internal.obligations == ["notify_citizen"]
    assert "第六条" in internal.last["articles"]
    told = play(*WITH_UNIT, ("2026-03-02 11:00", "fulfil", {"obligation": "notify_citizen"}), public=False)
    assert told.obligations == []


def test_article_06_nothing_of_the_kind_for_a_public_one() -> None:
    assert play(*WITH_UNIT).obligations == []
    assert "第六条" not in play(*WITH_UNIT).last["articles"]


def test_article_06_not_published() -> None:
    assert {rule.article: rule.measures for rule in core.policy(NAME).secrecy}["第六条"] == ["不公开"]


# ---- 第七条 批转时限 --------------------


@pytest.mark.parametrize(
    ("at", "last_day"),
    [
        ("2026-03-02 09:00", "2026-03-03"),
        ("2026-03-06 23:59:59", "2026-03-09"),  # a Friday
        ("2026-02-13 09:00", "2026-02-14"),  # the Saturday is a make-up day
        ("2026-02-14 09:00", "2026-02-24"),  # then Spring Festival
        ("2025-09-30 09:00", "2025-10-09"),
        ("2026-05-08 09:00", "2026-05-09"),  # a make-up Saturday
    ],
)
def test_article_07_one_day_to_dispatch_and_one_to_forward(at: str, last_day: str) -> None:
    accepted = play((at, "accept"))
    assert accepted.deadlines == {"dispatch": end(last_day)}
    assert "第七条" in accepted.last["articles"]
    assert limits(NAME, at, "complaint", county=True)["forward"] == (end(last_day), "第七条")


def test_article_07_late_dispatch() -> None:
    assert play(ACCEPT, until="2026-03-03 23:59:59").clock == []
    (late,) = play(ACCEPT, until="2026-03-04 00:00:00").clock
    assert (late["at"], late["what"], late["articles"]) == (iso("2026-03-04 00:00:00"), "dispatch_overdue", ["第七条"])
    in_time = play(ACCEPT, ("2026-03-03 23:59:59", "dispatch", {"unit": "市城管局"}), until="2026-03-04 12:00")
    assert in_time.ticks("dispatch_overdue") == []
    assert "dispatch" not in in_time.deadlines


def test_article_07_the_county_forwards_and_the_unit_begins() -> None:
    forwarded = play(*AT_COUNTY, ("2026-03-03 10:00", "forward", {"unit": "区城管局"}), **COUNTY)
    assert forwarded.state == "dispatched"
    assert "第七条" in forwarded.last["articles"]
    assert forwarded.deadlines == {
        "view": end("2026-03-05"),
        "return": end("2026-03-05"),
        "complete": end("2026-03-17"),
    }


def test_article_07_late_forwarding() -> None:
    assert play(*AT_COUNTY, until="2026-03-03 23:59:59", **COUNTY).clock == []
    (late,) = play(*AT_COUNTY, until="2026-03-04 00:00:00", **COUNTY).ticks("forward_overdue")
    assert late["articles"] == ["第七条"]
    # That is the county's fault: the unit has its whole time.
    forwarded = play(*AT_COUNTY, ("2026-03-05 10:00", "forward", {"unit": "区城管局"}), **COUNTY)
    assert forwarded.deadlines["complete"] == end("2026-03-19")
    assert forwarded.final["counted_overdue"] is False


def test_article_07_a_unit_to_forward_to_and_only_by_the_county() -> None:
    refused(NAME, COUNTY, *AT_COUNTY, ("2026-03-03 10:00", "forward"), article="第七条", words="承办单位")
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 10:00", "forward", {"unit": "区城管局"}), article="第八条")


# ---- 第八条 办理程序 --------------------


@pytest.mark.parametrize(
    ("event", "before"),
    [
        (("2026-03-06 12:00", "dispatch", {"unit": "市住建局"}), WITH_UNIT),
        (("2026-03-06 12:00", "dispatch", {"unit": "市住建局"}), ()),
        (("2026-03-06 12:00", "complete", DONE), (ACCEPT,)),
        (("2026-03-06 12:00", "complete", DONE), REVIEWED),
        (("2026-03-06 12:00", "review", {"pass": True}), WITH_UNIT),
        (("2026-03-06 12:00", "view"), REVIEWED),
        (("2026-03-06 12:00", "return", GIVEN_BACK), FAILED),
        (("2026-03-06 12:00", "decide_return", {"agree": True}), WITH_UNIT),
    ],
)
def test_article_08_each_step_in_its_turn(event: Event, before: tuple[Event, ...]) -> None:
    refused(NAME, {}, *before, event, article="第八条")


def test_article_08_a_county_has_nothing_to_answer() -> None:
    refused(NAME, COUNTY, *AT_COUNTY, ("2026-03-03 10:00", "complete", DONE), article="第八条")


@pytest.mark.parametrize("category", ALL)
@pytest.mark.parametrize(
    ("at", "second", "tenth"),
    [
        ("2026-03-02 10:00", "2026-03-04", "2026-03-16"),
        ("2026-03-07 10:00", "2026-03-10", "2026-03-20"),  # a Saturday
        ("2026-02-13 10:00", "2026-02-24", "2026-03-05"),
        ("2026-04-30 10:00", "2026-05-07", "2026-05-18"),
        ("2025-09-30 10:00", "2025-10-10", "2025-10-21"),
        ("2026-09-30 15:00", "2026-10-09", "2026-10-20"),
    ],
)
def test_article_08_items_1_2_3_whatever_it_is_about(category: str, at: str, second: str, tenth: str) -> None:
    assert limits(NAME, at, category) == {
        "view": (end(second), "第八条"),
        "return": (end(second), "第八条"),
        "complete": (end(tenth), "第八条"),
    }


def test_article_08_item_1_view_in_time_and_late() -> None:
    viewed = play(*WITH_UNIT, ("2026-03-04 23:59:59", "view"), until="2026-03-16 23:59:59")
    assert viewed.last["articles"] == ["第八条"]
    assert viewed.ticks("view_overdue") == []
    (late,) = play(*WITH_UNIT, until="2026-03-05 00:00:00").ticks("view_overdue")
    assert (late["at"], late["articles"][0]) == (iso("2026-03-05 00:00:00"), "第八条")
    # 含查閱訴求件時間: the ten days include it.
    assert viewed.deadlines["complete"] == end("2026-03-16")


def test_article_08_item_2_the_last_second_and_the_first_after() -> None:
    in_time = play(*WITH_UNIT, ("2026-03-16 23:59:59", "complete", DONE), until="2026-03-17 09:00")
    assert in_time.final["counted_overdue"] is False
    assert in_time.ticks("complete_overdue") == []
    late = play(*WITH_UNIT, ("2026-03-17 00:00:00", "complete", DONE))
    assert late.final["counted_overdue"] is True
    assert late.final["overdue_working_days"] == 1
    assert [tick["articles"][0] for tick in late.ticks("complete_overdue")] == ["第八条"]


@pytest.mark.parametrize("category", ALL)
def test_article_08_item_2_cannot_be_extended(category: str) -> None:
    asked: Event = ("2026-03-03 10:00", "extend", {"working_days": 1, "reason": "问题复杂"})
    refused(NAME, {"category": category}, *WITH_UNIT, asked, article="第八条", words="不得延期")
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 10:00", "decide_extension", {"agree": True}), article="第八条")


@pytest.mark.parametrize(("missing", "words"), [("result", "结果"), ("leader_approval", "领导签批")])
def test_article_08_item_2_result_and_the_leader_s_consent(missing: str, words: str) -> None:
    done: Event = ("2026-03-05 09:00", "complete", {**DONE, missing: ""})
    refused(NAME, {}, *WITH_UNIT, done, article="第八条", words=words)
    assert play(*COMPLETED).last["articles"] == ["第八条"]


def test_article_08_a_shorter_legal_limit() -> None:
    own = "本项目规定（参照第八条）"
    assert limits(NAME, "2026-03-02 10:00", "complaint", stricter=3)["complete"] == (end("2026-03-05"), own)
    assert limits(NAME, "2026-03-02 10:00", "complaint", stricter=30)["complete"] == (end("2026-03-16"), "第八条")


@pytest.mark.parametrize(("missing", "words"), [("reason", "理由"), ("suggested_unit", "建议单位")])
def test_article_08_item_3_reason_and_suggestion(missing: str, words: str) -> None:
    papers = {**GIVEN_BACK, missing: " "}
    refused(NAME, {}, *WITH_UNIT, ("2026-03-03 09:00", "return", papers), article="第八条", words=words)


def test_article_08_item_3_within_two_days() -> None:
    asked = play(*WITH_UNIT, ("2026-03-04 23:59:59", "return", GIVEN_BACK))
    assert asked.state == "return_requested"
    assert asked.last["articles"] == ["第八条"]
    assert "decide_return" not in asked.deadlines  # only the county's return has a day for its decision
    refused(NAME, {}, *WITH_UNIT, ("2026-03-05 00:00:00", "return", GIVEN_BACK), article="第八条", words="已过")
    (lapse,) = play(*WITH_UNIT, until="2026-03-05 00:00:00").ticks("return_lapsed")
    assert lapse["articles"] == ["第八条"]


def test_article_08_item_3_taken_back_and_dispatched_anew() -> None:
    asked = (*WITH_UNIT, ("2026-03-03 10:00", "return", GIVEN_BACK))
    other = play(*asked, ("2026-03-04 10:00", "decide_return", {"agree": True, "unit": "市住建局"}))
    assert other.state == "dispatched"
    assert other.deadlines["complete"] == end("2026-03-18")
    back = play(*asked, ("2026-03-04 10:00", "decide_return", {"agree": True}))
    assert back.state == "accepted"
    assert back.deadlines == {"dispatch": end("2026-03-05")}
    # The new unit has not been refused anything.
    new = (*asked, ("2026-03-04 10:00", "decide_return", {"agree": True, "unit": "市住建局"}))
    assert play(*new, ("2026-03-05 10:00", "return", GIVEN_BACK)).state == "return_requested"


def test_article_08_item_3_refused_and_not_to_be_repeated() -> None:
    asked: Event = ("2026-03-03 10:00", "return", GIVEN_BACK)
    stays = (*WITH_UNIT, asked, ("2026-03-04 10:00", "decide_return", {"agree": False}))
    assert play(*stays).state == "dispatched"
    assert play(*stays).deadlines == {"view": end("2026-03-04"), "complete": end("2026-03-16")}
    refused(NAME, {}, *stays, ("2026-03-04 11:00", "return", GIVEN_BACK), article="第八条", words="不得再退")


def test_article_08_item_3_a_unit_of_the_county_returns_to_the_county() -> None:
    asked = (
        *AT_COUNTY,
        ("2026-03-03 10:00", "forward", {"unit": "区城管局"}),
        ("2026-03-05 10:00", "return", {"reason": "不属于本单位职责", "suggested_unit": "区住建局"}),
    )
    back = play(*asked, ("2026-03-06 10:00", "decide_return", {"agree": True}), **COUNTY)
    assert back.state == "at_county"
    assert back.deadlines == {"forward": end("2026-03-09"), "return": end("2026-03-09")}
    other = play(*asked, ("2026-03-06 10:00", "decide_return", {"agree": True, "unit": "区住建局"}), **COUNTY)
    assert other.state == "dispatched"
    assert other.deadlines["complete"] == end("2026-03-20")


def test_article_08_item_3_the_county_returns_within_one_day() -> None:
    assert limits(NAME, "2026-02-14 10:00", "complaint", county=True)["return"] == (end("2026-02-24"), "第八条")
    asked = play(*AT_COUNTY, ("2026-03-03 23:59:59", "return", {"suggested_unit": "台江区"}), **COUNTY)
    assert asked.state == "return_requested"
    assert asked.deadlines == {"forward": end("2026-03-03"), "decide_return": end("2026-03-04")}
    late: Event = ("2026-03-04 00:00:00", "return", {"suggested_unit": "台江区"})
    refused(NAME, COUNTY, *AT_COUNTY, late, article="第八条", words="已过")
    without: Event = ("2026-03-03 10:00", "return", {"reason": "不属于本辖区"})
    refused(NAME, COUNTY, *AT_COUNTY, without, article="第八条", words="建议单位")


def test_article_08_item_3_the_city_s_silence_leaves_it_with_the_county() -> None:
    asked = (*AT_COUNTY, ("2026-03-02 12:00", "return", {"suggested_unit": "台江区"}))
    assert play(*asked, until="2026-03-03 23:59:59", **COUNTY).state == "return_requested"
    silent = play(*asked, until="2026-03-04 00:00:00", **COUNTY)
    assert silent.state == "at_county"
    assert silent.deadlines == {"forward": end("2026-03-03")}
    (tick,) = silent.ticks("return_refused_by_silence")
    assert (tick["at"], tick["articles"]) == (iso("2026-03-04 00:00:00"), ["第八条"])
    agreed: Event = ("2026-03-04 00:00:00", "decide_return", {"agree": True})
    refused(NAME, COUNTY, *asked, agreed, article="第八条")


@pytest.mark.parametrize("decided", [(), (("2026-03-02 13:00", "decide_return", {"agree": False}),)])
def test_article_08_item_3_nor_may_the_county_ask_again(decided: tuple[Event, ...]) -> None:
    # Dispatched on the 2nd, asked on the 2nd, silence until the 3rd: with a decision the day would not be over yet.
    again: Event = ("2026-03-03 10:00" if decided else "2026-03-04 10:00", "return", {"suggested_unit": "台江区"})
    asked: Event = ("2026-03-02 12:00", "return", {"suggested_unit": "台江区"})
    refused(NAME, COUNTY, *AT_COUNTY, asked, *decided, again, article="第八条", words="不得再退")


def test_article_08_item_3_the_county_s_return_is_accepted() -> None:
    asked = (*AT_COUNTY, ("2026-03-02 12:00", "return", {"suggested_unit": "台江区"}))
    back = play(*asked, ("2026-03-03 10:00", "decide_return", {"agree": True}), **COUNTY)
    assert back.state == "accepted"
    assert back.deadlines == {"dispatch": end("2026-03-04")}


@pytest.mark.parametrize(("done", "last_day"), [("2026-03-05 09:00", "2026-03-09"), ("2026-03-13 09:00", "2026-03-17")])
def test_article_08_item_4_two_days_for_the_review(done: str, last_day: str) -> None:
    completed = (*WITH_UNIT, (done, "complete", DONE))
    assert play(*completed).deadlines == {"review": end(last_day)}
    late = play(*completed, until="2026-03-30 09:00")
    assert [tick["articles"] for tick in late.ticks("review_overdue")] == [["第八条"]]
    assert late.final["counted_overdue"] is False  # that is not the unit's doing


def test_article_08_item_4_back_for_three_days() -> None:
    failed = play(*FAILED)
    assert failed.state == "rework"
    assert failed.deadlines == {"rework": end("2026-03-11")}
    assert failed.last["articles"] == ["第八条"]
    assert failed.obligations == ["rework"]
    assert failed.final["counted_overdue"] is False
    over_holidays = (*WITH_UNIT, ("2026-03-05 09:00", "complete", DONE), ("2026-04-30 09:00", "review", NO))
    assert play(*over_holidays).deadlines == {"rework": end("2026-05-08")}


def test_article_08_item_4_reworked_well() -> None:
    again = (*FAILED, ("2026-03-11 23:59:59", "complete", DONE))
    assert play(*again).deadlines == {"review": end("2026-03-13")}
    passed = play(*again, ("2026-03-12 09:00", "review", {"pass": True}), until="2026-06-01 09:00")
    assert (passed.state, passed.final["counted_overdue"]) == ("reviewed", False)


def test_article_08_item_4_reworked_too_late() -> None:
    assert play(*FAILED, until="2026-03-11 23:59:59").final["counted_overdue"] is False
    late = play(*FAILED, until="2026-03-12 00:00:00")
    assert late.final["counted_overdue"] is True
    assert [tick["articles"][0] for tick in late.ticks("rework_overdue")] == ["第八条"]


def test_article_08_item_4_failing_again_counts_as_overdue() -> None:
    twice = play(*FAILED, ("2026-03-09 09:00", "complete", DONE), ("2026-03-10 09:00", "review", NO))
    assert twice.state == "rework"
    assert twice.final["counted_overdue"] is True
    assert twice.deadlines == {"rework": end("2026-03-11")}  # no new time either
    assert twice.last["articles"] == ["第八条", "第十一条"]


def test_article_08_item_5_answered_more_than_three_times() -> None:
    declined = play(ACCEPT, ("2026-03-02 09:30", "decline", {"reason": "answered_more_than_three_times"}))
    assert declined.state == "declined"
    assert "第八条" in declined.last["articles"]
    item = next(one for one in core.policy(NAME).refusals.items if one.id == "answered_more_than_three_times")
    assert item.when == "answered_more_than_three_times"


def test_article_08_item_6_one_leads_others_assist() -> None:
    together = play(ACCEPT, ("2026-03-02 10:00", "dispatch", {"unit": "市城管局", "co_units": ["市住建局"]}))
    assert "第八条" in together.last["articles"]
    assert together.state == "dispatched"
    assert together.reasons == []


# ---- 第九条 审核后反馈 --------------------


def test_article_09_the_citizen_hears_after_the_review() -> None:
    assert play(*COMPLETED).obligations == []
    passed = play(*REVIEWED)
    assert passed.obligations == ["notify_citizen"]
    assert "第九条" in passed.last["articles"]
    assert play(*FAILED).obligations == ["rework"]


def test_article_09_an_internal_ticket_as_well() -> None:
    told: Event = ("2026-03-02 11:00", "fulfil", {"obligation": "notify_citizen"})
    passed = play(*WITH_UNIT, told, *REVIEWED[2:], public=False)
    assert passed.obligations == ["notify_citizen"]


def test_article_09_not_published_and_not_archived_before() -> None:
    assert {rule.article: rule.measures for rule in core.policy(NAME).secrecy}["第九条"] == ["不公开"]
    own = "本项目规定（参照第九条）"
    refused(NAME, {}, *COMPLETED, ("2026-03-05 10:00", "archive"), article=own, words="审核")
    assert play(*REVIEWED, ("2026-03-06 10:00", "archive")).state == "archived"


# ---- 第十一条 监督 --------------------


def test_article_11_supervised_by_a_person_only() -> None:
    supervised = play(*WITH_UNIT, ("2026-03-03 10:00", "supervise", {"reason": "leader"}))
    assert supervised.reasons == ["leader"]
    assert supervised.last["articles"] == ["第十一条"]
    assert "supervise" not in supervised.deadlines
    late = play(*WITH_UNIT, until="2026-06-01 09:00").final
    assert late["counted_overdue"] is True
    assert (late["supervised"], late["warning"], late["points"]) == (False, None, 0)
    calls: list[Event] = [(f"2026-03-03 10:{n:02}", "repeat", {"caller": f"1390000{n % 7:04}"}) for n in range(20)]
    assert play(*WITH_UNIT, *calls).reasons == []


@pytest.mark.parametrize(
    ("events", "until", "what", "named"),
    [
        ((ACCEPT,), "2026-03-04 00:00:00", "dispatch_overdue", False),
        (WITH_UNIT, "2026-03-05 00:00:00", "view_overdue", True),  # item 1
        (WITH_UNIT, "2026-03-17 00:00:00", "complete_overdue", True),  # item 2
        (COMPLETED, "2026-03-10 00:00:00", "review_overdue", False),
        (FAILED, "2026-03-12 00:00:00", "rework_overdue", True),  # item 2
    ],
)
def test_article_11_what_a_unit_answers_for(events: tuple[Event, ...], until: str, what: str, named: bool) -> None:
    (late,) = play(*events, until=until).ticks(what)
    assert ("第十一条" in late["articles"]) == named


# ---- 第十二条 满意度 --------------------


@pytest.mark.parametrize(
    "level", ["very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied"]
)
def test_article_12_is_noted_and_nothing_follows(level: str) -> None:
    rated = play(*REVIEWED, ("2026-03-09 09:00", "rate", {"level": level}))
    assert (rated.state, rated.deadlines, rated.reasons) == ("reviewed", {}, [])
    assert rated.obligations == play(*REVIEWED).obligations
    assert rated.last["articles"] == ["本项目规定（参照第十二条）"]


def test_article_12_nobody_is_rung() -> None:
    assert core.policy(NAME).rating.voice is None
    before = play(*REVIEWED).obligations
    said = play(*REVIEWED, ("2026-03-09 09:00", "unsolved"))
    assert (said.state, said.obligations) == ("reviewed", [*before, "manual_callback"])
    assert said.last["articles"] == ["本项目规定（参照第十二条）"]
    rated = play(*REVIEWED, ("2026-03-09 09:00", "unsolved"), ("2026-03-09 10:00", "rate", {"level": "dissatisfied"}))
    assert (rated.state, rated.obligations) == ("reviewed", before)
