"""Charts as SVG pictures that stand alone: no script, nothing fetched, fonts that have Chinese.

``pygal`` comes from here, because importing it leaves a finder of an old kind in ``sys.meta_path`` that every later
import stumbles over (with a warning); it serves maps only, which we have none of.
"""

from __future__ import annotations

import sys
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

__all__ = ["STYLE", "pygal", "render"]

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]

_FONT = "'Noto Sans CJK SC','Microsoft YaHei',sans-serif"
STYLE = Style(
    font_family=_FONT,
    title_font_family=_FONT,
    legend_font_family=_FONT,
    label_font_family=_FONT,
    background="white",
    plot_background="white",
    colors=("#8aa1b8", "#2e7d32", "#a5d6a7", "#c0392b"),
)


def render(chart: Any) -> bytes:
    """``chart``: of pygal, with ``js=()``."""
    chart.add_xml_filter(_without_script)
    made: bytes = chart.render()
    return made


def _without_script(root: Element) -> Element:
    """pygal always writes one, for tooltips."""
    for defs in root.iter("defs"):
        for script in defs.findall("script"):
            defs.remove(script)
    return root
