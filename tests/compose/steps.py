"""What is tried on the running containers, one step after the other. Each raises Failed or returns a few words."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from tests.compose.desk import at_the_desk, first_administrator, pages, web_telephone
from tests.compose.stack import Failed, Stack

CITIZEN = "13900001111"
AGENT = "1001"
ASTERISK_CONF = "/var/lib/hotline/asterisk/etc/asterisk.conf"
SERVICES = ("pod", "db", "asterisk", "voice", "worker", "web", "dialler", "scribe")
RECORDED_SECONDS = 45.0
RESTART_SECONDS = 180.0
Found = TypeVar("Found")


def health(stack: Stack) -> str:
    """Through the published port, as a monitor would ask."""

    def asked() -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{stack.web}/health", timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, urllib.error.HTTPError):
            return None

    return f"parts: {', '.join(_until(asked, RESTART_SECONDS, 'GET /health does not answer 200')['parts'])}"


def confined(stack: Stack) -> str:
    """Nobody is root or may become it, nothing is writable that need not be, no port is open to others."""
    password = stack.inside("voice", "cat", "/var/lib/hotline/pgpass").strip().rsplit(":", 1)[1]
    for service in SERVICES:
        if stack.inside(service, "id", "-u").strip() == "0":
            raise Failed(f"{service} runs as root")
        status = stack.inside(service, "cat", "/proc/self/status")
        capabilities = [line.split()[1] for line in status.splitlines() if line.startswith(("CapPrm", "CapBnd"))]
        if any(int(one, 16) for one in capabilities) or "NoNewPrivs:\t1" not in status:
            raise Failed(f"{service} has capabilities {capabilities}")
        found = stack.state(service)
        if not found["HostConfig"]["ReadonlyRootfs"]:
            raise Failed(f"{service} may write into its image")
        for bindings in (found["HostConfig"]["PortBindings"] or {}).values():
            if any(binding["HostIp"] != "127.0.0.1" for binding in bindings):
                raise Failed(f"{service} publishes {bindings}")
        if password in json.dumps(found):
            raise Failed(f"docker inspect of {service} shows the database password")
    return f"{len(SERVICES)} containers"


def call_with_agent(stack: Stack) -> str:
    """A citizen and an agent, both real SIP phones; then the record, the ticket and the recording."""
    agent = stack.start(*_phone("agent-phone", AGENT, "--answer-after", "1", "--for", "4", "--json"))
    try:
        told = _told(agent, "registered and logged in")
        events = dial(stack, "--keys", "1", "--for", "20")
        if ("connected", AGENT) not in [(event["event"], event["detail"]) for event in events]:
            raise Failed(f"the agent was not reached: {events}\n{told}")
    finally:
        _end(agent)
    call = recorded(stack)
    if call["agent"] != AGENT or call["category"] != "consultation" or call["recording"]["seconds"] < 4:
        raise Failed(f"not what was called: {call}")
    file, seconds = call["recording"]["path"], call["recording"]["seconds"]
    size = int(stack.inside("worker", "stat", "--format=%s", f"/var/lib/hotline/recordings/{file}"))
    if size < seconds * 8000:
        raise Failed(f"{file} has only {size} bytes")
    tickets = [ticket["number"] for ticket in stack.ask("tickets")]
    if call["ticket"] not in tickets:
        raise Failed(f"no ticket for {call['id']}: {tickets}")
    return f"ticket {call['ticket']}, recording of {seconds:.0f} s, agent after {call['time_to_human']:.1f} s"


def call_without_voice(stack: Stack) -> str:
    """The voice server's container is gone: the stand-alone script in Asterisk's container takes the key."""
    stack.compose("kill", "voice")
    dial(stack, "--keys", "w8,2", "--for", "14")
    call = recorded(stack)
    if not call["fallback"] or call["category"] != "complaint":
        raise Failed(f"the fallback script did not decide: {call}")
    stack.compose("up", "--detach", "--wait", "voice", seconds=RESTART_SECONDS)
    dial(stack, "--keys", "w4,3", "--for", "10")
    if recorded(stack)["fallback"]:
        raise Failed("the voice server is back, but was not asked")
    return f"ticket {call['ticket']}"


def call_without_database(stack: Stack) -> str:
    """Calls go on; what happened in them is read from Asterisk's log when the database is back."""
    stack.compose("kill", "db")
    events = dial(stack, "--keys", "w4,3", "--for", "10")
    if ("connected", "help") not in [(event["event"], event["detail"]) for event in events]:
        raise Failed(f"the caller was not put into the queue: {events}")
    stack.compose("start", "db")
    health(stack)
    call = recorded(stack)
    if call["category"] != "help" or call["fallback"]:
        raise Failed(f"not what was called: {call}")
    return f"ticket {call['ticket']}"


def crash(stack: Stack) -> str:
    """A part that dies is started again; the others do not notice."""
    before = {name: stack.state(name)["State"]["StartedAt"] for name in SERVICES}
    _signal_voice(stack, signal.SIGKILL)
    stack.inside("asterisk", "asterisk", "-C", ASTERISK_CONF, "-rx", "core stop now", may_fail=True)
    for name in ("voice", "asterisk"):
        _until(lambda name=name: _restarted(stack, name, before), RESTART_SECONDS, f"{name} was not started again")  # type: ignore[misc]
    others = {name: before[name] for name in SERVICES if name not in ("voice", "asterisk")}
    if others != {name: stack.state(name)["State"]["StartedAt"] for name in others}:
        raise Failed("another container was started again as well")
    dial(stack, "--keys", "w4,1,1,0", "--for", "10")
    if (call := recorded(stack))["emergency"] != "110":
        raise Failed(f"110 was not reached: {call}")
    return "voice and asterisk came back, 110 reached"


def freeze(stack: Stack) -> str:
    """A server that hangs is killed by its health check, and so started again."""
    before = {"voice": stack.state("voice")["State"]["StartedAt"]}
    began = time.monotonic()
    _signal_voice(stack, signal.SIGSTOP)
    _until(lambda: _restarted(stack, "voice", before), RESTART_SECONDS, "the frozen voice server was not replaced")
    return f"replaced after {time.monotonic() - began:.0f} s"


def new_containers(stack: Stack) -> str:
    """What was written outlives the containers: all are removed and made again."""
    calls = stack.ask("calls")
    stack.compose("rm", "--stop", "--force", "--volumes", seconds=120)  # named volumes stay
    stack.up()
    if stack.ask("calls") != calls:
        raise Failed("the calls changed over a restart")
    dial(stack, "--keys", "4", "--for", "3")
    return f"{len(calls)} calls kept"


STEPS: tuple[Callable[[Stack], str], ...] = (
    health,
    confined,
    pages,
    first_administrator,
    web_telephone,
    call_with_agent,
    at_the_desk,
    call_without_voice,
    call_without_database,
    crash,
    freeze,
    new_containers,
)


def dial(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """One call of the test citizen; its events. Raises Failed when nobody answers."""
    out = stack.compose(*_phone("call", "12345", "--from", CITIZEN, *arguments, "--json"), seconds=120)
    found = json.loads(out.splitlines()[-1])
    if not found["answered"]:
        raise Failed(f"the call was not answered: {found}")
    events: list[dict[str, Any]] = found["events"]
    return events


def recorded(stack: Stack) -> dict[str, Any]:
    """The newest call, once it is over, has its ticket and its recording is converted."""

    def complete() -> dict[str, Any] | None:
        calls: list[dict[str, Any]] = stack.ask("calls", "--last", "1")
        done = calls and calls[0]["ended_at"] and calls[0]["ticket"]
        return calls[0] if done and (calls[0]["recording"] or {}).get("state") == "done" else None

    try:
        return _until(complete, RECORDED_SECONDS, "no complete record of the call")
    except Failed as error:
        raise Failed(f"{error}: {json.dumps(stack.ask('calls', '--last', '1'), ensure_ascii=False)}") from error


def _phone(*command: str) -> tuple[str, ...]:
    """The project's phone in the containers' network namespace, where test citizens are let in."""
    return ("run", "--rm", "--no-deps", "-T", "phone", "hotline", *command)


def _signal_voice(stack: Stack, number: signal.Signals) -> None:
    """Killing the server ends its container, and with it the command that did it."""
    code = "import os, docker.health as health; [os.kill(pid, {}) for pid in health.processes('hotline.voice')]"
    stack.inside("voice", "python", "-c", code.format(number.value), may_fail=True)


def _restarted(stack: Stack, name: str, before: dict[str, str]) -> bool:
    state = stack.state(name)["State"]
    return bool(state["StartedAt"] != before[name] and state["Health"]["Status"] == "healthy")


def _told(process: subprocess.Popen[str], words: str) -> str:
    """Read on until a line with ``words``. The phone gives up by itself when it cannot register."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise Failed(f"the agent's phone: {''.join(lines)}")


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate(timeout=30)


def _until(look: Callable[[], Found | None], seconds: float, trouble: str) -> Found:
    """Look again until there is something; each look is a container command of about half a second."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Failed(f"{trouble} (waited {seconds:.0f} s)")
        time.sleep(0.5)
    return found
