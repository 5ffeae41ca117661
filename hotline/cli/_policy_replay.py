"""``hotline policy replay``: a ticket's life without a database."""

from __future__ import annotations

import json
from pathlib import Path

import click
from pydantic import ValidationError

from hotline.cli._policy import named, policy_option, working_days
from tickets.calendar import UnknownYear
from tickets.replay import Scenario, replay
from tickets.words import LimitKind, State, Warning, chinese

MAX_BYTES = 5_000_000


@click.command("replay")
@policy_option
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--provisional", is_flag=True, help="Count on into years whose holidays are not announced yet.")
@click.option("--json", "as_json", is_flag=True)
def replay_command(policy: str, scenario: Path, provisional: bool, as_json: bool) -> None:
    """按办法推演一件工单 Play SCENARIO (JSON, - for standard input) through the policy's rules."""
    rules = named(policy)
    with click.open_file(str(scenario), "rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise click.ClickException(f"{scenario}: larger than {MAX_BYTES} bytes")
    try:
        played = replay(rules, working_days(provisional), Scenario.model_validate_json(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise click.ClickException(f"{scenario}: {place}: {first['msg']}" if place else first["msg"]) from error
    except (UnknownYear, ValueError, OverflowError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(played, ensure_ascii=False))
        return
    lines = [(step["at"], _step(step)) for step in played["steps"]]
    lines += [(tick["at"], f"〔自动〕{tick['text']}  {'、'.join(tick['articles'])}") for tick in played["clock"]]
    for at, line in sorted(lines, key=lambda pair: pair[0]):
        click.echo(f"{at[:16].replace('T', ' ')}  {line}")
    end = played["final"]
    warning = chinese(Warning(end["warning"])) if end["warning"] else "无"
    click.echo(f"→ {chinese(State(end['state']))}；超期 {end['overdue_working_days']} 个工作日；预警：{warning}")
    for kind, at in end["deadlines"].items():
        click.echo(f"   {at[:16].replace('T', ' ')}  {chinese(LimitKind(kind))}")


def _step(step: dict[str, object]) -> str:
    if not step["ok"]:
        return f"{step['do']} ✗ {step['error']}"
    articles = step["articles"]
    assert isinstance(articles, list)
    return f"{step['do']} → {chinese(State(str(step['state'])))}  {'、'.join(articles)}"
