"""A policy in words: one fact a rule, to be read one after the other or beside another city's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from datafile import Rule
from tickets.policy import (
    Accountability,
    Basis,
    CategoryLimit,
    Duty,
    NotAccepted,
    Policy,
    Scope,
    Secrecy,
    Trigger,
    WarningStep,
)
from tickets.words import chinese

_ABOUT = frozenset(Basis.model_fields)
_UNITS = {"working_days": "个工作日", "hours": "小时"}


@dataclass(frozen=True)
class Fact:
    """``value``: what is set, in words; empty where the rule is just its quote."""

    key: str
    value: str
    cite: str
    quote: str
    reading: str

    @property
    def text(self) -> str:
        return self.value or self.quote or "有"


def facts(policy: Policy) -> Iterator[Fact]:
    """In the order of the model. Of several with one key the later ones are numbered."""
    times: Counter[str] = Counter()
    for fact in _all(policy):
        times[fact.key] += 1
        number = times[fact.key]
        yield fact if number == 1 else replace(fact, key=f"{fact.key}·{number}")


def _all(policy: Policy) -> Iterator[Fact]:
    for name, field in Policy.model_fields.items():
        value, key = getattr(policy, name), str(field.alias)
        if isinstance(value, Basis):
            yield from _facts(key, value)
        elif isinstance(value, list):
            for part in value:
                yield from _part(key, part)


def plain(value: object) -> Any:
    """As the file has it: Chinese keys and words, without what is not set."""
    if isinstance(value, Rule):
        parts = {str(field.alias): getattr(value, name) for name, field in type(value).model_fields.items()}
        return {key: plain(part) for key, part in parts.items() if part is not None and part != [] and part != ""}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, StrEnum):
        return chinese(value)
    return value.isoformat() if isinstance(value, date) else value


def _facts(key: str, rule: Basis) -> Iterator[Fact]:
    yield Fact(key, _value(rule), rule.cite + rule.item, rule.quote, rule.reading)
    yield from _inside(key, rule)


def _inside(key: str, rule: Rule) -> Iterator[Fact]:
    if isinstance(rule, Scope):
        for number, text in enumerate(rule.items, start=1):
            yield Fact(f"{key}·{number}", text, rule.cite, "", "")
        return
    for name, field in type(rule).model_fields.items():
        value = getattr(rule, name)
        if isinstance(value, Basis):
            yield from _facts(f"{key}·{field.alias}", value)
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, NotAccepted):
                    yield from _refusal(key, rule, part)
                elif isinstance(part, Rule):
                    yield from _part(key, part)


def _part(key: str, part: Rule) -> Iterator[Fact]:
    """One of several rules of a kind, called after what tells it apart."""
    if isinstance(part, CategoryLimit):
        for category in part.categories:
            yield from _facts(f"{key}·{chinese(category)}", part)
    elif isinstance(part, Trigger):
        yield from _facts(f"{key}·{chinese(part.reason)}", part)
    elif isinstance(part, WarningStep):
        yield from _facts(f"{key}·{chinese(part.warning)}", part)
    elif isinstance(part, Duty | Accountability):
        yield from _facts(f"{key}·{part.at}", part)
    elif isinstance(part, Secrecy):
        for measure in part.measures:
            yield Fact(f"{key}·{measure}", "", part.cite + part.item, part.quote, part.reading)


def _refusal(key: str, refusals: Rule, item: NotAccepted) -> Iterator[Fact]:
    basis = item.basis or refusals
    assert isinstance(basis, Basis)
    yield Fact(f"{key}·{item.id}", "", basis.cite + item.item, item.quote, basis.reading if item.basis else "")
    hints = [f"词：{'、'.join(item.words)}"] if item.words else []
    if item.when is not None:
        hints.append(f"条件：{item.when}")
    if hints:
        yield Fact(f"{key}·{item.id}·提示", "，".join(hints), basis.cite + item.item, "", "")
    if item.tell is not None:
        yield from _facts(f"{key}·{item.id}·告知", item.tell)


def _value(rule: Basis) -> str:
    told_by_key = {"categories"} if isinstance(rule, CategoryLimit) else {"reason", "warning", "at", "items"}
    parts = []
    for name, field in type(rule).model_fields.items():
        value = getattr(rule, name)
        if name in _ABOUT or name in told_by_key or value is None or value is False or value in ("", [], 0):
            continue
        if isinstance(value, Rule) or (isinstance(value, list) and isinstance(value[0], Rule)):
            continue
        parts.append(_word(name, str(field.alias), value))
    return "，".join(parts)


def _word(name: str, alias: str, value: object) -> str:
    if value is True:
        return alias
    if isinstance(value, list):
        return f"{alias}：" + "、".join(_one(part) for part in value)
    if name in ("working_days", "hours"):
        return f"{value}{_UNITS[name]}"
    return f"{alias}：{_one(value)}"


def _one(value: object) -> str:
    if isinstance(value, StrEnum):
        return chinese(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
