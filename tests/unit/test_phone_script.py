from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phone.script import CommandError, Script, parse_script


def test_an_empty_script_only_talks() -> None:
    assert parse_script({}) == Script()


def test_a_script_is_read(tmp_path: Path) -> None:
    script = parse_script({"keys": "1", "record": str(tmp_path / "o.wav"), "for": 3, "answer_after": 1, "code": 486})
    assert [press.digit for press in script.keys] == ["1"]
    assert (script.record, script.seconds, script.answer_after, script.code) == (tmp_path / "o.wav", 3.0, 1.0, 486)


@pytest.mark.parametrize(
    "command",
    [
        {"keys": 1},
        {"keys": "?"},
        {"for": -1},
        {"for": "3"},
        {"for": True},
        {"tone": 5000},
        {"code": 100},
        {"record": "/nowhere/at/all.wav"},
        {"say": "/nowhere.wav"},
        {"loop": 1},
    ],
)
def test_wrong_values_are_refused(command: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        parse_script(command)
