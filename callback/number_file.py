"""Telephone numbers out of a file that somebody gives: CSV or XLSX, in whatever shape. Bounded, and hostile until read.

Either the file is understood, or :class:`BadFile` says in one line why not. A line whose number cannot be dialled is
named, not guessed at.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from routing.number import NotDialable, dialable, normalise

MAX_BYTES = 10 << 20
MAX_UNPACKED = 100 << 20
MAX_ROWS = 200_000
MAX_COLUMNS = 50
MAX_CELL = 1000
_LOOK_AT = 50
"""Rows that tell which column has the numbers."""
_ENCODINGS = ("utf-8-sig", "gb18030")
_NAMES = ("号码", "电话", "手机", "phone", "mobile", "number", "tel")

Cells = Sequence[str]
Line = tuple[int, Cells]


class BadFile(ValueError):
    """The text is for whoever gave the file."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """``text``: at most the 32 characters that a number may have."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """``numbers``: line and E.164, each number once. ``duplicates``: lines that named one again."""

    numbers: tuple[tuple[int, str], ...]
    rejected: tuple[Rejected, ...]
    duplicates: int

    @property
    def lines(self) -> int:
        return len(self.numbers) + len(self.rejected) + self.duplicates


def read(data: bytes, area_code: str = "") -> Numbers:
    """``area_code`` completes local numbers. Raises BadFile."""
    if len(data) > MAX_BYTES:
        raise BadFile(f"larger than {MAX_BYTES >> 20} MB")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadFile("an old Excel file (.xls): save it as .xlsx or .csv")
    # A row that has nothing in it is not a line that lacks its number.
    rows = [one for one in _bounded(_xlsx(data) if data.startswith(b"PK") else _csv(data)) if any(one[1])]
    if not rows:
        raise BadFile("no line in it")
    column, headed = _column(rows, area_code)
    return _numbers(rows[1:] if headed else rows, column, area_code)


def _bounded(rows: Iterable[Line]) -> Iterator[Line]:
    for line, cells in rows:
        if line > MAX_ROWS:
            raise BadFile(f"more than {MAX_ROWS} lines")
        if len(cells) > MAX_COLUMNS:
            raise BadFile(f"line {line}: more than {MAX_COLUMNS} columns")
        yield line, [cell.strip()[:MAX_CELL] for cell in cells]


def _csv(data: bytes) -> Iterator[Line]:
    text = _decoded(data)
    if "\0" in text:
        raise BadFile("neither CSV nor XLSX: it has zero bytes")
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",\t;", key=head.count))
    try:
        for row in reader:
            yield reader.line_num, row[: MAX_COLUMNS + 1]
    except csv.Error as error:
        raise BadFile(f"line {reader.line_num}: {error}") from error


def _decoded(data: bytes) -> str:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile("neither UTF-8 nor GBK text")


def _xlsx(data: bytes) -> Iterator[Line]:
    """The first sheet. Whatever is wrong with a spreadsheet that is no spreadsheet, openpyxl says it in its own way."""
    import openpyxl  # not above: every web server would start with it, for a file that is given now and then

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            # What is declared here is also all that is unpacked: zipfile stops there.
            if sum(one.file_size for one in packed.infolist()) > MAX_UNPACKED:
                raise BadFile(f"larger than {MAX_UNPACKED >> 20} MB when unpacked")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        rows = book.worksheets[0].iter_rows(max_col=MAX_COLUMNS, values_only=True)
        yield from _trimmed(rows)
    except (BadFile, MemoryError):
        raise
    except Exception as error:
        raise BadFile("not a spreadsheet that can be read (XLSX)") from error


def _trimmed(rows: Iterable[Sequence[object]]) -> Iterator[Line]:
    """Rows that have something; a sheet may name its last row as its last cell."""
    for line, row in enumerate(rows, 1):
        if any(cell is not None for cell in row):
            yield line, [_text(cell) for cell in row]


def _text(cell: object) -> str:
    """Spreadsheets keep a telephone number as a number."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _column(rows: Sequence[Line], area_code: str) -> tuple[int, bool]:
    """Which column has the numbers, and whether the first line only names them. Raises BadFile."""
    first = rows[0][1]
    count = _counter(area_code)
    widest = max(len(cells) for _, cells in rows[:_LOOK_AT])
    found = [sum(count(cells, column) for _, cells in rows[1 : _LOOK_AT + 1]) for column in range(widest)]
    if not any(count(first, column) for column in range(len(first))):
        named = [i for i, cell in enumerate(first) if any(name in cell.casefold() for name in _NAMES)]
        # Of several (办公电话, 手机) the one that has most of them.
        best = max(named or range(widest), key=lambda column: found[column])
        if found[best] or named:
            return best, True
        raise BadFile("no column with telephone numbers in it")
    return max(range(widest), key=lambda column: found[column] + count(first, column)), False


def _counter(area_code: str) -> Callable[[Cells, int], bool]:
    return lambda cells, column: column < len(cells) and _dialable(cells[column], area_code) is not None


def _dialable(text: str, area_code: str) -> str | None:
    number = normalise(text, area_code=area_code).e164
    try:
        return number if number is not None and dialable(number) else None
    except NotDialable:
        return None


def _numbers(rows: Iterable[Line], column: int, area_code: str) -> Numbers:
    first: dict[str, int] = {}
    rejected: list[Rejected] = []
    duplicates = 0
    for line, cells in rows:
        text = cells[column] if column < len(cells) else ""
        number = _dialable(text, area_code)
        if number is None:
            rejected.append(Rejected(line, text[:32], _reason(text, area_code)))
        elif number in first:
            duplicates += 1
        else:
            first[number] = line
    return Numbers(tuple((line, number) for number, line in first.items()), tuple(rejected), duplicates)


def _reason(text: str, area_code: str) -> str:
    if not text:
        return "no number"
    match normalise(text, area_code=area_code).kind:
        case "service" | "internal":
            return "a service number or an extension"
        case "foreign":
            return "not an ordinary telephone"
        case "landline":
            return "a local number without its area code"
        case _:
            return "not a telephone number"
