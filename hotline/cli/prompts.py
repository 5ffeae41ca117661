"""``hotline prompts``: what callers hear, its texts and its recordings."""

from __future__ import annotations

import json

import click

from datafile import DataFileError
from hotline.cli import _prompts_hear
from ivr.prompts import FOLDER, check, load_prompts, stale
from ivr.render_build import adopt, build, forget, to_render
from ivr.render_kit import KitError, cache_folder, prepare


@click.group("prompts")
def command() -> None:
    """语音提示: list, render again after a change, check, hear what is understood."""


command.add_command(_prompts_hear.command)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def list_command(as_json: bool) -> None:
    """列出全部提示. Every prompt: id, seconds, text; ! marks one that needs `build`."""
    try:
        prompts = load_prompts()
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    old = stale(prompts)
    rows = [
        {"id": name, "seconds": prompts.seconds(name), "text": prompts.text(name), "stale": old.get(name)}
        for name in (*prompts.texts.prompts, *prompts.texts.tones)
    ]
    if as_json:
        click.echo(json.dumps({"prompts": rows}, ensure_ascii=False))
        return
    for row in rows:
        mark = "!" if row["stale"] else " "
        click.echo(f"{mark} {row['id']:<26}{row['seconds']:6.2f} s  {row['text']}")


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def check_command(as_json: bool) -> None:
    """检查录音与文本是否一致. Exit code 1 if a text changed, a recording is missing, altered or superfluous."""
    try:
        faults = check(FOLDER)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"ok": not faults, "faults": faults}, ensure_ascii=False))
    else:
        click.echo("\n".join(faults) or f"{len(load_prompts().ids)} prompts, all as recorded")
    if faults:
        raise SystemExit(1)


@command.command("build")
@click.option("--only", multiple=True, metavar="ID", help="Just this prompt (may be repeated).")
@click.option("--voice", help="Another voice than the one zh.yaml names.")
@click.option("--force", is_flag=True, help="Also what has not changed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def build_command(only: tuple[str, ...], voice: str | None, force: bool, as_json: bool) -> None:
    """重新合成有改动的提示. Renders what changed; the first time it fetches the voice (about 150 MB)."""
    made: dict[str, float] = {}

    def say(line: str) -> None:
        click.echo(line, err=True)

    def report(name: str, seconds: float) -> None:
        made[name] = seconds
        say(f"[{len(made)}/{len(todo)}] {name}  {seconds:.2f} s")

    try:
        todo = to_render(load_prompts(), only, voice, force, FOLDER)
        if todo:
            build(prepare(cache_folder(), say), todo, voice, report)
        forgotten = forget()
    except (DataFileError, KitError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"rendered": made, "forgotten": forgotten}))
        return
    for name in forgotten:
        click.echo(f"{name}: not in zh.yaml any more, recording removed")
    if not made and not forgotten:
        click.echo("nothing changed")


@command.command("adopt")
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def adopt_command(name: str, as_json: bool) -> None:
    """采用真人录音. Take ivr/prompts/zh/ID.wav, recorded elsewhere, as this prompt's recording."""
    try:
        seconds = adopt(name)
    except (DataFileError, KitError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps({"id": name, "seconds": seconds}) if as_json else f"{name}  {seconds:.2f} s")
