"""New configuration for an Asterisk with calls in it, or none if nothing changed."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path

from hotline import asterisk
from hotline.ami import open_ami
from hotline.dialplan_steps import Step, held_up, moved
from hotline.render import render, rendered
from hotline.settings import Settings
from routing.ami import AmiError
from routing.live import channels

DIALPLAN = "extensions.conf"
MODULES = "modules.conf"
AT_START_ONLY = frozenset({"asterisk.conf", "sorcery.conf"})
WAIT_SECONDS = 120.0
"""For the calls that are at steps which the new dialplan has elsewhere."""
LOOK_SECONDS = 0.5
RELOAD_SECONDS = 20.0
_LOAD = re.compile(r"^load\s*=>?\s*([\w.]+)", re.MULTILINE)


async def reload_asterisk(settings: Settings, pid: int, tell: Callable[[str], None]) -> None:
    """Render, and reload what changed. Raises AsteriskError, before anything has changed, and what render() raises."""
    folder = settings.asterisk_dir / "etc"
    control = asterisk.control_socket(settings)
    new = await asyncio.to_thread(rendered, settings)
    old = {name: _text(folder / name) for name in new}
    changed = sorted(name for name in new if new[name] != old[name])
    if version := await _other_program(control, pid):
        tell(f"asterisk  {version}: restart it at a quiet hour 请在话务空闲时重启")
    if not [name for name in changed if name.endswith(".conf")]:
        await asyncio.to_thread(render, settings)  # what is not Asterisk's own: links, the fallback's menu
        tell("asterisk  unchanged 无变化")
        return
    steps = moved(old[DIALPLAN], new[DIALPLAN])
    if steps:
        await _until_nobody_is_at(settings, steps, tell)
    await asyncio.to_thread(render, settings)
    for module in sorted(_modules(new[MODULES]) - _modules(old[MODULES])):
        await asterisk.ask(control, f"module load {module}", seconds=RELOAD_SECONDS)
    await asterisk.ask(control, "core reload", seconds=RELOAD_SECONDS)
    tell(f"asterisk  reloaded 已重新加载配置: {', '.join(changed)}")
    if later := AT_START_ONLY.intersection(changed):
        tell(f"asterisk  {', '.join(sorted(later))} counts after a restart 重启后生效")


async def _until_nobody_is_at(settings: Settings, steps: Collection[Step], tell: Callable[[str], None]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    said = False
    try:
        async with open_ami(settings) as ami:
            while there := held_up(steps, {(row.context, row.application) for row in await channels(ami)}):
                if not said:
                    tell(f"asterisk  waiting for calls 等待通话离开: {there[0]}")
                    said = True
                if time.monotonic() > deadline:
                    raise asterisk.AsteriskError(
                        f"calls are at {there[0]}, which the new dialplan has elsewhere: try again at a quieter hour"
                    )
                await asyncio.sleep(LOOK_SECONDS)
    except AmiError as error:
        raise asterisk.AsteriskError(f"Asterisk does not say where its calls are: {error}") from error


async def _other_program(control: Path, pid: int) -> str:
    """How the running Asterisk differs from the one on the disk, or nothing."""
    wanted = ".".join(map(str, asterisk.find_asterisk().version))
    found = re.search(r"Asterisk ([0-9]+(?:\.[0-9]+)*)", await asterisk.ask(control, "core show version"))
    if found and found[1] != wanted:
        return f"runs as 运行版本 {found[1]}, installed is 已安装 {wanted}"
    try:
        replaced = os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)")
    except OSError:
        return ""
    return "its program was replaced 程序文件已更换" if replaced else ""


def _modules(text: str) -> set[str]:
    return set(_LOAD.findall(text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
