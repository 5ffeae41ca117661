"""A report as an XLSX file: the table, what was answered, and a chart that Excel draws itself."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import xlsxwriter

from callback.report import Report
from callback.report_words import NOTE, RATES, Cell, cells, headings, summary

SHEET, ANSWERS = "回访统计", "各题回答"
_OPTIONS = {
    "in_memory": True,
    # What somebody named a campaign or a unit is text, whatever it begins with.
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_HEAD = 3
"""Title, summary, note stand above the headings."""


def xlsx(report: Report, title: str) -> bytes:
    out = BytesIO()
    with xlsxwriter.Workbook(out, _OPTIONS) as book:
        percent = book.add_format({"num_format": "0.0%"})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(SHEET)
        for row, words in enumerate((title, summary(report.total), NOTE)):
            sheet.write_string(row, 0, words)
        names = headings(report)
        for column, name in enumerate(names):
            sheet.write_string(_HEAD, column, name, bold)
        lines = cells(report)
        for row, line in enumerate(lines, _HEAD + 1):
            for column, cell in enumerate(line):
                _write(sheet, row, column, cell, percent)
        sheet.set_column(0, 0, 22)
        sheet.set_column(1, len(names) - 1, 11)
        sheet.freeze_panes(_HEAD + 1, 1)
        if report.rows:
            _chart(book, sheet, names, _HEAD + 1, _HEAD + len(report.rows), below=_HEAD + len(lines) + 2)
        _answers(book, report, bold)
    return out.getvalue()


def _write(sheet: Any, row: int, column: int, cell: Cell, percent: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif isinstance(cell, float):
        sheet.write_number(row, column, cell, percent)
    elif cell is not None:
        sheet.write_number(row, column, cell)


def _chart(book: Any, sheet: Any, names: list[str], first: int, last: int, below: int) -> None:
    chart = book.add_chart({"type": "column"})
    for name, _ in RATES:
        column = names.index(name)
        chart.add_series(
            {
                "name": [SHEET, _HEAD, column],
                "categories": [SHEET, first, 0, last, 0],
                "values": [SHEET, first, column, last, column],
            }
        )
    chart.set_title({"name": "评价率与满意率"})
    chart.set_y_axis({"min": 0, "max": 1, "num_format": "0%"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 960, "height": 400})
    sheet.insert_chart(below, 0, chart)


def _answers(book: Any, report: Report, bold: Any) -> None:
    sheet = book.add_worksheet(ANSWERS)
    for column, name in enumerate(("问题", "回答", "人数")):
        sheet.write_string(0, column, name, bold)
    told = [(question, value, people) for question, one in report.answers.items() for value, people in one.items()]
    for row, (question, value, people) in enumerate(told, 1):
        sheet.write_string(row, 0, question)
        sheet.write_string(row, 1, value)
        sheet.write_number(row, 2, people)
