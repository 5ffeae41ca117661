"""What is asked of Asterisk for a seat's call, and when nothing can be: from the rows of its channels."""

from __future__ import annotations

import pytest

from routing.live import ChannelRow
from routing.seat import Doing, Seat, Target, TargetKind, TelephoneFault
from routing.seat_call import agent_in, find_call, left_behind, plan

CALL = "hotline-1795330800.1"
DESK, BROWSER = Seat("1001", "张敏", "desk"), Seat("2001", "孙悦", "browser")
COLLEAGUE = Target(TargetKind.EXTENSION, "1002")
POLICE = Target(TargetKind.EMERGENCY, "110")
HALF = "Local/1002@agent-transfer-00000000"


def row(channel: str, bridge: str = "", state: str = "Up", call: str = CALL) -> ChannelRow:
    return ChannelRow(channel, "", call, state, "", "", "", "", "", bridge, "")


CITIZEN, AGENT = row("PJSIP/citizen-00000000", "a"), row("PJSIP/1001-00000001", "a")
OTHER = row("PJSIP/1002-00000009", "z", call="hotline-1795330800.9")
TALK = [CITIZEN, AGENT, OTHER]
CONSULT = [
    CITIZEN,
    row("PJSIP/1001-00000001", "b"),
    row(f"{HALF};1", "b"),
    row(f"{HALF};2", "c"),
    row("PJSIP/1002-00000002", "c"),
]
AT_POLICE = [CITIZEN, *CONSULT[1:2], row("Local/110@agent-transfer-00000000;1", "b")]
SWAPPED = [CITIZEN, AGENT, row(f"{HALF};1", "b"), row(f"{HALF};2", "c"), row("PJSIP/1002-00000002", "c")]
THREE = [CITIZEN, AGENT, row("PJSIP/emergency-1-00000002", "a")]


def actions(rows: list[ChannelRow], do: Doing, target: Target | None = None) -> list[str]:
    """Each command as ``action detail``."""
    commands = plan(find_call(rows, "1001"), DESK, do, target)
    details = ("Digit", "Variable", "Exten")
    return [" ".join([one.action, *(one.fields[key] for key in details if key in one.fields)]) for one in commands]


def refusal(rows: list[ChannelRow], do: Doing, target: Target | None = None, seat: Seat = DESK) -> TelephoneFault:
    with pytest.raises(TelephoneFault) as refused:
        plan(find_call(rows, seat.extension), seat, do, target)
    return refused.value


def test_the_seat_s_own_call_is_found() -> None:
    call = find_call(CONSULT, "1001")
    assert (call.channel, call.call_id, call.consult) == ("PJSIP/1001-00000001", CALL, f"{HALF};1")
    assert find_call(SWAPPED, "1001").consult == f"{HALF};1"
    consulted = find_call(CONSULT, "1002")
    assert (consulted.consult, consulted.consulted) == ("", True)
    assert find_call(TALK, "1001").consult == ""


def test_a_colleague_who_is_consulted_may_consult_another() -> None:
    deeper = "Local/1003@agent-transfer-00000001"
    rows = [*CONSULT[:4], row("PJSIP/1002-00000002", "d"), row(f"{deeper};1", "d"), row(f"{deeper};2", "e")]
    assert find_call(rows, "1001").consult == f"{HALF};1"
    assert find_call(rows, "1002").consult == f"{deeper};1"


def test_an_extension_is_not_the_beginning_of_another_s_channel() -> None:
    for rows, code in (
        ([], "no_call"),
        ([row("PJSIP/10011-00000001", "a")], "no_call"),
        ([AGENT, row("PJSIP/1001-00000007")], "several_calls"),
    ):
        with pytest.raises(TelephoneFault) as refused:
            find_call(rows, "1001")
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("rows", "do", "target", "expected"),
    [
        (TALK, Doing.HANGUP, None, ["Setvar CHANNEL(hangupsource)", "Hangup"]),
        ([row("PJSIP/1001-00000001", state="Ringing")], Doing.HANGUP, None, ["Setvar CHANNEL(hangupsource)", "Hangup"]),
        (TALK, Doing.MUTE, None, ["Setvar MUTEAUDIO(in)"]),
        (TALK, Doing.TRANSFER, COLLEAGUE, ["BlindTransfer 1002"]),
        (TALK, Doing.TRANSFER, Target(TargetKind.QUEUE, "help"), ["BlindTransfer help"]),
        (TALK, Doing.CONSULT, POLICE, ["Atxfer 110"]),
        (THREE, Doing.CONSULT, POLICE, ["Atxfer 110"]),
        (THREE, Doing.TRANSFER, POLICE, ["BlindTransfer 110"]),
        (TALK, Doing.CONSULT, Target(TargetKind.QUEUE, "help"), ["Setvar __CONSULT_TO", "Atxfer 0"]),
        (
            TALK,
            Doing.CONSULT,
            Target(TargetKind.UNIT, "water", "041183334444"),
            ["Setvar __UNIT_DIALLED", "Setvar __CONSULT_TO", "Atxfer 0"],
        ),
        (CONSULT, Doing.COMPLETE, None, ["PlayDTMF *", "PlayDTMF 4"]),
        (CONSULT, Doing.CONFERENCE, None, ["PlayDTMF *", "PlayDTMF 3"]),
        (CONSULT, Doing.SWAP, None, ["PlayDTMF *", "PlayDTMF 5"]),
        (CONSULT, Doing.CANCEL, None, ["CancelAtxfer"]),
        (SWAPPED, Doing.CANCEL, None, ["PlayDTMF *", "PlayDTMF 5", "CancelAtxfer"]),
        (CONSULT, Doing.TRANSFER, POLICE, ["CancelAtxfer", "BlindTransfer 110"]),
        (CONSULT, Doing.CONSULT, POLICE, ["CancelAtxfer", "Atxfer 110"]),
        (AT_POLICE, Doing.CONSULT, POLICE, []),
        (AT_POLICE, Doing.CONSULT, Target(TargetKind.EMERGENCY, "120"), ["CancelAtxfer", "Atxfer 120"]),
    ],
)
def test_what_is_asked(rows: list[ChannelRow], do: Doing, target: Target | None, expected: list[str]) -> None:
    assert actions(rows, do, target) == expected


def test_a_unit_s_number_is_set_where_the_dialplan_reads_it() -> None:
    """Blind: on the citizen's own channel, which goes there. Attended: on the agent's."""
    unit = Target(TargetKind.UNIT, "water", "041183334444")
    for do, channel in ((Doing.TRANSFER, CITIZEN.channel), (Doing.CONSULT, AGENT.channel)):
        first = plan(find_call(TALK, "1001"), DESK, do, unit)[0]
        assert first.fields == {
            "Channel": channel, "Variable": "__UNIT_DIALLED", "Value": "unit-water:041183334444",
        }  # fmt: skip


def test_what_cannot_be_done_now() -> None:
    ringing = [row("PJSIP/1001-00000001", state="Ringing")]
    alone = [AGENT]
    for rows, do, target in (
        (ringing, Doing.TRANSFER, COLLEAGUE),
        (ringing, Doing.MUTE, None),
        (alone, Doing.CONSULT, COLLEAGUE),
        (TALK, Doing.COMPLETE, None),
        (TALK, Doing.CANCEL, None),
        (CONSULT, Doing.CONSULT, COLLEAGUE),
    ):
        assert refusal(rows, do, target).code == "not_now", (do, target)
    assert str(refusal(TALK, Doing.ANSWER)) == "请在话机上接听"
    assert str(refusal([row("PJSIP/2001-00000001", "a")], Doing.HOLD, seat=BROWSER)) == "请在页面的电话上保持"


def test_a_page_that_was_loaded_anew_takes_the_other_side_on() -> None:
    assert left_behind(find_call(TALK, "1001")) == CITIZEN.channel
    assert left_behind(find_call(THREE[::-1], "1001")) == CITIZEN.channel
    joining = [*TALK, row(f"{HALF};1", "a"), *CONSULT[3:]]
    assert left_behind(find_call(joining, "1001")) == CITIZEN.channel
    for rows in ([AGENT], [*THREE, row("PJSIP/1002-00000003", "a")], CONSULT, SWAPPED):
        with pytest.raises(TelephoneFault):
            left_behind(find_call(rows, "1001"))


def test_of_several_agents_in_a_call_the_first_is_listened_to() -> None:
    extensions = ("1001", "1002")
    rows = [row("PJSIP/1002-00000002", "a"), *TALK]
    assert agent_in(rows, CALL, extensions) == ("1001", AGENT.channel)
    for wrong in ([CITIZEN], [row("PJSIP/1001-00000001", state="Ringing")], [row("Local/1001-00000001", "a")]):
        with pytest.raises(TelephoneFault) as refused:
            agent_in(wrong, CALL, extensions)
        assert refused.value.code == "no_agent"
