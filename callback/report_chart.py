"""A report's rates as an SVG picture."""

from __future__ import annotations

from callback.picture import STYLE, pygal, render
from callback.report import Report
from callback.report_words import RATES, summary

MAX_ROWS = 40
"""More bars than that nobody reads: the first, as the table has them."""


def svg(report: Report) -> bytes:
    rows = report.rows[:MAX_ROWS]
    chart = pygal.HorizontalBar(
        js=(),
        style=STYLE,
        title=summary(report.total),
        range=(0, 100),
        legend_at_bottom=True,
        width=1100,
        height=220 + 60 * len(rows),
        title_font_size=16,
        explicit_size=True,
        no_data_text="",
        value_formatter=lambda value: "—" if value is None else f"{value:.1f}%",
    )
    # Drawn from below upwards: the first row belongs at the top.
    shown = rows[::-1]
    chart.x_labels = [f"{row.name}（{row.figures.rated}/{row.figures.asked}）" for row in shown]
    for name, rate in RATES:
        values = [rate(row.figures) for row in shown]
        chart.add(name, [None if value is None else 100 * value for value in values])
    return render(chart)
