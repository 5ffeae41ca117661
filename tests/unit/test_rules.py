"""Rule files: right ones load, wrong ones are refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafile import DataFileError
from ivr.draw import draw_svg
from ivr.flow import load_flow, load_flows
from ivr.prompts import load_prompts
from routing.queues import load_agents, load_queues

ROOT = Path(__file__).parents[2]
QUEUES = load_queues(ROOT / "routing/queues.yaml")
PROMPTS = load_prompts().ids


def broken(tmp_path: Path, source: str, old: str, new: str) -> Path:
    text = (ROOT / source).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / Path(source).name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def line_of(path: Path, word: str) -> int:
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if word in line)


@pytest.mark.parametrize(
    ("old", "new", "word", "why"),
    [
        ("queue: consultation", "queue: nowhere", "nowhere", "unknown queue"),
        ("greeting: greeting", "greeting: hello", "greeting: hello", "no prompt"),
        ("enter: ticket-number", "enter: age", "enter: age", "unknown entry"),
        ("{label: 人工服务, queue: agents}", "{label: 人工服务, queue: help}", "keys:", "no key leads to a person"),
        ("silence_seconds: 5", "silence_seconds: 500", "silence_seconds", "less than or equal"),
        ("silence_seconds: 5", "silence_secs: 5", "silence_secs", "Extra inputs"),
        ("agent_queue: agents", "agent_queue: nobody", "agent_queue", "unknown queue"),
        ('  "0": {', '  "#": {', '"#"', "Input should be"),
        ("    queue: progress", "    queue: nowhere", "nowhere", "unknown queue"),
        ("\nkeys:", "\nkeys: [", "keys", ""),
        ("say: say-ticket", "say: say-tickets", "say-tickets", "no prompt"),
        ("invite: say-or-press", "invite: hello", "invite: hello", "no prompt"),
        ("again: say-again", "again: hello", "again: hello", "no prompt"),
        ("    help: {label: 求助, queue: help", "    help: {label: 求助, queue: aid", "queue: aid", "unknown queue"),
        ("    help: {label", "    aid: {label", "aid:", "Input should be"),
        (
            "enter: ticket-number, category: consultation}\n    agent",
            "enter: age}\n    agent",
            "enter: age",
            "unknown entry",
        ),
        (
            "    agent: {label: 人工服务, queue: agents}",
            "    agent: {label: 人工服务, end: true}",
            "end: true",
            "words do",
        ),
        ("    help: {label: 求助, queue: help", "    help: {label: 求助, end: false", "end: false", "one of queue"),
        ("  enabled: true", "  enabled: perhaps", "perhaps", "valid boolean"),
    ],
)
def test_a_faulty_flow_is_refused_by_line(tmp_path: Path, old: str, new: str, word: str, why: str) -> None:
    path = broken(tmp_path, "ivr/flows/12345.yaml", old, new)
    with pytest.raises(DataFileError) as error:
        load_flow(path, QUEUES, PROMPTS)
    assert why in str(error.value)
    assert str(error.value).startswith(f"{path}:")
    if why:
        assert error.value.line == line_of(path, word)


@pytest.mark.parametrize(
    ("prompt", "line"),
    [("confirm-report", "report:"), ("or-status", "status:"), ("ask-help", "help: {label: 求助, queue: help, c")],
)
def test_a_class_needs_its_prompts(tmp_path: Path, prompt: str, line: str) -> None:
    path = broken(tmp_path, "ivr/flows/12345.yaml", "  enabled: true", "  enabled: true")
    with pytest.raises(DataFileError, match=f"no prompt '{prompt}'") as error:
        load_flow(path, QUEUES, PROMPTS - {prompt})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert line in lines[error.value.line - 1]


def test_an_emergency_needs_its_announcement(tmp_path: Path) -> None:
    path = broken(tmp_path, "ivr/flows/12345.yaml", "  enabled: true", "  enabled: true")
    with pytest.raises(DataFileError, match="no prompt 'spoken-119'") as error:
        load_flow(path, QUEUES, PROMPTS - {"spoken-119"})
    assert error.value.line == line_of(path, "says:")


def test_a_flow_is_drawn_with_where_its_words_lead() -> None:
    prompts, names = load_prompts(), {name: queue.name for name, queue in QUEUES.items()}
    flow = load_flow(ROOT / "ivr/flows/12345.yaml", QUEUES, PROMPTS)
    assert flow.speech is not None
    drawn = draw_svg(flow, names, prompts.text)
    assert "举报 (report)" in drawn
    assert "请直接说出您的诉求" in drawn
    silent = flow.model_copy(update={"speech": flow.speech.model_copy(update={"enabled": False})})
    by_keys = draw_svg(silent, names, prompts.text)
    assert "(report)" not in by_keys
    assert by_keys == draw_svg(flow.model_copy(update={"speech": None}), names, prompts.text)
    assert "求助 (help)" in by_keys


def test_one_number_is_answered_by_one_flow(tmp_path: Path) -> None:
    text = (ROOT / "ivr/flows/12345.yaml").read_text(encoding="utf-8")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match="12345 is answered by another flow"):
        load_flows(tmp_path, QUEUES, PROMPTS)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("then: message", "then: agents", "round for ever"),
        ("then: agents", "then: nowhere", "unknown queue"),
        ("  agents:", "  common:", "is needed"),
        ("name: 咨询", 'name: "咨询;drop"', "match pattern"),
        ("name: 咨询", 'name: "a\\nb"', "match pattern"),
        ("strategy: ringall", "strategy: ring_all", "Input should be"),
        ("  help:", "  HELP:", "only a-z"),
    ],
)
def test_a_faulty_queue_file_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(DataFileError, match=why):
        load_queues(broken(tmp_path, "routing/queues.yaml", old, new))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"1001"', '"4001"', "four digits"),
        ("phone: browser", "phone: mobile", "'desk' or 'browser'"),
        ('"1001"', '"1101"', "emergency number"),
        ("{consultation: 0", "{consultations: 0", "unknown queue"),
        ("{consultation: 0", "{consultation: 99", "penalty"),
        ('"1002"', '"1001"', "stands here twice"),
    ],
)
def test_a_faulty_agent_file_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(DataFileError, match=why):
        load_agents(broken(tmp_path, "routing/agents.yaml", old, new), QUEUES)
