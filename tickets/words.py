"""The vocabulary of tickets: what code says and what people read."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """诉求类别."""

    CONSULTATION = "consultation"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    OTHER = "other"


class State(StrEnum):
    """Where a ticket stands."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    AT_COUNTY = "at_county"
    DISPATCHED = "dispatched"
    RETURN_REQUESTED = "return_requested"
    COMPLETED = "completed"
    REVIEWED = "reviewed"
    REWORK = "rework"
    ARCHIVED = "archived"


class Level(StrEnum):
    """满意度."""

    VERY_SATISFIED = "very_satisfied"
    SATISFIED = "satisfied"
    BASICALLY_SATISFIED = "basically_satisfied"
    DISSATISFIED = "dissatisfied"
    VERY_DISSATISFIED = "very_dissatisfied"


BAD_LEVELS = (Level.DISSATISFIED, Level.VERY_DISSATISFIED)
"""差评: dissatisfied or worse."""


class SuperviseReason(StrEnum):
    """督办情形."""

    OVERDUE = "overdue"
    LEADER = "leader"
    UPPER_LEVEL = "upper_level"
    UNCLEAR_DUTY = "unclear_duty"
    POOR_QUALITY = "poor_quality"
    SEVERAL_UNITS = "several_units"
    REPEAT_PERSON = "repeat_person"
    REPEAT_PEOPLE = "repeat_people"
    SUDDEN = "sudden"
    MEDIA = "media"
    UNSOLVED = "unsolved"
    OTHER = "other"


class Obligation(StrEnum):
    """What somebody has to do now and no state says."""

    MANUAL_CALLBACK = "manual_callback"
    REWORK = "rework"
    NOTIFY_CITIZEN = "notify_citizen"
    JOINT_MEETING = "joint_meeting"
    TELL_RIGHT_OFFICE = "tell_right_office"
    WRITTEN_RESULT = "written_result"
    REPORT_UPWARD = "report_upward"
    NOTIFY_EMERGENCY_SERVICE = "notify_emergency_service"


class CallbackWhy(StrEnum):
    """Why a person is to call the citizen back."""

    DISSATISFIED = "dissatisfied"
    UNSOLVED = "unsolved"
    SUPERVISED = "supervised"
    ASKED = "asked"


class Warning(StrEnum):
    """预警."""

    BLUE = "blue"
    YELLOW = "yellow"
    RED = "red"
    INSPECTION = "inspection"


class LimitKind(StrEnum):
    """Which limit (时限)."""

    DISPATCH = "dispatch"
    FORWARD = "forward"
    VIEW = "view"
    CONTACT = "contact"
    DECIDE_REPORT = "decide_report"
    RETURN = "return"
    DECIDE_RETURN = "decide_return"
    DECIDE_EXTENSION = "decide_extension"
    ONSITE = "onsite"
    COMPLETE = "complete"
    REVIEW = "review"
    REWORK = "rework"
    WRITTEN_RESULT = "written_result"
    SUPERVISE = "supervise"


COMPLETION = (LimitKind.COMPLETE, LimitKind.REWORK)
"""The limits whose passing makes a ticket overdue (逾期)."""

_READ: tuple[tuple[StrEnum, str], ...] = (
    (Category.CONSULTATION, "咨询"),
    (Category.HELP, "求助"),
    (Category.COMPLAINT, "投诉"),
    (Category.REPORT, "举报"),
    (Category.SUGGESTION, "建议"),
    (Category.OTHER, "其他"),
    (State.RECEIVED, "待受理"),
    (State.ACCEPTED, "已受理"),
    (State.DECLINED, "不予受理"),
    (State.AT_COUNTY, "县区待转办"),
    (State.DISPATCHED, "办理中"),
    (State.RETURN_REQUESTED, "申请退单"),
    (State.COMPLETED, "已办结待审核"),
    (State.REVIEWED, "审核通过"),
    (State.REWORK, "重办"),
    (State.ARCHIVED, "已归档"),
    (Level.VERY_SATISFIED, "非常满意"),
    (Level.SATISFIED, "满意"),
    (Level.BASICALLY_SATISFIED, "基本满意"),
    (Level.DISSATISFIED, "不满意"),
    (Level.VERY_DISSATISFIED, "非常不满意"),
    (SuperviseReason.OVERDUE, "逾期"),
    (SuperviseReason.LEADER, "领导批示交办"),
    (SuperviseReason.UPPER_LEVEL, "上级转办"),
    (SuperviseReason.UNCLEAR_DUTY, "职责不清"),
    (SuperviseReason.POOR_QUALITY, "办理质量不高"),
    (SuperviseReason.SEVERAL_UNITS, "涉及多个单位"),
    (SuperviseReason.REPEAT_PERSON, "同一人重复反映"),
    (SuperviseReason.REPEAT_PEOPLE, "多人集中反映"),
    (SuperviseReason.SUDDEN, "突发性苗头性趋势性"),
    (SuperviseReason.MEDIA, "媒体曝光"),
    (SuperviseReason.UNSOLVED, "诉求未解决"),
    (SuperviseReason.OTHER, "其他"),
    (Obligation.MANUAL_CALLBACK, "人工回访"),
    (Obligation.REWORK, "整改重办"),
    (Obligation.NOTIFY_CITIZEN, "告知诉求人"),
    (Obligation.JOINT_MEETING, "联席会议"),
    (Obligation.TELL_RIGHT_OFFICE, "告知有权单位"),
    (Obligation.WRITTEN_RESULT, "书面结果"),
    (Obligation.REPORT_UPWARD, "上报"),
    (Obligation.NOTIFY_EMERGENCY_SERVICE, "通知紧急服务专线"),
    (CallbackWhy.DISSATISFIED, "不满意"),
    (CallbackWhy.UNSOLVED, "诉求未解决"),
    (CallbackWhy.SUPERVISED, "督办件"),
    (CallbackWhy.ASKED, "要求人工回访"),
    (Warning.BLUE, "蓝色预警"),
    (Warning.YELLOW, "黄色预警"),
    (Warning.RED, "红色预警"),
    (Warning.INSPECTION, "转政府督查室"),
    (LimitKind.DISPATCH, "转办"),
    (LimitKind.FORWARD, "县区转办"),
    (LimitKind.VIEW, "查阅"),
    (LimitKind.CONTACT, "联系诉求人"),
    (LimitKind.DECIDE_REPORT, "决定是否受理举报"),
    (LimitKind.RETURN, "退单"),
    (LimitKind.DECIDE_RETURN, "审核退单"),
    (LimitKind.DECIDE_EXTENSION, "审核延期"),
    (LimitKind.ONSITE, "到场"),
    (LimitKind.COMPLETE, "办结"),
    (LimitKind.REVIEW, "审核"),
    (LimitKind.REWORK, "重办"),
    (LimitKind.WRITTEN_RESULT, "书面结果"),
    (LimitKind.SUPERVISE, "督办"),
)

# By kind too: Obligation.REWORK and State.REWORK are equal as text, and read differently.
_CHINESE: dict[tuple[type[StrEnum], str], str] = {(type(word), word.value): text for word, text in _READ}


def chinese(word: StrEnum) -> str:
    """The word that people read."""
    return _CHINESE[type(word), word.value]
