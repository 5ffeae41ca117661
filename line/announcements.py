"""Announcements 公告: switched on with an end, per topic or district or for everybody; and how many heard each and hung
up there. In the caller's transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from line.faults import LineFault
from line.tables import announcements

MAX_TEXT = 200
MAX_ON = 20
"""More at once would keep everybody from getting through."""
LONGEST = timedelta(days=31)
_DISTRICT = re.compile("[\u4e00-\u9fff]{2,10}")


@dataclass(frozen=True, slots=True)
class NewAnnouncement:
    """``sound``: name of its recording (:mod:`line.spoken`). ``topic``: id; empty topic and district: for everybody."""

    text: str
    sound: str
    starts_at: datetime
    ends_at: datetime
    topic: str = ""
    district: str = ""


@dataclass(frozen=True, slots=True)
class Announcement:
    """``heard``: calls in which it was begun; ``informed``: of these, the callers who hung up there, for they had got
    what they called for."""

    id: int
    text: str
    sound: str
    topic: str
    district: str
    starts_at: datetime
    ends_at: datetime
    by: str
    off_at: datetime | None
    off_by: str
    heard: int = 0
    informed: int = 0

    def is_on(self, at: datetime) -> bool:
        return self.off_at is None and self.starts_at <= at < self.ends_at


def checked_text(written: str) -> str:
    """What is to be said, on one line. Raises LineFault ``text``."""
    plain = " ".join(written.split())
    if not 2 <= len(plain) <= MAX_TEXT or not plain.isprintable():
        raise LineFault("text", f"公告须为 2 至 {MAX_TEXT} 个字")
    return plain


def checked_district(written: str) -> str:
    """As citizens say it: 中山区, 沙河口. Empty: everywhere. Raises LineFault ``text``."""
    plain = written.strip()
    if plain and not _DISTRICT.fullmatch(plain):
        raise LineFault("text", "区域须为 2 至 10 个汉字，如 中山区")
    return plain


def topic_names() -> Mapping[str, str]:
    """Ids of ``routing/intent/topics.yaml`` and what they are called."""
    from routing.intent.phrasebook import load_topics  # loads what recognises sounds: where it is needed only

    return {id: topic.name for id, topic in load_topics().items()}


def checked_topic(written: str) -> str:
    """The id, also of a name. Empty: whatever it is about. Raises LineFault ``topic``."""
    plain = written.strip()
    if not plain:
        return ""
    names = topic_names()
    found = next((id for id, name in names.items() if plain in (id, name)), None)
    if found is None:
        raise LineFault("topic", f"没有这个专题；现有：{'、'.join(names.values())}")
    return found


def check_times(starts_at: datetime, ends_at: datetime, at: datetime) -> None:
    """Raises LineFault ``until``."""
    if ends_at <= at or ends_at <= starts_at:
        raise LineFault("until", "结束时间须晚于现在和开始时间")
    if starts_at < at - LONGEST or ends_at > at + LONGEST:
        raise LineFault("until", f"公告最长 {LONGEST.days} 天")


async def switch_on(connection: AsyncConnection, new: NewAnnouncement, by: str, at: datetime) -> Announcement:
    """Raises LineFault."""
    check_times(new.starts_at, new.ends_at, at)
    await connection.execute(text("LOCK TABLE announcements IN SHARE ROW EXCLUSIVE MODE"))
    c = announcements.c
    live = select(func.count()).select_from(announcements).where(c.switched_off_at.is_(None), c.ends_at > at)
    if (await connection.scalar(live) or 0) >= MAX_ON:
        raise LineFault("full", f"同时最多 {MAX_ON} 条公告，请先关闭不再需要的")
    values = {
        "text": new.text,
        "sound": new.sound,
        "topic": new.topic,
        "district": new.district,
        "starts_at": new.starts_at,
        "ends_at": new.ends_at,
        "switched_on_by": by,
        "created_at": at,
    }
    row = (await connection.execute(insert(announcements).values(values).returning(announcements))).one()
    return _of(row, {})


async def switch_off(connection: AsyncConnection, id: int, by: str, at: datetime) -> Announcement:
    """Raises LineFault ``unknown`` for one that is not there or is over."""
    c = announcements.c
    change = update(announcements).where(c.id == id, c.switched_off_at.is_(None), c.ends_at > at)
    done = change.values(switched_off_at=at, switched_off_by=by).returning(announcements)
    row = (await connection.execute(done)).one_or_none()
    if row is None:
        raise LineFault("unknown", f"没有正在播放的公告 {id}")
    return _of(row, await _counts(connection, [row]))


async def page(
    connection: AsyncConnection, at: datetime, *, over: bool = False, before: int | None = None, limit: int = 50
) -> list[Announcement]:
    """Newest first; with ``over`` also those that have ended or were switched off."""
    c = announcements.c
    query = select(announcements).order_by(c.id.desc()).limit(limit)
    if not over:
        query = query.where(c.switched_off_at.is_(None), c.ends_at > at)
    if before is not None:
        query = query.where(c.id < before)
    rows = (await connection.execute(query)).all()
    counts = await _counts(connection, rows)
    return [_of(row, counts) for row in rows]


# Calls since the first of them began: no earlier one can have heard it.
_COUNTS = text(
    "SELECT a AS id, count(*) AS heard,"
    " count(*) FILTER (WHERE c.informed AND c.announced[cardinality(c.announced)] = a) AS informed"
    " FROM calls c, unnest(c.announced) a"
    " WHERE c.announced <> '{}' AND c.arrived_at >= :since AND a = ANY(:ids) GROUP BY a"
)


async def _counts(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[int, tuple[int, int]]:
    if not rows:
        return {}
    since = min(row.starts_at for row in rows) - timedelta(days=1)  # who waited for it was there before
    found = await connection.execute(_COUNTS, {"since": since, "ids": [row.id for row in rows]})
    return {row.id: (row.heard, row.informed) for row in found}


def _of(row: Row[Any], counts: Mapping[int, tuple[int, int]]) -> Announcement:
    heard, informed = counts.get(row.id, (0, 0))
    return Announcement(
        id=row.id,
        text=row.text,
        sound=row.sound,
        topic=row.topic,
        district=row.district,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        by=row.switched_on_by,
        off_at=row.switched_off_at,
        off_by=row.switched_off_by,
        heard=heard,
        informed=informed,
    )
