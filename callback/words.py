"""The vocabulary of callbacks: what code says and what people read."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Whom a campaign rings."""

    TICKETS = "tickets"
    """Citizens whose tickets are done and reviewed, where the policy asks for a callback by voice."""
    MISSED = "missed"
    """Callers who reached nobody (漏接回拨)."""
    LIST = "list"
    """Numbers from a file (民调)."""


class CampaignState(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


class TargetState(StrEnum):
    """One person of a campaign."""

    WAITING = "waiting"
    """To be rung at ``next_at``."""
    CALLING = "calling"
    """An attempt is under way, or its outcome is not known yet."""
    RATED = "rated"
    """Answered what was asked (of a missed caller: was connected)."""
    UNRATED = "unrated"
    """Reached, but gave no answer that counts. Never taken for satisfied."""
    UNREACHED = "unreached"
    """Given up: no attempt was answered. Other channels may follow."""
    OPTED_OUT = "opted_out"
    """Asked never to be called again, or stands on the list of those who did."""
    DROPPED = "dropped"
    """No longer to be rung: the ticket went another way, the campaign ended, the number cannot be dialled."""


class Outcome(StrEnum):
    """What came of one attempt. The first five are from the network (ITU-T Q.850), seen in Asterisk's log."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNALLOCATED = "unallocated"
    """The number does not exist: never again."""
    CONGESTION = "congestion"
    """The network or our trunk could not: says nothing of the citizen."""
    REJECTED = "rejected"
    """Refused, or switched off."""
    NOT_DIALLED = "not_dialled"
    """Neither Asterisk's channels nor its log know of it: nobody was rung. Does not count as an attempt."""
    UNKNOWN = "unknown"
    """Asterisk knew it and can no longer tell: counts as rung."""


CHINESE: dict[StrEnum, str] = {
    Kind.TICKETS: "满意度回访",
    Kind.MISSED: "漏接回拨",
    Kind.LIST: "民意调查",
    CampaignState.DRAFT: "草稿",
    CampaignState.RUNNING: "进行中",
    CampaignState.PAUSED: "已暂停",
    CampaignState.DONE: "已结束",
    TargetState.WAITING: "待拨",
    TargetState.CALLING: "呼叫中",
    TargetState.RATED: "已评价",
    TargetState.UNRATED: "接通未评价",
    TargetState.UNREACHED: "未接通",
    TargetState.OPTED_OUT: "拒绝回访",
    TargetState.DROPPED: "不再拨打",
    Outcome.ANSWERED: "已接听",
    Outcome.BUSY: "忙",
    Outcome.NO_ANSWER: "无人接听",
    Outcome.UNALLOCATED: "空号",
    Outcome.CONGESTION: "线路繁忙",
    Outcome.REJECTED: "拒接或关机",
    Outcome.NOT_DIALLED: "未拨出",
    Outcome.UNKNOWN: "结果不明",
}


def chinese(word: StrEnum) -> str:
    """The word that people read."""
    return CHINESE[word]
