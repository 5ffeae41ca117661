"""安徽省12345政务服务便民热线管理暂行办法, article by article. July 2026 has no holiday: Wednesday the 1st."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.play import Event, Played, end, iso, limits, play, policy, refused

NAME = "anhui-2021"
EVERY = ("consultation", "help", "complaint", "report", "suggestion", "other")
ME, ANOTHER = "13900000001", "13900000002"
ACCEPT: Event = ("2026-07-01 09:00", "accept")
SENT: tuple[Event, ...] = (ACCEPT, ("2026-07-01 10:00", "dispatch", {"unit": "房产局"}))
ANSWER: dict[str, Any] = {"result": "已修复", "leader_approval": "张局长"}
DONE: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "complete", ANSWER))
PASSED: tuple[Event, ...] = (*DONE, ("2026-07-03 10:00", "review", {"pass": True}))
RETURN: dict[str, Any] = {"reason": "不属于本单位职责", "basis": "三定规定第四条"}
ASKED: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "return", RETURN))
EXTEND: dict[str, Any] = {"working_days": 5, "reason": "等待鉴定"}


def life(*events: Event, until: str | None = None, **ticket: Any) -> Played:
    return play(NAME, ticket, *events, until=until)


def no(*events: Event, article: str, words: str = "", **ticket: Any) -> str:
    return refused(NAME, ticket, *events, article=article, words=words)


# ---- 第三章 受理 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", EVERY)
def test_article_09_accepted(category: str) -> None:
    played = life(ACCEPT, category=category)
    assert (played.state, played.last["articles"], played.obligations) == ("accepted", ["第九条"], [])


@pytest.mark.parametrize("reason", ["litigation", "已进入信访渠道", "secrets", "other", "没有列出的事由"])
def test_article_10_told_on_what_basis_and_where_to_go(reason: str) -> None:
    declined = life(("2026-07-01 09:00", "decline", {"reason": reason}))
    assert (declined.state, declined.obligations) == ("declined", ["tell_right_office"])
    assert declined.last["articles"] == ["第十条"]
    told = life(
        ("2026-07-01 09:00", "decline", {"reason": reason}),
        ("2026-07-01 09:01", "fulfil", {"obligation": "tell_right_office"}),
    )
    assert told.obligations == []


def test_article_10_needs_its_basis() -> None:
    no(("2026-07-01 09:00", "decline"), article="第十条", words="依据")
    assert [item.item for item in policy(NAME).refusals.items] == ["（一）", "（二）", "（三）"]


def test_article_12_item_1_consultations_answered_at_once() -> None:
    answered = life(ACCEPT, ("2026-07-01 09:05", "complete", {"result": "凭身份证办理"}), category="consultation")
    assert (answered.state, answered.reasons, answered.deadlines) == ("completed", [], {})
    assert "第十二条" in answered.last["articles"]
    for category in EVERY[1:]:
        no(ACCEPT, ("2026-07-01 09:05", "complete", ANSWER), article="第十二条", category=category)


def test_article_12_item_2_what_is_not_answered_goes_to_a_unit() -> None:
    assert life(*SENT, category="consultation").state == "dispatched"
    assert life(*SENT, tier="county").state == "dispatched"
    one_tier = "本项目规定（参照第十二条）"
    no(ACCEPT, ("2026-07-01 10:00", "dispatch", {"unit": "蜀山区", "county": True}), article=one_tier)
    no(*SENT, ("2026-07-01 11:00", "forward", {"unit": "街道"}), article=one_tier)


@pytest.mark.parametrize(
    ("category", "urgent", "owed"),
    [
        ("help", True, ["notify_emergency_service"]),
        ("report", True, ["notify_emergency_service"]),
        ("complaint", True, []),
        ("consultation", True, []),
        ("help", False, []),
        ("report", False, []),
    ],
)
def test_article_12_item_3_linked_with_110_and_the_utilities(category: str, urgent: bool, owed: list[str]) -> None:
    played = life(ACCEPT, category=category, urgent=urgent)
    assert played.obligations == owed
    assert ("第十二条" in played.last["articles"]) == bool(owed)


def test_article_12_item_4_lead_and_co_units() -> None:
    sent: Event = ("2026-07-01 10:00", "dispatch", {"unit": "房产局", "co_units": ["城管局", "城管局", "房产局"]})
    played = life(ACCEPT, sent)
    assert "第十二条" in played.last["articles"]
    # One answer, by the unit in the lead.
    assert life(ACCEPT, sent, DONE[-1]).state == "completed"
    alone: Event = ("2026-07-01 10:00", "dispatch", {"unit": "房产局", "co_units": ["房产局"]})
    assert life(ACCEPT, alone).reasons == []


# ---- 第四章 办理 --------------------------------------------------------------------------------------------------


def test_article_14_a_lead_unit_there_must_be() -> None:
    no(ACCEPT, ("2026-07-01 10:00", "dispatch", {"co_units": ["城管局"]}), article="第二十四条", words="承办单位")


@pytest.mark.parametrize("category", EVERY)
def test_article_15_contact_in_one_working_day(category: str) -> None:
    assert limits(NAME, "2026-09-30 15:00", category)["contact"] == (end("2026-10-08"), "第十五条")
    in_time = life(*SENT, ("2026-07-02 23:59:59", "contact"), until="2026-07-05 00:00", category=category)
    assert (in_time.last["articles"], in_time.ticks("contact_overdue")) == (["第十五条"], [])
    late = life(*SENT, until="2026-07-03 00:00:00", category=category)
    assert [(tick["at"], tick["articles"]) for tick in late.ticks("contact_overdue")] == [
        (iso("2026-07-03 00:00:00"), ["第十五条"])
    ]


@pytest.mark.parametrize(("lacking", "words"), [("reason", "理由"), ("basis", "依据")])
def test_article_16_return_with_reason_and_basis(lacking: str, words: str) -> None:
    given = {key: value for key, value in RETURN.items() if key != lacking}
    no(*SENT, ("2026-07-02 10:00", "return", given), article="第十六条", words=words)
    assert life(*ASKED).state == "return_requested"


def test_article_16_within_two_working_days_then_silence_accepts() -> None:
    assert life(*SENT).deadlines["return"] == end("2026-07-03")
    assert life(*SENT, ("2026-07-03 23:59:59", "return", RETURN)).state == "return_requested"
    no(*SENT, ("2026-07-04 00:00:00", "return", RETURN), article="第十六条", words="视同已接收")
    silent = life(*SENT, until="2026-07-04 00:00:00")
    assert [(tick["at"], tick["articles"]) for tick in silent.ticks("return_accepted_by_silence")] == [
        (iso("2026-07-04 00:00:00"), ["第十六条"])
    ]
    assert ("return" in silent.deadlines, silent.state) == (False, "dispatched")
    # No more time for looking at the place: that is Dalian's.
    no(*SENT, ("2026-07-06 10:00", "return", {**RETURN, "site_visit": True}), article="第十六条")


def test_article_16_granted_it_starts_anew_refused_it_runs_on() -> None:
    at = "2026-07-06 10:00"
    moved = life(*ASKED, (at, "decide_return", {"agree": True, "unit": "城管局"}))
    assert moved.deadlines == {"contact": end("2026-07-07"), "return": end("2026-07-08"), "complete": end("2026-07-20")}
    back = life(*ASKED, (at, "decide_return", {"agree": True}))
    assert (back.state, back.deadlines) == ("accepted", {})
    stays = life(*ASKED, (at, "decide_return", {"agree": False}))
    assert (stays.state, stays.deadlines["complete"]) == ("dispatched", end("2026-07-15"))
    assert "return" not in stays.deadlines  # the two days are over


# dispatched at, consultation ends, the others end
@pytest.mark.parametrize(
    ("at", "three", "ten"),
    [
        ("2026-07-01 00:00:00", "2026-07-06", "2026-07-15"),
        ("2026-07-01 23:59:59", "2026-07-06", "2026-07-15"),
        ("2026-07-03 10:00", "2026-07-08", "2026-07-17"),  # a Friday
        ("2026-07-05 10:00", "2026-07-08", "2026-07-17"),  # a Sunday
        ("2025-09-26 10:00", "2025-09-30", "2025-10-16"),  # Sunday the 28th and Saturday the 11th made up
        ("2026-02-13 10:00", "2026-02-25", "2026-03-05"),  # Saturdays 14 and 28 made up, Spring Festival
        ("2026-04-30 15:00", "2026-05-08", "2026-05-18"),  # May Day, Saturday the 9th made up
        ("2026-09-18 10:00", "2026-09-22", "2026-10-09"),  # Sunday the 20th made up, Mid-Autumn, National Day
        ("2026-09-30 15:00", "2026-10-10", "2026-10-20"),  # Saturday the 10th made up
    ],
)
def test_article_17_three_and_ten_working_days(at: str, three: str, ten: str) -> None:
    for category in EVERY:
        found = limits(NAME, at, category)
        assert found["complete"] == (end(three if category == "consultation" else ten), "第十七条")
        assert set(found) == {"contact", "return", "complete"}
        # Neither urgent nor complex matters have another limit here.
        assert limits(NAME, at, category, urgent=True, is_complex=True) == found


def test_article_17_another_law_prevails_where_it_is_stricter() -> None:
    assert limits(NAME, "2026-07-01 10:00", "report", stricter=7)["complete"] == (end("2026-07-10"), "第十七条")
    assert limits(NAME, "2026-07-01 10:00", "consultation", stricter=7)["complete"][0] == end("2026-07-06")


def test_article_18_asked_before_the_limit_ends() -> None:
    assert life(*SENT, ("2026-07-15 23:59:59", "extend", EXTEND)).last["articles"] == ["第十八条"]
    no(*SENT, ("2026-07-16 00:00:00", "extend", EXTEND), article="第十八条", words="届满前")


@pytest.mark.parametrize(("category", "first"), [*zip(EVERY, (3, 10, 10, 10, 10, 10), strict=True)])
def test_article_18_not_longer_than_the_first_limit(category: str, first: int) -> None:
    asked: dict[str, Any] = {"reason": "等待鉴定", "working_days": first}
    granted = life(
        *SENT,
        ("2026-07-02 10:00", "extend", asked),
        ("2026-07-03 10:00", "decide_extension", {"agree": True}),
        category=category,
    )
    # On from the old limit: twice as long in all.
    assert granted.deadlines["complete"] == end({3: "2026-07-09", 10: "2026-07-29"}[first])
    longer: Event = ("2026-07-02 10:00", "extend", {**asked, "working_days": first + 1})
    no(*SENT, longer, article="第十八条", words=f"不得超过{first}个", category=category)


def test_article_18_the_first_limit_of_a_stricter_law() -> None:
    asked: dict[str, Any] = {"reason": "等待鉴定", "working_days": 5}
    no(*SENT, ("2026-07-02 10:00", "extend", asked), article="第十八条", words="4个", stricter_limit_working_days=4)


@pytest.mark.parametrize("agree", [True, False])
def test_article_18_two_applications_granted_or_not(agree: bool) -> None:
    twice: tuple[Event, ...] = (
        *SENT,
        ("2026-07-02 10:00", "extend", EXTEND),
        ("2026-07-03 10:00", "decide_extension", {"agree": agree}),
        ("2026-07-06 10:00", "extend", EXTEND),
        ("2026-07-07 10:00", "decide_extension", {"agree": agree}),
    )
    assert life(*twice).deadlines["complete"] == end("2026-07-29" if agree else "2026-07-15")
    no(*twice, ("2026-07-08 10:00", "extend", EXTEND), article="第十八条", words="不得超过2次")


def test_article_18_a_new_unit_has_its_own_two() -> None:
    moved: tuple[Event, ...] = (
        *SENT,
        ("2026-07-02 10:00", "extend", EXTEND),
        ("2026-07-02 11:00", "decide_extension", {"agree": False}),
        ("2026-07-02 12:00", "extend", EXTEND),
        ("2026-07-02 13:00", "decide_extension", {"agree": False}),
        ("2026-07-03 10:00", "return", RETURN),
        ("2026-07-03 11:00", "decide_return", {"agree": True, "unit": "城管局"}),
    )
    assert life(*moved, ("2026-07-06 10:00", "extend", EXTEND)).last["ok"]


# ---- 第五章 督办 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["upper_level", "leader", "unclear_duty", "media", "other"])
def test_article_20_by_hand(reason: str) -> None:
    given: Event = ("2026-07-02 10:00", "supervise", {"reason": reason})
    played = life(*SENT, given)
    assert (played.reasons, played.last["articles"]) == ([reason], ["第二十条"])
    assert "supervise" not in played.deadlines
    no(*SENT, given, ("2026-07-02 11:00", "supervise", {"reason": reason}), article="第二十条", words="已按此情形")


def test_article_20_item_2_overdue() -> None:
    assert life(*SENT, until="2026-07-15 23:59:59").reasons == []
    late = life(*SENT, until="2026-07-16 00:00:00")
    assert (late.reasons, late.final["counted_overdue"]) == (["overdue"], True)
    assert [tick["articles"] for tick in late.ticks("supervised")] == [["第二十条"]]
    assert (late.final["warning"], late.final["points"]) == (None, 0)
    assert len(life(*SENT, until="2026-08-31 00:00").ticks("supervised")) == 1


def test_article_20_item_2_not_what_was_done_in_time() -> None:
    done = life(*SENT, ("2026-07-15 23:59:59", "complete", ANSWER), until="2026-08-31 00:00")
    assert (done.reasons, done.final["counted_overdue"]) == ([], False)


def test_article_20_item_4_sent_back_for_poor_quality() -> None:
    back = life(*DONE, ("2026-07-03 10:00", "review", {"pass": False, "reason": "敷衍"}))
    assert (back.state, back.reasons, back.obligations) == ("rework", ["poor_quality"], ["rework"])
    # The document gives no new limit: ten working days of the project's own.
    assert back.deadlines == {"rework": end("2026-07-17")}
    assert back.last["articles"] == ["第二十条", "本项目规定（参照第十七条）"]
    assert life(*PASSED).reasons == []


def test_article_20_item_5_several_units() -> None:
    sent: Event = ("2026-07-01 10:00", "dispatch", {"unit": "房产局", "co_units": ["城管局"]})
    played = life(ACCEPT, sent)
    assert played.reasons == ["several_units"]
    assert "第二十条" in played.last["articles"]
    assert life(*SENT).reasons == []


def test_article_20_item_6_three_times_by_the_same_person() -> None:
    twice: tuple[Event, ...] = (*SENT, ("2026-07-02 10:00", "repeat", {"caller": ME}))
    assert life(*twice).reasons == []
    other: tuple[Event, ...] = (*twice, ("2026-07-02 11:00", "repeat", {"caller": ANOTHER}))
    assert life(*other).reasons == []
    third = life(*other, ("2026-07-02 12:00", "repeat", {"caller": ME}))
    assert (third.reasons, third.last["articles"]) == (["repeat_person"], ["第二十条"])


def test_article_20_item_6_five_contacts_of_several_people() -> None:
    others: list[Event] = [(f"2026-07-02 1{n}:00", "repeat", {"caller": f"1390000001{n}"}) for n in range(4)]
    assert life(*SENT, *others[:3]).reasons == []
    fifth = life(*SENT, *others)
    assert (fifth.reasons, fifth.last["articles"]) == (["repeat_people"], ["第二十条"])
    # 人次 are contacts: three people with five of them.
    mixed = [ANOTHER, ANOTHER, ME, "13900000003"]
    events: list[Event] = [(f"2026-07-02 1{n}:00", "repeat", {"caller": caller}) for n, caller in enumerate(mixed)]
    assert life(*SENT, *events).reasons == ["repeat_people"]
    # One person, however often, is no crowd.
    alone: list[Event] = [(f"2026-07-02 1{n}:00", "repeat", {"caller": ME}) for n in range(8)]
    assert life(*SENT, *alone).reasons == ["repeat_person"]


def test_article_20_item_6_sudden_matters() -> None:
    assert life(*SENT, urgent=True).reasons == ["sudden"]
    # A tendency is for a person to see.
    assert life(*SENT, ("2026-07-02 10:00", "supervise", {"reason": "sudden"})).reasons == ["sudden"]


def test_article_20_supervises_what_was_sent_to_units() -> None:
    assert life(ACCEPT, urgent=True).reasons == []
    declined: Event = ("2026-07-01 09:00", "decline", {"reason": "other"})
    no(declined, ("2026-07-02 10:00", "supervise", {"reason": "leader"}), article="第二十四条")


# ---- 第六章 反馈评价 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lacking", "words"), [("result", "结果"), ("leader_approval", "领导签批")])
def test_article_24_result_and_the_leaders_signature(lacking: str, words: str) -> None:
    given = {key: value for key, value in ANSWER.items() if key != lacking}
    no(*SENT, ("2026-07-02 10:00", "complete", given), article="第二十四条", words=words)
    no(*SENT, ("2026-07-02 10:00", "complete", {**given, lacking: ""}), article="第二十四条", words=words)
    assert life(*DONE).last["articles"] == ["第二十四条"]


def test_article_24_reviewed_without_a_limit_then_archived() -> None:
    assert life(*DONE, until="2026-12-01 00:00").deadlines == {}
    own = "本项目规定（参照第二十四条）"
    no(*DONE, ("2026-07-03 10:00", "archive"), article=own, words="审核")
    archived = life(*PASSED, ("2026-07-03 11:00", "archive"))
    assert (archived.state, archived.last["articles"]) == ("archived", [own])


@pytest.mark.parametrize("level", ["very_satisfied", "satisfied", "basically_satisfied"])
def test_article_25_nothing_follows_a_good_answer(level: str) -> None:
    assert life(*PASSED, ("2026-07-06 10:00", "rate", {"level": level})).obligations == []


@pytest.mark.parametrize("level", ["dissatisfied", "very_dissatisfied"])
def test_article_25_a_bad_one_is_called_back_and_put_right(level: str) -> None:
    rated = life(*PASSED, ("2026-07-06 10:00", "rate", {"level": level}))
    assert (rated.obligations, rated.last["articles"]) == (["manual_callback", "rework"], ["第二十五条"])
    assert (rated.state, rated.reasons) == ("reviewed", [])
    back = life(
        *PASSED,
        ("2026-07-06 10:00", "rate", {"level": level}),
        ("2026-07-06 11:00", "review", {"pass": False, "reason": "回访属实"}),
    )
    assert (back.state, back.reasons) == ("rework", ["poor_quality"])


def test_article_25_archived_once_it_is_put_right() -> None:
    called: Event = ("2026-07-06 11:00", "fulfil", {"obligation": "manual_callback"})
    bad: tuple[Event, ...] = (*PASSED, ("2026-07-06 10:00", "rate", {"level": "dissatisfied"}))
    archive: Event = ("2026-07-07 10:00", "archive")
    no(*bad, archive, article="本项目规定（参照第二十四条）", words="人工回访")
    no(*bad, called, archive, article="第二十五条", words="整改")
    put_right: Event = ("2026-07-06 12:00", "fulfil", {"obligation": "rework"})
    assert life(*bad, called, put_right, archive).state == "archived"
    again = life(
        *bad,
        called,
        ("2026-07-06 12:00", "review", {"pass": False}),
        ("2026-07-07 10:00", "complete", ANSWER),
        ("2026-07-07 11:00", "review", {"pass": True}),
        ("2026-07-08 10:00", "rate", {"level": "dissatisfied"}),
    )
    assert set(again.obligations) == {"manual_callback", "rework"}, "asked again, and again not content"


def test_article_25_unsolved_is_called_back_and_no_bad_rating() -> None:
    said = life(*PASSED, ("2026-07-06 10:00", "unsolved", {"reason": "没有修好"}))
    assert (said.obligations, said.last["articles"]) == (["manual_callback"], ["第二十五条"])
    assert (said.state, said.reasons) == ("reviewed", [])
    # Nobody reached: nothing keeps it from the archive.
    assert life(*PASSED, ("2026-07-06 10:00", "end_callback"), ("2026-07-06 11:00", "archive")).state == "archived"


# ---- 第九章 数据管理 ----------------------------------------------------------------------------------------------


def test_article_34_encrypted_masked_not_all_public() -> None:
    rules = policy(NAME).secrecy
    assert {rule.cite for rule in rules} == {"第三十四条"}
    assert {measure for rule in rules for measure in rule.measures} == {"加密", "脱敏", "不公开"}
