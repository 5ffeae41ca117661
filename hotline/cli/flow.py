"""``hotline flow draw``: a flow as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import click

from datafile import DataFileError
from hotline.rules import Rules, load_rules
from ivr.draw import draw_svg


@click.group("flow")
def command() -> None:
    """语音流程 The menus that callers meet."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_flows(as_json: bool) -> None:
    """Which number is answered by which flow."""
    flows = _rules().flows
    if as_json:
        click.echo(json.dumps({number: flow.model_dump() for number, flow in flows.items()}, ensure_ascii=False))
        return
    for number, flow in sorted(flows.items()):
        click.echo(f"{number}  {flow.name}")
        for key, choice in flow.keys.items():
            click.echo(f"    {key} {choice.label} → {choice.queue or choice.enter or '结束'}")
        for label, choice in flow.speech.says.items() if flow.speech and flow.speech.enabled else ():
            click.echo(f"    说 {choice.label} ({label}) → {choice.queue or choice.enter}")


@command.command("draw")
@click.argument("number", default="12345")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="SVG file (default: flow-NUMBER.svg).")
@click.option("--json", "as_json", is_flag=True)
def draw(number: str, out: Path | None, as_json: bool) -> None:
    """Draw the flow of a dialled NUMBER as SVG."""
    rules = _rules()
    if number not in rules.flows:
        raise click.ClickException(f"no flow answers {number}; known: {', '.join(sorted(rules.flows))}")
    target = out or Path(f"flow-{number}.svg")
    labels = {name: queue.name for name, queue in rules.queues.items()}
    target.write_text(draw_svg(rules.flows[number], labels, rules.prompts.text), encoding="utf-8")
    click.echo(json.dumps({"file": str(target)}) if as_json else f"{target}")


def _rules() -> Rules:
    try:
        return load_rules()
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
