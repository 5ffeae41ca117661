"""What is left of personal data when it is masked."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from people.masking import mask_address, mask_id_card, mask_name, mask_phone, mask_text, may_seek_number


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("13900001111", "139****1111"),
        ("+8613900001111", "139****1111"),
        ("008613900001111", "139****1111"),
        ("139 0000 1111", "139****1111"),
        ("１３９００００１１１１", "139****1111"),
        ("0411-12345678", "0411-****5678"),
        ("+86 10 8765 4321", "****4321"),
        ("010-87654321", "010-****4321"),
        ("09391234567", "0939-****567"),
        ("83631234", "****1234"),
        ("8363123", "****123"),
        ("836312", "****12"),
        ("+1 212 555 0199", "****0199"),
        ("12345", "12345"),
        ("110", "110"),
        ("", ""),
        ("匿名", "匿名"),
        ("号码隐藏", "号码隐藏"),
        ("li.hua@example.com", "l***@example.com"),
        ("lihua_wx", "l****"),
        ("张三 8123", "张****"),
        ("8123-1", "8****"),
        ("12345678@example.com", "****5678"),
    ],
)
def test_phone(number: str, masked: str) -> None:
    assert mask_phone(number) == masked


@pytest.mark.parametrize(("name", "masked"), [("张三丰", "张**"), (" 李四", "李**"), ("John Smith", "J**"), ("", "")])
def test_name(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("21020419900307123X", "210***********123X"),
        ("21020419900307123x", "210***********123X"),
        ("210204900307123", "210********7123"),
        ("E12345678", "****5678"),
        ("ABC", "****"),
        ("", ""),
    ],
)
def test_id_card(number: str, masked: str) -> None:
    assert mask_id_card(number) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("大连市沙河口区中山路123号4单元502室", "大连市沙河口区中山路***"),
        ("福州市鼓楼区五四路89号置地广场5层", "福州市鼓楼区五四路***"),
        ("杨陵区邰城路康乐小区3号楼2单元1101", "杨陵区邰城路康乐小区***"),
        ("武都区城关镇莲湖村", "武都区城关镇莲湖村"),
    ],
)
def test_address(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("请回电13900001111，谢谢", "请回电139****1111，谢谢"),
        ("电话：0411-1234 5678。", "电话：0411-****5678。"),
        ("身份证21020419900307123X，工资未发", "身份证210***********123X，工资未发"),
        ("卡号6222 0212 3456 7890 123", "卡号****0123"),
        ("我叫张三丰，住中山路123号4单元502室，停水三天", "我叫张**，住中山路***，停水三天"),
        ("我的号码是幺三九零零零零幺幺幺幺", "我的号码是139****1111"),
        ("邮箱lihua@example.com", "邮箱l***@example.com"),
        ("2026-11-22 09:30 停电，工单20261121-000123", "2026-11-22 09:30 停电，工单20261121-000123"),
        ("坐3号线到第12号文件规定的地方，12月5号", "坐3号线到第12号文件规定的地方，12月5号"),
        ("拨打12345和110", "拨打12345和110"),
        ("中山路一号线施工，小区300户停水，我叫了救护车", "中山路一号线施工，小区300户停水，我叫了救护车"),
        ("投诉人要求赔偿，联系人：欧阳修文，庙岭村三组", "投诉人要求赔偿，联系人：欧**，庙岭村***"),
        ("手机 139-0000-1111 或 0411 8363 1234", "手机 139****1111 或 0411-****1234"),
        ("", ""),
    ],
)
def test_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("gap", ["，", ",", "、", "/", "_", "…", "……", "~", "～", "    ", "， ", " / "])
def test_groups_that_stand_apart_are_one_number(gap: str) -> None:
    for number in ("139 0000 1111", "壹叁玖 零零零零 壹壹壹壹", "幺三九 零零零零 幺幺幺幺"):
        assert mask_text(f"电话是{number.replace(' ', gap)}路灯坏了") == "电话是139****1111路灯坏了"
    assert mask_text("打0411 8363 1234".replace(" ", gap)) == "打0411-****1234"
    assert mask_text("身份证210204 19900307 123X，".replace(" ", gap)) == "身份证210***********123X，"
    assert mask_text("卡号6222 0212 3456 7890 123".replace(" ", gap)) == "卡号****0123"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("壹叁玖零零零零壹壹壹壹", "139****1111"),
        ("老陆13900001111，3号楼停水", "老陆139****1111，3号楼停水"),
        ("13900001111、13900002222", "139****1111、139****2222"),
        ("139，0000，1111，13900002222", "139****1111，139****2222"),
        ("幺，三，九，零，零，零，零，幺，幺，幺，幺", "139****1111"),
        ("8363，1234", "****1234"),
        ("1、2026-11-22停电，2026-11-23恢复；2026/11/22-2026/11/25，11/22/2026", None),
        ("2023、2024年，2023，2024，11-22、11-23、11-24", None),
        ("工单20261121-000123、20261121-000124", None),
        ("欠薪1,000,000元，共￥1,234,567，总价1,234,567.89，每月1000~2000元，100，200，300元", None),
        ("1、2、3、4、5、6、7号楼，1、3、5、7、9、11、13、15号楼停水，12、14、16、18号", None),
        ("请拨打110、119、120，不是12345，12345的人说", None),
        ("第1、2、3、4、5、6、7条", None),
        ("大陆3，伍4，陆5，贰6", None),
    ],
)
def test_lists_and_groups(text: str, masked: str | None) -> None:
    assert mask_text(text) == (text if masked is None else masked)


GAPS = st.sampled_from(["", " ", "-", "  ", "·", " - ", "（", "\n"])
SMALL = st.sampled_from("0123456789０１２３４５６７８９零〇○一二三四五六七八九幺")
AROUND = st.text("，。我的电话号路-12345 \nabcxX张三202601*楼室", max_size=12)


def values(text: str) -> str:
    """Every digit as an ASCII one."""
    chinese = dict(zip("零〇○一二三四五六七八九幺", "0001234567891", strict=True))
    return "".join(chinese.get(c) or (str(unicodedata.decimal(c)) if c.isdecimal() else c) for c in text)


@given(before=AROUND, digits=st.lists(st.tuples(SMALL, GAPS), min_size=7, max_size=24), after=AROUND)
@example(before="", digits=[(d, "") for d in "13900001111"], after=" 5678901")
@example(before="202", digits=[(d, "") for d in "6112213900001111"], after="")
def test_no_number_is_left_whole(before: str, digits: list[tuple[str, str]], after: str) -> None:
    """Nothing is left that still reads as seven digits or more, but dates and ticket numbers."""
    masked = mask_text(before + "".join(digit + gap for digit, gap in digits) + after)
    masked = re.sub(r"20\d\d([-/.])\d{1,2}\1\d{1,2}([ T]\d\d:\d\d(:\d\d)?)?|20\d{6}-\d{6}", "*", masked)
    assert not re.search(r"(\d[^\w*,，。:|]{0,3}){7}", values(masked))


FORMER = re.compile(
    r"(?<![\d-])(?P<keep>20\d\d(?P<sep>[-/.])(?:0?[1-9]|1[0-2])(?P=sep)(?:0?[1-9]|[12]\d|3[01])(?![\d-])"
    r"(?:[ T]\d\d:\d\d(?::\d\d)?)?|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-\d{6}(?![\d-]))"
    r"|(?P<number>[\d零〇○一二三四五六七八九幺](?:[\s\-‐‑–—－.·()（）]{0,3}[\d零〇○一二三四五六七八九幺]){6,})"
)
"""What was masked before groups might stand apart."""
WORDS = "    /13900001111/2026-11-22/20261122-000123/139/0000/1111/1,000/210204/19900307/****1111/幺三九/壹叁玖/@a.b"
MIXED = st.lists(st.sampled_from([*"0123456789，、/_…~- .*元号年第￥Xx陆壹", *WORDS.split("/")]), max_size=25).map(
    "".join
)


@given(MIXED)
def test_what_was_masked_before_still_is(text: str) -> None:
    once = mask_text(text)
    assert not any(found["number"] for found in FORMER.finditer(once))
    assert mask_text(once) == once


@given(
    st.sampled_from(["13900001111", "04118363123", "19912345678"]),
    st.lists(st.integers(1, 10), max_size=4),
    st.sampled_from([*"，,/_…~～ ", "    ", "， "]),
)
def test_however_a_telephone_number_is_grouped(number: str, cuts: list[int], gap: str) -> None:
    edges = [0, *sorted(set(cuts)), len(number)]
    written = gap.join(number[a:b] for a, b in pairwise(edges))
    assert sum(one.isdigit() for one in mask_text(f"电话{written}。")) <= 8, written


@given(st.text("0123456789 +-()", max_size=30))
def test_a_telephone_number_keeps_at_most_eight_digits_and_hides_four(number: str) -> None:
    total = sum(c.isdigit() for c in number)
    shown = sum(c.isdigit() for c in mask_phone(number))
    assert total <= 5 or shown <= min(8, total - 4)


@given(st.text(max_size=200))
def test_any_text_can_be_masked(text: str) -> None:
    once = mask_text(text)
    assert mask_address(text) is not None
    assert mask_text(once) == once


@given(st.text(max_size=40))
def test_only_the_first_character_of_a_name_stays(name: str) -> None:
    assert mask_name(name) in ("", f"{name.strip()[:1]}**")
    assert len(mask_id_card(name).replace("*", "")) <= 7


@settings(max_examples=60, deadline=2_000)
@given(
    st.lists(st.sampled_from([*"019，、/_~-. *元X壹零一年", "2026/11/22", "    "]), min_size=1, max_size=6).map("".join)
)
def test_twenty_thousand_letters_are_masked_at_once(unit: str) -> None:
    mask_text(unit * (20_000 // len(unit)))


@pytest.mark.timeout(20)
def test_long_texts_take_no_long_time() -> None:
    for unit in (
        "1，",
        "139，0000，",
        "2026/1/2",
        "1.1/",
        "****1，",
        "11-22-",
        "壹，",
        " 1    ",
        "1,000，",
        "，，，，1",
        "210204，",
    ):
        mask_text(unit * (100_000 // len(unit)))
    for text in ("1 " * 50_000, "路" * 100_000, "1号" * 50_000, "a" * 100_000, "一-" * 50_000, "12345" * 20_000):
        mask_text(text)


@pytest.mark.parametrize(
    ("words", "may"),
    [
        ("139", True),
        ("停水 0000", True),
        ("１３９", True),
        ("幺三九", True),
        ("1-3-9", True),
        ("13 90", True),
        ("电话①②③", True),
        ("202611210001", True),
        ("20261121-000123-4", True),
        ("停水", False),
        ("5号楼 12栋", False),
        ("20261121-000123", False),
        ("２０２６１１２１－０００１２３", False),
        ("并入20261121-000123 停水", False),
        ("2026-11-21 停水", False),
        ("", False),
    ],
)
def test_words_that_could_find_out_a_number(words: str, may: bool) -> None:
    assert may_seek_number(words) is may
