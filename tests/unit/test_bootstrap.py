"""Preparing a machine: what it decides without a network, and that a prepared checkout starts at once."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import bootstrap, build_pages, get_kamailio, venvs
from tools.console import Progress, Trouble

CHECKOUT = Path(__file__).resolve().parents[2]


def test_old_interpreters_get_a_line_they_can_read() -> None:
    """It has to be parsed before it can say anything."""
    source = (CHECKOUT / "tools" / "__init__.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 4))
    assert "Python 3.11 or newer is needed" in source
    assert "from __future__ import annotations" not in source


def test_locks_hold_hashes_and_no_address() -> None:
    for lock in (CHECKOUT / "requirements").glob("*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index" not in "".join(line for line in text.splitlines() if line.startswith("-"))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that has been prepared, as far as bootstrap can tell."""
    locks, environment, phone = tmp_path / "requirements", tmp_path / ".venv", tmp_path / ".venv-phone"
    for folder in (locks, environment, phone):
        folder.mkdir()
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", environment)
    monkeypatch.setattr(bootstrap, "PHONE_VENV", phone)
    monkeypatch.setattr(bootstrap, "TOOLS_FILE", environment / "tools.json")
    monkeypatch.setattr(bootstrap, "LOCKS", locks)
    for name in ("build", "run", "dev", "phone"):
        lock = locks / f"{name}.lock"
        lock.write_text(f"{name}==1 --hash=sha256:00\n", encoding="utf-8")
        venvs.set_current(phone if name == "phone" else environment, lock, sys.version)
    here = str(tmp_path)
    found = {"binary": here, "version": "22.10.1", "modules": here, "data": here, "sipp": None}
    tools = {"asterisk": found, "phone_python": sys.executable, "phone_trouble": ""}
    bootstrap.TOOLS_FILE.write_text(json.dumps(tools), encoding="utf-8")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been done."""
    made: list[str] = []
    monkeypatch.setattr(venvs, "ensure", lambda folder, python: made.append("environment"))
    monkeypatch.setattr(venvs, "install", lambda folder, lock, title: made.append(lock.name))
    monkeypatch.setattr(venvs, "add_checkout", lambda folder, checkout: made.append("checkout"))

    def prepare_tools() -> dict[str, str]:
        made.append("tools")
        return {"phone_python": "x"}

    monkeypatch.setattr(bootstrap, "_prepare_tools", prepare_tools)
    monkeypatch.setattr(build_pages, "build", lambda: made.append("pages"))
    return made


def test_a_prepared_checkout_does_nothing(checkout: Path, calls: list[str]) -> None:
    bootstrap.prepare(dev=False, retry_phone=False)
    bootstrap.prepare(dev=True, retry_phone=False)
    assert calls == []


def test_models_are_asked_for_again_when_the_settings_have_changed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[-1])
        return subprocess.CompletedProcess(command, 0, stdout='{"say": [], "present": [], "absent": []}')

    monkeypatch.setattr(bootstrap, "MODELS_FILE", checkout / ".venv" / "models.json")
    monkeypatch.setattr(subprocess, "run", run)
    for name in ("HOTLINE_HOME", "HOTLINE_SPEECH__ENGINE", "HOTLINE_SPEECH__MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    settings = checkout / "var" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text('[speech]\nengine = "none"\n', encoding="utf-8")
    for _ in range(2):
        bootstrap.fetch_models(dev=False)
    assert len(asked) == 1
    settings.write_text('[speech]\nengine = "auto"\n', encoding="utf-8")
    for _ in range(2):
        bootstrap.fetch_models(dev=False)
    assert len(asked) == 2
    monkeypatch.setenv("HOTLINE_SPEECH__MODELS_DIR", str(checkout / "elsewhere"))
    for _ in range(2):
        bootstrap.fetch_models(dev=False)
    assert len(asked) == 3
    settings.unlink()
    bootstrap.fetch_models(dev=False)
    assert len(asked) == 3, "auto is the default"


def test_a_changed_lock_is_installed_again_and_nothing_else(checkout: Path, calls: list[str]) -> None:
    (checkout / "requirements" / "dev.lock").write_text("new==2 --hash=sha256:11\n", encoding="utf-8")
    bootstrap.prepare(dev=False, retry_phone=False)
    assert calls == []
    bootstrap.prepare(dev=True, retry_phone=False)
    assert calls == ["environment", "dev.lock", "checkout"]
    bootstrap.prepare(dev=True, retry_phone=False)
    assert len(calls) == 3, "and it is remembered"


def test_another_python_or_place_means_a_new_environment(checkout: Path, tmp_path: Path) -> None:
    lock = checkout / "requirements" / "run.lock"
    assert venvs.is_current(checkout / ".venv", lock, sys.version)
    assert not venvs.is_current(checkout / ".venv", lock, "3.99")
    (checkout / ".venv").rename(tmp_path / "moved")
    assert not venvs.is_current(tmp_path / "moved", lock, sys.version)


@pytest.mark.parametrize("damage", ["", "[]", '{"asterisk": 3}', '{"asterisk": {"binary": "/no/such/file"}}'])
def test_a_damaged_tools_file_is_made_anew(checkout: Path, calls: list[str], damage: str) -> None:
    bootstrap.TOOLS_FILE.write_text(damage, encoding="utf-8")
    bootstrap.prepare(dev=False, retry_phone=False)
    assert calls == ["tools"]


def test_an_asterisk_that_was_removed_or_replaced_is_looked_for_again(checkout: Path, calls: list[str]) -> None:
    tools = json.loads(bootstrap.TOOLS_FILE.read_text(encoding="utf-8"))
    tools["asterisk"]["binary"] = str(checkout / "gone")
    bootstrap.TOOLS_FILE.write_text(json.dumps(tools), encoding="utf-8")
    bootstrap.prepare(dev=False, retry_phone=False)
    assert calls == ["tools"]


def test_no_phone_is_said_loudly_and_is_no_failure(
    checkout: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    tools = json.loads(bootstrap.TOOLS_FILE.read_text(encoding="utf-8"))
    tools.update(phone_python=None, phone_trouble="it needs Python 3.11")
    bootstrap.TOOLS_FILE.write_text(json.dumps(tools), encoding="utf-8")
    assert bootstrap.main([]) == 0
    assert "NO SIP PHONE: it needs Python 3.11" in capsys.readouterr().out
    assert calls == ["pages"]


def test_trouble_is_one_line_and_a_failure(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise Trouble("no mirror here: add one")

    monkeypatch.setattr(bootstrap, "prepare", fail)
    assert bootstrap.main([]) == 1
    assert capsys.readouterr().err == "hotline: no mirror here: add one\n"


def test_the_second_start_costs_no_time() -> None:
    if not (CHECKOUT / ".venv" / "tools.json").exists():
        pytest.skip("this checkout was not prepared by make")
    command = [sys.executable, "-m", "tools.bootstrap"]
    assert subprocess.run(command, cwd=CHECKOUT, capture_output=True).returncode == 0
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
        seconds.append(time.monotonic() - begin)
    assert min(seconds) < 0.3


def test_an_environment_without_pip_of_its_own(tmp_path: Path) -> None:
    """Made, usable, taken as it is the next time, and made anew after a move."""
    folder = tmp_path / "venv"
    venvs.ensure(folder, sys.executable)
    made = (folder / "pyvenv.cfg").stat().st_mtime_ns
    venvs.ensure(folder, sys.executable)
    assert (folder / "pyvenv.cfg").stat().st_mtime_ns == made
    script = folder / "bin" / "hotline"
    package = tmp_path / "my checkout" / "hotline" / "cli"
    package.mkdir(parents=True)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path / "my checkout")
    venvs.add_checkout(folder, tmp_path / "my checkout")
    (package / "__init__.py").write_text("def main():\n    import sys\n    print(sys.argv[1:])\n    return 3\n")
    done = subprocess.run([script, "a b", "c"], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout) == (3, "['a b', 'c']\n")
    folder.rename(tmp_path / "moved")
    venvs.ensure(tmp_path / "moved", sys.executable)
    probe = [str(tmp_path / "moved" / "bin" / "python"), "-c", "import sys; print(sys.prefix)"]
    assert subprocess.run(probe, capture_output=True, text=True).stdout.strip() == str(tmp_path / "moved")


def test_something_else_in_the_place_of_the_environment_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "precious").touch()
    with pytest.raises(Trouble, match="is in the way"):
        venvs.ensure(tmp_path / ".venv", sys.executable)
    assert (tmp_path / ".venv" / "precious").exists()


def test_an_unreachable_index_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "venv"
    venvs.ensure(folder, sys.executable)
    lock = tmp_path / "run.lock"
    lock.write_text("no-such-thing==1 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    monkeypatch.setitem(os.environ, "PIP_NO_INDEX", "1")
    with pytest.raises(Trouble, match=r"installing x: ERROR: .*no-such-thing") as caught:
        venvs.install(folder, lock, "installing x")
    assert "\n" not in str(caught.value)


def test_progress_off_a_terminal_is_a_few_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("fetching")
    for percent in range(101):
        progress.update(percent)
    progress.done()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all("\r" not in line for line in lines)


def test_no_kamailio_is_said_loudly_and_asked_for_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def fail() -> None:
        asked.append("kamailio")
        raise Trouble("no mirror here")

    monkeypatch.setattr(bootstrap, "KAMAILIO_FILE", tmp_path / "kamailio.json")
    monkeypatch.setattr(get_kamailio, "get_kamailio", fail)
    for _ in range(2):
        bootstrap.fetch_kamailio()
    assert asked == ["kamailio"]
    assert capsys.readouterr().out.count("NO KAMAILIO: no mirror here") == 2
    known = json.loads((tmp_path / "kamailio.json").read_text())
    (tmp_path / "kamailio.json").write_text(json.dumps(known | {"asked": time.time() - 2 * 24 * 3600}))
    bootstrap.fetch_kamailio()
    assert len(asked) == 2
