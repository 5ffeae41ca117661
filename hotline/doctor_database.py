"""What only the database can tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import list_alerts
from hotline.doctor import Finding, OfDatabase, error, ok, warning
from hotline.metrics_lag import lags
from hotline.migrate import head, revisions
from hotline.settings import Settings

SKEW_SECONDS = 2.0
LAG_SECONDS = 30.0
STUCK = "10 minutes"
URGENT = frozenset(
    "emergency_failed emergency_trunk rules_faulty confidential_key_lost recording_stopped disk_low".split()
)

_RECORDED = text(
    "SELECT count(*) FILTER (WHERE r.state IN ('missing', 'failed')) AS lost,"
    " count(*) FILTER (WHERE r.state = 'done') AS done,"
    " count(*) FILTER (WHERE r.state = 'pending' AND c.ended_at < now() - interval '1 hour') AS late,"
    " count(*) FILTER (WHERE r.call_id IS NULL AND c.via IN ('public', 'web', 'emergency', 'test')) AS without"
    " FROM calls c LEFT JOIN recordings r ON r.call_id = c.id"
    " WHERE c.arrived_at > now() - interval '1 day' AND c.ended_at IS NOT NULL AND c.answered_at IS NOT NULL"
)
_JOBS = text(
    "SELECT j.queue_name AS queue,"
    " count(*) FILTER (WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - interval '2 minutes'))"
    "  AS left_behind,"
    " count(*) FILTER (WHERE j.status = 'failed') AS failed,"
    " count(*) FILTER (WHERE j.status = 'todo' AND COALESCE(j.scheduled_at, e.at) < now() - CAST(:stuck AS interval))"
    "  AS waiting"
    " FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id"
    " LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON true"
    " WHERE j.status IN ('todo', 'doing', 'failed') GROUP BY 1 ORDER BY 1"
)


async def migrated(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return [error("schema", "数据库是空的 the database has no tables", "`hotline setup database`")]
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found == head():
        return [ok("schema", f"数据库表已是最新 tables are up to date ({found})")]
    if found not in revisions():
        words = f"数据库比程序新 the database ({found}) is newer than this version ({head()})"
        return [error("schema", words, "使用更新的版本 start the newer version")]
    words = f"数据库表待升级 tables ({found}) are older than this version ({head()})"
    return [error("schema", words, "重启热线 restart, or `hotline setup database`")]


async def clock(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    before = datetime.now(UTC)
    there: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    after = datetime.now(UTC)
    skew = (there - before - (after - before) / 2).total_seconds()
    words = f"本机与数据库时钟相差 clocks differ by {skew:+.1f} s"
    # How long the answer took is how well it can be known.
    if abs(skew) > SKEW_SECONDS + (after - before).total_seconds():
        return [error("clock", words, "两台机器都启用 NTP on both machines (timedatectl set-ntp true)")]
    return [ok("clock", words)]


async def log_reader(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    found = []
    for lag in await lags(connection, settings):
        if lag.seconds > LAG_SECONDS:
            words = f"日志 {lag.stream} 积压 behind by {lag.unread} B，{lag.seconds:.0f} s 未推进 without a step"
            found.append(error("log-reader", words, "看日志 see <home>/log/worker.log: 来电未生成工单 tickets wait"))
    return found or [ok("log-reader", "日志读取正常 the log reader is up to date")]


async def recordings(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    row = (await connection.execute(_RECORDED)).one()
    remedy = "查看 see <home>/log/worker.log, 录音文件夹权限 rights of the recordings folder"
    found = []
    if row.lost:
        found.append(error("recordings", f"24 小时内 {row.lost} 个录音缺失或损坏 recordings lost in a day", remedy))
    if row.late:
        found.append(error("recordings", f"{row.late} 个录音一小时后仍未转换 not converted after an hour", remedy))
    if row.without:
        words = f"24 小时内 {row.without} 个已接来电没有录音 answered calls of a day without a recording"
        found.append(warning("recordings", words, "磁盘是否满过 was the disk full? <home>/asterisk/log/messages.log"))
    return found or [ok("recordings", f"24 小时内录音 recordings of a day: {row.done}")]


async def alerts(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    rows = await list_alerts(connection, include_closed=False, limit=20)
    remedy = "`hotline alerts`，处理后确认 then `hotline alerts ack ID`"
    found = [
        (error if row["kind"] in URGENT else warning)("alerts", f"告警 {row['kind']}: {row['text']}", remedy)
        for row in rows
    ]
    return found or [ok("alerts", "没有未处理告警 no alert waits for somebody")]


async def jobs(settings: Settings, connection: AsyncConnection) -> Iterable[Finding]:
    found = []
    for row in await connection.execute(_JOBS, {"stuck": STUCK}):
        if row.left_behind or row.waiting:
            words = f"后台任务 {row.queue}: {row.left_behind} 无人继续 left behind, {row.waiting} 等待过久 overdue"
            found.append(error("jobs", words, "重启 worker 或 scribe restart it; 看日志 see <home>/log/"))
        if row.failed:
            words = f"后台任务 {row.queue}: {row.failed} 个失败 failed"
            found.append(warning("jobs", words, "看日志 see <home>/log/worker.log"))
    return found or [ok("jobs", "后台任务正常 no job is stuck")]


CHECKS: tuple[OfDatabase, ...] = (migrated, clock, log_reader, recordings, alerts, jobs)
