"""``hotline callback plan``: a campaign as a draft, and whom it would ring."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import draft, number_file
from callback.campaign import NewCampaign
from callback.draft import Preview
from callback.number_file import BadFile, Numbers
from callback.words import Kind, chinese
from datafile import DataFileError
from hotline.cli._callback_ask import AS_JSON, WHO, do, note, public_preview, rulebook, show_preview
from hotline.cli._database import print_json
from hotline.rules import load_rules
from hotline.settings import load_settings
from tickets.number import ticket_day

SURVEYS = {Kind.TICKETS: "satisfaction", Kind.MISSED: "missed", Kind.LIST: "opinion"}
SHOWN = 20
"""Bad lines; --json has all."""
_DAYS = re.compile(r"([1-7])(?:-([1-7]))?")
_OPTIONS = {
    "max_lines": "--lines",
    "windows": "--hours",
    "weekdays": "--days",
    "per_day": "--per-day",
    "per_week": "--per-week",
    "attempts": "--attempts",
    "ring_seconds": "--ring-seconds",
    "other_channel": "--other-channel",
    "starts_on": "--starts",
    "ends_on": "--ends",
    "survey": "--survey",
    "name": "NAME",
}


class Day(click.ParamType[date]):
    """``2026-12-01``, Asia/Shanghai."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-12-01", param, ctx)


@click.command("plan")
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), required=True, help="Whom it rings.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Numbers (CSV or XLSX); with --kind list.")
@click.option("--survey", help="A file of ivr/surveys/; by default the one of the kind.")
@click.option("--starts", type=Day(), help="First day, e.g. 2026-12-01; today by default.")
@click.option("--ends", type=Day(), help="Last day; without it until it is ended.")
@click.option("--lines", "max_lines", type=int, help="Calls at once, at most.")
@click.option("--hours", help="When it may ring, e.g. 09:00-12:00,14:00-20:00 (within 08:00-21:00).")
@click.option("--days", help="Days of the week, 1 is Monday: 1-5 or 1,3,5; or 'working' (调休 counts).")
@click.option("--per-day", type=int, help="Calls to one number in 24 hours, over all campaigns (5 at most).")
@click.option("--per-week", type=int, help="The same within seven days.")
@click.option("--attempts", type=int, help="Calls to one person, at most.")
@click.option("--ring-seconds", type=int, help="How long it rings.")
@click.option("--other-channel", help="Where who was not reached is asked instead, e.g. sms; for tickets only.")
@AS_JSON
def plan(name: str, kind: str, path: Path | None, as_json: bool, **given: Any) -> None:
    """计划 Make a draft and tell how many it would ring. Nobody is rung before `hotline callback start`."""
    new = _campaign(name, Kind(kind), given)
    if (new.kind is Kind.LIST) != (path is not None):
        raise click.UsageError("--kind list needs --file, and no other kind takes one")
    numbers = None if path is None else read_numbers(path)
    book = rulebook()
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> Preview:
        made = await draft.make(connection, book, new, numbers, WHO, now, load_settings().callback.area_code)
        await note(connection, "callback.plan", f"campaign:{made.campaign.id}", name=name, people=made.to_ring)
        return made

    made = do(work)
    if as_json:
        print_json({**public_preview(made), **public_numbers(numbers)})
        return
    click.echo(f"{name}：{chinese(new.kind)}，{chinese(made.campaign.state)}")
    if numbers is not None:
        show_numbers(numbers)
    show_preview(made)
    click.echo(f"开始：hotline callback start {name}")


def read_numbers(path: Path) -> Numbers:
    """One line of text says what is wrong with the file."""
    try:
        with path.open("rb") as file:
            data = file.read(number_file.MAX_BYTES + 1)
        return number_file.read(data, load_settings().callback.area_code)
    except (OSError, BadFile) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise click.ClickException(f"{path}: {why}") from error


def public_numbers(numbers: Numbers | None) -> dict[str, Any]:
    if numbers is None:
        return {}
    rejected = [{"line": one.line, "text": one.text, "reason": one.reason} for one in numbers.rejected]
    return {"duplicates": numbers.duplicates, "rejected": rejected}


def show_numbers(numbers: Numbers) -> None:
    click.echo(f"文件中 {numbers.lines} 行，重复 {numbers.duplicates} 行，号码不能拨打 {len(numbers.rejected)} 行")
    for one in numbers.rejected[:SHOWN]:
        click.echo(f"  第{one.line}行 {one.text!r}: {one.reason}")
    if len(numbers.rejected) > SHOWN:
        click.echo(f"  …… 另有 {len(numbers.rejected) - SHOWN} 行（--json 列出全部）")


def _campaign(name: str, kind: Kind, given: dict[str, Any]) -> NewCampaign:
    """Every fault has a line of its own."""
    rules = {key: given[key] for key in ("max_lines", "per_day", "per_week", "ring_seconds", "other_channel")}
    faults: list[str] = []
    survey = given["survey"] or SURVEYS[kind]
    try:
        known = load_rules().surveys
        if survey not in known:
            faults.append(f"--survey: no survey {survey!r} (there are: {', '.join(known)})")
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    try:
        rules["windows"] = _windows(given["hours"])
        rules |= _days(given["days"])
    except ValueError as error:
        faults.append(str(error))
    if given["attempts"] is not None:
        rules["retry"] = {"attempts": given["attempts"]}
    whole = {
        "name": name,
        "kind": kind,
        "survey": survey,
        "starts_on": given["starts"] or ticket_day(datetime.now(UTC)),
        "ends_on": given["ends"],
        "rules": {key: value for key, value in rules.items() if value is not None},
    }
    try:
        made = NewCampaign.model_validate(whole)
    except ValidationError as error:
        told = [_told(fault["loc"], fault["msg"]) for fault in error.errors(include_url=False)]
        # Of an option its first: what follows of it (no hour is left) is no fault of its own.
        faults += {line.partition(":")[0]: line for line in reversed(told)}.values()
    if faults:
        raise click.ClickException("\n".join(faults))
    return made


def _told(place: tuple[int | str, ...], why: str) -> str:
    option = next((_OPTIONS[str(one)] for one in reversed(place) if str(one) in _OPTIONS), "--ends")
    return f"{option}: {why.removeprefix('Value error, ')}"


def _windows(text: str | None) -> list[dict[str, str]] | None:
    if text is None:
        return None
    found = []
    for part in text.replace("，", ",").split(","):
        start, dash, end = part.strip().replace("–", "-").partition("-")
        if not (dash and re.fullmatch(r"[0-9]{2}:[0-9]{2}", start) and re.fullmatch(r"[0-9]{2}:[0-9]{2}", end)):
            raise ValueError(f"--hours: {part.strip()!r} is not such as 09:00-12:00")
        found.append({"start": start, "end": end})
    return found


def _days(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text == "working":
        return {"working_days_only": True}
    days: set[int] = set()
    for part in text.replace("，", ",").split(","):
        named = _DAYS.fullmatch(part.strip())
        if named is None or int(named[2] or 7) < int(named[1]):
            raise ValueError(f"--days: {part.strip()!r} is neither 'working' nor days such as 1-5 or 1,3,5")
        days |= set(range(int(named[1]) - 1, int(named[2] or named[1])))
    return {"weekdays": days}
