"""``hotline policy``: list, show, compare, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from datafile import Rule
from hotline.cli import main
from hotline.cli._policy_text import facts
from tickets.policy import Basis
from tickets.policy_file import POLICIES, find_policy, policy_names


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["policy", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def data(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_list() -> None:
    assert [one["name"] for one in data("list")] == policy_names()
    assert data("list")[1] == {
        "name": "dalian-2015",
        "city": "大连市",
        "title": "大连市政府12345市民服务平台投诉举报处理办法",
        "number": "大政发〔2015〕30号",
        "effective": "2015-08-18",
    }
    assert "大连市政府12345市民服务平台投诉举报处理办法" in run("list")


@pytest.mark.parametrize("name", policy_names())
def test_show_as_data_is_the_file(name: str) -> None:
    written = yaml.safe_load((POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))
    shown = data("show", name)
    assert shown["办结时限"][0]["类别"] == written["办结时限"][0]["类别"]
    assert shown["施行日期"] == written["施行日期"].isoformat()
    assert set(written) <= set(shown)


@pytest.mark.parametrize("name", policy_names())
def test_show_leaves_out_no_rule(name: str) -> None:
    def count(rule: Rule) -> set[tuple[str, str]]:
        found = {(rule.article, rule.quote)} if isinstance(rule, Basis) and rule.quote else set()
        for field in type(rule).model_fields:
            value = getattr(rule, field)
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Rule):
                    found |= count(part)
        return found

    text = run("show", name)
    policy = find_policy(name)
    missing = {quote for _, quote in count(policy) if quote not in text}
    assert missing == set()
    assert all(item.quote in text for item in policy.refusals.items)
    assert all(item in text for item in policy.scope.items)
    keys = [fact.key for fact in facts(policy)]
    assert len(keys) == len(set(keys))


def test_show_reads_as_sentences() -> None:
    text = run("show", "dalian-2015")
    assert "办结时限·投诉  20个工作日  〔第十八条〕" in text
    assert "办结时限·其他  20个工作日  〔本项目规定（参照第十八条）〕" in text
    assert "到场时限  2小时  〔第十九条〕" in text
    assert "    读法：自市民提出要求起算。" in text


def test_compare_shows_what_differs() -> None:
    rules = {rule["rule"]: rule for rule in data("compare", "dalian-2015", "fuzhou-2007")["rules"]}
    assert rules["办结时限·投诉"]["a"]["value"] == "20个工作日"
    assert rules["办结时限·投诉"]["b"]["value"] == "10个工作日"
    assert rules["到场时限"]["b"] is None
    assert rules["二级转办·县区转办时限"]["a"] is None
    assert "审核" not in rules, "both have two working days"
    everything = data("compare", "dalian-2015", "fuzhou-2007", "--all")["rules"]
    assert len(everything) > len(rules)
    assert len({rule["rule"] for rule in everything}) == len(everything)
    assert data("compare", "anhui-2021", "anhui-2021")["rules"] == []
    text = run("compare", "dalian-2015", "anhui-2021")
    assert "20个工作日〔第十八条〕" in text
    assert "10个工作日〔第十七条（二）〕" in text


def test_check_file(tmp_path: Path) -> None:
    good = POLICIES / "dalian-2015.yaml"
    assert run("check", str(good)) == "完整\n"
    text = good.read_text(encoding="utf-8")
    copy = tmp_path / "mine-2027.yaml"
    copy.write_text(text.replace("dalian-2015.txt", '""'), encoding="utf-8")
    assert run("check", str(copy)) == "完整（没有原文文件，引文未核对）\n"
    assert data("check", str(copy)) == {"ok": True, "error": "", "note": "没有原文文件，引文未核对"}
    copy.write_text(text.replace("工作日: 10\n", "工作日: 0\n"), encoding="utf-8")
    line = text[: text.index("工作日: 10\n")].count("\n") + 1
    assert run("check", str(copy), code=1).startswith(f"{copy}:{line}: 书面结果.工作日: ")
    assert json.loads(run("check", str(copy), "--json", code=1))["ok"] is False


@pytest.mark.parametrize("verb", [["show", "nowhere"], ["compare", "dalian-2015", "../x"]])
def test_an_unknown_name_is_one_line(verb: list[str]) -> None:
    output = run(*verb, code=1)
    assert "dalian-2015" in output
    assert len(output.strip().splitlines()) == 1
