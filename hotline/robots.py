"""Robot citizens: who answers a trial call in which way. Pure: rules in, dialplan out; and what was written down.

A rule is ``PATTERN=WAY`` or ``PATTERN=WAY;WAY;…``: the first call to a number takes the first way, the last way stays.
``?`` and ``*`` stand for one digit and for any digits. A number that is written out counts before a pattern; among
patterns the first counts. Numbers without a rule behave by their last two digits (:data:`PEOPLE`), the same each time.

A way is one of :data:`NOT_ANSWERED` and :data:`ANSWERED`, or what somebody does who answers, such as
``r2,q,1,w1,2,h``: ``rN`` rings N seconds first (at the beginning only; else 1), ``wN`` waits N seconds, ``q`` waits
until the other side has spoken and is quiet for a second, digits are keyed, ``say=FILE`` is said, ``h`` hangs up.
Without ``h`` the robot listens on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from calls.cel import CelEvent

NOT_ANSWERED: Mapping[str, int | None] = {
    "no-answer": None,
    "busy": 17,
    "unknown": 1,
    "off": 20,
    "rejected": 21,
    "congestion": 42,
}
"""Way and Q.850 cause: 486, 404, 480, 403 and 503 in SIP. ``no-answer`` rings until the caller gives up."""
VOICEMAIL = "voicemail"
ANSWERED: Mapping[str, str] = {"silence": "", VOICEMAIL: "", "agent": "q,0", "never-again": "q,8"}
PEOPLE: tuple[tuple[int, str], ...] = (
    (30, "r3,q,1,q,1"),
    (40, "r5,q,1,q,2"),
    (46, "r4,q,2,q,4"),
    (66, "no-answer"),
    (74, "busy"),
    (80, "rejected"),
    (83, "unknown"),
    (86, "off"),
    (88, "congestion"),
    (92, "r3,w4,h"),
    (95, "silence"),
    (97, VOICEMAIL),
    (99, "agent"),
    (100, "never-again"),
)
"""Last two digits below the first number of a row (and not below that of the row before): this way."""
MAX_RULES, MAX_PATTERNS, MAX_WAYS, MAX_STEPS = 20_000, 200, 10, 50
MAX_SECONDS = 3600.0
STAYS_SECONDS = 600
"""Nobody holds the line for longer."""
QUIET = ("WaitForNoise(100,1,20)", "WaitForSilence(1000,1,60)")
DIGIT_MS, GAP_MS = 100, 100

_PATTERN = re.compile(r"[0-9?*]{1,32}")
_SECONDS = re.compile(r"([rw])([0-9]{1,4}(?:\.[0-9]{1,3})?)")
_KEYS = re.compile(r"[0-9*#]{1,32}")


@dataclass(frozen=True, slots=True)
class Step:
    """``do``: wait, quiet, keys, say or hangup; ``what``: seconds, digits or a file."""

    do: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    text: str
    ring: float = 1.0
    answers: bool = True
    cause: int | None = None
    """Q.850, of who does not answer; None: rings on."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: str
    ways: tuple[Way, ...]

    @property
    def exact(self) -> bool:
        return self.pattern.isdigit()


@dataclass(frozen=True, slots=True)
class RobotCall:
    """One call that reached a robot, as their network wrote it down. Times are epoch seconds."""

    number: str
    nth: int
    way: str
    rung_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    keys: str = ""
    left: bool = False
    """The robot hung up, not the caller."""


def parse_rule(text: str) -> Rule:
    """Raises ValueError with one line."""
    pattern, equals, ways = text.partition("=")
    if not equals or not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{text[:80]!r} is not NUMBER=WAY (digits, ? and * in the number)")
    parts = ways.split(";")
    if len(parts) > MAX_WAYS:
        raise ValueError(f"{pattern}: more than {MAX_WAYS} ways")
    return Rule(pattern, tuple(parse_way(part.strip()) for part in parts))


def parse_way(text: str) -> Way:
    """Raises ValueError with one line."""
    if text in NOT_ANSWERED:
        return Way(text, answers=False, cause=NOT_ANSWERED[text])
    if text == VOICEMAIL:
        return Way(text, steps=(Step("say", VOICEMAIL),))
    tokens = [token.strip() for token in ANSWERED.get(text, text).split(",") if token.strip()]
    if not tokens and text not in ANSWERED:
        raise ValueError("an empty way")
    if len(tokens) > MAX_STEPS:
        raise ValueError(f"{text[:40]!r}…: more than {MAX_STEPS} steps")
    ring = 1.0
    if tokens and (first := _SECONDS.fullmatch(tokens[0])) and first[1] == "r":
        ring = _seconds(first[2])
        tokens = tokens[1:]
    return Way(text, ring=ring, steps=tuple(_step(token) for token in tokens))


def _step(token: str) -> Step:
    wait = _SECONDS.fullmatch(token)
    if wait and wait[1] == "w":
        return Step("wait", f"{_seconds(wait[2]):g}")
    if token == "q":
        return Step("quiet")
    if token == "h":
        return Step("hangup")
    if token.startswith("say=") and len(token) > 4:
        return Step("say", token[4:])
    if _KEYS.fullmatch(token):
        return Step("keys", token)
    known = ", ".join((*NOT_ANSWERED, *ANSWERED))
    raise ValueError(f"{token[:40]!r} is none of {known}, rN (first), wN, q, h, say=FILE, digits")


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds > MAX_SECONDS:
        raise ValueError(f"{text} s: at most {MAX_SECONDS:.0f}")
    return seconds


def check_rules(rules: Sequence[Rule]) -> None:
    """Raises ValueError for more than a dialplan should hold."""
    if len(rules) > MAX_RULES or sum(not rule.exact for rule in rules) > MAX_PATTERNS:
        raise ValueError(f"at most {MAX_RULES} rules, {MAX_PATTERNS} of them with ? or *")


def sounds(rules: Iterable[Rule]) -> list[str]:
    """The files that robots of these rules say."""
    said = {step.what for rule in rules for way in rule.ways for step in way.steps if step.do == "say"}
    return sorted(said - {VOICEMAIL})


def dialplan(rules: Sequence[Rule], said: Mapping[str, Path], before: str = "") -> str:
    """Asterisk's dialplan; calls enter at [called]. ``said``: each of :func:`sounds`, and
    :data:`VOICEMAIL`, as Playback() wants it. ``before``: extensions that count before
    any number."""
    contexts: dict[Way, str] = {}

    def context(way: Way) -> str:
        return contexts.setdefault(way, f"way-{len(contexts)}")

    lines = [
        "[called]",
        *before.splitlines(),
        "exten => _[0-9].,1,Set(NUMBER=${FILTER(0-9,${EXTEN})})",
        " same => n,Set(GLOBAL(RUNG_${NUMBER})=$[0${GLOBAL(RUNG_${NUMBER})} + 1])",
        " same => n,Set(NTH=${GLOBAL(RUNG_${NUMBER})})",
        " same => n,CELGenUserEvent(RUNG,number=${NUMBER}&nth=${NTH})",
        " same => n,GotoIf(${DIALPLAN_EXISTS(exact,${NUMBER},1)}?exact,${NUMBER},1)",
    ]
    numbered = list(enumerate(rules))
    for at, rule in numbered:
        if not rule.exact:
            expression = rule.pattern.replace("?", "[0-9]").replace("*", "[0-9]*")
            lines.append(f' same => n,GotoIf($["${{NUMBER}}" =~ "^{expression}$"]?rule-{at},${{NTH}},1)')
    lines.append(" same => n,Goto(people,${NUMBER:-2},1)")
    first: dict[str, int] = {}
    for at, rule in numbered:
        if rule.exact:
            first.setdefault(rule.pattern, at)
    lines.append("[exact]")
    lines += [f"exten => {number},1,Goto(rule-{at},${{NTH}},1)" for number, at in first.items()]
    for at, rule in numbered:
        lines.append(f"[rule-{at}]")
        *turns, last = rule.ways
        lines += [f"exten => {nth},1,Goto({context(way)},s,1)" for nth, way in enumerate(turns, start=1)]
        lines.append(f"exten => _[0-9]!,1,Goto({context(last)},s,1)")
    lines.append("[people]")
    lines += [f"exten => {n:02},1,Goto({context(parse_way(personality(f'{n:02}')))},s,1)" for n in range(100)]
    for way, name in contexts.items():
        lines += [f"[{name}]", *_extension(way, said)]
    return "\n".join(lines) + "\n"


def personality(number: str) -> str:
    """The way of a number that no rule names."""
    return next(text for below, text in PEOPLE if int(number[-2:]) < below)


def _extension(way: Way, said: Mapping[str, Path]) -> list[str]:
    steps = [f"CELGenUserEvent(WAY,text={quote(way.text, safe='')})"]
    if not way.answers and way.cause is not None:
        steps.append(f"Hangup({way.cause})")
    else:
        steps.append("Ringing()")
        if way.answers:
            steps += [f"Wait({way.ring:g})", "Answer()", *(line for step in way.steps for line in _lines(step, said))]
        steps += [f"Wait({STAYS_SECONDS})", "Hangup(16)"]
    return [f"exten => s,1,{steps[0]}", *(f" same => n,{step}" for step in steps[1:])]


def _lines(step: Step, said: Mapping[str, Path]) -> tuple[str, ...]:
    match step.do:
        case "wait":
            return (f"Wait({step.what})",)
        case "quiet":
            return QUIET
        case "keys":
            return (
                f"CELGenUserEvent(KEYED,keys={quote(step.what, safe='')})",
                f"SendDTMF({step.what},{GAP_MS},{DIGIT_MS})",
            )
        case "say":
            return (f"Playback({said[step.what]})",)
        case _:
            return "CELGenUserEvent(LEFT)", "Hangup(16)"


def read_calls(events: Iterable[CelEvent]) -> list[RobotCall]:
    """The calls in the order in which they came; those without an end are under way."""
    mine: dict[str, list[CelEvent]] = {}
    for event in events:
        mine.setdefault(event.unique, []).append(event)
    found = [call for of_one in mine.values() if (call := _fold(of_one)) is not None]
    return sorted(found, key=lambda call: call.rung_at)


def _fold(events: Sequence[CelEvent]) -> RobotCall | None:
    named = {event.name: event for event in events if event.kind == "USER"}
    rung = named.get("RUNG")
    if rung is None:
        return None
    kinds = {event.kind: event.at for event in events}
    way = named.get("WAY")
    keys = (event.extra.get("keys", "") for event in events if event.name == "KEYED")
    return RobotCall(
        number=rung.extra["number"],
        nth=int(rung.extra["nth"]),
        way=way.extra.get("text", "") if way else "",
        rung_at=kinds.get("CHAN_START", rung.at),
        answered_at=kinds.get("ANSWER"),
        ended_at=kinds.get("HANGUP"),
        keys="".join(keys),
        left="LEFT" in named,
    )
