"""How long which call's recording is kept: to the second, by class, the longest of several."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from calls.retention import FILE, LOOK_AGAIN, LOOK_AGAIN_OPEN, CallClass, Facts, classes_of, judge, load_retention
from datafile import DataFileError
from tests.unit.recording_people import ARRIVED

RULES = load_retention()
FACTS = Facts(ARRIVED)
SECOND = timedelta(seconds=1)
OF = {
    CallClass.ORDINARY: FACTS,
    CallClass.ABANDONED: replace(FACTS, abandoned=True),
    CallClass.CALLBACK: replace(FACTS, via="callback"),
    CallClass.OUTGOING: replace(FACTS, via="outgoing"),
    CallClass.MESSAGE: replace(FACTS, message=True),
    CallClass.COMPLAINT: replace(FACTS, complaint=True),
    CallClass.DISPUTED: replace(FACTS, disputed=True),
    CallClass.EMERGENCY: replace(FACTS, emergency=True),
}


@pytest.mark.parametrize("of", list(CallClass))
def test_each_class_at_its_exact_moment(of: CallClass) -> None:
    facts = OF[of]
    assert classes_of(facts) == {of}
    days = RULES.classes[of].days
    assert days != "forever"
    end = ARRIVED + timedelta(days=days)
    before = judge(RULES, facts, end - SECOND)
    assert (before.of, before.over_at) == (of, end)
    assert before.look_at is not None
    assert before.look_at <= end
    assert judge(RULES, facts, end).look_at is None


def test_of_several_classes_the_longest_counts() -> None:
    facts = replace(FACTS, via="callback", complaint=True, message=True)
    assert classes_of(facts) == {CallClass.CALLBACK, CallClass.COMPLAINT, CallClass.MESSAGE}
    found = judge(RULES, facts, ARRIVED + timedelta(days=1200))
    assert (found.of, found.over_at) == (CallClass.COMPLAINT, ARRIVED + timedelta(days=1825))


def test_an_open_ticket_keeps_its_call() -> None:
    late = ARRIVED + timedelta(days=731)
    facts = replace(FACTS, ticket_open=True)
    assert judge(RULES, FACTS, late).look_at is None
    assert judge(RULES, facts, late).look_at == late + LOOK_AGAIN_OPEN
    assert judge(RULES.model_copy(update={"keep_while_ticket_open": False}), facts, late).look_at is None


def test_it_is_looked_at_whenever_a_class_is_over_and_now_and_then() -> None:
    """A dispute that is none any more goes with the next class, not after ten years."""
    facts = replace(FACTS, disputed=True)
    day = ARRIVED + timedelta(days=300)
    assert judge(RULES, facts, day).look_at == ARRIVED + timedelta(days=365)
    assert judge(RULES, facts, ARRIVED).look_at == ARRIVED + LOOK_AGAIN


def rules_file(tmp_path: Path, **changes: object) -> Path:
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    data["classes"] |= changes
    path = tmp_path / "retention.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def test_for_ever_is_for_ever(tmp_path: Path) -> None:
    rules = load_retention(rules_file(tmp_path, ordinary={"name": "普通", "days": "forever"}))
    found = judge(rules, FACTS, ARRIVED + timedelta(days=30_000))
    assert (found.of, found.over_at) == (CallClass.ORDINARY, None)
    assert found.look_at is not None
    both = judge(rules, replace(FACTS, emergency=True), ARRIVED)
    assert both.of is CallClass.EMERGENCY  # of the classes it has; an emergency is not ordinary, too
    assert rules.version != RULES.version


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ordinary": {"name": "普通", "days": 0}}, "ordinary"),
        ({"ordinary": {"name": "普通", "days": "later"}}, "ordinary"),
        ({"ordinary": {"name": "普通", "days": 1, "hours": 2}}, "ordinary"),
        ({"unheard-of": {"name": "x", "days": 1}}, "unheard-of"),
    ],
)
def test_a_faulty_file_says_where(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataFileError, match=rf"retention\.yaml:\d+: .*{words}"):
        load_retention(rules_file(tmp_path, **changes))


def test_every_class_has_a_rule(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("keep_while_ticket_open: true\nclasses: {ordinary: {name: a, days: 1}}\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="no rule for abandoned"):
        load_retention(path)
    assert "不是任何法律" in FILE.read_text(encoding="utf-8")
