"""``hotline policy``: the cities' regulations as the system understands them, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from datafile import DataFileError
from hotline.checks import NO_ORIGINAL
from hotline.cli._database import console, print_json
from hotline.cli._policy import named
from hotline.cli._policy_due import due_command
from hotline.cli._policy_replay import replay_command
from hotline.cli._policy_text import Fact, facts, plain
from tickets.policy_file import load_policy, policy_names


@click.group("policy")
def command() -> None:
    """城市规定 What each city's regulation demands, article by article."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_policies(as_json: bool) -> None:
    """Which regulations there are."""
    found = [(name, named(name)) for name in policy_names()]
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "city": policy.city,
                    "title": policy.title,
                    "number": policy.number,
                    "effective": policy.effective.isoformat(),
                }
                for name, policy in found
            ]
        )
        return
    table = Table(title="城市规定")
    for column in ("名称", "城市", "规定", "文号", "施行日期"):
        table.add_column(column, overflow="fold")
    for name, policy in found:
        table.add_row(*map(escape, (name, policy.city, policy.title, policy.number, policy.effective.isoformat())))
    console().print(table)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="A JSON object with the keys of the file.")
def show(name: str, as_json: bool) -> None:
    """Every rule of NAME with its article, its words and how they are read."""
    policy = named(name)
    if as_json:
        print_json(plain(policy))
        return
    click.secho(policy.title, bold=True)
    click.echo(f"{policy.number}  {policy.city}  {policy.centre}  {policy.effective.isoformat()} 起施行")
    chapter = ""
    for fact in facts(policy):
        if fact.key.partition("·")[0] != chapter:
            chapter = fact.key.partition("·")[0]
            click.echo()
        click.echo(f"{click.style(fact.key, bold=True)}  {fact.value}  〔{fact.cite}〕".replace("    ", "  "))
        if fact.quote:
            click.echo(f"    原文：{fact.quote}")
        if fact.reading:
            click.echo(f"    读法：{fact.reading}")


@command.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--all", "everything", is_flag=True, help="Also what is the same.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def compare(first: str, second: str, everything: bool, as_json: bool) -> None:
    """Where A and B differ."""
    one, two = ({fact.key: fact for fact in facts(named(name))} for name in (first, second))
    keys = [key for key in _merged(list(one), list(two)) if everything or _differ(one.get(key), two.get(key))]
    if as_json:
        rows = [{"rule": key, "a": _json(one.get(key)), "b": _json(two.get(key))} for key in keys]
        print_json({"a": first, "b": second, "rules": rows})
        return
    table = Table(title=f"{first} / {second}", show_lines=True)
    for column, ratio in (("规则", 2), (first, 5), (second, 5)):
        table.add_column(column, overflow="fold", ratio=ratio)
    for key in keys:
        table.add_row(key, _cell(one.get(key)), _cell(two.get(key)))
    console().print(table)


@command.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def check(file: Path, as_json: bool) -> None:
    """Whether FILE is complete, consistent, and quotes its original. Exit code 1 if not."""
    policy, fault = None, ""
    try:
        policy = load_policy(file)
    except DataFileError as error:
        fault = str(error)
    note = NO_ORIGINAL if policy is not None and not policy.original else ""
    if as_json:
        print_json({"ok": not fault, "error": fault, "note": note})
    else:
        click.echo(fault or "完整" + (f"（{note}）" if note else ""))
    if fault:
        raise SystemExit(1)


def _merged(one: list[str], two: list[str]) -> list[str]:
    """Both lists' keys, those of ``two`` alone after the nearest one before that ``one`` has too."""
    merged = list(one)
    for before, key in zip(["", *two], two, strict=False):
        if key not in merged:
            merged.insert(merged.index(before) + 1 if before else 0, key)
    return merged


def _differ(one: Fact | None, two: Fact | None) -> bool:
    """Articles and wording always differ; what counts is what is set."""
    return (one and one.value) != (two and two.value)


def _cell(fact: Fact | None) -> str:
    return escape(f"{fact.text}〔{fact.cite}〕") if fact else "无"


def _json(fact: Fact | None) -> dict[str, Any] | None:
    if fact is None:
        return None
    return {"value": fact.value, "article": fact.cite, "quote": fact.quote, "reading": fact.reading}


command.add_command(due_command)
command.add_command(replay_command)
