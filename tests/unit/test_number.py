"""Caller numbers: what lines deliver, and what attackers would."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.number import HIDDEN_DISPLAY, MALFORMED_DISPLAY, CallerNumber, NotDialable, dialable, normalise
from routing.queues import EMERGENCY_NUMBERS


@pytest.mark.parametrize(
    ("raw", "e164", "display", "kind"),
    [
        ("13900001111", "+8613900001111", "139 0000 1111", "mobile"),
        ("+8613900001111", "+8613900001111", "139 0000 1111", "mobile"),
        ("008613900001111", "+8613900001111", "139 0000 1111", "mobile"),
        ("8613900001111", "+8613900001111", "139 0000 1111", "mobile"),
        ("013900001111", "+8613900001111", "139 0000 1111", "mobile"),
        (" 139-0000 1111 ", "+8613900001111", "139 0000 1111", "mobile"),
        ("19900001111", "+8619900001111", "199 0000 1111", "mobile"),
        ("15400001111", "+8615400001111", "154 0000 1111", "mobile"),
        ("01088886666", "+861088886666", "010 8888 6666", "landline"),
        ("(010) 8888-6666", "+861088886666", "010 8888 6666", "landline"),
        ("02888001234", "+862888001234", "028 8800 1234", "landline"),
        ("075512345678", "+8675512345678", "0755 1234 5678", "landline"),
        ("0991-2345678", "+869912345678", "0991 234 5678", "landline"),
        ("+8675512345678", "+8675512345678", "0755 1234 5678", "landline"),
        ("8675512345678", "+8675512345678", "0755 1234 5678", "landline"),
        ("88886666", None, "88886666", "landline"),
        ("110", None, "110", "service"),
        ("12345", None, "12345", "service"),
        ("+8612345", None, "12345", "service"),
        ("10086", None, "10086", "service"),
        ("95588", None, "95588", "service"),
        ("96315", None, "96315", "service"),
        ("95013123", None, "95013123", "service"),
        ("4001234567", "+864001234567", "400 123 4567", "service"),
        ("8008201234", "+868008201234", "800 820 1234", "service"),
        ("1001", None, "1001", "internal"),
        ("801", None, "801", "internal"),
        ("+85291234567", "+85291234567", "+852 9123 4567", "foreign"),
        ("0085291234567", "+85291234567", "+852 9123 4567", "foreign"),
        ("+14155552671", "+14155552671", "+1 415-555-2671", "foreign"),
        ("+999123456", None, "+999123456", "malformed"),
        ("+1", None, "+1", "malformed"),
        ("0", None, "0", "malformed"),
        ("12", None, "12", "malformed"),
        ("139000011112222", None, "139000011112222", "malformed"),
        ("+" + "9" * 25, None, "+" + "9" * 25, "malformed"),
        ("1" * 500, None, "1" * 32, "malformed"),
        ("１３９００００１１１１", None, MALFORMED_DISPLAY, "malformed"),
        ("١٣٩", None, MALFORMED_DISPLAY, "malformed"),
        ("13900001111\r\nAction: Originate", None, "13900001111", "malformed"),
        ("13900001111\n", None, "13900001111", "malformed"),
        ("13900001111;drop table", None, "13900001111", "malformed"),
        ("${SHELL(id)}", None, MALFORMED_DISPLAY, "malformed"),
        ("../../etc", None, MALFORMED_DISPLAY, "malformed"),
        ("\x0013900001111", None, "13900001111", "malformed"),
        ("\udcff", None, MALFORMED_DISPLAY, "malformed"),
        ("*72", None, "*72", "malformed"),
        ("+4912", None, "+4912", "malformed"),  # possible within a German town, and no number elsewhere
        (None, None, HIDDEN_DISPLAY, "hidden"),
        ("", None, HIDDEN_DISPLAY, "hidden"),
        ("Anonymous", None, HIDDEN_DISPLAY, "hidden"),
        ("unknown", None, HIDDEN_DISPLAY, "hidden"),
    ],
)
def test_numbers(raw: str | None, e164: str | None, display: str, kind: str) -> None:
    number = normalise(raw)
    assert (number.e164, number.display, number.kind) == (e164, display, kind)


@pytest.mark.parametrize("presentation", ["prohib", "prohib_passed_screen", "unavailable"])
def test_a_hidden_number_is_kept_for_the_emergency_services_only(presentation: str) -> None:
    assert normalise("13900001111", presentation) == CallerNumber("13900001111", None, HIDDEN_DISPLAY, "hidden")


@pytest.mark.parametrize(
    ("area_code", "e164"),
    [("0755", "+8675588886666"), ("755", "+8675588886666"), ("10", "+861088886666"), ("", None), ("0755;x", None)],
)
def test_the_area_code_completes_a_local_number(area_code: str, e164: str | None) -> None:
    assert normalise("88886666", area_code=area_code).e164 == e164


phone_text = st.text(alphabet="0123456789+*#-() .\r\n\0abcＡ１٣\udc80", max_size=60)


@given(st.one_of(st.none(), st.text(), phone_text), st.text(), st.text())
def test_nothing_raises_and_nothing_unsafe_comes_out(raw: str | None, presentation: str, area_code: str) -> None:
    number = normalise(raw, presentation, area_code)
    assert re.fullmatch(r"[0-9+*#]{0,32}", number.raw)
    assert number.e164 is None or re.fullmatch(r"\+[1-9][0-9]{4,14}", number.e164)
    assert number.display.isprintable()
    assert number.display
    assert (number.e164 is None) or number.kind in {"mobile", "landline", "service", "foreign"}


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "0", "86", "+86", "0086"]))
def test_every_way_to_write_a_mobile_is_the_same_number(mobile: str, prefix: str) -> None:
    number = normalise(prefix + mobile)
    assert (number.kind, number.e164) == ("mobile", "+86" + mobile)


@given(st.from_regex(r"\+?[0-9]{3,16}", fullmatch=True))
def test_an_e164_number_stays_what_it_is(raw: str) -> None:
    number = normalise(raw)
    if number.e164 is not None:
        again = normalise(number.e164)
        assert (again.e164, again.kind) == (number.e164, number.kind)


@pytest.mark.parametrize(
    ("e164", "dialled", "from_dalian"),
    [
        ("+8613900000001", "13900000001", "13900000001"),
        ("+8619900001111", "19900001111", "19900001111"),
        ("+8641182345678", "041182345678", "82345678"),
        ("+861088886666", "01088886666", "01088886666"),
        ("+869912345678", "09912345678", "09912345678"),
        ("+85291234567", "0085291234567", "0085291234567"),
        ("+442079460958", "00442079460958", "00442079460958"),
    ],
)
def test_what_the_carrier_wants_dialled(e164: str, dialled: str, from_dalian: str) -> None:
    assert dialable(e164) == dialled
    assert dialable(e164, "0411") == from_dalian
    assert dialable(e164, "0411", "9") == f"9{from_dalian}"


def test_the_longest_number_takes_the_longest_prefix() -> None:
    longest = "+436641234567890"
    assert dialable(longest, prefix="9999") == f"999900{longest[1:]}"


NOBODY = """110 119 +86110 +86122 +860110 +86411110 12345 +8612345 +8612110 +8610086 +864001234567 13900000001 +999123
+39110 +44-20-7946-0958 +19005551234 +86139000011112222 +86１３９００００１１１１ +8613900000001@evil + anonymous
+8613900000001,1 ${SHELL(id)}""".split()


@pytest.mark.parametrize("number", ["", "+8613900000001\n", *NOBODY])
def test_nobody_is_called_back_on(number: str) -> None:
    with pytest.raises(NotDialable):
        dialable(number, "0411")


def test_a_prefix_makes_no_emergency_number() -> None:
    with pytest.raises(NotDialable):
        dialable("+8613900000001", prefix="110")


@given(st.one_of(st.from_regex(r"\+[0-9]{3,16}", fullmatch=True), phone_text), st.sampled_from(["", "010", "0411"]))
def test_only_digits_are_dialled_and_never_an_emergency_number(number: str, area_code: str) -> None:
    try:
        dialled = dialable(number, area_code)
    except NotDialable:
        return
    assert re.fullmatch(r"[0-9]{7,20}", dialled)
    assert not dialled.startswith(EMERGENCY_NUMBERS)
