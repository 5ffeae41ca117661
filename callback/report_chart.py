"""A report's rates as an SVG picture that stands alone: no script, no font, nothing fetched."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

from callback.report import Report
from callback.report_words import RATES, summary

MAX_ROWS = 40
"""More bars than that nobody reads: the first, as the table has them."""
_FONT = "'Noto Sans CJK SC','Microsoft YaHei',sans-serif"
_STYLE = Style(
    font_family=_FONT,
    title_font_family=_FONT,
    legend_font_family=_FONT,
    label_font_family=_FONT,
    background="white",
    plot_background="white",
    colors=("#8aa1b8", "#2e7d32", "#a5d6a7"),
)


def svg(report: Report) -> bytes:
    rows = report.rows[:MAX_ROWS]
    chart = pygal.HorizontalBar(
        js=(),
        style=_STYLE,
        title=summary(report.total),
        range=(0, 100),
        legend_at_bottom=True,
        width=1100,
        height=220 + 60 * len(rows),
        title_font_size=16,
        explicit_size=True,
        value_formatter=lambda value: "—" if value is None else f"{value:.1f}%",
    )
    # Drawn from below upwards: the first row belongs at the top.
    shown = rows[::-1]
    chart.x_labels = [f"{row.name}（{row.figures.rated}/{row.figures.asked}）" for row in shown]
    for name, rate in RATES:
        values = [rate(row.figures) for row in shown]
        chart.add(name, [None if value is None else 100 * value for value in values])
    chart.add_xml_filter(_without_script)
    made: bytes = chart.render()
    return made


def _without_script(root: Element) -> Element:
    """pygal always writes one, for tooltips."""
    for defs in root.iter("defs"):
        for script in defs.findall("script"):
            defs.remove(script)
    return root
