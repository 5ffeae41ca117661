"""What waits for a leader's signature, as it stands on the ticket. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from people.masking import mask_text
from tickets.commands import AnyCommand
from tickets.permits import Actor, NotAllowed, Place, check
from tickets.sign_off_rows import SignOff
from tickets.signing import Signable, Signed, signed
from tickets.ticket import Ticket
from tickets.told import COMMANDS


class SignOffOut(BaseModel):
    """Nothing personal in it but the reason, which is masked."""

    id: Annotated[int, Field(description="每次送签不同；签批、退回时须带")]
    do: Signed
    name: Annotated[str, Field(description="步骤名称")]
    waiting: Annotated[bool, Field(description="否：已退回修改")]
    prepared_by: str
    prepared_at: datetime
    decided_by: Annotated[str | None, Field(description="由谁退回")]
    decided_at: datetime | None
    reason: Annotated[str, Field(description="退回的意见，个人信息已脱敏")]
    may_decide: Annotated[bool, Field(description="本人可以签批、退回")]
    may_withdraw: Annotated[bool, Field(description="本人可以修改、撤回")]


class PreparedOut(SignOffOut):
    command: Annotated[Signable, Field(description="送签的内容，未脱敏；领导签批一项为 false，由签批作出")]


def sign_off_out(ticket: Ticket, actor: Actor, one: SignOff) -> SignOffOut:
    return SignOffOut(
        id=one.id,
        do=one.command.do,
        name=COMMANDS[one.command.do],
        waiting=one.waiting,
        prepared_by=one.prepared_by,
        prepared_at=one.prepared_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        reason=mask_text(one.reason),
        may_decide=one.waiting and _may(actor, ticket.place, signed(one.command)),
        may_withdraw=_may(actor, ticket.place, one.command),
    )


def prepared_out(ticket: Ticket, actor: Actor, one: SignOff) -> PreparedOut:
    known = sign_off_out(ticket, actor, one).model_dump()
    return PreparedOut(**{**known, "reason": one.reason, "command": one.command})


def _may(actor: Actor, place: Place, command: AnyCommand) -> bool:
    try:
        check(actor, place, command)
    except NotAllowed:
        return False
    return True
