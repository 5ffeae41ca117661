"""The real Asterisk as a part: started, asked over its socket, taken over, stopped. No telephony in it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from hotline import asterisk
from hotline.keeper import Keeper, Timing
from hotline.parts import Part, asterisk_part
from hotline.settings import Settings, SettingsError

pytestmark = pytest.mark.asterisk
FOLDERS = {"astvarlibdir": "lib", "astdbdir": "lib", "astkeydir": "lib", "astdatadir": "data", "astagidir": "data"}
FOLDERS |= {"astetcdir": "etc", "astspooldir": "spool", "astrundir": "run", "astlogdir": "log"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An instance with the smallest configuration that starts."""
    settings = Settings(home=tmp_path / "h")
    base = settings.asterisk_dir
    for name in {*FOLDERS.values()}:
        (base / name).mkdir(parents=True)
    settings.run_dir.mkdir()
    program = asterisk.find_asterisk()
    (base / "data" / "documentation").symlink_to(program.data_dir / "documentation")
    directories = "".join(f"{key} => {base / name}\n" for key, name in FOLDERS.items())
    options = "[options]\nhideconnect = yes\n"
    text = f"[directories]\nastmoddir => {program.module_dir}\n{directories}{options}"
    (base / "etc" / "asterisk.conf").write_text(text)
    (base / "etc" / "modules.conf").write_text("[modules]\nautoload = no\n")
    return settings


@pytest.fixture
def part(settings: Settings) -> Part:
    return asterisk_part(asterisk.find_asterisk(), settings)


def make_keeper(part: Part, settings: Settings) -> Keeper:
    return Keeper(part, settings.run_dir, settings.log_dir, lambda: None, Timing())


async def test_started_asked_taken_over_and_stopped(part: Part, settings: Settings) -> None:
    control = asterisk.control_socket(settings)
    assert not await asterisk.is_ready(control)
    assert part.running is not None
    assert part.running() is None
    first = make_keeper(part, settings)
    await first.start()
    assert first.process is not None
    assert part.running() == first.process.pid
    assert (await asterisk.ask(control, "core show version")).startswith("Asterisk ")
    assert len(await asterisk.ask(control, "core show applications")) > 100
    second = make_keeper(part, settings)
    await second.start()
    assert second.process is not None
    assert (second.process.pid, second.process.adopted) == (first.process.pid, True)
    await second.stop(asyncio.Event())
    assert await first.process.wait() == 0, "it ended by itself, nobody killed it"
    assert part.running() is None
    first.process.close()


async def test_a_frozen_one_is_not_waited_for(part: Part, settings: Settings) -> None:
    keeper = make_keeper(part, settings)
    await keeper.start()
    assert keeper.process is not None
    pid = keeper.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        control = asterisk.control_socket(settings)
        with pytest.raises(asterisk.AsteriskError, match="does not answer 'core show uptime'"):
            await asterisk.ask(control, "core show uptime", seconds=0.2)
        assert part.running is not None
        assert part.running() == pid, "known all the same, from the kernel"
    finally:
        os.kill(pid, signal.SIGCONT)
        await keeper.stop(asyncio.Event())


def test_what_this_asterisk_can_do() -> None:
    program = asterisk.find_asterisk()
    assert program.version >= (20,)
    assert (program.module_dir / "app_queue.so").exists()
    if program.version >= (22, 10):
        assert program.records_interleaved


def test_a_home_too_deep_for_sockets() -> None:
    with pytest.raises(SettingsError, match="set HOTLINE_HOME to a shorter folder"):
        asterisk.control_socket(Settings(home=Path("/srv") / ("x" * 90)))


def test_no_asterisk_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk, "TOOLS_FILE", tmp_path / "tools.json")
    with pytest.raises(SettingsError, match="start with `make run`"):
        asterisk.find_asterisk()
    with pytest.raises(SettingsError, match="make phone"):
        asterisk.phone_python()
    (tmp_path / "tools.json").write_text('{"phone_python": null, "phone_trouble": "needs Python 3.11"}')
    with pytest.raises(SettingsError, match=r"needs Python 3\.11"):
        asterisk.phone_python()
