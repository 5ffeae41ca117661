"""``phone serve``: any number of accounts and calls by JSON commands, spread over worker processes.

One pjsua2 process carries few calls (:mod:`phone.limits`), so this one, without pjsua2, starts workers as needed.
Commands are JSON objects, one a line on standard input; names of accounts and calls are the sender's choice:

- ``account``: ``account uri [registrar user password] [bind] [port] [calls]`` and a script for incoming calls;
  answered by ``ready``, ``registered`` or ``register_failed``. ``calls``: taken at once, at most 4 on one account.
- ``close``: ``account``, unregisters; answered by ``closed``.
- ``call``: ``account call to [from_user | from_uri] [display] [headers] [limit]`` and a script.
- A script starts at answer: ``keys say loop tone record for``; for incoming calls ``ring answer_after code`` too.
- ``answer`` (``code``), ``keys``, ``say`` (``file loop``), ``tone``, ``record`` (``file``), ``record_stop``, ``hold``,
  ``unhold``, ``hangup`` (``code``): for the ``call`` they name. Incoming calls are named ``ACCOUNT#1``, ``ACCOUNT#2`` …
- ``quit``; the end of standard input is the same: calls are hung up, recordings closed, accounts unregistered.

Events are JSON lines with ``event``, ``at`` (epoch seconds), ``account``, ``call``, ``t`` (seconds since dialling or
since the INVITE came) and ``detail``: ``incoming ringing answered connected key held resumed hangup failed`` and, last
of a call, ``ended`` with ``answered hangup_by sip_code recorded_seconds``. A wrong command becomes ``error``; with
``refused`` true the call it names does not exist.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from phone.limits import MAX_ACCOUNTS, MAX_CALLS

LINE_BYTES = 65536
END_SECONDS = 6.0
MAX_WORKERS = 64


class Worker:
    """One ``phone worker`` and what it carries."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.reserved: dict[str, int] = {}
        """Accounts that take calls, with the number of calls kept free for them."""
        self.visiting: set[str] = set()
        """Accounts that only dial; they can be on any worker, on several at once."""
        self.calls: dict[str, str] = {}
        """Calls under way and their accounts."""

    @property
    def free(self) -> int:
        dialled = sum(account not in self.reserved for account in self.calls.values())
        return MAX_CALLS - sum(self.reserved.values()) - dialled

    @property
    def room(self) -> bool:
        """One more account fits."""
        return len(self.reserved) + len(self.visiting) < MAX_ACCOUNTS

    def idle_visitor(self) -> str | None:
        return next(iter(self.visiting - set(self.calls.values())), None)

    def send(self, command: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")


class Front:
    """Gives each account and call to a worker and passes the workers' events on."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._workers: list[Worker] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._accounts: dict[str, Mapping[str, Any]] = {}
        self.done = asyncio.Event()

    async def handle(self, line: bytes) -> None:
        try:
            command = json.loads(line)
        except ValueError:
            return self._error({}, "a command is a JSON object")
        if not isinstance(command, dict) or not all(isinstance(command.get(n, ""), str) for n in ("account", "call")):
            return self._error({}, "a command is a JSON object; account and call are strings")
        verb, account, call = command.get("cmd"), command.get("account", ""), command.get("call", "")
        if verb == "quit":
            self.done.set()
        elif verb == "account":
            await self._open(account, command)
        elif verb == "close":
            for worker in [w for w in self._workers if account in w.reserved or account in w.visiting]:
                worker.send(command)
                worker.reserved.pop(account, None)
                worker.visiting.discard(account)
            self._accounts.pop(account, None)
        elif verb == "call":
            await self._dial(account, call, command)
        else:
            owner = next((worker for worker in self._workers if call in worker.calls), None)
            if owner is None:
                return self._error(command, f"no such call: {call}")
            owner.send(command)

    async def close(self) -> None:
        """Let every worker hang up and end; those that do not are killed."""
        for worker in self._workers:
            if worker.process.returncode is None:
                worker.send({"cmd": "quit"})
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_SECONDS)
            if late:
                for worker in self._workers:
                    if worker.process.returncode is None:
                        worker.process.kill()
                await asyncio.wait(late)

    async def _open(self, name: str, command: Mapping[str, Any]) -> None:
        if name in self._accounts:
            return self._error(command, f"account {name} exists already")
        calls = command.get("calls", 1)
        takes = bool(command.get("registrar") or command.get("port"))
        slots = min(max(calls, 1), MAX_CALLS) if isinstance(calls, int) else 1
        worker = await self._worker(slots if takes else 1)
        if worker is None:
            return self._error(command, f"more than {MAX_WORKERS} phone processes")
        self._accounts[name] = command
        if takes:
            worker.reserved[name] = slots
        else:
            worker.visiting.add(name)
        worker.send(command)

    async def _dial(self, account: str, call: str, command: Mapping[str, Any]) -> None:
        if account not in self._accounts:
            return self._error(command, f"no such account: {account}")
        if any(call in worker.calls for worker in self._workers):
            return self._error(command, f"call {call} exists already")
        worker = next((w for w in self._workers if account in w.reserved), None) or next(
            (w for w in self._workers if account in w.visiting and w.free > 0), None
        )
        if worker is None:
            worker = await self._worker(1)
            if worker is None:
                return self._error(command, f"more than {MAX_WORKERS} phone processes")
            worker.visiting.add(account)
            worker.send({**self._accounts[account], "again": True})
        worker.calls[call] = account
        worker.send(command)

    async def _worker(self, slots: int) -> Worker | None:
        """A worker with room for one more account and ``slots`` calls; None past the limit."""
        for worker in self._workers:
            if worker.process.returncode is None and worker.free >= slots:
                visitor = None if worker.room else worker.idle_visitor()
                if visitor is not None:
                    worker.visiting.discard(visitor)
                    worker.send({"cmd": "close", "account": visitor, "again": True})
                if worker.room:
                    return worker
        if len(self._workers) >= MAX_WORKERS:
            return None
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "phone", "worker", *(["--verbose"] if self._verbose else []),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        worker = Worker(process)
        self._workers.append(worker)
        task = asyncio.create_task(self._listen(worker))
        self._tasks.add(task)
        return worker

    async def _listen(self, worker: Worker) -> None:
        assert worker.process.stdout is not None
        while line := await worker.process.stdout.readline():
            event = json.loads(line)
            call = event.get("call")
            if event["event"] == "incoming":
                worker.calls[call] = event["account"]
            elif event["event"] == "ended" or event.get("refused"):
                worker.calls.pop(call, None)
            self._write(line)
        await worker.process.wait()
        for call, account in worker.calls.items():  # only when it died
            about = {"at": round(time.time(), 3), "account": account, "call": call}
            self._emit({"event": "error", **about, "detail": "the phone process died"})
            lost = {"answered": False, "hangup_by": None, "sip_code": 0, "recorded_seconds": None}
            self._emit({"event": "ended", **about, "detail": None, **lost})
        worker.calls.clear()

    def _error(self, command: Mapping[str, Any], detail: str) -> None:
        about = {"account": command.get("account"), "call": command.get("call"), "refused": True}
        self._emit({"event": "error", "at": round(time.time(), 3), **about, "detail": detail})

    def _emit(self, event: Mapping[str, Any]) -> None:
        self._write(json.dumps(event, ensure_ascii=False).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        """A reader that went away is noticed here and ends the program."""
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.done.set()


async def _serve(verbose: bool) -> None:
    front = Front(verbose)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, front.done.set)
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def read() -> None:
        try:
            while line := await reader.readline():
                if line.strip():
                    await front.handle(line)
        finally:
            front.done.set()

    reading = asyncio.create_task(read())
    await front.done.wait()
    reading.cancel()
    await front.close()


def serve_commands(verbose: bool) -> None:
    """Until ``quit``, the end of standard input, a signal, or the loss of the reader of our events."""
    asyncio.run(_serve(verbose))
