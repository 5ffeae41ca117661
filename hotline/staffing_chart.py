"""The agents needed, as rows for a terminal, as an SVG picture that stands alone, and as an XLSX file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import xlsxwriter

from callback.picture import STYLE, pygal, render
from callback.simulation.chart import bar
from hotline.staffing import Plan

TITLE = "每半小时所需话务员"
_SHEET = "排班"
_WIDTH = 30


def lines(made: Sequence[Plan]) -> list[str]:
    """The plan that needs the most agents, half hour by half hour."""
    busiest = max(made, key=lambda plan: plan.agent_hours)
    most = max(need.on_duty for need in busiest.needs)
    rows = [f"{busiest.name}  {'在岗 on duty':<{_WIDTH + 5}}来电 calls"]
    for need in busiest.needs:
        rows.append(f"{need.begins} {bar(need.on_duty / most, _WIDTH)} {need.on_duty:4}  {need.calls:8.1f}")
    return rows


def svg(made: Sequence[Plan]) -> bytes:
    kind = pygal.Bar if len(made) == 1 else pygal.Line
    chart = kind(
        js=(),
        style=STYLE,
        title=TITLE,
        width=1200,
        height=520,
        explicit_size=True,
        legend_at_bottom=True,
        legend_at_bottom_columns=7,
        x_label_rotation=60,
        title_font_size=16,
        range=(0, max(need.on_duty for plan in made for need in plan.needs) + 1),
        value_formatter=lambda value: f"{value:g}",
        **({} if len(made) == 1 else {"dots_size": 2}),
    )
    chart.x_labels = [need.begins for need in made[0].needs]
    for plan in made:
        chart.add(plan.name, [need.on_duty for need in plan.needs])
    return render(chart)


def xlsx(made: Sequence[Plan]) -> bytes:
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet(_SHEET)
        bold = book.add_format({"bold": True, "text_wrap": True})
        share = book.add_format({"num_format": "0.0%"})
        names = ("日", "时段", "平均来电", "所需话务员", "在岗人数", "及时接听率", "放弃率", "忙碌率")
        for column, name in enumerate(names):
            sheet.write_string(0, column, name, bold)
        rows = [(plan.name, need) for plan in made for need in plan.needs]
        for row, (day, need) in enumerate(rows, 1):
            service = need.service
            sheet.write_string(row, 0, day)
            sheet.write_string(row, 1, need.begins)
            for column, number in enumerate((round(need.calls, 2), need.agents, need.on_duty), 2):
                sheet.write_number(row, column, number)
            for column, rate in enumerate((service.answered_within, service.abandoned, service.occupancy), 5):
                sheet.write_number(row, column, rate, share)
        last = len(rows)
        chart = book.add_chart({"type": "column"})
        chart.add_series({"name": "在岗人数", "categories": [_SHEET, 1, 0, last, 1], "values": [_SHEET, 1, 4, last, 4]})
        chart.set_title({"name": TITLE})
        chart.set_size({"width": 1100, "height": 400})
        sheet.insert_chart(1, len(names) + 1, chart)
        sheet.freeze_panes(1, 2)
    return out.getvalue()
