"""Who is calling: a caller's number as the line delivers it, cleaned, classified and put into E.164 where it has one;
and how a number is dialled when we call back.

Everything a SIP header can carry arrives here, so nothing but ``0-9 + * #`` leaves. Country codes, area codes and
grouping come from ``phonenumbers`` (Google's libphonenumber); the short service numbers of mainland China do not,
since its tables know only some of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from routing.queues import EMERGENCY_NUMBERS

Kind = Literal["mobile", "landline", "service", "foreign", "hidden", "malformed", "internal"]

MAX_RAW = 32
MAINLAND = 86
HIDDEN_DISPLAY = "号码隐藏"
MALFORMED_DISPLAY = "号码异常"

_UNSAFE = re.compile(r"[^0-9+*#]")
_SEPARATORS = re.compile(r"[ ().-]")
_PLAIN = re.compile(r"\+?[0-9]{1,20}")
_WITHHELD = {"", "anonymous", "private", "restricted", "unavailable", "unknown", "withheld"}
_SERVICE = re.compile(
    r"1[12][0-9]"  # 110, 114, 119, 120, 122
    r"|1[0-2][0-9]{3}"  # 10086, 12345
    r"|100[0-9]{4,5}|12[0-9]{4,6}"  # 1008611, 12110 with its area code
    r"|9[56][0-9]{3,6}"  # 95588, 96xxx
)
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_INTERNAL = re.compile(r"[1-9][0-9]{2,4}")
_LOCAL = re.compile(r"[2-8][0-9]{6,7}")
_AREA_CODE = re.compile(r"0?(10|2[0-9]|[3-9][0-9]{2})")
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
"""ITU-T E.164: 15 digits at most; with fewer than five nobody abroad is reached. The database checks the same."""
_MAX_DIALLED = 21
"""00, fifteen digits, and a prefix of four: what is dialable without a prefix is so with one."""
_PEOPLE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_KINDS: dict[int, Kind] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "landline",
    PhoneNumberType.TOLL_FREE: "service",
    PhoneNumberType.SHARED_COST: "service",
    PhoneNumberType.PREMIUM_RATE: "service",
    PhoneNumberType.UAN: "service",
}


@dataclass(frozen=True, slots=True)
class CallerNumber:
    """``raw`` is what the line said, cut down to ``0-9+*#`` and 32 characters; it is kept for a hidden number too, for
    the emergency services. ``e164`` is None for what cannot be dialled from elsewhere. ``display`` is for people."""

    raw: str
    e164: str | None
    display: str
    kind: Kind


def normalise(raw: str | None, presentation: str = "allowed", area_code: str = "") -> CallerNumber:
    """Classify a caller's number; any text is accepted and none raises.

    ``presentation`` is Asterisk's ``CALLERID(num-pres)``; ``prohib...`` and ``unavailable`` make the number hidden.
    ``area_code`` (with or without the 0) completes a local number without one.
    """
    text = (raw or "").strip(" ")
    cleaned = _UNSAFE.sub("", text[: 4 * MAX_RAW])[:MAX_RAW]
    if text.casefold() in _WITHHELD or presentation.startswith(("prohib", "unavailable")):
        return CallerNumber(cleaned, None, HIDDEN_DISPLAY, "hidden")
    number = _SEPARATORS.sub("", text) if len(text) <= MAX_RAW else ""
    if not _PLAIN.fullmatch(number):
        return _malformed(cleaned)
    if _SERVICE.fullmatch(number):
        return CallerNumber(cleaned, None, number, "service")
    if _INTERNAL.fullmatch(number):
        return CallerNumber(cleaned, None, number, "internal")
    if _LOCAL.fullmatch(number):
        area = _AREA_CODE.fullmatch(area_code)
        if area is None:
            return CallerNumber(cleaned, None, number, "landline")
        number = f"0{area[1]}{number}"
    return _classified(cleaned, number)


class NotDialable(ValueError):
    """Nobody is to be called back on this; one line."""


def dialable(e164: str, area_code: str = "", prefix: str = "") -> str:
    """What the carrier wants dialled, digits only: ``+8613900000001`` → ``13900000001``, a landline with its area code
    (without it where that is ``area_code``, such as ``0411``), other countries after 00; ``prefix`` in front of all.

    Raises :class:`NotDialable` for what is not a telephone of a person or an office: emergency and service numbers,
    numbers that cost the caller more, and anything that is not E.164.
    """
    number = normalise(e164)
    if number.e164 is None or number.e164 != e164:
        raise NotDialable(f"not a telephone number in E.164: {number.raw!r}")
    parsed = phonenumbers.parse(e164)
    if number.kind not in ("mobile", "landline", "foreign"):
        raise NotDialable(f"nobody is called back on {e164}: {number.kind}")
    # Whoever calls in may pretend to be one of those and wait for us to pay.
    if number.kind == "foreign" and phonenumbers.number_type(parsed) not in _PEOPLE:
        raise NotDialable(f"nobody is called back on {e164}: not an ordinary telephone")
    national = phonenumbers.national_significant_number(parsed)
    area = phonenumbers.length_of_geographical_area_code(parsed)
    match number.kind:
        case "mobile":
            digits = national
        case "foreign":
            digits = f"00{parsed.country_code}{national}"
        case _:
            ours = area > 0 and area_code == f"0{national[:area]}"
            digits = national[area:] if ours else f"0{national}"
    dialled = prefix + digits
    if len(dialled) > _MAX_DIALLED or not dialled.isdecimal() or dialled.startswith(EMERGENCY_NUMBERS):
        raise NotDialable(f"not to be dialled: {dialled!r}")
    return dialled


def _classified(cleaned: str, number: str) -> CallerNumber:
    try:
        parsed = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        return _malformed(cleaned)
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if parsed.country_code != MAINLAND:
        if not phonenumbers.is_possible_number(parsed) or not _E164.fullmatch(e164):
            return _malformed(cleaned)
        display = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
        return CallerNumber(cleaned, e164, display, "foreign")
    national = str(parsed.national_number)
    if _SERVICE.fullmatch(national):
        return CallerNumber(cleaned, None, national, "service")
    # A mobile prefix assigned after the tables were made is still a mobile.
    kind = "mobile" if _MOBILE.fullmatch(national) else _KINDS.get(phonenumbers.number_type(parsed))
    if kind is None:
        return _malformed(cleaned)
    return CallerNumber(cleaned, e164, phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL), kind)


def _malformed(cleaned: str) -> CallerNumber:
    return CallerNumber(cleaned, None, cleaned or MALFORMED_DISPLAY, "malformed")
