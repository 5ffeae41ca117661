"""Personal data as it is shown to those who do not need it whole. Pure.

Of a telephone number at most its area code or first three digits and the last four stay, and at least four digits are
hidden; of an identity card (GB 11643: 17 digits and a check digit or X) three and four. In free text what *looks* like
such a number is masked: rather a sum of money too many than a citizen's number too few. Dates and ticket numbers stay,
and so do lists of what is counted. Digits are those of any script, and spoken or formal Chinese ones: transcripts write
幺三九零零零零幺幺幺幺, and 139，0000，1111.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "****"
_SPOKEN = dict(zip("零〇○一二三四五六七八九幺壹贰貳叁參叄肆伍陆陸柒捌玖", "00012345678911223334566789", strict=True))
_FORMAL = "[零壹贰貳叁參叄肆伍陆陸柒捌玖]"
# Formal ones only beside another: 陆 and 伍 are names, too.
_DIGIT = rf"(?:[\d零〇○一二三四五六七八九幺]|{_FORMAL}(?={_FORMAL})|(?<={_FORMAL}){_FORMAL})"
_NEAR = r"\s\-‐‑–—－.·()（）"
_GAP = rf"[{_NEAR}]{{0,3}}"
_TICKET = r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-\d{6}(?![\d-])"
_HIDDEN = r"(?:\d{3,4}-?)?\*{4,15}+\d{0,4}"
"""What is left of a number that is masked."""


def _date(sep: str) -> str:
    """``sep``: the name of a group."""
    return (
        rf"20\d\d(?P<{sep}>[-/.])(?:0?[1-9]|1[0-2])(?P={sep})(?:0?[1-9]|[12]\d|3[01])(?![\d-])"
        r"(?:[ T]\d\d:\d\d(?::\d\d)?)?"
    )


def _run(gap: str) -> str:
    """Seven digits and more."""
    return rf"\+?{_DIGIT}(?:{gap}{_DIGIT}){{6,}}(?:{_GAP}[XxＸｘ](?![A-Za-z]|{_GAP}{_DIGIT}))?"


_FAR = rf"{_NEAR},，、/／_＿…~～"
# An identity card in its three parts: of the second alone too much would stay.
_CARD = rf"[1-8]\d{{5}}[{_FAR}]{{1,4}}(?:19|20)\d{{6}}[{_FAR}]{{1,4}}\d{{3}}[\dXxＸｘ](?!{_GAP}\d)"
_NUMBERS = re.compile(rf"(?<![\d-])(?P<keep>{_date('sep')}|{_TICKET})|(?P<number>{_CARD}|{_run(_GAP)})")
# The same in groups that stand further apart; a list of amounts, houses, dates looks much like it.
_LEAP = rf"[{_FAR}]{{0,4}}(?!(?<![\d-])(?:{_date('other')}|{_TICKET}|{_HIDDEN}))"
_COUNTED = (
    r"\s?(?:[元块圆万亿千百人户栋幢弄室层楼座组路年月日米里吨度件次台辆个名位条款项章%％‰℃]|号(?!码)|单元|平方|公里|公斤"
    rf"|小时|分钟)|[{_FAR}]{{0,4}}\*\*\*(?!\*)"
)
_GROUPS = re.compile(
    rf"(?<![\d-])(?P<keep>{_date('sep')}|{_TICKET}|{_HIDDEN})"
    rf"|(?P<number>{_run(f'(?:{_GAP}(?={_DIGIT})|{_LEAP})')})"
    rf"(?P<counted>(?={_COUNTED}))?"
)
_KEPT = re.compile(rf"(?<![\d-])(?:{_date('sep')}|{_TICKET})")
_RUN = re.compile(rf"{_DIGIT}(?:[{_FAR}]{{0,4}}{_DIGIT}){{2,}}")
_AMOUNT = re.compile(r"[1-9]\d{0,2}(?:[,，]\d{3})+(?:\.\d+)?")
# 2026/11/22, 11-22, 110, 12345, 95598
_ITEM = (
    r"(?>(?:(?:19|20)\d\d(?:[-/.]\d{1,2}){0,2}|\d{1,2}[-/.]\d{1,2}(?:[-/.](?:19|20)\d\d)?|1\d\d|12\d{3}|9\d{4})(?!\d))"
)
_SMALL = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_LIST = re.compile(rf"{_ITEM}(?:[{_FAR}]{{1,4}}{_ITEM})*|\d+[、/～~]\d+")
_MOBILE = re.compile(r"(?:0{0,2}86)?(1[3-9]\d)\d{4}(\d{4})")
_LANDLINE = re.compile(r"(?:0{0,2}86)?(0(?:10|2\d|[3-9]\d\d))\d{4}(\d{3,4})")
_ID_CARD = re.compile(r"([1-8]\d\d)(\d{11})(\d{3}[\dX])|([1-8]\d\d)(\d{8})(\d{4})")
_EMAIL = re.compile(r"(?<![A-Za-z0-9._+-])([A-Za-z0-9])[A-Za-z0-9._+-]*@(?=[\w-]+\.)")
_ADDRESS = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._+-]*@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_DOUBLE = "欧阳|司马|诸葛|上官|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|端木|轩辕|长孙|夏侯|宇文|南宫"
_NAME = re.compile(
    r"(我叫|名叫|叫做|(?:姓名|联系人|投诉人|举报人|诉求人|反映人|当事人)(?=[是为:：\s]))([是为:：\s]{0,2})"
    rf"(?![了过来他她它不人你救])(?:{_DOUBLE}|[\u4e00-\u9fff])[\u4e00-\u9fff]{{1,2}}"
)

_COUNT = r"[\dA-Za-z一二三四五六七八九十百零〇甲乙丙丁\-－—#]{1,10}"
_SURE = rf"{_COUNT}\s?(?:号楼|号院|号(?![线令])|弄|栋|幢|单元|室|组)"
_FIRST = rf"(?:{_SURE}|[\dA-Za-z\-－—]{{1,10}}\s?[座楼门排])"  # 小区300户停水 is no address
_REST = rf"(?:[\s,，]?(?:{_SURE}|{_COUNT}\s?[座楼门排层户]))"
_PLACE = r"(?:(?<=[路街巷弄村屯里苑园区城湾庭府寓坊庄厦场院社])|(?<=[^知]道))"
_TAIL = r"(?:\s?[\d\-－—]{1,8})?"
_HOUSE = re.compile(
    rf"{_PLACE}\s?{_FIRST}{_REST}*{_TAIL}|(?<!第){_FIRST}{_REST}+{_TAIL}"
    rf"|\d{{1,5}}\s?(?:室|单元)"
)


_NOBODYS = frozenset({"", "匿名", "号码隐藏", "号码异常"})
"""What stands where a number belongs and is nobody's (as ``routing/number.py`` shows it)."""


def mask_phone(number: str) -> str:
    """``139****1111``, ``0411-****5678``, ``****1234`` abroad. Up to five digits and nothing else (110, 12345, an
    extension) stay. What is no number, as people write where one belongs, is masked as a name or an e-mail address."""
    digits = _digits(number)
    if len(digits) <= 5:
        return _mask_no_number(number.strip())
    if found := _MOBILE.fullmatch(digits):
        return f"{found[1]}{HIDDEN}{found[2]}"
    if found := _LANDLINE.fullmatch(digits):
        return f"{found[1]}-{HIDDEN}{found[2]}"
    return HIDDEN + digits[-min(4, len(digits) - 4) :]


def _mask_no_number(text: str) -> str:
    if text in _NOBODYS or text.isdecimal():
        return text
    if found := _ADDRESS.fullmatch(text):
        return f"{found[1]}***@{found[2]}"
    return text[0] + HIDDEN


def mask_name(name: str) -> str:
    """``张**``, however long it is."""
    name = name.strip()
    return name and f"{name[0]}**"


def mask_id_card(number: str) -> str:
    """``210***********1234``; what is none is hidden whole but for four characters at the end."""
    plain = unicodedata.normalize("NFKC", number).strip().upper()
    if found := _ID_CARD.fullmatch(plain):
        first, hidden, last = found.groups()[:3] if found[1] else found.groups()[3:]
        return f"{first}{'*' * len(hidden)}{last}"
    return HIDDEN + plain[-min(4, max(len(plain) - 4, 0)) :] if len(plain) > 4 else HIDDEN if plain else ""


def mask_address(address: str) -> str:
    """As far as the road, village or estate; everything from the house on is hidden."""
    found = _HOUSE.search(address)
    return mask_text(address) if found is None else f"{mask_text(address[: found.start()])}***"


def mask_text(text: str) -> str:
    """Free text: numbers of telephones and cards, house numbers, e-mail, and names after 我叫 and the like."""
    text = _NUMBERS.sub(lambda m: m["keep"] or _mask_number(m["number"]), text)
    text = _GROUPS.sub(lambda m: m["keep"] or _mask_groups(m), text)
    text = _EMAIL.sub(r"\1***@", text)
    text = _NAME.sub(lambda m: f"{m[1]}{m[2]}{m[0][m.end(2) - m.start()]}**", text)
    return _HOUSE.sub("***", text)


def may_seek_number(words: str) -> bool:
    """Whether a search for these words, three digits or more together, could find out bit by bit a number that is
    masked. Dates and ticket numbers, which are shown, may be looked for."""
    return _RUN.search(_KEPT.sub("*", unicodedata.normalize("NFKC", words))) is not None


def _mask_number(written: str) -> str:
    digits = _digits(written)
    last = written[-1] if written[-1] in "XxＸｘ" else ""
    card = f"{digits}X" if last else digits
    return mask_id_card(card) if _ID_CARD.fullmatch(card) else mask_phone(digits) + last


def _mask_groups(found: re.Match[str]) -> str:
    written = found["number"]
    digits = _digits(written)
    # 1、3、5、7、9、11、13、15号楼 are no telephone either.
    listed = "、" in written and _SMALL.search(written)
    sure = not listed and (_MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits))
    counted = found["counted"] is not None or found.string[max(0, found.start() - 1) : found.start()] in tuple("第¥￥$")
    amount = _AMOUNT.fullmatch(written)
    if (counted and amount) or (not sure and (counted or amount or _LIST.fullmatch(written))):
        return written
    return _mask_number(written)


def _digits(text: str) -> str:
    return "".join(_SPOKEN.get(c) or (str(unicodedata.decimal(c)) if c.isdecimal() else "") for c in text)
