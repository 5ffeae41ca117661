"""Draws a flow as SVG: the greeting, the keys and the words, where they lead. One level needs no layout engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from ivr.flow import Choice, Flow, Speech
from ivr.keys import EMERGENCY_NUMBERS

WIDTH, ROW, LEFT, RIGHT, BOX = 980, 56, 40, 640, 300
Row = tuple[str, str, str, bool]
"""What the caller does, what it means, where it leads, whether it is an emergency."""
STYLE = (
    "text{font:14px 'Noto Sans CJK SC','Microsoft YaHei',sans-serif;fill:#1b2733}"
    ".small{font-size:12px;fill:#55677a}rect{fill:#f4f7fb;stroke:#8aa1b8;rx:8}"
    ".red rect{fill:#fdecea;stroke:#c0392b}path{fill:none;stroke:#8aa1b8;stroke-width:1.5}"
)


def draw_svg(flow: Flow, queue_names: Mapping[str, str], text: Callable[[str], str]) -> str:
    """One picture of ``flow``; ``text`` tells a prompt's words."""
    agents = f"{queue_names[flow.agent_queue]} ({flow.agent_queue})"
    speech = flow.speech if flow.speech is not None and flow.speech.enabled else None
    heads = [text(flow.greeting), text(speech.invite) if speech else "", text(flow.menu)]
    rows: list[Row] = [(key, choice.label, *_target(flow, choice, queue_names)) for key, choice in flow.keys.items()]
    rows += _spoken(flow, speech, queue_names, agents) if speech else []
    rows.append(("*", "重听", "重复菜单", False))
    rows.append(("…", f"{flow.silence_seconds:g} 秒无按键, 或第二次按错", agents, False))
    rows.append(("1xx", "随时键入 " + " ".join(EMERGENCY_NUMBERS), "立即转接该紧急服务", True))
    height = 130 + ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<text x="{LEFT}" y="32" style="font-size:18px">{escape(flow.name)} {escape(" ".join(flow.numbers))}</text>',
        f'<text x="{LEFT}" y="58" class="small">{escape("".join(heads[:2]))}</text>',
        f'<text x="{LEFT}" y="80" class="small">{escape(heads[2])}</text>',
    ]
    for index, (pressed, label, target, red) in enumerate(rows):
        y = 104 + index * ROW
        parts.append(
            f'<g class="{"red" if red else "plain"}"><rect x="{LEFT}" y="{y}" width="380" height="40"/>'
            f'<text x="{LEFT + 16}" y="{y + 25}">{escape(pressed)}</text>'
            f'<text x="{LEFT + 60}" y="{y + 25}">{escape(label)}</text>'
            f'<path d="M{LEFT + 380} {y + 20} H{RIGHT}"/>'
            f'<rect x="{RIGHT}" y="{y}" width="{BOX}" height="40"/>'
            f'<text x="{RIGHT + 16}" y="{y + 25}">{escape(target)}</text></g>'
        )
    parts.append("</svg>\n")
    return "\n".join(parts)


def _target(flow: Flow, choice: Choice, queue_names: Mapping[str, str]) -> tuple[str, bool]:
    if choice.enter is not None:
        entry = flow.entries[choice.enter]
        asked = "播报进度" if entry.tells else "输入编号 #"
        return f"{asked} → {queue_names[entry.queue]} ({entry.queue})", False
    if choice.queue is not None:
        return f"{queue_names[choice.queue]} ({choice.queue})", choice.queue == "emergency"
    return "再见 (end)", False


def _spoken(flow: Flow, speech: Speech, queue_names: Mapping[str, str], agents: str) -> list[Row]:
    rows: list[Row] = [
        ("说", f"{choice.label} ({label})", *_target(flow, choice, queue_names))
        for label, choice in speech.says.items()
        if label != "emergency"
    ]
    rows.append(("说", "着火、受伤、打人… (emergency)", "转接该紧急服务, 按 * 或说“不用”取消", True))
    rows.append(("说", "拿不准", "二选一问一次, 仍不清楚转人工", False))
    rows.append(("说", f"没听清, 或 {speech.silence_seconds:g} 秒无声", f"再问一次, 然后 {agents}", False))
    return rows
