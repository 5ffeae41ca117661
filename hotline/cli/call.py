"""``hotline call``: a citizen's SIP phone in the terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from hotline.phone import Line, PhoneBank, PhoneError, PhoneEvent, absolute, reachable
from hotline.settings import Settings, load_settings
from speech import wav
from speech.port import RATE, EngineError

WORDS = {
    "ringing": "振铃 ringing",
    "answered": "已接听 answered",
    "connected": "已接通 connected",
    "key": "按键 key",
    "failed": "呼叫失败 failed",
    "error": "错误 error",
}
HANGUP = {
    "caller": "主叫挂断 hung up by caller",
    "agent": "座席挂断 hung up by agent",
    "system": "系统挂断 hung up by system",
}
JSON_EVENTS = ("ringing", "answered", "connected", "key", "hangup", "failed")
NOTHING: dict[str, Any] = {"answered": False, "hangup_by": None, "sip_code": None, "recorded_seconds": None}


class BadArgument(click.ClickException):
    """One line, exit code 2."""

    exit_code = 2


@click.command("call")
@click.argument("number")
@click.option("--from", "from_user", required=True, metavar="NUMBER", help="主叫号码; anonymous 表示隐藏号码.")
@click.option("--keys", default="", help='Digits from answer, 150 ms apart; wN waits: "1", "w2,1,w1,0".')
@click.option("--say", metavar="FILE.wav", help="Any sound file, played to the other side from answer.")
@click.option("--record", metavar="OUT.wav", help="What this phone hears, from answer.")
@click.option("--for", "seconds", type=click.FloatRange(min=0.1, max=86400), help="Hang up after S seconds of talk.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output; progress to stderr.")
@click.option("--verbose", is_flag=True, help="The SIP messages, on stderr.")
def command(
    number: str,
    from_user: str,
    keys: str,
    say: str | None,
    record: str | None,
    seconds: float | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """拨打热线 Call NUMBER as a citizen's SIP phone, from the loopback address set aside for test citizens.

    Exit code 0: answered; 1: not answered; 2: bad arguments.
    """
    settings = load_settings()
    if not number.strip() or not number.isprintable():
        raise BadArgument("号码不对 NUMBER must be printable characters")
    script = {"keys": keys, "record": absolute(record), "for": seconds} | sender(from_user)
    try:
        with playable(say) as sound:
            result = asyncio.run(_call(settings, number, script | {"say": sound}, as_json, verbose))
    except PhoneError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    if not result["answered"]:
        sys.exit(1)


@contextmanager
def playable(sound: str | None) -> Iterator[str | None]:
    """A sound file of any make as the phone plays it, for as long as the call lasts."""
    if sound is None:
        yield None
        return
    try:
        pcm = wav.read(Path(sound))
    except EngineError as error:
        raise BadArgument(f"无法播放 --say {error}") from error
    with tempfile.TemporaryDirectory(prefix="hotline-say-") as folder:
        file = str(Path(folder) / "say.wav")
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(pcm)
        yield file


def sip_host(settings: Settings) -> str:
    """Where phones of this machine reach Asterisk."""
    return "127.0.0.1" if settings.sip.bind in ("0.0.0.0", "::") else settings.sip.bind


def sender(from_user: str) -> dict[str, Any]:
    """The caller's identity for the phone. ``anonymous`` hides the number as RFC 3323 4.1 says."""
    if not from_user or not from_user.isprintable() or len(from_user) > 128:
        raise BadArgument("主叫号码不对 --from must be 1 to 128 printable characters")
    if from_user.lower() == "anonymous":
        return {"from_uri": '"Anonymous" <sip:anonymous@anonymous.invalid>', "headers": {"Privacy": "id"}}
    return {"from_user": from_user}


async def _call(
    settings: Settings, number: str, arguments: dict[str, Any], as_json: bool, verbose: bool
) -> dict[str, Any]:
    host, port = sip_host(settings), settings.sip.port
    if not reachable(host, port):
        failed = {"t": 0.0, "event": "failed", "detail": "unreachable"}
        click.echo(f"热线没有运行 no SIP server at {host}:{port} (make run)", err=True)
        return NOTHING | {"events": [failed]}
    async with PhoneBank(host, port, verbose) as bank:
        stop = stop_on_signals()
        line = await bank.call(number, bind=settings.sip.citizen_address, **arguments)
        return await follow(line, stop, as_json)


def stop_on_signals() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM from now on, instead of breaking off."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def follow(line: Line, stop: asyncio.Event, as_json: bool) -> dict[str, Any]:
    """Print what happens until the call is over, hanging up at ``stop``; the JSON object of ``--json``."""

    async def hang_up_at_stop() -> None:
        await stop.wait()
        await line.hangup()

    hanging_up = asyncio.create_task(hang_up_at_stop())
    seen = 0
    try:
        while (event := await line.next(seen)) is not None:
            seen += 1
            click.echo(describe(event), err=as_json)
    except PhoneError as error:
        if not line.events:
            raise BadArgument(str(error)) from error
        raise
    finally:
        hanging_up.cancel()
    return summary(line)


def describe(event: PhoneEvent) -> str:
    if event.event == "hangup":
        what = HANGUP.get(event.detail or "", "已挂断 hung up")
    elif event.event == "incoming":
        what = f"来电 incoming: {event.detail}"
    else:
        what = WORDS.get(event.event, event.event) + (f": {event.detail}" if event.detail else "")
    return f"{event.t:7.2f} s  {what}"


def summary(line: Line) -> dict[str, Any]:
    events = [
        {"t": event.t, "event": "ringing" if event.event == "incoming" else event.event, "detail": event.detail or ""}
        for event in line.events
        if event.event in (*JSON_EVENTS, "incoming")
    ]
    return NOTHING | {"events": events} | (line.result or {})
