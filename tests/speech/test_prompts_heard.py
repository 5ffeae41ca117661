"""Every recorded prompt, written down by the real Whisper: what the command says is what is asked for."""

from __future__ import annotations

import pytest

from ivr.hearing import lines
from ivr.prompts import load_prompts
from tests.speech.whisper import need_whisper
from tests.unit.command_line import answer, hotline


@pytest.mark.timeout(600)
def test_prompts_are_understood() -> None:
    need_whisper()
    found = answer("prompts", "hear")
    texts = load_prompts().texts
    assert [tuple(row["prompts"]) for row in found["lines"]] == [line.prompts for line in lines(texts)]
    assert found["totals"]["prompts"] >= 0.90
    assert found["totals"]["all"] >= 0.90


@pytest.mark.timeout(300)
def test_one_prompt() -> None:
    need_whisper()
    result = hotline("prompts", "hear", "--only", "goodbye")
    assert result.exit_code == 0, result.output
    assert "[1/1] 100%  感谢您的来电，再见。" in result.output


def test_a_prompt_that_is_not_there() -> None:
    result = hotline("prompts", "hear", "--only", "nonsense")
    assert result.exit_code == 1
    assert "no such prompt: nonsense" in result.output
