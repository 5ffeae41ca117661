"""Who may do what. Pure.

The table is the whole answer to "may this role do that at all". Whether a *unit's* ticket is meant (``ticket.handle``,
``ticket.sign``, ``ticket.read_unit`` reach a person's own unit only) is decided where the ticket is known, with
``tickets/permits.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    AGENT = "agent"
    DISPATCHER = "dispatcher"
    UNIT_OFFICER = "unit_officer"
    UNIT_LEADER = "unit_leader"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


ROLE_NAMES: Mapping[Role, str] = {
    Role.AGENT: "话务员",
    Role.DISPATCHER: "派单员",
    Role.UNIT_OFFICER: "承办单位经办人",
    Role.UNIT_LEADER: "承办单位负责人",
    Role.SUPERVISOR: "督办员",
    Role.MANAGER: "领导",
    Role.ADMINISTRATOR: "管理员",
}

UNIT_ROLES = frozenset({Role.UNIT_OFFICER, Role.UNIT_LEADER})
"""Roles that mean nothing without a unit."""


class Permission(StrEnum):
    """The word is ``room.verb``; the comment says what it opens."""

    TICKET_READ_ALL = "ticket.read_all"  # every unit's tickets; personal data masked
    TICKET_READ_UNIT = "ticket.read_unit"  # tickets of one's own unit
    TICKET_CREATE = "ticket.create"
    TICKET_ANSWER = "ticket.answer"  # the centre itself: answer and close on the spot, note what the citizen says of it
    TICKET_ACCEPT = "ticket.accept"  # accept, decline, approve the dispatch, dispatch
    TICKET_HANDLE = "ticket.handle"  # own unit: view, contact, decide_report, return, extend, explain, complete
    TICKET_SIGN = "ticket.sign"  # own unit: the leader's approval
    TICKET_REVIEW = "ticket.review"  # review, rate, archive, decide_return, decide_extension
    TICKET_SUPERVISE = "ticket.supervise"
    TICKET_REVEAL = "ticket.reveal"  # personal data unmasked; each time is audited
    TICKET_CONFIDENTIAL = "ticket.confidential"  # confidential tickets that one does not handle oneself
    REPORT_READ = "report.read"
    USER_MANAGE = "user.manage"
    AUDIT_READ = "audit.read"
    POLICY_READ = "policy.read"
    CALL_READ = "call.read"  # what happened to calls; personal data masked
    CALL_REVEAL = "call.reveal"  # a caller's number and words unmasked; each time is audited
    MESSAGE_LISTEN = "message.listen"  # messages that callers left: hear and read them, say that one was heard
    CALL_WATCH = "call.watch"  # every call that is live, not only those at one's own telephone
    RECORDING_LISTEN = "recording.listen"
    RECORDING_EXPORT = "recording.export"  # take a recording out of the system, as a file
    RECORDING_HOLD = "recording.hold"  # keep recordings that must not be removed, and let them go again 依法留存
    RECORDING_ERASE = "recording.erase"  # remove one for good; never one that is held
    CALLBACK_READ = "callback.read"  # campaigns 回访任务, how far they are, what they brought; numbers masked
    CALLBACK_MANAGE = "callback.manage"  # plan, begin, hold and end them; the do-not-call list
    AGENT_STATE = "agent.state"  # take a seat 席位, be ready or on a break there, and what is done to its call
    AGENT_MANAGE = "agent.manage"  # others' seats: their state, the queues they serve, free them
    CALL_LISTEN = "call.listen"  # hear a call while it goes on, speak to its agent or to both 监听、耳语、强插; audited
    LINE_READ = "line.read"  # announcements 公告 and maintenance, as they are
    LINE_MANAGE = "line.manage"  # switch them on and off; the list of malicious callers 恶意来电名单


_P = Permission

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    # Talks to the citizen: needs the earlier tickets of who is calling and the number as it is; may answer and close
    # on the spot, and asks the citizen whether it was solved.
    Role.AGENT: frozenset(
        {_P.TICKET_READ_ALL, _P.TICKET_CREATE, _P.TICKET_ANSWER, _P.TICKET_ACCEPT, _P.TICKET_REVEAL}
        | {_P.CALL_READ, _P.CALL_REVEAL, _P.MESSAGE_LISTEN, _P.POLICY_READ, _P.AGENT_STATE, _P.LINE_READ}
    ),
    # Finds the unit, and decides on what comes back from it.
    Role.DISPATCHER: frozenset(
        {_P.TICKET_READ_ALL, _P.TICKET_CREATE, _P.TICKET_ANSWER, _P.TICKET_ACCEPT, _P.TICKET_REVIEW}
        | {_P.TICKET_REVEAL, _P.CALL_READ, _P.RECORDING_LISTEN, _P.POLICY_READ, _P.CALLBACK_READ}
        | {_P.LINE_READ, _P.CALL_REVEAL, _P.MESSAGE_LISTEN}
    ),
    # Must call the citizen, so sees the number (of the own unit's tickets).
    Role.UNIT_OFFICER: frozenset({_P.TICKET_READ_UNIT, _P.TICKET_HANDLE, _P.TICKET_REVEAL, _P.POLICY_READ}),
    Role.UNIT_LEADER: frozenset(
        {_P.TICKET_READ_UNIT, _P.TICKET_HANDLE, _P.TICKET_SIGN, _P.TICKET_REVEAL, _P.REPORT_READ, _P.POLICY_READ}
    ),
    # Hurries others along, listens in, and has citizens rung; the only one besides the named handler who opens
    # confidential tickets.
    Role.SUPERVISOR: frozenset(
        {_P.TICKET_READ_ALL, _P.TICKET_REVIEW, _P.TICKET_SUPERVISE, _P.TICKET_REVEAL, _P.TICKET_CONFIDENTIAL}
        | {_P.REPORT_READ, _P.CALL_READ, _P.CALL_WATCH, _P.RECORDING_LISTEN, _P.POLICY_READ, _P.AGENT_STATE}
        | {_P.CALLBACK_READ, _P.CALLBACK_MANAGE, _P.RECORDING_EXPORT, _P.RECORDING_HOLD, _P.RECORDING_ERASE}
        | {_P.LINE_READ, _P.LINE_MANAGE, _P.CALL_LISTEN, _P.AGENT_MANAGE}
        | {_P.CALL_REVEAL, _P.MESSAGE_LISTEN}
    ),
    # Figures and the course of a matter, and a leader's word can start supervision; who the citizen is does not matter.
    Role.MANAGER: frozenset(
        {_P.TICKET_READ_ALL, _P.TICKET_SUPERVISE, _P.REPORT_READ, _P.CALL_READ, _P.AUDIT_READ, _P.POLICY_READ}
        | {_P.CALL_WATCH, _P.CALLBACK_READ, _P.LINE_READ}
    ),
    # Manages accounts and reads the log of what was done with them; never a ticket, a call or a recording.
    Role.ADMINISTRATOR: frozenset({_P.USER_MANAGE, _P.AUDIT_READ, _P.POLICY_READ}),
}

TOKEN_PERMISSIONS = frozenset(
    {_P.TICKET_CREATE, _P.TICKET_READ_ALL, _P.TICKET_READ_UNIT, _P.TICKET_HANDLE, _P.TICKET_ACCEPT}
    | {_P.REPORT_READ, _P.POLICY_READ, _P.CALL_READ}
)
"""What another platform's token can be given: nothing that only a person answers for."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """What several roles in one hand may do together."""
    return frozenset[Permission]().union(*(PERMISSIONS[role] for role in roles))
