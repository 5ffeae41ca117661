"""``hotline doctor``: what is wrong with this installation, and how it is mended."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import click

from hotline.settings import load_settings

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--quiet", is_flag=True, help="Only what is wrong.")
def command(as_json: bool, quiet: bool) -> None:
    """检查安装，指出问题和解决办法. Exit code 1 if anything is wrong (✗); warnings (!) alone are 0."""
    from hotline.doctor import Finding, all_checks, examine

    settings = load_settings()

    async def look() -> list[Finding]:
        found = []
        async for one in examine(settings, all_checks()):
            found.append(one)
            if not as_json and not (quiet and one.level == "ok"):
                _show(one.level, one.check, one.what, one.remedy)
        return found

    found = asyncio.run(look())
    wrong = sum(one.level == "error" for one in found)
    doubtful = sum(one.level == "warning" for one in found)
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "findings": [asdict(one) for one in found]}, ensure_ascii=False))
    else:
        click.echo(f"{wrong} 个问题 faults, {doubtful} 个提醒 warnings")
    if wrong:
        raise SystemExit(1)


def _show(level: str, check: str, what: str, remedy: str) -> None:
    mark, colour = _MARKS[level]
    click.echo(f"{click.style(mark, fg=colour)} {check}: {what}")
    if remedy:
        click.echo(f"    → {remedy}")
