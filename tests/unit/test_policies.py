"""The regulations' rules: complete, word for word, and a faulty file is refused with file and line."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from datafile import DataFileError, Rule
from hotline.checks import check_policies
from tickets.originals import ORIGINALS, articles, contains, items
from tickets.policy import Basis, Policy
from tickets.policy_file import POLICIES, find_policy, load_policy, policy_names
from tickets.words import Category, Level, LimitKind, Obligation, State, SuperviseReason, Warning, chinese

ROOT = Path(__file__).parents[2]
NAMES = ["anhui-2021", "dalian-2015", "fuzhou-2007", "longnan-2021", "yangling-2018"]
COUNTS = {"dalian-2015": 32, "anhui-2021": 38, "yangling-2018": 26, "longnan-2021": 29, "fuzhou-2007": 13}
TABLE = re.compile(r"^\| (第\S+?条)(（重）)? \| (.+?) \| (.+?) \| (是|否) \| (.+?) \|$", re.MULTILINE)


def original(name: str) -> list[tuple[str, str]]:
    return articles((ORIGINALS / f"{name}.txt").read_text(encoding="utf-8"))


def lines(name: str) -> list[tuple[str, ...]]:
    """The table of one regulation in docs/regulations.md."""
    text = (ROOT / "docs/regulations.md").read_text(encoding="utf-8")
    section = re.search(rf"^## [^\n]*（{name}）$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    return TABLE.findall(section[1])


def bases(rule: Rule) -> list[Basis]:
    found = [rule] if isinstance(rule, Basis) else []
    for name in type(rule).model_fields:
        value = getattr(rule, name)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Rule):
                found += bases(part)
    return found


def broken(tmp_path: Path, name: str, old: str, new: str) -> Path:
    text = (POLICIES / f"{name}.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_five_are_there() -> None:
    assert policy_names() == NAMES
    assert [finding.ok for finding in check_policies()] == [True] * 5


@pytest.mark.parametrize("name", NAMES)
def test_originals_hold_every_article_in_order(name: str) -> None:
    found = [number for number, _ in original(name)]
    assert len(found) == COUNTS[name]
    assert all(body for _, body in original(name))
    numerals = "一二三四五六七八九"
    tens = [f"{t}十" if t else "" for t in ["", *numerals[1:3]]]
    counted = [*numerals, "十", *(f"十{n}" for n in numerals)]
    counted += [f"{ten}{n}" for ten in tens[1:] for n in ["", *numerals]]
    expected = [f"第{number}条" for number in counted]
    if name == "longnan-2021":
        expected.insert(27, "第二十七条")
    assert found == expected[: len(found)]


def test_longnan_keeps_both_articles_27() -> None:
    one, two = (body for number, body in original("longnan-2021") if number == "第二十七条")
    assert one.startswith("对承办单位的办理情况")
    assert two.startswith("诉求人应当依法行使")


def test_what_follows_the_heading_of_a_chapter_is_no_part_of_the_article_before() -> None:
    text = "第一条 甲\n第二章 乙\n第二條 丙:\n(一)丁;\n戊\n(二)己。\n"
    assert articles(text) == [("第一条", "甲"), ("第二条", "丙:\n(一)丁;\n戊\n(二)己。")]
    assert items(articles(text)[1][1]) == {"（一）": "丁;\n戊", "（二）": "己。"}


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_stands_word_for_word_in_its_article(name: str) -> None:
    policy = find_policy(name)
    bodies = original(name)
    rules = bases(policy)
    assert len(rules) > 20
    for rule in rules:
        there = [body for number, body in bodies if number == rule.article]
        assert there
        assert rule.own or rule.quote
        assert any(contains(body, rule.quote) for body in there), rule
        if rule.item:
            assert any(contains(items(body)[rule.item], rule.quote) for body in there), rule


@pytest.mark.parametrize("name", NAMES)
def test_scope_and_refusals_hold_every_item(name: str) -> None:
    policy = find_policy(name)
    bodies = dict(original(name))
    refused = items(bodies[policy.refusals.article])
    listed = [item for item in policy.refusals.items if item.basis is None]
    assert [item.item for item in listed] == list(refused)
    assert all(contains(refused[item.item], item.quote) for item in listed)
    scope = items(bodies[policy.scope.article])
    if scope:
        assert len(policy.scope.items) == len(scope)
        assert all(contains(body, text) for body, text in zip(scope.values(), policy.scope.items, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_one_line_for_each_article(name: str) -> None:
    table = lines(name)
    assert [line[0] for line in table] == [number for number, _ in original(name)]
    twice = [line[0] for index, line in enumerate(table) if line[1]]
    assert twice == (["第二十七条"] if name == "longnan-2021" else [])


@pytest.mark.parametrize("name", NAMES)
def test_an_article_that_a_rule_comes_from_has_an_effect_and_a_test(name: str) -> None:
    table = {line[0] + line[1]: line for line in lines(name)}
    order = list(table)
    for rule in bases(find_policy(name)):
        if not rule.own:
            assert table[rule.article][4] == "是", rule.article
    for article, line in table.items():
        effect, test = line[4], line[5].strip("`")
        if effect == "否":
            assert test == "—"
        elif test.startswith("tests/"):
            assert (ROOT / test).is_file()
        else:
            assert test == f"test_article_{order.index(article) + 1:02}"


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_that_the_page_names_are_there(name: str) -> None:
    code = (ROOT / f"tests/acceptance/test_{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    named = [test for line in lines(name) for test in re.findall(r"test_article_\w+", line[-1])]
    assert named
    assert [test for test in named if f"def {test}_" not in code] == []


def test_the_keys_on_the_page_are_keys_of_the_files() -> None:
    text = (ROOT / "docs/regulations.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([一-鿿]+)`", "".join("|".join(line) for name in NAMES for line in lines(name))))
    files = "".join((POLICIES / f"{name}.yaml").read_text(encoding="utf-8") for name in NAMES)
    assert words
    assert [word for word in words if word not in files] == []
    modules = re.findall(r"`((?:tickets|people|ivr|routing|hotline|tests)/[\w/.-]*)`", text)
    assert [module for module in modules if not (ROOT / module.replace("test_<regulation>.py", "")).exists()] == []


def test_every_word_has_its_chinese() -> None:
    kinds = (Category, State, Level, SuperviseReason, Obligation, Warning, LimitKind)
    assert [word for kind in kinds for word in kind if not chinese(word)] == []
    assert (chinese(Obligation.REWORK), chinese(State.REWORK)) == ("整改重办", "重办")


def test_limits_of_each_city_in_short() -> None:
    found = {
        name: {category: find_policy(name).completion(category).working_days for category in Category} for name in NAMES
    }
    order = ("consultation", "help", "complaint", "report", "suggestion", "other")
    assert {name: [days[Category(word)] for word in order] for name, days in found.items()} == {
        "dalian-2015": [2, 20, 20, 20, 20, 20],
        "anhui-2021": [3, 10, 10, 10, 10, 10],
        "yangling-2018": [3, 2, 5, 5, 5, 5],
        "longnan-2021": [2, 5, 5, 10, 5, 5],
        "fuzhou-2007": [10, 10, 10, 10, 10, 10],
    }
    assert find_policy("dalian-2015").effective == date(2015, 8, 18)


def test_who_is_rung_by_which_article() -> None:
    voice = {name: find_policy(name).rating.voice for name in NAMES}
    assert {name: None if basis is None else basis.cite for name, basis in voice.items()} == {
        "dalian-2015": "第二十一条",
        "anhui-2021": "第二十五条",
        "yangling-2018": "第十六条",
        "longnan-2021": "第十七条",
        "fuzhou-2007": None,
    }
    assert "不自动拨打" in find_policy("fuzhou-2007").rating.reading


@pytest.mark.parametrize(
    ("name", "old", "new", "at", "why"),
    [
        ("dalian-2015", "  条: 第二条\n", "  条: 第二條\n", "第二條", "String should match"),
        ("dalian-2015", "  条: 第二条\n", "  条: 第九十条\n", "第九十条", "原文没有第九十条"),
        ("dalian-2015", "统一受理、按责转办", "统一受理、随意转办", "随意转办", "没有这样的原文"),
        (
            "dalian-2015",
            "  条: 第二十四条\n",
            "  条: 第二十三条\n",
            "原文: 已办结并通过复核",
            "第二十三条没有这样的原文",
        ),
        ("dalian-2015", "城市: 大连市\n", "", "名称:", "Field required"),
        ("dalian-2015", "  工作日: 10\n", "  工作日: 10\n  小时: 8\n", "书面结果:", "只能写一个"),
        ("dalian-2015", "  小时: 2\n", "", "到场时限:", "缺工作日或小时"),
        ("dalian-2015", "  工作日: 10\n", "  工作日: 十\n", "工作日: 十", "valid integer"),
        (
            "dalian-2015",
            "[求助, 投诉, 举报, 建议]\n    工作日: 20",
            "[求助, 投诉, 举报]\n    工作日: 20",
            "办结时限:",
            "“建议”",
        ),
        (
            "dalian-2015",
            "[求助, 投诉, 举报, 建议]\n",
            "[咨询, 求助, 投诉, 举报, 建议]\n",
            "类别: [咨询, 求助, 投诉, 举报, 建议]\n    工作日: 20",
            "写了两次",
        ),
        ("dalian-2015", "类别: [求助,", "类别: [帮忙,", "帮忙", "只能是 咨询"),
        ("dalian-2015", "标识: petition", "标识: handled", "标识: handled\n      项: （十二）", "写了两次"),
        ("dalian-2015", "项: （十三）", "项: （十四）", "（十四）", "没有（十四）项"),
        ("dalian-2015", "    - 违反权力清单、", "    - 违反清单、", "违反清单", "没有这样的原文"),
        ("dalian-2015", "一级转办:\n", "一级:\n", "一级:", "Extra inputs"),
        ("dalian-2015", "dalian-2015.txt", "nowhere.txt", "nowhere.txt", "nowhere.txt"),
        ("dalian-2015", "dalian-2015.txt", "../policy.txt", "../policy.txt", "String should match"),
        ("dalian-2015", "归档:\n", "不得延期:\n  条: 第二十条\n  原文: 延期\n归档:\n", "不得延期:", "只能写一个"),
        ("fuzhou-2007", "不得延期:", "突发类不得延期:", "突发类不得延期:", "Extra inputs"),
        ("fuzhou-2007", "不得延期:", "一级转办:", "", "必须写一个"),
        ("fuzhou-2007", "  原文: 各承辦單位應按照下列程序辦理\n", "", "办理程序:", "缺原文"),
        (
            "fuzhou-2007",
            "各承辦單位應按照下列程序辦理",
            "各承办单位应按照下列程序办理",
            "各承办单位应",
            "没有这样的原文",
        ),
        ("anhui-2021", "      次数: 3\n", "", "情形: 同一人重复反映", "须写次数"),
        ("anhui-2021", "情形: 媒体曝光", "情形: 其他", "情形: 其他\n      条: 第二十条\n      项: （八）", "写了两次"),
        ("longnan-2021", "超期工作日: 4", "超期工作日: 2", "超期工作日: 2\n    催办: 承办单位主要领导", "逐级增加"),
        ("longnan-2021", "不得延期", "不得延长", "不得延长", "Extra inputs"),
        ("longnan-2021", "督办:\n", "督办: [\n", "", "expected"),
        ("longnan-2021", "督办:\n", "督办:\n  条: 第二十三条\n", "条: 第二十三条\n  原文: 市“五型”办对", "twice"),
    ],
)
def test_a_faulty_file_is_refused_by_line(tmp_path: Path, name: str, old: str, new: str, at: str, why: str) -> None:
    path = broken(tmp_path, name, old, new)
    with pytest.raises(DataFileError) as error:
        load_policy(path)
    assert why in str(error.value)
    text = path.read_text(encoding="utf-8")
    line = text[: text.index(at)].count("\n") + 1 if at else error.value.line
    assert str(error.value).startswith(f"{path}:{line}: ")


def test_without_an_original_quotes_are_not_compared_and_the_check_says_so(tmp_path: Path) -> None:
    path = broken(tmp_path, "dalian-2015", "原文文件: dalian-2015.txt", '原文文件: ""')
    path.write_text(path.read_text(encoding="utf-8").replace("按责转办", "随意转办"), encoding="utf-8")
    assert load_policy(path).procedure.quote.startswith("统一受理、随意转办")
    [finding] = check_policies(tmp_path)
    assert finding.ok
    assert "引文未核对" in finding.detail


def test_the_check_names_each_faulty_file(tmp_path: Path) -> None:
    assert [finding.ok for finding in check_policies(tmp_path)] == [False]
    broken(tmp_path, "dalian-2015", "城市: 大连市\n", "")
    broken(tmp_path, "anhui-2021", "      次数: 3\n", "")
    (tmp_path / "My City.yaml").write_text("名称: x\n", encoding="utf-8")
    found = list(check_policies(tmp_path))
    assert [finding.ok for finding in found] == [False] * 3
    assert all(f"{finding.what.removeprefix('policy ')}.yaml:" in finding.detail for finding in found)


@pytest.mark.parametrize("name", ["nowhere-2020", "../policies/dalian-2015", "dalian-2015\n", "", "Dalian-2015"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(LookupError, match="anhui-2021、dalian-2015"):
        find_policy(name)


def test_english_words_are_no_words_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="只能是"):
        load_policy(broken(tmp_path, "dalian-2015", "类别: [咨询]", "类别: [consultation]"))


def test_policies_are_frozen() -> None:
    policy: Policy = find_policy("dalian-2015")
    with pytest.raises(ValueError, match="frozen"):
        policy.city = "x"
