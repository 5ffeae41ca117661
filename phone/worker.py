"""One process of pjsua2: accounts and calls by name, and the commands of phone/serve.py that act on them."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from phone.account import Account, Identity
from phone.engine import CommandLines, Engine, private_stdout, reason
from phone.identity import from_uri, has_control, header_values, uri_user
from phone.limits import MAX_ACCOUNTS
from phone.line import Line
from phone.pj import pj
from phone.script import (
    CommandError,
    parse_script,
    take,
    take_code,
    take_keys,
    take_playable,
    take_recording,
    take_tone,
)

HANGUP_SECONDS = 3.0
UNREGISTER_SECONDS = 1.0
_URI = re.compile(r"sips?:[^\s<>\"]+")
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


class Switchboard:
    """Accounts and lines by name, and the commands that act on them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._accounts: dict[str, Account] = {}
        self._lines: dict[str, Line] = {}
        self.quitting = False
        self._commands: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "account": self._account,
            "close": self._close_account,
            "call": self._call,
            "answer": lambda c: self._line(c).answer_with(take_code(c, 180, 200)),
            "keys": lambda c: self._line(c).press(take_keys(c)),
            "say": self._say,
            "tone": lambda c: self._line(c).tone(take_tone(c)),
            "record": self._record,
            "record_stop": lambda c: self._line(c).stop_recording(),
            "hold": lambda c: self._line(c).hold(),
            "unhold": lambda c: self._line(c).unhold(),
            "hangup": lambda c: self._line(c).hangup(take_code(c, 300, 486) if "code" in c else 0),
            "quit": self._quit,
        }

    @property
    def busy(self) -> bool:
        return bool(self._lines)

    def handle(self, line: bytes) -> None:
        """One command; whatever is wrong with it becomes an ``error`` event."""
        command: Any = None
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise CommandError("a command is a JSON object")
            self.execute(command)
        except (CommandError, ValueError) as error:
            self._refuse(command, str(error))
        except pj.Error as error:
            self._refuse(command, reason(error))

    def execute(self, command: Mapping[str, Any]) -> None:
        name = take(command, "cmd", str)
        if name not in self._commands:
            raise CommandError(f"no such command: {name}")
        self._commands[name](command)

    def close(self) -> None:
        """Hang up, let the recordings finish, unregister."""
        for line in list(self._lines.values()):
            try:
                line.hangup()
            except pj.Error:  # it ended in this moment
                continue
        self._engine.run_until(lambda: not self._lines, HANGUP_SECONDS)
        for account in self._accounts.values():
            if account.registered:
                account.setRegistration(False)
        self._engine.run_until(lambda: not any(a.registered for a in self._accounts.values()), UNREGISTER_SECONDS)
        self._lines.clear()
        for account in self._accounts.values():
            account.shutdown()
        self._accounts.clear()

    def _refuse(self, command: Any, detail: str) -> None:
        about = command if isinstance(command, dict) else {}
        account, call = about.get("account"), about.get("call")
        self._engine.emit("error", account=account, call=call, detail=detail, refused=call not in self._lines)

    def _account(self, command: Mapping[str, Any]) -> None:
        identity = Identity(
            name=take(command, "account", str),
            uri=_uri(command, "uri"),
            registrar=_uri(command, "registrar") if command.get("registrar") else "",
            user=take(command, "user", str, ""),
            password=take(command, "password", str, ""),
            bind=take(command, "bind", str, "127.0.0.1"),
            port=take(command, "port", int, 0),
            calls=take(command, "calls", int, 1),
            again=take(command, "again", bool, False),
        )
        if identity.name in self._accounts:
            raise CommandError(f"account {identity.name} exists already")
        if len(self._accounts) >= MAX_ACCOUNTS:
            raise CommandError(f"one phone process holds at most {MAX_ACCOUNTS} accounts")
        account = Account(self._engine, identity, parse_script(command), self._incoming)
        account.open()
        self._accounts[identity.name] = account

    def _close_account(self, command: Mapping[str, Any]) -> None:
        account = self._named_account(command)
        if any(line.account_name == account.name for line in self._lines.values()):
            raise CommandError(f"account {account.name} has a call")
        if account.registered:
            account.setRegistration(False)
            self._engine.run_until(lambda: not account.registered, UNREGISTER_SECONDS)
        account.shutdown()
        del self._accounts[account.name]
        if not take(command, "again", bool, False):
            self._engine.emit("closed", account=account.name)

    def _call(self, command: Mapping[str, Any]) -> None:
        account = self._named_account(command)
        name = take(command, "call", str)
        if name in self._lines:
            raise CommandError(f"call {name} exists already")
        destination = _uri(command, "to")
        line = Line(self._engine, account, name, parse_script(command), uri_user(destination) or "", self._forget)
        line.dial(destination, _sender(command, account.identity), _extra_headers(command))
        self._lines[name] = line

    def _incoming(self, account: Account, call_id: int, invite: str) -> None:
        account.taken += 1
        script = account.script
        if script.record is not None and account.taken > 1:
            numbered = f"{script.record.stem}-{account.taken}{script.record.suffix}"
            script = dataclasses.replace(script, record=script.record.with_name(numbered))
        caller = next((uri_user(value) or "" for value in header_values(invite, "From")), "")
        name = f"{account.name}#{account.taken}"
        line = Line(self._engine, account, name, script, caller, self._forget, call_id)
        if sum(other.account_name == account.name for other in self._lines.values()) >= account.identity.calls:
            account.taken -= 1
            line.hangup(486)
            return
        self._lines[name] = line
        self._engine.emit("incoming", account=account.name, call=name, t=0.0, detail=caller)
        line.ring()

    def _forget(self, line: Line) -> None:
        self._lines.pop(line.name, None)

    def _say(self, command: Mapping[str, Any]) -> None:
        path = take_playable(command, "file")
        if path is None:
            raise CommandError("file is missing")
        self._line(command).say(path, take(command, "loop", bool, False))

    def _record(self, command: Mapping[str, Any]) -> None:
        path = take_recording(command, "file")
        if path is None:
            raise CommandError("file is missing")
        self._line(command).record(path)

    def _quit(self, _: Mapping[str, Any]) -> None:
        self.quitting = True

    def _named_account(self, command: Mapping[str, Any]) -> Account:
        name = take(command, "account", str)
        if name not in self._accounts:
            raise CommandError(f"no such account: {name}")
        return self._accounts[name]

    def _line(self, command: Mapping[str, Any]) -> Line:
        name = take(command, "call", str)
        if name not in self._lines:
            raise CommandError(f"no such call: {name}")
        return self._lines[name]


def _uri(command: Mapping[str, Any], name: str) -> str:
    value = take(command, name, str)
    if not _URI.fullmatch(value) or has_control(value):
        raise CommandError(f"{name} is not a SIP URI: {value!r}")
    return value


def _sender(command: Mapping[str, Any], identity: Identity) -> str:
    """The From of a call: ``from_uri`` as it is, or made of ``from_user`` and ``display``, or the account's own."""
    raw = take(command, "from_uri", str, "")
    if raw:
        if has_control(raw):
            raise CommandError("from_uri contains control characters")
        return raw
    user = take(command, "from_user", str, "")
    display = take(command, "display", str, "")
    if has_control(display):
        raise CommandError("display contains control characters")
    if not user and not display:
        return identity.uri
    return from_uri(user or uri_user(identity.uri) or "", identity.bind, display)


def _extra_headers(command: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = command.get("headers") or {}
    if not isinstance(headers, dict):
        raise CommandError("headers must be an object of strings")
    for name, value in headers.items():
        if not isinstance(value, str) or not _TOKEN.fullmatch(name) or has_control(value):
            raise CommandError(f"header {name!r} cannot be sent")
    return list(headers.items())


def run(first: list[dict[str, Any]], verbose: bool, until_idle: bool) -> None:
    """Execute ``first``, then the commands on standard input, until it ends, ``quit``, a signal, or a lost reader.

    ``until_idle``: standard input is left alone and the program ends with its last call.
    """
    engine = Engine(private_stdout(), verbose)
    board = Switchboard(engine)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(board, "quitting", True))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    lines = CommandLines(sys.stdin.fileno())
    try:
        for command in first:
            board.handle(json.dumps(command).encode())
        while not board.quitting and not lines.ended and (board.busy or not until_idle):
            engine.turn()
            for line in () if until_idle else lines.read():
                board.handle(line)
    except BrokenPipeError:
        pass  # nobody listens any more; hang up and end
    finally:
        try:
            board.close()
        except BrokenPipeError:
            board.close()
        engine.close()
