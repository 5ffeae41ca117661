"""Read a regulation's rules from ``policies/*.yaml``, and see that they are complete and say what the original says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from datafile import DataFile, Location, Rule
from tickets.originals import ORIGINALS, articles, contains, items
from tickets.policy import Basis, CategoryLimit, Limit, NotAccepted, Policy, ReturnRule, Review, Scope
from tickets.words import Category, SuperviseReason, chinese

POLICIES = Path(__file__).parent / "policies"
_NAME = re.compile(r"[a-z0-9-]+")
_COUNTED = (SuperviseReason.REPEAT_PERSON, SuperviseReason.REPEAT_PEOPLE)


def policy_names(folder: Path = POLICIES) -> list[str]:
    """All of them, also one whose name no command takes: ``hotline check`` is to say so."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def find_policy(name: str) -> Policy:
    """The regulation called ``name``. Raises LookupError naming the known ones, or DataFileError."""
    if not _NAME.fullmatch(name) or name not in policy_names():
        raise LookupError(f"没有名为 {name[:50]!r} 的规定（no such policy）；现有：{'、'.join(policy_names())}")
    return load_policy(POLICIES / f"{name}.yaml")


def load_policy(path: Path, originals: Path = ORIGINALS) -> Policy:
    """Raises :class:`datafile.DataFileError` for the first fault, with file and line."""
    file = DataFile(path)
    if not _NAME.fullmatch(path.stem):
        raise file.error("文件名只能用小写字母、数字和连字符：拼音-年份.yaml")
    policy = file.parse(Policy)
    rules = list(_rules(policy))
    for place, rule in rules:
        if isinstance(rule, Limit):
            _check_limit(file, place, rule)
    _check_choices(file, policy)
    _check_lists(file, policy)
    if policy.original:
        _check_original(file, policy, rules, originals)
    return policy


def _rules(rule: Rule, place: Location = ()) -> Iterator[tuple[Location, Rule]]:
    """``rule`` and all inside it, each with its place in the file."""
    yield place, rule
    for name, field in type(rule).model_fields.items():
        value = getattr(rule, name)
        inside = (*place, field.alias or name)
        if isinstance(value, Rule):
            yield from _rules(value, inside)
        elif isinstance(value, list):
            for index, part in enumerate(value):
                if isinstance(part, Rule):
                    yield from _rules(part, (*inside, index))


def _check_limit(file: DataFile, place: Location, rule: Limit) -> None:
    given = [unit for unit in (rule.working_days, rule.hours) if unit is not None]
    if len(given) > 1:
        raise file.error(f"{place[-1]}：工作日和小时只能写一个", *place)
    if not given and not isinstance(rule, ReturnRule | Review):
        raise file.error(f"{place[-1]}：缺工作日或小时", *place)


def _check_choices(file: DataFile, policy: Policy) -> None:
    for one, other, names in (
        (policy.extension, policy.no_extension, ("延期", "不得延期")),
        (policy.one_tier, policy.second_tier, ("一级转办", "二级转办")),
    ):
        if one is not None and other is not None:
            raise file.error(f"{names[0]}和{names[1]}只能写一个", names[1])
        if one is None and other is None:
            raise file.error(f"{names[0]}和{names[1]}必须写一个")


def _check_lists(file: DataFile, policy: Policy) -> None:
    _check_categories(file, "联系时限", policy.contact)
    _check_categories(file, "办结时限", policy.complete)
    for category in Category:
        if not any(category in limit.categories for limit in policy.complete):
            raise file.error(f"办结时限：缺“{chinese(category)}”类", "办结时限")
    _check_unique(file, [item.id for item in policy.refusals.items], "标识", "不予受理", "内容")
    _check_unique(file, [chinese(one.reason) for one in policy.supervision.triggers], "情形", "督办", "情形")
    for index, trigger in enumerate(policy.supervision.triggers):
        if trigger.automatic and trigger.reason in _COUNTED and trigger.times is None:
            raise file.error(f"{chinese(trigger.reason)}：自动的须写次数", "督办", "情形", index)
    for index, (before, after) in enumerate(zip(policy.warnings, policy.warnings[1:], strict=False), start=1):
        if after.after <= before.after:
            raise file.error("预警：超期工作日须逐级增加", "预警", index, "超期工作日")


def _check_categories(file: DataFile, key: str, limits: list[CategoryLimit]) -> None:
    seen: set[Category] = set()
    for index, limit in enumerate(limits):
        for category in limit.categories:
            if category in seen:
                raise file.error(f"{key}：“{chinese(category)}”类写了两次", key, index, "类别")
            seen.add(category)


def _check_unique(file: DataFile, values: list[str], name: str, *place: str) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise file.error(f"{name} {value} 写了两次", *place, index, name)


def _check_original(file: DataFile, policy: Policy, rules: list[tuple[Location, Rule]], originals: Path) -> None:
    path = originals / policy.original
    try:
        original = articles(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise file.error(f"原文文件：{error}", "原文文件") from error
    for place, rule in rules:
        if isinstance(rule, Basis):
            _check_quote(file, original, place, rule.article, rule.item, rule.quote)
            if not rule.quote and not rule.own:
                raise file.error(f"{_name(place)}：缺原文（原文没有规定的，写“本项目规定: true”）", *place)
        if isinstance(rule, Scope):
            for index, text in enumerate(rule.items):
                _check_quote(file, original, (*place, "内容", index), rule.article, "", text)
        if isinstance(rule, NotAccepted):
            article = rule.basis.article if rule.basis else policy.refusals.article
            _check_quote(file, original, place, article, rule.item, rule.quote)


def _check_quote(
    file: DataFile, original: list[tuple[str, str]], place: Location, article: str, item: str, quote: str
) -> None:
    bodies = [body for number, body in original if number == article]
    if not bodies:
        raise file.error(f"{_name(place)}：原文没有{article}", *place, "条")
    if item:
        bodies = [found[item] for body in bodies if item in (found := items(body))]
        if not bodies:
            raise file.error(f"{_name(place)}：{article}没有{item}项", *place, "项")
    if not any(contains(body, quote) for body in bodies):
        raise file.error(f"{_name(place)}：{article}{item}没有这样的原文：{quote}", *place, "原文")


def _name(place: Location) -> str:
    return ".".join(str(part) for part in place)
