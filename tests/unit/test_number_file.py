"""Lists of numbers as people have them, and as those make them who want to break us."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from callback import number_file
from callback.number_file import BadFile, Numbers, read

PLAIN = "13900000001\n0411-83456789\n"
EXPECTED = [(1, "+8613900000001"), (2, "+8641183456789")]


def sheet(rows: list[list[object]], far: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                page.write(row, column, cell)
        if far is not None:
            page.write(*far, "x")
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    text = "姓名,联系电话\n张三,13900000001\n李四,0411-83456789\n".replace("\n", end)
    assert [number for _, number in read(text.encode(encoding)).numbers] == [number for _, number in EXPECTED]


def test_with_or_without_a_heading_and_in_any_column() -> None:
    assert list(read(PLAIN.encode()).numbers) == EXPECTED
    assert list(read(b"name;id;phone\na;13900;139 0000 0001\n").numbers) == [(2, "+8613900000001")]
    # 办公电话 is a number, too, but of few.
    text = "办公电话,手机\n,13900000001\n,13900000002\n0411-83456789,13900000003\n"
    assert len(read(text.encode()).numbers) == 3
    assert read("号码\n".encode()).numbers == ()


def test_bad_lines_are_named_and_doubles_counted() -> None:
    text = "号码\n13900000001\n139\n\n110\n+1 202 555 0100\n83456789\n13900000001\n'; DROP TABLE\n"
    found = read(text.encode())
    assert found.numbers == ((2, "+8613900000001"), (6, "+12025550100"))
    assert [(one.line, one.reason) for one in found.rejected] == [
        (3, "a service number or an extension"),
        (5, "a service number or an extension"),
        (7, "a local number without its area code"),
        (9, "not a telephone number"),
    ]
    assert (found.duplicates, found.lines) == (1, 7)
    assert read(text.encode(), "0411").numbers[2:] == ((7, "+8641183456789"),)


def test_a_spreadsheet_keeps_numbers_as_numbers() -> None:
    rows: list[list[object]] = [["姓名", "手机"], ["张三", 13900000001], ["李四", "13900000002"], ["王五", 1.5]]
    found = read(sheet(rows))
    assert found.numbers == ((2, "+8613900000001"), (3, "+8613900000002"))
    assert [(one.line, one.text) for one in found.rejected] == [(4, "1.5")]


def test_a_far_cell_costs_nothing_but_is_seen() -> None:
    """Excel's last cell: read densely it would be seventeen thousand million. Columns so far to the right are none of
    ours; a line too many is said."""
    assert read(sheet([[13900000001]], far=(3, 16_383))).lines == 1
    with pytest.raises(BadFile, match="200000 lines"):
        read(sheet([[13900000001]], far=(number_file.MAX_ROWS, 0)))


def bomb() -> bytes:
    """Small when packed."""
    out = io.BytesIO(sheet([[13900000001]]))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/media/x.bin", "w") as member:
        for _ in range((number_file.MAX_UNPACKED >> 20) + 1):
            member.write(bytes(1 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no line"),
        (b"\n\n,,\n", "no line"),
        (b"x" * (number_file.MAX_BYTES + 1), "larger than 10 MB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"PK\x03\x04rubbish", "not a spreadsheet"),
        (b"13900000001\x00\n", "zero bytes"),
        (b"\xff\xff\x81", "neither UTF-8 nor GBK"),
        (b"\xff\xfe\x00", "neither UTF-8 nor GBK"),
        ("姓名,地址\n张三,大连\n".encode(), "no column"),
        (b'"13900000001\n' + b"x" * 200_000, "line"),
        (b"," * 60 + b"\n", "columns"),
        (b"13900000001\n" * (number_file.MAX_ROWS + 1), "200000 lines"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(BadFile, match=why) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked() -> None:
    data = bomb()
    assert len(data) < 1 << 20
    with pytest.raises(BadFile, match="when unpacked"):
        read(data)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_numbers_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except BadFile:
        return
    assert isinstance(found, Numbers)
    assert len({number for _, number in found.numbers}) == len(found.numbers)
    assert all(number.startswith("+") for _, number in found.numbers)
