"""A bare Asterisk with no telephone line: ``Local`` channels play both the caller and the called."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hotline.asterisk import find_asterisk
from hotline.render import TEMPLATES
from routing.ami import Ami, Event

SECRET = "only-for-this-test"
START_SECONDS = 20.0

MODULES = """res_timing_timerfd res_speech res_agi res_musiconhold res_stasis pbx_config codec_ulaw codec_resample
format_sln bridge_simple bridge_holding app_celgenuserevent cel_custom res_cdrel_custom
app_queue app_senddtmf app_userevent app_verbose app_audiosocket res_audiosocket
app_playback app_stack app_exec
func_callerid func_channel func_timeout func_uri func_strings func_logic""".split()

ASTERISK_CONF = """[directories]
astetcdir => {home}
astmoddir => {modules}
astvarlibdir => {home}/lib
astdbdir => {home}/lib
astkeydir => {home}/lib
astdatadir => {home}/data
astagidir => {home}/lib
astspooldir => {home}/lib
astrundir => {home}/lib
astlogdir => {home}/log
[options]
systemname = bare
"""
MANAGER_CONF = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = {ami}
[hotline]
secret = {secret}
read = all
write = all
[dialler]
secret = {secret}
read = all
write = all
{event_filter}
"""
# `Local/CALLER@callers` answers and plays the caller; the other end runs `agi,MARK,1` of [test].
EXTENSIONS_CONF = """[test]
exten => agi,1,Answer()
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,ExecIf($["${{CALLER}}" != ""]?Set(CALLERID(num)=${{URIDECODE(${{CALLER}})}}))
 same => n,Set(DECISION=)
 same => n,Set(TIMEOUT(absolute)=3)
 same => n,AGI(agi://127.0.0.1:{agi}/test?city=%E5%B8%82)
 same => n,UserEvent(AfterAgi,Status: ${{AGISTATUS}},Decision: ${{URIENCODE(${{DECISION}})}})
 same => n,Hangup()
exten => T,1,UserEvent(Watchdog)
 same => n,Hangup()
[listen]
exten => s,1,TryExec(AudioSocket(${{ARG1}},127.0.0.1:{audio}))
 same => n,Return()
[callers]
exten => silent,1,Answer()
 same => n,Wait(60)
exten => key,1,Answer()
 same => n,Wait(1)
 same => n,SendDTMF(7)
 same => n,Wait(60)
exten => impatient,1,Answer()
 same => n,Wait(1)
 same => n,Hangup()
"""


def event_filter() -> str:
    """The dialler's, as the hotline has it."""
    section = (TEMPLATES / "manager.conf.j2").read_text().partition("\n[dialler]\n")[2].partition("\n[")[0]
    (found,) = (line for line in section.splitlines() if line.startswith("eventfilter"))
    return found


class Bare:
    """``agi`` and ``audio`` are the ports that its dialplan asks; ``ami`` a connection that is up while Asterisk is."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.agi, self.ami_port, self.audio = free_ports()
        self.ami = Ami("127.0.0.1", self.ami_port, "hotline", SECRET)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.ami.on_event("UserEvent", self.events.put_nowait)
        self._process: asyncio.subprocess.Process | None = None
        self._calls = 0

    def write(self) -> None:
        found = find_asterisk()
        for folder in ("lib", "log/cel-custom", "data"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "data" / "documentation").symlink_to(found.data_dir / "documentation")
        files = {
            "asterisk.conf": ASTERISK_CONF.format(home=self.home, modules=found.module_dir),
            "manager.conf": MANAGER_CONF.format(ami=self.ami_port, secret=SECRET, event_filter=event_filter()),
            "extensions.conf": EXTENSIONS_CONF.format(agi=self.agi, audio=self.audio),
            "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES),
            "logger.conf": "[logfiles]\nmessages.log => notice,warning,error\n",
            **dict.fromkeys(
                ("ccss.conf", "cdr.conf", "features.conf", "indications.conf", "acl.conf", "udptl.conf"), ""
            ),
            "cel.conf": "[general]\nenable = yes\nevents = USER_DEFINED\n",
            "cel_custom.conf": "[mappings]\ncel.csv => ${userdeftype},${eventextra}\n",
            "queues.conf": "[general]\n[help]\nstrategy = ringall\n",
        }
        for name, text in files.items():
            (self.home / name).write_text(text)

    async def start(self) -> None:
        await self.launch()
        self.ami.start()
        async with asyncio.timeout(START_SECONDS):
            await self.ami.connected.wait()

    async def launch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            str(find_asterisk().binary),
            *("-C", str(self.home / "asterisk.conf"), "-f", "-n"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def stop(self) -> None:
        await self.ami.close()
        await self.kill()

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def sound(self, seconds: float) -> str:
        """A sound of silence of this length, as ``STREAM FILE`` wants it."""
        path = self.home / "data" / f"silence-{seconds:g}"
        Path(f"{path}.sln").write_bytes(bytes(int(seconds * 8000) * 2))
        return str(path)

    async def call(self, caller: str = "silent", number: str = "") -> asyncio.Task[Event]:
        """Let a caller ring in; the task ends when the call is through to the AGI."""
        self._calls += 1
        return asyncio.create_task(
            self.ami.originate(
                f"Local/{caller}@callers/n",
                # Asterisk takes call-2 for used while there is a call-20.
                channel_id=f"call-{self._calls}.",
                context="test",
                exten="agi",
                variables={"CALLER": number} if number else {},
            )
        )


def free_ports() -> tuple[int, int, int]:
    """Three TCP ports that were free a moment ago."""
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        for one in (first, second, third):
            one.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1], third.getsockname()[1]


@asynccontextmanager
async def bare_asterisk(home: Path) -> AsyncIterator[Bare]:
    bare = Bare(home)
    bare.write()
    try:
        await bare.start()
        yield bare
    finally:
        with contextlib.suppress(ProcessLookupError):
            await bare.stop()
