"""A container's health check: whom it kills, and whom it leaves time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker import health
from hotline.parts import Part

MODULE = "tests.no_such_server"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a server, and never answers."""
    monkeypatch.setattr(health, "MISSED", tmp_path / "missed")
    monkeypatch.setattr(health, "ANSWERED", tmp_path / "answered")
    monkeypatch.setattr(health, "load_settings", lambda: None)
    answer(monkeypatch, False)
    # What is behind the code are its own arguments only.
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "-m", MODULE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert health.processes(MODULE) == [process.pid]
        yield process
        process.kill()


def answer(monkeypatch: pytest.MonkeyPatch, yes: bool) -> None:
    async def works() -> bool:
        return yes

    part = Part("web", (sys.executable, "-m", MODULE), works, ())
    monkeypatch.setattr(health, "PARTS", {"web": lambda settings: part})


def test_one_that_hangs_is_killed_at_the_third_miss(
    server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        answer(monkeypatch, True)
        assert health.main("web") == 0
        answer(monkeypatch, False)
        assert [health.main("web") for _ in range(2)] == [1, 1]
        assert server.poll() is None, "two, and two, are not three in a row"
    assert health.main("web") == 1
    assert server.wait(10) == -9


def test_one_that_starts_has_time(server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    assert [health.main("web") for _ in range(5)] == [1] * 5
    assert server.poll() is None
    assert 0 <= health.age(server.pid) < 60
    monkeypatch.setattr(health, "STARTING_SECONDS", 0.0)
    assert [health.main("web") for _ in range(3)] == [1] * 3
    assert server.wait(10) == -9
