from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.tail import Cursor, Tail


def write(path: Path, *lines: str) -> None:
    with path.open("ab") as file:
        file.write("".join(line + "\n" for line in lines).encode())


def drain(tail: Tail, max_lines: int = 100) -> list[str]:
    found = []
    while True:
        batch = tail.read(max_lines)
        found += [line.text for line in batch.lines]
        if batch.at_end:
            return found


def age(path: Path, seconds: int) -> None:
    """File times order the rotated files; on a fast machine they would all be the same."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - seconds * 10**9))


def test_only_complete_lines_and_on_from_there(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text("one\ntwo\nthr")
    tail = Tail(log, Cursor())
    assert drain(tail) == ["one", "two"]
    write(log, "ee", "four")
    batch = tail.read(10)
    assert [(line.position, line.text) for line in batch.lines] == [(8, "three"), (14, "four")]
    assert batch.cursor.position == batch.cursor.offset == 19
    tail.close()


def test_no_file_yet(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "cel.csv", Cursor())
    assert drain(tail) == []
    write(tmp_path / "cel.csv", "one")
    assert drain(tail) == ["one"]
    tail.close()


def test_a_rotation_while_reading(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    write(log, "a1")
    tail = Tail(log, Cursor())
    assert drain(tail) == ["a1"]
    log.rename(tmp_path / "queue_log.0")
    write(tmp_path / "queue_log.0", "a2")  # Asterisk writes on until it opens the new one
    log.touch()
    assert drain(tail) == ["a2"]
    write(tmp_path / "queue_log.0", "a3")
    write(log, "b1")
    assert drain(tail) == ["a3", "b1"]
    tail.close()


@pytest.mark.parametrize(
    "names", [("cel.csv.3", "cel.csv.2", "cel.csv.1"), ("cel.csv-20261119", "cel.csv-20261120", "cel.csv-20261121")]
)
def test_several_rotations_while_nobody_read(tmp_path: Path, names: tuple[str, ...]) -> None:
    log = tmp_path / "cel.csv"
    write(log, "a1", "a2")
    tail = Tail(log, Cursor())
    cursor = tail.read(1).cursor
    tail.close()
    for number, name in enumerate(names):
        log.rename(tmp_path / name)
        age(tmp_path / name, 100 - number)
        write(log, f"{name} 1", f"{name} 2")
    (tmp_path / "cel.csv.9.gz").write_bytes(b"not a log")
    tail = Tail(log, cursor)
    expected = ["a2", *(f"{name} {n}" for name in names for n in (1, 2))]
    assert drain(tail, 2) == expected
    tail.close()


def test_the_first_reader_begins_at_the_oldest_file(tmp_path: Path) -> None:
    write(tmp_path / "cel.csv.1", "old")
    age(tmp_path / "cel.csv.1", 50)
    write(tmp_path / "cel.csv", "new")
    tail = Tail(tmp_path / "cel.csv", Cursor())
    assert drain(tail) == ["old", "new"]
    tail.close()


def test_the_file_read_half_way_was_deleted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "cel.csv"
    write(log, "a1", "a2")
    age(log, 50)
    tail = Tail(log, Cursor())
    cursor = tail.read(1).cursor
    tail.close()
    log.unlink()
    write(log, "b1")
    tail = Tail(log, cursor)
    batch = tail.read(10)
    assert batch.gaps == 1
    assert "is gone" in caplog.text
    assert [line.text for line in batch.lines] == ["b1"]
    assert drain(tail) == []
    tail.close()


@pytest.mark.parametrize("running", [True, False])
def test_copytruncate_is_detected_and_the_copy_read(tmp_path: Path, running: bool) -> None:
    log = tmp_path / "cel.csv"
    write(log, "a1", "a2")
    tail = Tail(log, Cursor())
    cursor = tail.read(1).cursor
    if not running:
        tail.close()
    shutil.copy2(log, tmp_path / "cel.csv.1")
    age(tmp_path / "cel.csv.1", 50)
    os.truncate(log, 0)
    write(log, "b")
    if not running:
        tail = Tail(log, cursor)
    assert drain(tail) == ["a2", "b"]
    tail.close()


def test_truncated_without_a_copy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "cel.csv"
    write(log, "a1", "a2")
    tail = Tail(log, Cursor())
    assert drain(tail) == ["a1", "a2"]
    os.truncate(log, 0)
    batch = tail.read(10)
    assert (batch.lines, batch.gaps) == ([], 1)
    assert "truncated" in caplog.text
    write(log, "c1")
    assert drain(tail) == ["c1"]
    tail.close()


def test_bad_bytes_and_long_lines_do_not_stop_it(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_bytes(b"one\n\xff\xfe\n" + b"x" * 5000 + b"\ntwo\n" + b"y" * 50_000)
    tail = Tail(log, Cursor(), max_line=100, chunk_bytes=1000)
    batch = tail.read(100)
    found, skipped = [line.text for line in batch.lines], batch.skipped
    while not batch.at_end:
        batch = tail.read(100)
        found += [line.text for line in batch.lines]
        skipped += batch.skipped
    assert found == ["one", "��", "two"]
    assert skipped == 2
    write(log, "end of y", "three")
    assert drain(tail) == ["three"]
    tail.close()


def test_half_a_line_at_the_end_of_a_rotated_file(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text("one\nhal")
    tail = Tail(log, Cursor())
    assert drain(tail) == ["one"]
    log.rename(tmp_path / "cel.csv.1")
    write(log, "two")
    assert drain(tail) == ["two"]
    batch = tail.read(1)
    assert batch.cursor.position == len("one\nhaltwo\n")
    tail.close()


@settings(deadline=None, max_examples=100)
@given(
    steps=st.lists(
        st.one_of(st.text("abc", max_size=5), st.sampled_from(["ROTATE", "READ", "RESTART", "DEAD READ"])), max_size=40
    ),
    max_lines=st.integers(1, 4),
)
def test_every_line_once_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], max_lines: int
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    log = folder / "cel.csv"
    tail, cursor = Tail(log, Cursor()), Cursor()
    written: list[str] = []
    found: list[str] = []
    rotated = 0
    for number, step in enumerate(steps):
        if step == "ROTATE" and log.exists():
            os.utime(log, ns=(rotated * 10**9, rotated * 10**9))
            rotated += 1
            log.rename(folder / f"cel.csv.{1000 - rotated}")
        elif step in ("READ", "DEAD READ"):
            batch = tail.read(max_lines)
            if step == "READ":
                found += [line.text for line in batch.lines]
                cursor = batch.cursor
            else:  # read, but died before it was written down
                tail.close()
                tail = Tail(log, cursor)
        elif step == "RESTART":
            tail.close()
            tail = Tail(log, cursor)
        elif step not in ("ROTATE", "READ", "RESTART", "DEAD READ"):
            written.append(f"{number} {step}")
            write(log, written[-1])
    assert found + drain(tail) == written
    tail.close()
