"""What the log reader costs: ``python -m bench.reader_load --rate 150 --seconds 20``.

Writes the log of so many calls a second (3.3 s each: greeting, one key, queue, abandoned) in real time, reads it into
an embedded PostgreSQL of its own, and prints the CPU milliseconds a call of this process
(less the generator) and of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from hotline import postgres
from hotline.db import create_hotline_engine
from hotline.migrate import migrate
from hotline.reader import Reader
from hotline.recordings_job import defer_sweep
from hotline.secrets import load_or_create
from hotline.settings import Settings

TICKS = os.sysconf("SC_CLK_TCK")


def call_lines(number: int, start: float) -> Iterator[tuple[float, str, str]]:
    """(time, stream, line) of one call, as Asterisk 22 writes them."""
    call = f"hotline-{int(start)}.{number}"
    channel = f"PJSIP/citizen-{number:08x}"
    caller = f"139{number % 10**8:08d}"

    def cel(at: float, kind: str, user: str = "", extra: str = "", app: str = "") -> tuple[float, str, str]:
        fields = (kind, f"{start + at:.6f}", user, extra, caller, caller, "12345", "arrive", channel, app, call, call)
        return start + at, "cel", ",".join(f'"{field}"' for field in (*fields, "", "", ""))

    def ours(at: float, name: str, extra: str) -> tuple[float, str, str]:
        return cel(at, name, name, f'{{""extra"":""{extra}""}}', "CELGenUserEvent")

    def queue(at: float, rest: str) -> tuple[float, str, str]:
        return start + at, "queue_log", f"{int(start + at)}|{call}|consultation|NONE|{rest}"

    day = time.strftime("%Y/%m/%d", time.gmtime(start))
    prompt = '{""sound"":""greeting"",""format"":""sln"",""language"":""zh""}'
    yield cel(0.0, "CHAN_START")
    yield ours(0.001, "ARRIVED", f"dialled=12345&via=public&number={caller}&pres=allowed_not_screened")
    yield cel(0.002, "ANSWER", app="Answer")
    yield ours(0.003, "RECORDING", f"file={day}/{call}.raw&state=on")
    yield cel(0.02, "STREAM_BEGIN", "FILE_STREAM_BEGIN", prompt, "AGI")
    yield cel(1.4, "STREAM_END", "FILE_STREAM_END", "", "AGI")
    yield ours(1.5, "NOTICE", "played=interrupted&ms=1400")
    yield ours(1.6, "KEY", "key=1&node=main")
    yield ours(1.7, "DECISION", "kind=queue&to=consultation&category=consultation&by=key")
    yield ours(1.7, "QUEUE", "name=consultation")
    yield queue(1.71, f"ENTERQUEUE||{caller}|1")
    yield queue(3.29, "ABANDON|1|1|2")
    cause = f'{{""hangupcause"":16,""hangupsource"":""{channel}"",""dialstatus"":""""}}'
    yield cel(3.3, "HANGUP", "", cause)
    yield cel(3.3, "CHAN_END")
    yield cel(3.3, "LINKEDID_END")


async def write_log(folder: Path, rate: float, seconds: float) -> tuple[int, float]:
    """Returns the number of calls and the CPU seconds that writing them took."""
    pending: list[tuple[float, int, str, str]] = []
    files = {name: (folder / name).open("a") for name in ("cel", "queue_log")}
    begin, made, order, cpu = time.time(), 0, 0, 0.0
    while pending or time.time() < begin + seconds:
        used = time.process_time()
        now = time.time()
        while made < rate * min(now - begin, seconds):
            for at, stream, line in call_lines(made, begin + made / rate):
                order += 1
                heapq.heappush(pending, (at, order, stream, line))
            made += 1
        while pending and pending[0][0] <= now:
            _, _, stream, line = heapq.heappop(pending)
            files[stream].write(line + "\n")
        for file in files.values():
            file.flush()
        cpu += time.process_time() - used
        await asyncio.sleep(0.02)
    for file in files.values():
        file.close()
    return made, cpu


def server_cpu(root: int) -> float:
    """CPU seconds of a process, its children and those that have ended."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == root:
            total += sum(int(value) for value in fields[11:15])
        elif int(fields[1]) == root:
            total += sum(int(value) for value in fields[11:13])
    return total / TICKS


async def measure(url: str, folder: Path, server: int, rate: float, seconds: float) -> None:
    engine = create_hotline_engine(url)
    reader = Reader(engine, folder / "cel", folder / "queue_log", on_ended=defer_sweep)
    stop = asyncio.Event()
    python, postgres_before = time.process_time(), server_cpu(server)
    reading = asyncio.create_task(reader.run(stop))
    calls, generator = await write_log(folder, rate, seconds)
    written = time.time()
    while True:
        async with engine.connect() as connection:
            ended = await connection.scalar(text("SELECT count(*) FROM calls WHERE missed"))
            tickets = await connection.scalar(text("SELECT count(*) FROM tickets"))
        if ended == tickets == calls:
            break
        await asyncio.sleep(0.05)
    lag = time.time() - written
    stop.set()
    await reading
    python = time.process_time() - python - generator
    used = server_cpu(server) - postgres_before
    await engine.dispose()
    print(
        f"{calls} calls at {rate:.0f}/s: reader {1000 * python / calls:.2f} ms CPU a call,"
        f" PostgreSQL {1000 * used / calls:.2f} ms, last call written {lag:.2f} s after its last line"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=float, default=150)
    arguments.add_argument("--seconds", type=float, default=20)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        home = Path(name)
        home.chmod(0o711)
        settings = Settings(home=home)
        secrets = load_or_create(settings, [])
        server = postgres.prepare(settings, secrets)
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(server.command_line(), cwd="/", stdout=log, stderr=log, start_new_session=True)
        try:
            while not postgres.is_ready(server, secrets):
                time.sleep(0.05)
            postgres.create_database(server, secrets)
            url = postgres.database_url(settings, secrets)
            migrate(url)
            asyncio.run(measure(url, home, server.running_pid() or process.pid, given.rate, given.seconds))
        finally:
            process.send_signal(postgres.STOP_FAST)
            process.wait(20)


if __name__ == "__main__":
    main()
