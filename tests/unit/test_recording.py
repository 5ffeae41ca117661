from __future__ import annotations

import array
import hashlib
import os
import wave
from pathlib import Path

import pytest

from calls.recording import BadName, NotYet, convert, unfinished

ID = "hotline-1795296063.0"
FILE = f"2026/11/22/{ID}.raw"

OTHER = ID[:-1] + "9"


def put(root: Path, name: str, samples: list[int], *, quiet: bool = True) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(array.array("h", samples).tobytes())
    if quiet:
        os.utime(path, (1_795_296_000, 1_795_296_000))
    return path


def channels(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = array.array("h", file.readframes(file.getnframes()))
    return list(samples[0::2]), list(samples[1::2])


def test_an_interleaved_recording_gets_a_header(tmp_path: Path) -> None:
    raw = put(tmp_path, FILE, [1, -1, 2, -2, 3, -3])
    sound = convert(tmp_path, FILE)
    target = tmp_path / sound.path
    assert sound.path == f"2026/11/22/{ID}.wav"
    assert channels(target) == ([1, 2, 3], [-1, -2, -3])
    assert sound.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert (sound.bytes, sound.seconds) == (target.stat().st_size, 3 / 8000)
    assert not raw.exists()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_the_raw_file_becomes_the_next_wav_file(tmp_path: Path) -> None:
    spare = tmp_path / ".spare-0"
    inode = put(tmp_path, FILE, [1, -1] * 50_000).stat().st_ino
    convert(tmp_path, FILE, spare)
    assert (spare.stat().st_ino, spare.stat().st_size) == (inode, 0)
    put(tmp_path, FILE.replace(ID, OTHER), [5, 6])
    target = tmp_path / convert(tmp_path, FILE.replace(ID, OTHER), spare).path
    assert (target.stat().st_ino, target.stat().st_mode & 0o777) == (inode, 0o640)
    assert channels(target) == ([5], [6])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, 2, 3], [4], ([1, 2, 3], [4, 0, 0])),
        ([1], [4, 5, 6], ([1, 0, 0], [4, 5, 6])),
        ([1, 2], None, ([1, 2], [0, 0])),
        (None, [4, 5], ([0, 0], [4, 5])),
        ([7] * 200_000, [8] * 199_999, ([7] * 200_000, [8] * 199_999 + [0])),
    ],
)
def test_two_files_of_an_older_asterisk(
    tmp_path: Path, left: list[int] | None, right: list[int] | None, expected: tuple[list[int], list[int]]
) -> None:
    for side, samples in (("in", left), ("out", right)):
        if samples is not None:
            put(tmp_path, f"2026/11/22/{ID}-{side}.raw", samples)
    sound = convert(tmp_path, FILE)
    assert channels(tmp_path / sound.path) == expected
    assert not list(tmp_path.rglob("*.raw"))


def test_an_empty_and_a_torn_recording(tmp_path: Path) -> None:
    put(tmp_path, FILE, [])
    assert convert(tmp_path, FILE).seconds == 0.0
    path = put(tmp_path, FILE, [1, 2])
    path.write_bytes(path.read_bytes() + b"x")
    os.utime(path, (1_795_296_000, 1_795_296_000))
    assert channels(tmp_path / convert(tmp_path, FILE).path) == ([1], [2])


def test_whoever_died_after_converting_is_taken_on(tmp_path: Path) -> None:
    put(tmp_path, FILE, [1, 2, 3, 4])
    assert convert(tmp_path, FILE) == convert(tmp_path, FILE)


def test_what_a_killed_conversion_left_is_written_over(tmp_path: Path) -> None:
    left = put(tmp_path, f"2026/11/22/{ID}.wav.part", [9] * 1000)
    put(tmp_path, FILE, [1, 2])
    assert channels(tmp_path / convert(tmp_path, FILE).path) == ([1], [2])
    assert not left.exists()


def test_a_file_still_being_written_waits(tmp_path: Path) -> None:
    raw = put(tmp_path, FILE, [1, 2], quiet=False)
    with pytest.raises(NotYet):
        convert(tmp_path, FILE)
    assert raw.exists()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path, FILE)


@pytest.mark.parametrize(
    "file",
    [
        "",
        ID + ".raw",
        f"../{FILE}",
        f"2026/11/22/../22/{ID}.raw",
        f"2026/11/22/{ID}.wav",
        f"2026/11/22/{ID}.raw\n",
        "2026/11/22/passwd.raw",
        f"/{FILE}",
        f"2026/11/22/{ID}\0.raw",
        f"２０２６/11/22/{ID}.raw",
    ],
)
def test_only_our_own_names_reach_the_disk(tmp_path: Path, file: str) -> None:
    with pytest.raises(BadName):
        convert(tmp_path, file)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path, "secret", [1, 2])
    (tmp_path / "2026/11/22").mkdir(parents=True)
    (tmp_path / FILE).symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        convert(tmp_path, FILE)


def test_a_failed_conversion_keeps_the_raw_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = put(tmp_path, FILE, [1, 2])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calls.recording.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        convert(tmp_path, FILE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [raw]


def test_files_left_behind(tmp_path: Path) -> None:
    put(tmp_path, f"2026/01/01/{ID}.raw", [1])
    put(tmp_path, f"2026/11/21/{ID}1-in.raw", [1])
    put(tmp_path, f"2026/11/21/{ID}1-out.raw", [1])
    put(tmp_path, f"2026/11/22/{ID}2.raw", [1], quiet=False)
    put(tmp_path, "2026/11/22/other.raw", [1])
    put(tmp_path, f"2026/11/22/{ID}3.wav", [1])
    assert unfinished(tmp_path, days=2, older_than=60) == {f"{ID}1": f"2026/11/21/{ID}1.raw"}
