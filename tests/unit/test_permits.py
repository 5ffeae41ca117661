"""Who may do what to which ticket: every command, every role."""

from __future__ import annotations

from typing import get_args

import pytest

from people.roles import Permission
from tests.unit.ticket_people import AGENT, DISPATCHER, MANAGER, SUPERVISOR, leader, officer
from tickets import told
from tickets.commands import COMMAND, AnyCommand
from tickets.permits import CONFIDENTIAL, PERMITS, READ_ALL, READ_UNIT, SIGN, Actor, NotAllowed, Place, check, sees
from tickets.words import Obligation, State

COMMANDS = sorted(kind.model_fields["do"].annotation.__args__[0] for kind in get_args(get_args(AnyCommand)[0]))
FIELDS: dict[str, dict[str, object]] = {
    "decide_report": {"accept": True},
    "decide_return": {"agree": True},
    "decide_extension": {"agree": True},
    "review": {"pass": True},
    "rate": {"level": "satisfied"},
    "repeat": {"caller": "1"},
    "supervise": {"reason": "leader"},
    "fulfil": {"obligation": "notify_citizen"},
}
WHO = {
    "agent": AGENT,
    "dispatcher": DISPATCHER,
    "supervisor": SUPERVISOR,
    "manager": MANAGER,
    "lead": officer("housing"),
    "leader": leader("housing"),
    "co": officer("water"),
    "county": officer("minhou"),
    "other": officer("traffic"),
    "nobody": Actor("nobody"),
}
CENTRE, UNITS = {"agent", "dispatcher"}, {"lead", "leader", "co", "county"}
LEAD, REVIEWS = {"lead", "leader"}, {"dispatcher", "supervisor"}
ALLOWED = {
    "accept": CENTRE,
    "decline": CENTRE,
    "approve_dispatch": CENTRE,
    "dispatch": CENTRE,
    "forward": {"county"},
    "view": UNITS,
    "contact": UNITS,
    "decide_report": LEAD,
    "report_major": UNITS | CENTRE,
    "notify_urgent": UNITS | CENTRE,
    "arrive": UNITS,
    "return": LEAD,
    "decide_return": REVIEWS | {"county"},
    "extend": LEAD,
    "decide_extension": REVIEWS,
    "explain": LEAD,
    "complete": LEAD,
    "review": REVIEWS,
    "rate": REVIEWS | CENTRE,
    "unsolved": REVIEWS | CENTRE,
    "ask_callback": REVIEWS | CENTRE,
    "end_callback": REVIEWS | CENTRE,
    "repeat": CENTRE,
    "supervise": {"supervisor", "manager"},
    "ask_written_result": CENTRE,
    "deliver_written_result": LEAD | CENTRE,
    "archive": REVIEWS | CENTRE,
    "fulfil": UNITS | REVIEWS | CENTRE,
}
PLACE = Place(State.DISPATCHED, "housing", ("water",), "minhou", confidential=False, handler="")


def may(who: str, do: str, place: Place = PLACE, **fields: object) -> bool:
    command = COMMAND.validate_python({"do": do, **FIELDS.get(do, {}), **fields})
    try:
        check(WHO[who], place, command)
    except NotAllowed:
        return False
    return True


def test_every_command_has_its_permit() -> None:
    assert sorted(PERMITS) == COMMANDS == sorted(ALLOWED) == sorted(told.COMMANDS)


def test_the_permissions_are_those_that_people_have() -> None:
    asked = {permit.permission for ways in PERMITS.values() for permit in ways}
    assert asked | {READ_ALL, READ_UNIT, SIGN, CONFIDENTIAL} <= {permission.value for permission in Permission}


@pytest.mark.parametrize("do", COMMANDS)
def test_each_command(do: str) -> None:
    assert {who for who in WHO if may(who, do)} == ALLOWED[do]


@pytest.mark.parametrize("obligation", Obligation)
def test_a_unit_fulfils_only_what_is_its_own(obligation: Obligation) -> None:
    allowed = {
        Obligation.NOTIFY_CITIZEN: ALLOWED["fulfil"],
        Obligation.NOTIFY_EMERGENCY_SERVICE: ALLOWED["fulfil"],
        Obligation.REPORT_UPWARD: ALLOWED["fulfil"],
        Obligation.MANUAL_CALLBACK: REVIEWS | CENTRE,
        Obligation.TELL_RIGHT_OFFICE: REVIEWS | CENTRE,
    }.get(obligation, REVIEWS)
    assert {who for who in WHO if may(who, "fulfil", obligation=obligation)} == allowed


def test_the_centre_answers_on_the_spot_only_what_no_unit_has() -> None:
    accepted = Place(State.ACCEPTED, "", (), "", confidential=False, handler="")
    assert may("agent", "complete", accepted)
    assert not may("agent", "complete")
    assert not may("supervisor", "complete", accepted)


def test_a_county_does_not_decide_about_its_own_return() -> None:
    asked = Place(State.RETURN_REQUESTED, "minhou", (), "minhou", confidential=False, handler="")
    assert not may("county", "decide_return", asked)


@pytest.mark.parametrize("do", COMMANDS)
def test_a_confidential_ticket_is_its_handlers(do: str) -> None:
    secret = Place(State.DISPATCHED, "housing", ("water",), "minhou", confidential=True, handler="housing-officer")
    allowed = ALLOWED[do] & {"lead", "supervisor"}
    assert {who for who in WHO if may(who, do, secret)} == allowed
    assert [who for who in WHO if sees(WHO[who], secret)] == ["supervisor", "lead"]


def test_without_a_handler_nobody_is_it() -> None:
    secret = Place(State.RECEIVED, "", (), "", confidential=True, handler="")
    assert not sees(Actor("", AGENT.permissions), secret)
