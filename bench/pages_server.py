"""The web server as it is, with a telephone side that is played: ``python -m bench.pages_server`` in HOTLINE_HOME.

``web.app`` with the database of that home and everything that ``hotline.web_server`` gives it; only the live floor is
fed by :class:`bench.floor.Exchange` instead of Asterisk, and published as ``hotline.floor`` does it. An empty page of
the same server, ``/bench/empty``, is the plainest thing that it can answer.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import click
from aiohttp import web

from bench.floor import WRAPUP, Exchange
from hotline.db import open_engine
from hotline.floor import APART_SECONDS, GATHER_SECONDS, LOOK_SECONDS, TODAY_SECONDS
from hotline.settings import Settings, load_settings
from hotline.web_server import services
from people.masking import mask_phone
from routing.ami_wire import Event
from routing.floor import Fold
from routing.floor_plan import Now, Plan, Seated, Sitting
from routing.floor_rows import Floor, TodayNow
from routing.live import MemberRow, QueueStatus
from web.app import create_app
from web.floor import Floors, Viewer

EMPTY = "/bench/empty"
AGENTS, AWAY, ON_A_BREAK = 200, 20, 20
QUEUE_NAMES = (
    "社会保障 医疗卫生 教育 住房 物业 供热 供水 供电 燃气 公交 地铁 出租车 停车 道路 路灯 环卫 园林 噪声 大气 水务"
    " 消费投诉 价格 食品 药品 劳动 欠薪 户籍 出入境 婚姻登记 养老 残联 税务 营商 市场主体 外语 方言 旅游 文化 体育 综合"
).split()
QUEUES = {f"q{number}": name for number, name in enumerate(QUEUE_NAMES)}
OF_EACH = 4
"""Queues that an agent serves."""
BUSY = 0.46
"""Of the time of those who take calls: about 60 calls at once at 50 events a second."""
STILL = 50.0
"""Events a second of what happened before, where nothing happens afterwards."""
BEFORE_SECONDS = 120.0
"""What has happened before anybody looks on."""
PROBED = "1200"
"""This agent is on a break, and says every second since when: milliseconds since 1970."""
PROBE_SECONDS = 1.0
Clock = Callable[[], float]
_EMPTY = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>·</title><link rel="icon" href="data:,"><main>·</main></html>
"""
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "秀英 伟 芳 娜 敏 静 丽 强 磊 军 洋 艳 勇 杰 娟 涛 明 超 秀兰 霞".split()


@dataclass(frozen=True)
class Pace:
    """``events`` a second of its own time, which passes ``speed`` times as fast as ours. ``whole``: everybody is sent
    the whole state each time, instead of what changed."""

    events: float
    speed: float = 1.0
    whole: bool = False


class WholeFloors(Floors):
    """What it would be without patches."""

    def news(self, who: Viewer, sent: Floor | None) -> tuple[Floor, bytes]:
        return super().news(who, None) if self.view(who) is not sent else super().news(who, sent)


class Played:
    """A floor on which it is busy, from the moment that this is made on."""

    def __init__(self, floors: Floors, pace: Pace) -> None:
        self._floors, self._pace = floors, pace
        self._extensions = [str(1001 + number) for number in range(AGENTS)]
        names = [surname + given for given, surname in product(_GIVEN, _SURNAMES)]
        self._fold = Fold(
            Plan(
                QUEUES,
                {one: Seated(f"座席{one}", "browser") for one in self._extensions},
                dict.fromkeys(QUEUES, WRAPUP),
                mask=mask_phone,
            )
        )
        self._begin = datetime.now(UTC) - timedelta(seconds=BEFORE_SECONDS)
        dice = random.Random(2)
        at_work = self._extensions[: AGENTS - AWAY]
        breaks = at_work[-ON_A_BREAK:]
        members = tuple(
            MemberRow(queue, f"PJSIP/{one}", one, 0, one in breaks, "小休" if one in breaks else "", False, 1, 0)
            for one in at_work
            for queue in dice.sample(list(QUEUES), OF_EACH)
        )
        self._fold.load(Now(QueueStatus((), members, ()), (), frozenset([*at_work, PROBED])), self._begin)
        self._fold.set_ready(True)
        self._fold.set_seats({one: Sitting(one, names[int(one) % len(names)]) for one in [*at_work, PROBED]})
        self._offered = 0
        self.events = self.published = 0
        # The break of the one who is probed.
        self.pause("小休", self._begin, "QueueMemberAdded")
        takes_calls = at_work[1:-ON_A_BREAK]  # the first is the one whose page is opened
        self._coming = Exchange(takes_calls, pace.events or STILL, tuple(QUEUES), BUSY).events(1e9)
        self._ahead = next(self._coming)
        for later, event in self._until(BEFORE_SECONDS):
            self._fold.apply(event, self._begin + timedelta(seconds=later))
        self.publish(BEFORE_SECONDS)

    def pause(self, reason: str, at: datetime, kind: str = "QueueMemberPause") -> None:
        queue = next(iter(QUEUES))
        told = {"Queue": queue, "Interface": f"PJSIP/{PROBED}", "Paused": "1", "PausedReason": reason}
        self._fold.apply({"Event": kind, **told}, at)

    def _until(self, seconds: float) -> Iterator[tuple[float, Event]]:
        while self._ahead[0] <= seconds:
            yield self._ahead
            self._ahead = next(self._coming)

    def publish(self, seconds: float) -> None:
        at = self._begin + timedelta(seconds=seconds)
        floor = self._fold.take(at)
        self._floors.publish(floor, at)
        self.published += 1

    async def run(self) -> None:
        """Until cancelled. Without events time passes, and nothing happens."""
        if not self._pace.events:
            return
        began, news = time.monotonic(), asyncio.Event()

        def now() -> float:
            return BEFORE_SECONDS + (time.monotonic() - began) * self._pace.speed

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._happen(now, news))
            tasks.create_task(self._tell(now, news))

    async def _happen(self, clock: Clock, news: asyncio.Event) -> None:
        probe = figures = 0.0
        while True:
            seconds = clock()
            at = self._begin + timedelta(seconds=seconds)
            for _, event in self._until(seconds):
                self._fold.apply(event, at)
                self.events += 1
                self._offered += event["Event"] == "QueueCallerJoin"
                news.set()
            if time.monotonic() >= probe:
                probe = time.monotonic() + PROBE_SECONDS
                self.pause(str(round(time.time() * 1000)), at)
                news.set()
            if seconds >= figures:
                figures = seconds + TODAY_SECONDS
                offered = 8000 + self._offered
                answered = round(offered * 0.985)
                self._fold.set_today(
                    TodayNow(offered, answered, round(offered * 0.962), offered - answered, 6.4, 3, 12)
                )
            await asyncio.sleep(max(0.001, min((self._ahead[0] - clock()) / self._pace.speed, 0.05)))

    async def _tell(self, clock: Clock, news: asyncio.Event) -> None:
        """As hotline.floor.FloorKeeper does; when time passes faster, as much more often."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS / self._pace.speed):
                    await news.wait()
                await asyncio.sleep(GATHER_SECONDS / self._pace.speed)
            except TimeoutError:
                pass
            news.clear()
            self.publish(clock())
            await asyncio.sleep(APART_SECONDS / self._pace.speed)


async def serve(settings: Settings, pace: Pace, pages: Path) -> None:
    """Until SIGTERM; says so when it serves."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_engine(settings, pool_size=15) as engine:
        work = services(settings, engine)
        floors = WholeFloors() if pace.whole else Floors()
        work = replace(work, floors=floors)
        played = Played(floors, pace)
        app = create_app({}, work, pages=pages)
        app.router.add_get(EMPTY, _empty)

        async def counts(request: web.Request) -> web.Response:
            return web.json_response({"events": played.events, "published": played.published})

        app.router.add_get("/bench/played", counts)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        playing = asyncio.create_task(played.run())
        try:
            await web.TCPSite(runner, settings.web.bind, settings.web.port).start()
            click.echo("serves")
            await stop.wait()
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            await runner.cleanup()


async def _empty(request: web.Request) -> web.Response:
    return web.Response(
        text=_EMPTY,
        content_type="text/html",
        headers={"Cache-Control": "no-store"},
    )


@click.command()
@click.option("--events", default=0.0)
@click.option("--speed", default=1.0)
@click.option("--whole", is_flag=True)
@click.option("--pages", required=True, type=click.Path(path_type=Path, exists=True))
def main(events: float, speed: float, whole: bool, pages: Path) -> None:
    asyncio.run(serve(load_settings(), Pace(events, speed, whole), pages))


if __name__ == "__main__":
    main()
