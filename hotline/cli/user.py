"""``hotline user add|list|roles|password|disable|enable|totp-off|token``: accounts as the operator sees them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import ask, console, local, print_json
from people import accounts, audit, tokens, totp
from people.audit import AuditEntry
from people.faults import PeopleFault
from people.roles import ROLE_NAMES, TOKEN_PERMISSIONS, Permission, Role

Answer = TypeVar("Answer")
ROLES = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="More than once for several.",
)
TOKEN_WORDS = sorted(permission.value for permission in TOKEN_PERMISSIONS)
UNIT = click.option("--unit", help="The unit's id; for unit_officer and unit_leader.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@click.group("user")
def command() -> None:
    """用户 Users of the web: who may sign in, as what; tokens for other platforms."""


def _do(work: Callable[[AsyncConnection], Awaitable[Answer]], action: str = "", object: str = "") -> Answer:
    """In one transaction with its audit entry."""

    async def question(connection: AsyncConnection) -> Answer:
        answer = await work(connection)
        if action:
            who = {"uid": os.getuid()}
            await audit.record(connection, AuditEntry(datetime.now(UTC), "cli", action, object, who))
        return answer

    try:
        return ask(question)
    except PeopleFault as fault:
        raise click.ClickException(str(fault)) from fault


@command.command()
@click.argument("name")
@ROLES
@UNIT
@click.option("--display-name", default="", help="As people see it, e.g. 李华.")
@AS_JSON
def add(name: str, roles: tuple[str, ...], unit: str | None, display_name: str, as_json: bool) -> None:
    """Add a user; prints the first password, once. It must be changed at the first sign-in."""

    async def work(connection: AsyncConnection) -> str:
        now = datetime.now(UTC)
        _, password = await accounts.create_user(
            connection, name, [Role(role) for role in roles], now=now, display_name=display_name, unit=unit
        )
        return password

    _show_password(name, _do(work, "user.add", f"user:{name}"), as_json)


@command.command()
@click.argument("name")
@AS_JSON
def password(name: str, as_json: bool) -> None:
    """A new first password, printed once; ends the user's sessions."""
    _show_password(
        name, _do(lambda c: accounts.reset_password(c, name), "user.reset_password", f"user:{name}"), as_json
    )


def _show_password(name: str, made: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "password": made, "must_change": True})
    else:
        click.echo(f"{name}  {made}\n初始密码只显示这一次，首次登录须修改。")


@command.command()
@click.argument("name")
@ROLES
@UNIT
def roles(name: str, roles: tuple[str, ...], unit: str | None) -> None:
    """Give a user other roles; ends the user's sessions."""
    _do(lambda c: accounts.set_roles(c, name, [Role(role) for role in roles], unit), "user.set_roles", f"user:{name}")


@command.command()
@click.argument("name")
def disable(name: str) -> None:
    """Nobody signs in as this user any more; ends the user's sessions."""
    _do(lambda c: accounts.disable_user(c, name, datetime.now(UTC)), "user.disable", f"user:{name}")


@command.command()
@click.argument("name")
def enable(name: str) -> None:
    """Take a disabling back."""
    _do(lambda c: accounts.enable_user(c, name), "user.enable", f"user:{name}")


@command.command("totp-off")
@click.argument("name")
def totp_off(name: str) -> None:
    """The second factor of someone whose authenticator and recovery codes are lost."""
    _do(lambda c: totp.take_away(c, name), "user.totp_off", f"user:{name}")


@command.command("list")
@click.option("--after", default="", help="Names after this one.")
@AS_JSON
def list_command(after: str, as_json: bool) -> None:
    """Users by name, 500 at most."""
    found = _do(lambda c: accounts.list_users(c, after=after, limit=accounts.MAX_USERS))
    if as_json:
        keys = "name display_name unit must_change created_at signed_in_at disabled_at".split()
        print_json([{key: getattr(user, key) for key in keys} | {"roles": sorted(user.roles)} for user in found])
        return
    table = Table(title="用户" if found else "用户（无）")
    for heading in ("用户名", "姓名", "角色", "单位", "上次登录", "状态"):
        table.add_column(heading, overflow="fold")
    for user in found:
        state = "已停用" if user.disabled_at else "须改密码" if user.must_change else "正常"
        names = "、".join(ROLE_NAMES[role] for role in sorted(user.roles))
        table.add_row(user.name, escape(user.display_name), names, user.unit or "", local(user.signed_in_at), state)
    console().print(table)


@command.group()
def token() -> None:
    """接口令牌 Tokens for other platforms."""


@token.command("add")
@click.argument("platform")
@click.option("--permission", "permissions", multiple=True, required=True, type=click.Choice(TOKEN_WORDS))
@click.option("--days", type=click.IntRange(1, tokens.MAX_LIFE.days), default=365, show_default=True)
@UNIT
def token_add(platform: str, permissions: tuple[str, ...], days: int, unit: str | None) -> None:
    """Give PLATFORM a token; printed once."""

    async def work(connection: AsyncConnection) -> tokens.NewToken:
        now = datetime.now(UTC)
        wanted = [Permission(permission) for permission in permissions]
        expires = now + timedelta(days=days)
        return await tokens.create_token(connection, platform, wanted, expires_at=expires, now=now, unit=unit)

    made = _do(work, "token.add", f"platform:{platform}")
    click.echo(f"{made.id}  {made.token}\n令牌只显示这一次。")


@token.command("list")
def token_list() -> None:
    """All tokens ever given; what they are is not known any more."""
    table = Table(title="接口令牌")
    for heading in ("编号", "平台", "权限", "单位", "有效期至", "上次使用", "状态"):
        table.add_column(heading, overflow="fold")
    for given in _do(tokens.list_tokens):
        dead = "已吊销" if given.revoked_at else "已过期" if given.expires_at <= datetime.now(UTC) else "有效"
        words = (str(given.id), escape(given.name), " ".join(sorted(given.permissions)), given.unit or "")
        table.add_row(*words, local(given.expires_at), local(given.used_at), dead)
    console().print(table)


@token.command("revoke")
@click.argument("number", type=int)
def token_revoke(number: int) -> None:
    """Take a token away, by its number in the list."""
    _do(lambda c: tokens.revoke_token(c, number, datetime.now(UTC)), "token.revoke", f"token:{number}")
