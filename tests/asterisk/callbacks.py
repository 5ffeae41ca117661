"""A hotline that calls back at any hour, tickets that are ready to be asked about, and what became of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.tables import callback_attempts, callback_targets
from hotline.db import open_engine
from hotline.robot_network import RobotNetwork
from hotline.robots import parse_rule
from hotline.rulebook import open_rulebook
from hotline.trial import free_ports
from tests.asterisk.instance import Instance
from tests.asterisk.noon import VARIABLE, minutes_from_utc, zone_of
from tickets.book import create, execute
from tickets.commands import COMMAND
from tickets.permits import Actor
from tickets.rulebook import Rulebook
from tickets.ticket import NewRequest
from tickets.words import Category

Row = Mapping[Any, Any]
LISTENING_SECONDS = 30.0
LOOK_SECONDS = 0.2
YESTERDAY = "--starts", f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
"""In whatever zone it is half past ten: the campaign has begun."""
EVERYTHING = frozenset(
    f"ticket.{one}" for one in "read_all create answer accept handle sign review supervise confidential".split()
)


class CallingHotline(Instance):
    """``sounds``: recordings that it understands, by their file. ``zone``: that of its campaigns."""

    program = "tests.asterisk.calling_hotline"
    # a campaign begun in the evening would ring from the next morning on
    commands = ("tests.asterisk.noon", "hotline")

    def __init__(self, home: Path, sounds: Mapping[Path, str] | None = None, **settings: Mapping[str, object]) -> None:
        self.network = f"127.0.0.11:{free_ports(1)[0]}"
        callback = {"test_network": self.network, "lines": 60, "per_second": 20.0, **settings.pop("callback", {})}
        if sounds:
            settings["speech"] = {"engine": "whisper", "max_calls": 200, "transcripts": False}
        super().__init__(home, callback=callback, **settings)
        self._listens = bool(sounds)
        (home / "sounds.json").write_text(json.dumps({str(path): words for path, words in (sounds or {}).items()}))
        (home / "traps").mkdir()
        minutes = minutes_from_utc(datetime.now(UTC))
        self.zone = zone_of(minutes)
        self.environment[VARIABLE] = str(minutes)

    def start(self) -> float:
        seconds = super().start()
        deadline = time.monotonic() + LISTENING_SECONDS
        while self._listens and "listening with" not in self.log("voice"):
            assert time.monotonic() < deadline, self.log("voice")
            time.sleep(0.05)
        return seconds

    def log(self, part: str) -> str:
        return "".join(path.read_text(errors="replace") for path in self.settings.log_dir.glob(f"{part}*"))

    def run(self, *arguments: str) -> str:
        """``hotline ARGUMENTS``; raises CalledProcessError."""
        command = [sys.executable, "-m", *self.commands, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def robots(self, ways: Mapping[str, str] | Sequence[str]) -> RobotNetwork:
        """``ways``: by number."""
        rules = [f"{number}={way}" for number, way in ways.items()] if isinstance(ways, Mapping) else ways
        return RobotNetwork(self.home / "robots", self.network, [parse_rule(rule) for rule in rules])

    def trap(self, name: str) -> None:
        """``before`` or ``after``: the next dialler that asks Asterisk for a call dies then."""
        (self.home / "traps" / name).touch()


class Records:
    """What the instance's database says. ``async with records(instance) as found``."""

    def __init__(self, engine: AsyncEngine, rulebook: Rulebook) -> None:
        self.engine, self.rulebook = engine, rulebook

    async def reviewed(self, policy: str, number: str, **more: Any) -> str:
        """A ticket of this policy, done and reviewed some minutes ago; returns its number."""
        person = Actor("测试", EVERYTHING, "某局")
        at = datetime.now(UTC) - timedelta(minutes=10)
        request = NewRequest(
            category=Category.HELP, title="路灯不亮", caller=number, caller_e164=f"+86{number}", policy=policy
        )
        steps: list[dict[str, Any]] = [
            {"do": "accept"},
            {"do": "dispatch", "unit": "某局"},
            {"do": "contact"},
            {"do": "complete", "result": "已修好", "basis": "城市照明管理规定", "leader_approval": True},
            {"do": "review", "pass": True},
        ]
        if more.get("supervised"):
            steps.insert(2, {"do": "supervise", "reason": "leader"})
        async with self.engine.begin() as connection:
            ticket = await create(connection, self.rulebook, request, person, at)
            for minute, step in enumerate(steps, start=1):
                moment = at + timedelta(minutes=minute)
                command = COMMAND.validate_python(step)
                await execute(connection, self.rulebook, ticket.number, command, person, moment)
        return ticket.number

    async def targets(self) -> dict[str, Row]:
        """By national number."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(callback_targets))
            return {row.number.removeprefix("+86"): row._mapping for row in rows}

    async def attempts(self) -> list[Row]:
        async with self.engine.connect() as connection:
            return [row._mapping for row in await connection.execute(select(callback_attempts).order_by("id"))]

    async def change(self, statement: str, **values: Any) -> int:
        async with self.engine.begin() as connection:
            return (await connection.execute(text(statement), values)).rowcount

    async def until(self, good: Callable[[dict[str, Row]], bool], seconds: float) -> dict[str, Row]:
        """The targets, once ``good``. Raises AssertionError with those that are under way or wait."""
        found: dict[str, Row] = {}
        try:
            async with asyncio.timeout(seconds):
                while not good(found := await self.targets()):
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            left = [(number, row["state"], row["reason"]) for number, row in found.items()]
            raise AssertionError(f"not in {seconds} s: {left}") from None
        return found

    async def fetch(self, question: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        async with self.engine.connect() as connection:
            return await question(connection)


@asynccontextmanager
async def records(instance: Instance) -> AsyncIterator[Records]:
    rulebook = open_rulebook(instance.settings)
    async with open_engine(instance.settings) as engine:
        yield Records(engine, rulebook)


def nobody_on_the_line(targets: dict[str, Row]) -> bool:
    return bool(targets) and all(row["state"] != "calling" for row in targets.values())


def settled(targets: dict[str, Row]) -> bool:
    """Whoever waits, waits for a later time."""
    return nobody_on_the_line(targets) and all(
        row["state"] != "waiting" or row["next_at"] > datetime.now(UTC) for row in targets.values()
    )
