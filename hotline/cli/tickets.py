"""``hotline tickets``: the tickets 工单, newest first; ``hotline tickets show NUMBER``: one with its history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from datafile import DataFileError
from hotline.cli._database import ask, console, local, print_json
from hotline.settings import load_settings
from tickets.book import NoBox, NotFound, get
from tickets.draft import LABEL, Draft, newest
from tickets.find import Filter, ShortWord, find
from tickets.history import NoteKind, SignOffKind, TicketEvent, events_of
from tickets.number import NUMBER
from tickets.permits import CONFIDENTIAL, READ_ALL, Actor
from tickets.rulebook import Rulebook, load_rulebook
from tickets.tasks import CallbackTask, callback_tasks
from tickets.ticket import Ticket
from tickets.told import event_name
from tickets.words import LimitKind, State, chinese

# Sees every row. Without a box nobody's confidential words.
_OPERATOR = Actor("operator", frozenset({READ_ALL, CONFIDENTIAL}))
_PAGE = 200


@click.group(invoke_without_command=True)
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, at most.")
@click.option("--number", help="One ticket, e.g. 20261121-000123.")
@click.option("--unit", help="Of this unit 承办单位: lead, co-unit or county.")
@click.option("--state", type=click.Choice([state.value for state in State]), help="In this state 状态.")
@click.option("--overdue", is_flag=True, help="Past the completion limit 逾期.")
@click.option("--text", "words", help="Words in title, content or address 检索.")
@click.option("--tasks", is_flag=True, help="Whom a person is to call back 人工回访, the longest owed first.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_context
def command(
    context: click.Context,
    last: int,
    number: str | None,
    unit: str | None,
    state: str | None,
    overdue: bool,
    words: str | None,
    tasks: bool,
    as_json: bool,
) -> None:
    """Tickets, newest first 工单."""
    if context.invoked_subcommand is not None:
        return
    if tasks:
        if number or unit or state or overdue or words:
            raise click.UsageError("--tasks goes with --last and --json only")
        _show_tasks(ask(lambda c: _tasks(c, last)), as_json)
        return
    states = (State(state),) if state else ()
    wanted = Filter(states=states, unit=unit, overdue=overdue or None, text=words)
    rulebook = _rulebook()
    try:
        rows = [_one(rulebook, number)[0]] if number is not None else ask(lambda c: _list(c, rulebook, wanted, last))
    except ShortWord as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json([_public(ticket) for ticket in rows])
    else:
        console().print(_table(rows))


@command.command("show")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(number: str, as_json: bool) -> None:
    """One ticket: what it says, its limits, its history 工单详情."""
    ticket, events = _one(_rulebook(), number)
    draft = newest(events)
    if as_json:
        known = None if draft is None else {"label": LABEL, **draft.model_dump(mode="json")}
        print_json(
            {
                **_public(ticket),
                "draft": known,
                "limits": _limits(ticket),
                "history": [_told(event) for event in events],
            }
        )
        return
    _show(ticket, draft, events)


def _rulebook() -> Rulebook:
    try:
        return load_rulebook(load_settings().policy)
    except (LookupError, DataFileError) as error:
        raise click.ClickException(str(error)) from error


async def _list(connection: AsyncConnection, rulebook: Rulebook, wanted: Filter, last: int) -> list[Ticket]:
    found: list[Ticket] = []
    cursor = None
    while len(found) < last:
        size = min(_PAGE, last - len(found))
        page = await find(connection, rulebook, _OPERATOR, wanted, datetime.now(UTC), limit=size, cursor=cursor)
        found += page.tickets
        cursor = page.cursor
        if cursor is None:
            break
    return found


async def _tasks(connection: AsyncConnection, last: int) -> list[CallbackTask]:
    found: list[CallbackTask] = []
    cursor = None
    while len(found) < last:
        page = await callback_tasks(connection, _OPERATOR, limit=min(_PAGE, last - len(found)), cursor=cursor)
        found += page.tasks
        cursor = page.cursor
        if cursor is None:
            break
    return found


def _show_tasks(tasks: list[CallbackTask], as_json: bool) -> None:
    if as_json:
        print_json([{**_public(task.ticket), "since": task.since, "why": list(task.why)} for task in tasks])
        return
    table = Table(title="人工回访任务" if tasks else "人工回访任务（无）")
    for name in ("工单号", "应回访起", "为何", "评价", "状态", "承办单位", "诉求人", "摘要"):
        table.add_column(name, no_wrap=name == "工单号", overflow="fold")
    for task in tasks:
        ticket, life = task.ticket, task.ticket.life
        table.add_row(
            ticket.number,
            local(task.since),
            "、".join(map(chinese, task.why)),
            "" if life.rating is None else chinese(life.rating),
            chinese(life.state),
            escape(life.unit),
            escape(ticket.caller),
            "保密" if ticket.confidential else escape(ticket.title or ticket.summary),
        )
    console().print(table)


def _one(rulebook: Rulebook, number: str) -> tuple[Ticket, list[TicketEvent]]:
    if not NUMBER.fullmatch(number):
        raise click.ClickException(f"{number!r} is not a ticket number such as 20261121-000123")

    async def question(connection: AsyncConnection) -> tuple[Ticket, list[TicketEvent]]:
        ticket = await get(connection, rulebook, number, _OPERATOR)
        return ticket, await events_of(connection, rulebook, number)

    try:
        return ask(question)
    except NotFound as error:
        raise click.ClickException(f"no ticket {number}") from error
    except NoBox as error:
        raise click.ClickException(f"{number}：保密工单，请由指定专人登录系统查看") from error


def _public(ticket: Ticket) -> dict[str, Any]:
    life = ticket.life
    row = {
        "number": ticket.number,
        "category": life.category.value,
        "urgent": life.urgent,
        "state": life.state.value,
        "unit": life.unit,
        "due_at": ticket.due_at,
        "warning": life.warning and life.warning.value,
        "supervised": life.supervised,
        "channel": ticket.channel,
        "caller": ticket.caller,
        "caller_e164": ticket.caller_e164,
        "received_at": ticket.received_at,
        "call_id": ticket.call_id,
        "keyed": ticket.keyed,
        "title": ticket.title,
        "summary": ticket.summary,
        "confidential": ticket.confidential,
    }
    return {name: None if value == "" else value for name, value in row.items()}


def _limits(ticket: Ticket) -> dict[str, Any]:
    return {
        kind.value: {"due": one.due, "article": one.cite, "provisional": one.provisional, "passed": one.passed}
        for kind, one in ticket.life.limits.items()
    }


def _told(event: TicketEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "name": event_name(event.kind, event.data),
        "actor": event.actor,
        "articles": list(event.articles),
        "data": event.data,
        "words": event.words,
    }


def _draft(draft: Draft) -> Table:
    table = Table(title=LABEL, show_header=False)
    category = "" if draft.category is None else chinese(draft.category)
    rows = {
        "摘要": draft.summary,
        "类别": f"紧急 {draft.emergency}" if draft.emergency else category,
        "事项": draft.topic,
        "地点": "、".join(draft.places),
        "电话": "、".join(draft.phones),
    }
    for name, words in rows.items():
        if words:
            table.add_row(name, escape(words))
    return table


def _table(rows: list[Ticket]) -> Table:
    table = Table(title="工单" if rows else "工单（无）")
    for name in ("工单号", "受理时间", "类别", "突发", "状态", "承办单位", "办结时限", "诉求人", "摘要", "来电编号"):
        table.add_column(name, no_wrap=name == "工单号", overflow="fold")
    now = datetime.now(UTC)
    for ticket in rows:
        life = ticket.life
        late = ticket.due_at is not None and ticket.due_at < now
        table.add_row(
            ticket.number,
            local(ticket.received_at),
            chinese(life.category),
            "[bold red]是[/]" if life.urgent else "",
            chinese(life.state),
            escape(life.unit),
            f"[bold red]{local(ticket.due_at)} 逾期[/]" if late else local(ticket.due_at),
            escape(ticket.caller),
            "保密" if ticket.confidential else escape(ticket.title or ticket.summary),
            ticket.call_id or "",
        )
    return table


def _show(ticket: Ticket, draft: Draft | None, events: list[TicketEvent]) -> None:
    out = console()
    out.print(_table([ticket]))
    if ticket.content:
        out.print(escape(ticket.content))
    if draft is not None:
        out.print(_draft(draft))
    limits = Table(title="时限" if ticket.life.limits else "时限（无）")
    for name in ("时限", "截止", "依据", ""):
        limits.add_column(name)
    for kind, one in ticket.life.limits.items():
        marks = [word for word, is_so in (("已过", one.passed), ("暂定", one.provisional)) if is_so]
        limits.add_row(chinese(LimitKind(kind)), local(one.due), one.cite, "、".join(marks))
    out.print(limits)
    history = Table(title="办理过程")
    for name in ("时间", "操作", "人员", "依据", "内容"):
        history.add_column(name, overflow="fold")
    for event in events:
        name = event_name(event.kind, event.data)
        said = [event.data.get("text"), *event.words.get("command", {}).values()]
        if event.kind in (*get_args(NoteKind), *get_args(SignOffKind)):
            said += event.words.values()
        words = "；".join(one for one in said if isinstance(one, str) and one != name)
        history.add_row(local(event.at), name, escape(event.actor), "、".join(event.articles), escape(words))
    out.print(history)
