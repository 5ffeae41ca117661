"""Who is calling: a caller's number as the line delivers it, cleaned, classified and put into E.164 where it has one.

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
    return _dialable(cleaned, number)


def _dialable(cleaned: str, number: str) -> CallerNumber:
    try:
        parsed = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        return _malformed(cleaned)
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if parsed.country_code != MAINLAND:
        if not phonenumbers.is_possible_number(parsed):
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
