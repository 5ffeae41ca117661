"""What people may do to a ticket. ``lifecycle`` checks each against the policy; none changes a ticket by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, TypeAdapter

from tickets.words import Level, Obligation, SuperviseReason

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Yes = StrictBool


def _no(value: object) -> object:
    return (
        False if isinstance(value, str) and value.strip().lower() in ("no", "false", "0", "否", "无", "没有") else value
    )


Paper = Annotated[Yes | Text, BeforeValidator(_no)]
"""Handed in: yes or no, or its words."""


class Command(BaseModel):
    # Fields of other policies are passed over.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Accept(Command):
    """受理."""

    do: Literal["accept"]


class Decline(Command):
    """不予受理. ``reason``: words, or the id of an item of the policy's list."""

    do: Literal["decline"]
    reason: Text = ""


class ApproveDispatch(Command):
    """转办前审核."""

    do: Literal["approve_dispatch"]


class Dispatch(Command):
    """转办. ``county``: to the county, which forwards it, or its name; default is what the ticket says."""

    do: Literal["dispatch"]
    unit: Name = ""
    co_units: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    county: StrictBool | Name | None = None


class Forward(Command):
    """县区转办."""

    do: Literal["forward"]
    unit: Name = ""


class View(Command):
    """查阅."""

    do: Literal["view"]


class Contact(Command):
    """联系诉求人."""

    do: Literal["contact"]


class DecideReport(Command):
    """决定是否受理举报."""

    do: Literal["decide_report"]
    accept: Yes


class ReportMajor(Command):
    """重大事项上报."""

    do: Literal["report_major"]


class NotifyUrgent(Command):
    """突发事项通知 by telephone or SMS."""

    do: Literal["notify_urgent"]


class Arrive(Command):
    """到场."""

    do: Literal["arrive"]


class Return(Command):
    """申请退单."""

    do: Literal["return"]
    reason: Text = ""
    basis: Text = ""
    suggested_unit: Name = ""
    site_visit: Yes = False


class DecideReturn(Command):
    """审核退单. ``unit``: to whom it goes now."""

    do: Literal["decide_return"]
    agree: Yes
    unit: Name = ""
    joint_meeting: Yes = False


class Extend(Command):
    """申请延期."""

    do: Literal["extend"]
    working_days: Annotated[int, Field(ge=1, le=250)] | None = None
    reason: Text = ""
    stage_report: Paper = False
    leader_consent: Paper = False


class DecideExtension(Command):
    """审核延期."""

    do: Literal["decide_extension"]
    agree: Yes


class Explain(Command):
    """说明逾期原因."""

    do: Literal["explain"]
    reason: Text = ""


class Complete(Command):
    """办结."""

    do: Literal["complete"]
    result: Text = ""
    basis: Text = ""
    leader_approval: Paper = False


class Review(Command):
    """审核."""

    do: Literal["review"]
    passed: Yes = Field(alias="pass")
    reason: Text = ""
    unit_at_fault: Yes = False


class Rate(Command):
    """满意度评价."""

    do: Literal["rate"]
    level: Level


class Unsolved(Command):
    """诉求人反映未解决: what the citizen says of it, rated or not."""

    do: Literal["unsolved"]
    reason: Text = ""


class AskCallback(Command):
    """要求人工回访: the citizen wants to talk to a person about it."""

    do: Literal["ask_callback"]
    reason: Text = ""


class EndCallback(Command):
    """结束回访: no rating will come of it. Never taken for satisfied."""

    do: Literal["end_callback"]
    outcome: Literal["unreached", "unrated", "declined"] = "unreached"
    """Not reached at the last attempt; reached, and gave none; does not want to be asked."""
    reason: Text = ""


class Repeat(Command):
    """重复反映: the same matter raised again."""

    do: Literal["repeat"]
    caller: Name


class Supervise(Command):
    """督办."""

    do: Literal["supervise"]
    reason: SuperviseReason


class AskWrittenResult(Command):
    """要求书面结果."""

    do: Literal["ask_written_result"]


class DeliverWrittenResult(Command):
    """出具书面结果."""

    do: Literal["deliver_written_result"]


class Archive(Command):
    """归档."""

    do: Literal["archive"]


class Fulfil(Command):
    """An obligation is done: the citizen was told, the service was notified."""

    do: Literal["fulfil"]
    obligation: Obligation


AnyCommand = Annotated[
    Accept
    | Decline
    | ApproveDispatch
    | Dispatch
    | Forward
    | View
    | Contact
    | DecideReport
    | ReportMajor
    | NotifyUrgent
    | Arrive
    | Return
    | DecideReturn
    | Extend
    | DecideExtension
    | Explain
    | Complete
    | Review
    | Rate
    | Unsolved
    | AskCallback
    | EndCallback
    | Repeat
    | Supervise
    | AskWrittenResult
    | DeliverWrittenResult
    | Archive
    | Fulfil,
    Field(discriminator="do"),
]
COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)
"""Validates ``{"do": "dispatch", "unit": …}``; raises pydantic.ValidationError."""
