"""Survey files: right ones load, wrong ones are refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafile import DataFileError
from ivr.prompts import load_prompts
from ivr.survey_file import LEVELS, load_survey, load_surveys, read_scale
from routing.queues import load_queues
from tickets.words import Level, chinese

FOLDER = Path(__file__).parents[2] / "ivr/surveys"
QUEUES = load_queues(Path(__file__).parents[2] / "routing/queues.yaml")
TEXTS = load_prompts().texts.prompts


def test_the_surveys_of_the_hotline() -> None:
    surveys = load_surveys(FOLDER, QUEUES, TEXTS)
    assert sorted(surveys) == ["missed", "opinion", "satisfaction"]
    assert list(surveys["satisfaction"].questions) == ["solved", "satisfaction"]
    for survey in surveys.values():
        opening = TEXTS[survey.opening]
        assert opening.startswith("您好，这里是12345")
        assert opening.endswith("本次通话将被录音。")


def test_levels_are_those_of_the_regulations() -> None:
    assert list(LEVELS.items()) == [(level.value, chinese(level)) for level in Level]


@pytest.mark.parametrize(
    ("survey", "old", "new", "word", "why"),
    [
        ("satisfaction", "opening: survey-satisfaction", "opening: hello", "opening", "no prompt 'hello'"),
        ("satisfaction", "opening: survey-satisfaction", "opening: goodbye", "opening", "does not say '录音'"),
        ("satisfaction", "keys: survey-keys", "keys: survey-say", "keys", "does not say '按0'"),
        ("satisfaction", "queue: agents", "queue: nobody", "nobody", "unknown queue"),
        ("satisfaction", "emergency_queue: emergency", "emergency_queue: fire", "fire", "unknown queue"),
        ("satisfaction", "comment: survey-comment", "comment: hello", "comment", "no prompt"),
        ("satisfaction", 'value: "no"', "value: maybe", "answers", "yes and no"),
        ("satisfaction", "未解决, 没解决", "未解决, 已解决", "answers", "stands here twice"),
        ("satisfaction", '"2":', '"8":', '"8"', "Input should be"),
        ("satisfaction", '"2":', '"3":', '"3"', "does not say '按3'"),
        ("satisfaction", "[very_satisfied, satisfied, ", "[good, ", "scale", "Input should be"),
        ("satisfaction", "[very_satisfied, satisfied, ", "[satisfied, satisfied, ", "scale", "each once"),
        ("satisfaction", "    scale: [", "    scales: [", "scales", "Extra inputs"),
        ("satisfaction", "  solved:", "  Solved:", "Solved", "String should match"),
        ("satisfaction", "silence_seconds: 5", "silence_seconds: 60", "silence_seconds", "less than or equal"),
        ("missed", 'value: "no"', 'value: "yes"', "answers", "two answers of the same value"),
        ("opinion", "  service:\n", "  satisfaction:\n    answers: {}\n", "satisfaction", "one of answers or scale"),
        ("opinion", "survey-ask-improve", "survey-ask-called", '"3"', "does not say '按3'"),
    ],
)
def test_wrong_ones_are_refused(tmp_path: Path, survey: str, old: str, new: str, word: str, why: str) -> None:
    text = (FOLDER / f"{survey}.yaml").read_text(encoding="utf-8")
    assert old in text
    if new.startswith("  satisfaction"):
        text = text.replace("    scale: [", "    # [")
    path = tmp_path / f"{survey}.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataFileError) as error:
        load_survey(path, QUEUES, TEXTS)
    line = int(str(error.value).split(":")[1])
    assert why in str(error.value)
    assert word in path.read_text(encoding="utf-8").splitlines()[line - 1], str(error.value)


def test_no_survey_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="nobody could be asked"):
        load_surveys(tmp_path, QUEUES, TEXTS)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("satisfied-dissatisfied", ("satisfied", "dissatisfied")),
        ("-".join(LEVELS), tuple(LEVELS)),
        ("", ()), ("satisfied", ()), ("satisfied-satisfied", ()), ("satisfied-good", ()), ("-", ()),
        ("satisfied-dissatisfied-", ()), ("SATISFIED-dissatisfied", ()), ("satisfied dissatisfied", ()),
        ("-".join([*LEVELS, "satisfied"]), ()),
    ],
)  # fmt: skip
def test_the_scale_that_a_call_brings(text: str, levels: tuple[str, ...]) -> None:
    assert read_scale(text) == levels
