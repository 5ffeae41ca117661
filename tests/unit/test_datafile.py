"""Rule files that are wrong: the place and what is wrong with it, whatever stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datafile import MAX_DEPTH, DataFile, DataFileError


def read(folder: Path, text: str) -> DataFile:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return DataFile(path)


def test_lines_are_known(tmp_path: Path) -> None:
    found = read(tmp_path, "一: 1\n二:\n  - 三: 3\n")
    assert found.data == {"一": 1, "二": [{"三": 3}]}
    assert found.line("二", 0, "三") == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("a: 1\na: 2\n", 2),
        ("a: 1\nb: 'c\n", 3),
        ("a: 1\nb: *nobody\n", 2),
        ("a: 1\nb: 2026-02-30\n", 2),
        ("a: &x [1, *x]\n", 1),
        ("a: 1\nb: " + "[" * 100_000, 2),
        ("- " * 50_000, 1),
        ("{a: " * 20_000, 1),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(DataFileError, match=rf"rules\.yaml:{line}: "):
        read(tmp_path, text)


def test_what_people_write_is_not_too_deep(tmp_path: Path) -> None:
    assert read(tmp_path, "[" * MAX_DEPTH + "]" * MAX_DEPTH).data
