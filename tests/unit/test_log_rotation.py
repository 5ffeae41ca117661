from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.store import Progress, advance, load_cursor
from calls.tail import Cursor, Tail
from hotline import log_rotation
from hotline.asterisk import AsteriskError
from hotline.log_rotation import KEEP_SECONDS, MAX_BYTES, NEARLY_READ, LogFile, Rotation, is_due, to_delete

BIG = MAX_BYTES + 10
NOW = 1_795_296_000.0


def seen(inode: int, *, size: int = BIG, age: float = 0.0) -> LogFile:
    return LogFile(Path(f"cel.csv.{inode}"), size, int((NOW - age) * 1e9), 1, inode)


@pytest.mark.parametrize(
    ("size", "cursor", "due"),
    [
        (MAX_BYTES, None, False),
        (BIG, None, True),
        (BIG, Cursor(device=1, inode=5, offset=BIG), True),
        (BIG, Cursor(device=1, inode=5, offset=BIG - NEARLY_READ), True),
        (BIG, Cursor(device=1, inode=5, offset=BIG - NEARLY_READ - 1), False),
        (BIG, Cursor(device=1, inode=4, offset=BIG), False),  # still in the file before
        (MAX_BYTES, Cursor(device=1, inode=5, offset=MAX_BYTES), False),
    ],
)
def test_only_a_large_file_that_is_nearly_read_is_renamed(size: int, cursor: Cursor | None, due: bool) -> None:
    assert is_due(seen(5, size=size), cursor) is due


def test_only_what_was_read_long_ago_is_deleted_and_the_newest_never() -> None:
    week = KEEP_SECONDS
    rotated = [seen(1, age=week + 9), seen(2, age=week + 5), seen(3, age=week - 5), seen(4, age=10)]
    here = Cursor(device=1, inode=9, modified_ns=int(NOW * 1e9))
    assert to_delete(rotated, here, NOW) == rotated[:2]
    in_second = Cursor(device=1, inode=2, modified_ns=rotated[1].modified_ns)
    assert to_delete(rotated, in_second, NOW) == rotated[:1]
    assert to_delete(rotated, Cursor(), NOW) == []  # nothing read yet
    assert to_delete(rotated[:1], here, NOW) == []
    assert to_delete([], here, NOW) == []


def test_of_what_nobody_reads_three_are_kept() -> None:
    rotated = [seen(number) for number in range(5)]
    assert to_delete(rotated, None, NOW) == rotated[:2]
    assert to_delete(rotated[:3], None, NOW) == []


async def test_files_are_renamed_and_asterisk_is_told_until_it_hears(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = 0

    async def reopen() -> None:
        nonlocal told
        told += 1
        if told == 1:
            raise AsteriskError("away")

    monkeypatch.setattr(log_rotation, "MAX_BYTES", 10)
    names = ("cel.csv", "queue_log", "messages.log")
    for name in names:
        (tmp_path / name).write_text("line one of it\n")
    old = tmp_path / "cel.csv.20200101T000000Z"
    foreign = tmp_path / "cel.csv.1"
    for path in (old, foreign):
        path.write_text("read long ago\n")
        os.utime(path, (1_577_836_800, 1_577_836_800))
    cel, queue_log, messages = (tmp_path / name for name in names)
    rotation = Rotation(engine, cel, queue_log, messages, reopen)
    tail = Tail(tmp_path / "cel.csv", Cursor())
    while not tail.read(100).at_end:
        pass
    async with engine.begin() as connection:
        await load_cursor(connection, "cel")
        await advance(connection, [Progress("cel", 0, tail.cursor)])
    with pytest.raises(AsteriskError):
        await rotation.look()
    assert (tmp_path / "queue_log").exists()  # not read yet
    assert not (tmp_path / "cel.csv").exists()
    assert not (tmp_path / "messages.log").exists()
    assert not old.exists()
    assert foreign.exists()
    await rotation.look()
    await rotation.look()
    assert told == 2
    (tmp_path / "cel.csv").write_text("line two\n")
    batch = Tail(tmp_path / "cel.csv", tail.cursor)
    assert [line.text for _ in range(3) for line in batch.read(100).lines] == ["line two"]
    batch.close()
    tail.close()
