"""``hotline policy due``: every limit that starts when a ticket is dispatched."""

from __future__ import annotations

import json
from datetime import datetime

import click

from hotline.cli._policy import named, policy_option, working_days
from tickets.calendar import UnknownYear
from tickets.due import NoSecondTier, due
from tickets.number import CHINA
from tickets.words import Category, chinese


class Moment(click.ParamType[datetime]):
    """An ISO 8601 time that knows its zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}: not a time such as 2026-09-30T15:00:00+08:00 不是时间", param, ctx)
        if at.tzinfo is None:
            self.fail(f"{value!r}: say the zone, e.g. +08:00 须写明时区", param, ctx)
        return at


@click.command("due")
@policy_option
@click.option("--category", required=True, type=click.Choice([category.value for category in Category]))
@click.option("--at", required=True, type=Moment(), help="When it is dispatched, e.g. 2026-09-30T15:00:00+08:00.")
@click.option("--urgent", is_flag=True, help="突发类.")
@click.option("--complex", "is_complex", is_flag=True, help="复杂或专业性较强的咨询.")
@click.option("--county", is_flag=True, help="Dispatched to a county, which forwards it 批转到县（市）区.")
@click.option("--stricter", type=click.IntRange(1, 250), help="Working days that a law gives, where fewer.")
@click.option("--provisional", is_flag=True, help="Count on into years whose holidays are not announced yet.")
@click.option("--json", "as_json", is_flag=True)
def due_command(
    policy: str,
    category: str,
    at: datetime,
    urgent: bool,
    is_complex: bool,
    county: bool,
    stricter: int | None,
    provisional: bool,
    as_json: bool,
) -> None:
    """派单后各项时限 Every limit that starts when the ticket is dispatched."""
    rules = named(policy)
    try:
        found = due(
            rules,
            working_days(provisional),
            at,
            Category(category),
            urgent=urgent,
            is_complex=is_complex,
            county=county,
            stricter=stricter,
        )
    except (UnknownYear, NoSecondTier, OverflowError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        answer = {
            "deadlines": {kind.value: one.at.astimezone(CHINA).isoformat() for kind, one in found.items()},
            "articles": {kind.value: one.article for kind, one in found.items()},
        }
        if provisional:
            answer["provisional"] = {kind.value: "yes" for kind, one in found.items() if one.provisional}
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"《{rules.title}》 {chinese(Category(category))}")
    for kind, one in sorted(found.items(), key=lambda pair: pair[1].at):
        mark = "（暂定）" if one.provisional else ""
        click.echo(f"  {one.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}{mark}  {chinese(kind)}  {one.article}")
