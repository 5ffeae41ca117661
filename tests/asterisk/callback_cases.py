"""Sixty citizens of five cities: what each does when called back, and what their city's regulation makes of it.

大连 第二十一条, 杨凌 第十六条, 安徽 第二十五条 and 陇南 第十七条 ask for satisfaction; 福州 knows no callback, so
nobody is rung there. What is expected stands here by hand, from the articles, not from the policies' files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.prompts import FOLDER as PROMPTS

SOLVED, NOT_SOLVED, HAPPY, UNHAPPY = (
    PROMPTS / "zh" / f"{name}.wav" for name in ("message-thanks", "ticket-wrong", "goodbye", "system-busy")
)
SOUNDS = {SOLVED: "已经解决了", NOT_SOLVED: "还没有解决", HAPPY: "满意", UNHAPPY: "不满意"}
"""Any clear sentences will do; the recogniser knows them by their sound."""
SMS = "sms"


def keys(solved: int, level: int) -> str:
    """Both answers, well apart (after a 1 the hotline waits whether it becomes 110); then the robot hangs up."""
    return f"r0.3,w3,{solved},w4,{level},w3,h"


def voice(solved: Path, level: Path) -> str:
    return f"r0.3,q,say={solved},q,say={level},w4,h"


@dataclass(frozen=True)
class Case:
    """``target``, ``ticket``: how both stand after the first attempt; ``rings``: how often it was rung in the end, and
    ``last``: the target's state then. ``again``: minutes until the next attempt, or ``noon`` for another window."""

    way: str
    target: str
    outcome: str = "answered"
    level: str | None = None
    owes: frozenset[str] = frozenset()
    state: str = "reviewed"
    events: tuple[str, ...] = ()
    called_back: bool = False
    notice: bool = False
    again: int | str | None = None
    rings: int = 1
    last: str = ""
    last_level: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    later: bool = False
    """Rung in the second round, when an agent is there."""


ASKED = ("callback_asked", "callback_reached", "callback_answered")
LEVELS = ("very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied")
CALL, REWORK = "manual_callback", "rework"


COMMENT = f"r0.3,w3,1,w4,2,q,say={HAPPY}"
"""Both answers, and a few words after the tone."""


def rated(
    solved: int, level: int, *owes: str, state: str = "reviewed", by_voice: str = "", comment: bool = False
) -> Case:
    events = (*ASKED, "rate", *(("unsolved",) if solved == 2 else ()))
    way, said = COMMENT if comment else by_voice or keys(solved, level), LEVELS[level - 1]
    return Case(way, "rated", "answered", said, frozenset(owes), state, events, last="rated", last_level=said)


def silent(way: str) -> Case:
    return Case(
        way, "unrated", events=("callback_asked", "callback_reached", "end_callback"), called_back=True, notice=True,
        last="unrated",
    )  # fmt: skip


def not_reached(way: str, outcome: str, again: int | str, last: str = "unreached", level: str | None = None) -> Case:
    """Waits after the first attempt; rung again in the third round, and given up or reached then."""
    return Case(
        way, "waiting", outcome, events=("callback_asked",), again=again, rings=2, last=last, last_level=level
    )  # fmt: skip


NO_ANSWER = not_reached("no-answer", "no_answer", "noon")
UNKNOWN = Case(
    "unknown", "unreached", "unallocated", events=("callback_asked", "callback_unreached", "end_callback"),
    called_back=True, notice=True, last="unreached",
)  # fmt: skip
BUSY = not_reached("busy", "busy", 10)
AWAY = silent("r0.3,w3,h")
SILENT = silent("silence")

DALIAN = (
    rated(1, 1),
    rated(1, 2),
    rated(1, 3),
    rated(2, 4, CALL),
    rated(1, 5, CALL),
    rated(1, 2, by_voice=voice(SOLVED, HAPPY)),
    BUSY,
    NO_ANSWER,
    AWAY,
    SILENT,
    # asks for an agent, and talks to one
    Case(
        "r0.3,w3,0", "unrated", events=(*ASKED, "end_callback"), called_back=True, last="unrated", later=True,
    ),
    # supervised: called by a person, never by the machine
    Case(keys(1, 1), "none", rings=0, owes=frozenset({CALL}), more={"supervised": True}),
)  # fmt: skip
YANGLING = (
    rated(1, 2),
    rated(2, 4, CALL),
    rated(1, 5),
    rated(1, 1),
    # says that it is not solved, and goes
    Case("r0.3,w3,2,w1,h", "rated", owes=frozenset({CALL}), events=(*ASKED, "unsolved"), last="rated"),
    rated(1, 4, by_voice=voice(SOLVED, UNHAPPY)),
    not_reached(f"busy;{keys(1, 2)}", "busy", 10, "rated", "satisfied"),
    NO_ANSWER,
    AWAY,
    UNKNOWN,
    # never again
    Case(
        "r0.3,w3,8,w20,h", "opted_out", events=(*ASKED, "end_callback"), called_back=True, last="opted_out",
    ),
    # asks for an agent, and nobody is there
    Case("r0.3,w3,0,w8,h", "unrated", owes=frozenset({CALL}), events=(*ASKED, "ask_callback"), last="unrated"),
)  # fmt: skip
ANHUI = (
    rated(1, 1),
    rated(1, 2, comment=True),
    rated(2, 3, CALL),
    rated(2, 4, CALL, REWORK),
    rated(1, 5, CALL, REWORK),
    rated(2, 4, CALL, REWORK, by_voice=voice(NOT_SOLVED, UNHAPPY)),
    BUSY,
    NO_ANSWER,
    AWAY,
    # on the list of those who are not to be rung
    Case(
        keys(1, 1), "opted_out", "", events=("callback_unreached", "end_callback"), called_back=True, rings=0,
        last="opted_out",
    ),
    not_reached("rejected", "rejected", 240),
    # solved, and then an agent
    Case("r0.3,w3,1,w4,0", "rated", events=(*ASKED, "end_callback"), called_back=True, last="rated", later=True),
)  # fmt: skip
LONGNAN = (
    rated(1, 1),
    rated(1, 2),
    rated(1, 3),
    rated(2, 4, REWORK, state="rework"),
    rated(1, 5, REWORK, state="rework"),
    rated(1, 2, by_voice=voice(SOLVED, HAPPY)),
    # 480 says no more than that nobody answers
    not_reached("off", "no_answer", "noon"),
    NO_ANSWER,
    AWAY,
    not_reached(f"congestion;{keys(1, 1)}", "congestion", 5, "rated", "very_satisfied"),
    # rates, and never again
    Case(
        "r0.3,w3,1,w4,2,w3,8,w20,h", "opted_out", level="satisfied", events=(*ASKED, "rate"), last="opted_out",
        last_level="satisfied",
    ),
    silent("voicemail"),
)  # fmt: skip
FUZHOU = (Case(keys(1, 1), "none", rings=0),) * 12
CITIES = {
    "dalian-2015": DALIAN,
    "yangling-2018": YANGLING,
    "anhui-2021": ANHUI,
    "longnan-2021": LONGNAN,
    "fuzhou-2007": FUZHOU,
}
ARTICLES = {
    "dalian-2015": "第二十一条",
    "yangling-2018": "第十六条",
    "anhui-2021": "第二十五条",
    "longnan-2021": "第十七条",
}
"""What each regulation says of callbacks."""
PEOPLE = {
    f"1390{city}0000{n:02}": (policy, case)
    for city, (policy, cases) in enumerate(CITIES.items())
    for n, case in enumerate(cases, start=1)
}
ON_THE_LIST = next(number for number, (_, case) in PEOPLE.items() if case.outcome == "")
