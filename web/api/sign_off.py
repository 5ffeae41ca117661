"""送签、签批: an officer has a step signed by the unit's leader, who may change it, agree, or send it back."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from people.roles import Permission
from tickets import sign_off, sign_off_rows
from tickets.commands import Text
from tickets.permits import NotAllowed
from tickets.signing import Signable
from web.api.call import Call, Reply
from web.api.commands import written
from web.api.endpoint import Routes
from web.api.problem import Fault, Problem, invalid_values, not_found
from web.api.sign_off_view import PreparedOut, SignOffOut, prepared_out, sign_off_out
from web.api.signers import has_signer
from web.api.tickets import TicketPath, read
from web.api.versions import IfMatch, expected, tag
from web.api.view import Standing, standing

routes = Routes("sign_off")
_HANDLE = (Permission.TICKET_HANDLE,)


class Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[int, Field(ge=1, description="所见送签件的 id：已撤回重送的不会误签")]
    agree: bool
    command: Annotated[Signable | None, Field(description="同意时改过的内容；null：照送签的办")] = None
    reason: Annotated[Text, Field(description="签批意见；退回时必填")] = ""

    @model_validator(mode="after")
    def _has_reason(self) -> Decision:
        if not self.agree and not self.reason:
            raise ValueError("退回须说明理由")
        return self


@routes.add(
    "POST",
    "/tickets/{number}/sign-off",
    "送本单位负责人签批（时限照常计算）",
    needs=_HANDLE,
    status=201,
    problems=(409, 412, 428),
)
async def send(call: Call, path: TicketPath, headers: IfMatch, body: Signable) -> Reply[SignOffOut]:
    version = expected(headers, path.number)
    async with call.transaction() as connection:
        ticket, sent = await sign_off.send(
            connection, call.services.rulebook(), path.number, body, call.actor, call.at, expected_version=version
        )
        if not await has_signer(connection, ticket):
            raise Problem(409, "nobody_signs", _NOBODY[ticket.confidential])
        await call.audit(connection, "ticket.sign_send", f"ticket:{path.number}", do=body.do)
    return Reply(sign_off_out(ticket, call.actor, sent), tag(ticket))


_NOBODY = {
    False: "本单位没有可以签批的负责人账号，请写明签批文件后办理。",
    True: "保密工单只由指定专人办理，本单位负责人看不到，不能送签；请写明签批文件后办理，或改由负责人为专人。",
}


@routes.add("GET", "/tickets/{number}/sign-off", "送签的内容（未脱敏；记入审计日志）", needs=_HANDLE)
async def show(call: Call, path: TicketPath) -> Reply[PreparedOut]:
    """For the unit that has the ticket."""
    async with call.transaction() as connection:
        ticket = await read(call, connection, path.number, "ticket.sign_read")
        found = await sign_off_rows.load(connection, call.services.rulebook(), path.number)
    if found is None:
        raise not_found()
    shown = prepared_out(ticket, call.actor, found)
    if not shown.may_withdraw:
        raise NotAllowed("送签的内容只供本单位办理")
    return Reply(shown, tag(ticket))


@routes.add(
    "POST",
    "/tickets/{number}/sign-off/decision",
    "签批，或退回修改",
    needs=(Permission.TICKET_SIGN,),
    problems=(409,),
)
async def decide(call: Call, path: TicketPath, body: Decision) -> Reply[Standing]:
    """Agreed, the step is done in the same transaction, by the leader."""
    rulebook, actor = call.services.rulebook(), call.actor
    async with call.transaction() as connection:
        if body.agree:
            try:
                ticket, command = await sign_off.agree(
                    connection, rulebook, path.number, body.id, body.command, body.reason, actor, call.at
                )
            except ValueError:
                raise invalid_values([Fault(place="body/command/do", detail="不是送签的那一步")]) from None
            await written(call, connection, command, ticket)
        else:
            ticket = await sign_off.send_back(connection, rulebook, path.number, body.id, body.reason, actor, call.at)
            await call.audit(connection, "ticket.sign_send_back", f"ticket:{path.number}")
    return Reply(standing(ticket, call.at), tag(ticket))


@routes.add("DELETE", "/tickets/{number}/sign-off", "撤回送签", needs=_HANDLE, status=204, problems=(409,))
async def withdraw(call: Call, path: TicketPath) -> Reply[None]:
    async with call.transaction() as connection:
        await sign_off.withdraw(connection, call.services.rulebook(), path.number, call.actor, call.at)
        await call.audit(connection, "ticket.sign_withdraw", f"ticket:{path.number}")
    return Reply(None)
