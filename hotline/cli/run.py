"""``hotline run``: everything, in the foreground, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console

from datafile import DataFileError
from hotline.asterisk import AsteriskError
from hotline.keeper import PartFailed
from hotline.preflight import only_supervisor, raise_file_limit
from hotline.same_process import LOCK_VARIABLE, become_new, held_lock, hold_signals, let_signals_through
from hotline.settings import Settings, SettingsError, load_settings


@click.command("run")
@click.option("--json", "as_json", is_flag=True, help="When ready, one JSON object on one line instead of the screen.")
def command(as_json: bool) -> None:
    """启动整个热线. Starts the database, Asterisk and the servers, keeps them running; Ctrl-C ends them in order."""
    before_us = os.environ.pop(LOCK_VARIABLE, None)
    settings = load_settings()
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    # Recordings, logs and configuration are for this user alone, whatever part writes them.
    os.umask(0o077)
    raise_file_limit()
    if os.geteuid() == 0:
        console.print("[yellow]Asterisk runs as root: an ordinary user is safer 建议改用普通用户运行[/]")
    try:
        _make_home(settings)
        held = held_lock(settings.run_dir, before_us)
        with only_supervisor(settings.run_dir, held) as lock:
            if asyncio.run(_run(settings, console, as_json, upgrade=held is not None)):
                become_new(lock)
    except (SettingsError, DataFileError, PartFailed, AsteriskError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def _make_home(settings: Settings) -> None:
    if settings.home.exists():
        return
    settings.home.mkdir(parents=True)
    if os.geteuid() == 0:
        # PostgreSQL runs as another user then: that user may pass through to its own folder, and see nothing else.
        settings.home.chmod(0o711)


async def _run(settings: Settings, console: Console, as_json: bool, upgrade: bool) -> bool:
    """Whether to go on as the new version of ourselves."""
    from hotline.instance import Hotline
    from hotline.succession import Succession
    from hotline.supervisor import Supervisor

    began = time.monotonic()

    def say(text: str) -> None:
        # The terminal may be gone; rich ends the program for a closed pipe, which must not keep us from stopping.
        with contextlib.suppress(OSError, SystemExit):
            console.print(f"  {text}", markup=False)

    instance = Hotline(settings, say)

    def ready() -> None:
        seconds = time.monotonic() - began
        if as_json:
            facts = {**_facts(settings), "setup": instance.setup_link}
            click.echo(json.dumps({"ready": True, "seconds": round(seconds, 2), **facts}, ensure_ascii=False))
        else:
            with contextlib.suppress(OSError, SystemExit):
                _show(settings, console, seconds, instance.setup_link)

    supervisor = Supervisor(settings.run_dir, settings.log_dir, say)
    logging.getLogger("hotline").addHandler(_Lines(say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        loop.add_signal_handler(signal.SIGHUP, supervisor.end)
    loop.add_signal_handler(signal.SIGUSR1, supervisor.leave)
    let_signals_through()
    if upgrade:
        succession = Succession(settings, say)
        leaving = await supervisor.run(succession, lambda: None, succession.renew)
    else:
        leaving = await supervisor.run(instance, ready)
    if leaving:
        hold_signals()
    else:
        say("ended 已停止")
    return leaving


class _Lines(logging.Handler):
    """What the keepers have to say while the hotline runs, with the time of day."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"{time.strftime('%H:%M:%S')} {record.getMessage()}")


def _facts(settings: Settings) -> dict[str, Any]:
    from hotline.rules import load_rules

    rules = load_rules()
    return {
        "home": str(settings.home),
        "numbers": sorted(rules.flows),
        "agents": sorted(rules.agents.agents),
        "sip": f"{settings.sip.bind}:{settings.sip.port}",
        "web": f"http://{settings.web.bind}:{settings.web.port}",
        "recordings": str(settings.recordings_dir),
        "logs": str(settings.log_dir),
        "asterisk_log": str(settings.asterisk_dir / "log"),
        "secrets": str(settings.secrets_file),
        "test_citizens": not settings.sip.trunk.host,
    }


def _show(settings: Settings, console: Console, seconds: float, setup_link: str | None) -> None:
    facts = _facts(settings)
    number, agents = facts["numbers"][0], facts["agents"]
    lines = [
        ("拨打 dial", f"{', '.join(facts['numbers'])}  (SIP {facts['sip']})"),
        ("座席 agents", f"{agents[0]} … {agents[-1]}  (SIP 密码 passwords: {facts['secrets']})"),
        ("网页 web", facts["web"]),
        ("录音 recordings", facts["recordings"]),
        ("日志 logs", f"{facts['logs']}  {facts['asterisk_log']}"),
        ("停止 stop", "Ctrl-C"),
    ]
    if facts["test_citizens"]:
        lines[3:3] = [
            ("试一试 try it", f".venv/bin/hotline agent-phone {agents[0]}"),
            ("", f".venv/bin/hotline call {number} --from 13900001111 --keys 1  (另开终端 in another terminal)"),
        ]
    if setup_link is not None:
        # On a line of its own, so that it can be clicked and copied.
        lines[-1:-1] = [
            ("管理员 administrator", "还没有：请打开一次性链接设立 none yet: this link makes one, once"),
            ("", setup_link),
        ]
    console.rule(style="green")
    console.print(f"[bold green]12345 热线已就绪 hotline ready[/] ({seconds:.1f} s)")
    for label, text in lines:
        # Chinese characters are two columns wide.
        console.print(f"  {label}{' ' * max(1, 16 - cell_len(label))}{text}", markup=False)
    console.rule(style="green")
