"""Sounds at rest: sealed in pieces, opened in parts, and refused when anything about them was changed."""

from __future__ import annotations

import hashlib
import os
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from calls.recording import convert
from calls.recording_files import check, digest, kept_of, remove, take_in_clip
from calls.recording_seal import PIECE, Damaged, Keys, LostKey, Seal, key_of, open_sound, seal_file
from tests.unit.recording_people import DAY, KEYS, NEW_KEYS, call_id, put_raw

FILE = f"{DAY}/{call_id(1)}.raw"
SIZES = [0, 1, 44, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17]


def sealed(folder: Path, content: bytes, name: str = "a.wav", keys: Keys = KEYS) -> Path:
    path = folder / name
    path.write_bytes(content)
    seal_file(path, keys)
    return path


def content_of(size: int) -> bytes:
    return hashlib.shake_128(b"sound").digest(size)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_whole_and_in_parts(tmp_path: Path, size: int) -> None:
    content = content_of(size)
    path = sealed(tmp_path, content)
    assert content[:64] not in path.read_bytes() or size < 8
    with open_sound(path, KEYS, sealed=True) as file:
        assert file.read() == content
        for start in {0, 1, size // 2, max(0, size - 1), size, PIECE - 1, PIECE, PIECE + 1}:
            file.seek(start)
            assert file.read(1000) == content[start : start + 1000]
        assert file.seek(0, os.SEEK_END) == size
    assert [one.name for one in tmp_path.iterdir()] == ["a.wav"]


def test_two_files_with_the_same_sound_look_different(tmp_path: Path) -> None:
    content = content_of(500)
    first, second = (sealed(tmp_path, content, name).read_bytes() for name in ("a.wav", "b.wav"))
    assert first[40:] != second[40:]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:], id="salt"),
        pytest.param(lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:], id="size"),
        pytest.param(lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], id="sound"),
        pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 1]), id="tag"),
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data[: -PIECE - 16], id="a piece less"),
        pytest.param(lambda data: data + b"\0", id="longer"),
        pytest.param(lambda data: data[:20], id="header"),
        pytest.param(lambda data: data[:5], id="nothing"),
        pytest.param(
            lambda data: data[:32] + data[32 + PIECE + 16 : 32 + 2 * (PIECE + 16)] + data[32 : 32 + PIECE + 16]
            + data[32 + 2 * (PIECE + 16) :],
            id="swapped",
        ),
    ],
)  # fmt: skip
def test_what_was_changed_does_not_open(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = sealed(tmp_path, content_of(3 * PIECE))
    assert len(path.read_bytes()) == 32 + 3 * (PIECE + 16)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Damaged), open_sound(path, KEYS) as file:
        file.read()


def test_neither_under_another_name_nor_with_another_key_nor_open(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"sound")
    other = path.rename(tmp_path / "b.wav")
    with pytest.raises(Damaged, match="another name"):
        open_sound(other, KEYS)
    path = other.rename(path)
    with pytest.raises(LostKey, match=r"a\.wav: sealed with key old, which is not in /etc/keys"):
        open_sound(path, Keys({"new": bytes(32)}, "/etc/keys"))
    with pytest.raises(Damaged):
        open_sound(path, Keys({"old": bytes(32)}))
    path.write_bytes(b"sound")
    with open_sound(path, KEYS) as file:
        assert file.read() == b"sound"
    with pytest.raises(Damaged, match="should be sealed"):
        open_sound(path, KEYS, sealed=True)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"sound")
    link = tmp_path / "c.wav"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        open_sound(link, KEYS)


def test_sealed_anew_with_a_new_key(tmp_path: Path) -> None:
    content = content_of(PIECE + 5)
    path = sealed(tmp_path, content)
    before = path.read_bytes()
    assert seal_file(path, KEYS) == "old"
    assert path.read_bytes() == before
    assert seal_file(path, NEW_KEYS) == key_of(path) == "new"
    with open_sound(path, NEW_KEYS) as file:
        assert file.read() == content
    with pytest.raises(LostKey):
        open_sound(path, KEYS)


def test_a_seal_takes_what_was_announced(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as out:
        with pytest.raises(ValueError, match="more"):
            Seal(out, "x", 1, KEYS).write(b"12")
        with pytest.raises(ValueError, match="less"):
            Seal(out, "x", 1, KEYS).finish()
    with pytest.raises(ValueError, match="32 bytes"):
        Keys({"short": b"1"})
    assert "old" in KEYS
    assert str(bytes(range(32))) not in repr(KEYS)


def test_a_recording_is_sealed_as_it_is_converted(tmp_path: Path) -> None:
    put_raw(tmp_path, 1, seconds=10)
    plain = convert(tmp_path, FILE)
    whole = (tmp_path / plain.path).read_bytes()
    (tmp_path / plain.path).unlink()
    put_raw(tmp_path, 1, seconds=10)
    spare = tmp_path / ".spare-0"
    spare.touch()
    made = convert(tmp_path, FILE, spare, KEYS)
    assert (made.sha256, made.bytes, made.seconds, made.key_id) == (plain.sha256, plain.bytes, plain.seconds, "old")
    path = tmp_path / made.path
    assert whole[1000:1064] not in path.read_bytes()
    with open_sound(path, KEYS, sealed=True) as file, wave.open(file, "rb") as sound:
        assert (sound.getnframes(), sound.getnchannels()) == (80_000, 2)
        sound.setpos(40_000)
        assert sound.readframes(100) == whole[44 + 160_000 : 44 + 160_400]
    # Whoever converted it died before writing it down.
    assert convert(tmp_path, FILE, None, KEYS) == made
    path.write_bytes(whole)
    assert convert(tmp_path, FILE, None, KEYS) == made
    assert key_of(path) == "old"


def test_a_message_is_taken_in_and_all_is_removed(tmp_path: Path) -> None:
    put_raw(tmp_path, 1, clip="message")
    sound = convert(tmp_path, FILE, None, KEYS)
    plain = (tmp_path / f"{DAY}/{call_id(1)}-message.wav").read_bytes()
    assert take_in_clip(tmp_path, FILE, "comment", KEYS) is None
    clip = take_in_clip(tmp_path, FILE, "message", KEYS)
    assert clip is not None
    assert (clip.sha256, clip.bytes, clip.key_id) == (hashlib.sha256(plain).hexdigest(), len(plain), "old")
    assert take_in_clip(tmp_path, FILE, "message", KEYS) == clip
    main, other = kept_of(sound.path, sound.sha256, sound.bytes, sound.key_id, [clip.as_json()])
    check(tmp_path, main, KEYS)
    assert digest(tmp_path, other, KEYS) == clip.sha256
    (tmp_path / FILE).write_bytes(b"again")
    assert remove(tmp_path, FILE) == 3
    assert not list((tmp_path / DAY).iterdir())
    assert remove(tmp_path, FILE) == 0
