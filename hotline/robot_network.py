"""The network that robot citizens live on: a small Asterisk of its own, the carrier's side of outbound calls.

Not the SIP phone of ``phone/``: one of its processes carries four calls, and a trial campaign rings dozens at once.
This one runs wherever the hotline runs, knows every Q.850 cause, and its own event log says, independently of the
hotline, who was rung how often.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls import cel
from hotline import asterisk
from hotline.preflight import raise_file_limit
from hotline.render import CEL_FIELDS
from hotline.robots import VOICEMAIL, RobotCall, Rule, check_rules, dialplan, read_calls, sounds
from ivr.prompts import FOLDER as PROMPTS
from speech import wav
from speech.port import EngineError

START_SECONDS, STOP_SECONDS = 20.0, 5.0
LOOK_SECONDS = 0.2
MODULES = """res_pjproject res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjsip
res_pjsip_pubsub res_pjsip_session res_pjsip_sdp_rtp res_rtp_asterisk res_pjsip_caller_id res_pjsip_rfc3326
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_authenticator_digest res_pjsip_maintenance
chan_pjsip pbx_config codec_alaw codec_ulaw codec_resample format_sln
format_wav cel_custom res_cdrel_custom app_celgenuserevent app_playback app_senddtmf app_stack app_waitforsilence
func_channel func_cut func_dialplan func_global func_logic func_strings""".split()
PJSIP = """[global]
type = global
user_agent = robots
[transport]
type = transport
protocol = udp
bind = {host}:{port}
[hotline]
type = endpoint
context = called
disallow = all
allow = alaw,ulaw
direct_media = no
media_address = {host}
bind_rtp_to_media_address = yes
rtp_timeout = 60
timers = no
[hotline]
type = identify
endpoint = hotline
match = {hotline}
"""
FILES = {
    "logger.conf": "[logfiles]\nmessages.log => notice,warning,error\n",
    "rtp.conf": "[general]\nrtpstart = 20000\nrtpend = 31999\n",
    "cel.conf": "[general]\nenable = yes\nevents = CHAN_START,ANSWER,HANGUP,USER_DEFINED\n",
    "cel_custom.conf": "[mappings]\ncel.csv => " + ",".join(f"${{CSV_QUOTE({field})}}" for field in CEL_FIELDS) + "\n",
    **dict.fromkeys(
        ("acl.conf", "ccss.conf", "cdr.conf", "features.conf", "indications.conf", "pjproject.conf", "udptl.conf"), ""
    ),
}


class RobotError(Exception):
    """The robots cannot live here; the text is one line."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What a network needs beside robots who are rung: modules, sections of pjsip.conf, extensions that count before
    any number that is rung, and contexts."""

    modules: tuple[str, ...] = ()
    pjsip: str = ""
    called: str = ""
    dialplan: str = ""


NOTHING_MORE = Extra()


class RobotNetwork:
    """``async with RobotNetwork(folder, "127.0.0.11:5072", rules) as network``. ``folder`` is emptied at the start."""

    def __init__(
        self,
        folder: Path,
        address: str,
        rules: Sequence[Rule],
        hotline: str = "127.0.0.0/8",
        extra: Extra = NOTHING_MORE,
    ) -> None:
        """``hotline``: where it rings from, addresses or networks with commas. Raises RobotError for too many rules."""
        host, _, port = address.rpartition(":")
        self.folder, self.host, self.port = folder, host, int(port)
        self._rules, self._extra, self._hotline = rules, extra, hotline
        self._process: asyncio.subprocess.Process | None = None
        self._offset = 0
        self._under_way: dict[str, list[cel.CelEvent]] = {}
        try:
            check_rules(rules)
        except ValueError as error:
            raise RobotError(str(error)) from error

    async def __aenter__(self) -> RobotNetwork:
        """Raises RobotError; SettingsError when there is no Asterisk."""
        _check_free(self.host, self.port)
        program = asterisk.find_asterisk()
        await asyncio.to_thread(self._write, program)
        raise_file_limit()
        with (self.folder / "log" / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *asterisk.command_line(program, self.folder / "etc" / "asterisk.conf"),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal reaches us, and we end it in order
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await asterisk.is_ready(self.folder / "run" / "asterisk.ctl"):
                    if self._process.returncode is not None:
                        raise RobotError(f"the robots' Asterisk ended: see {self.folder / 'log'}")
                    await asyncio.sleep(0.05)
        except BaseException as error:
            await self._stop()
            if isinstance(error, TimeoutError):
                raise RobotError(f"the robots' Asterisk does not start: see {self.folder / 'log'}") from error
            raise
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._stop()

    async def ended(self) -> None:
        """Until the network is gone by itself."""
        assert self._process is not None
        await self._process.wait()

    @property
    def log(self) -> Path:
        """What the network wrote down, by the hotline's own fields."""
        return self.folder / "log" / "cel-custom" / "cel.csv"

    def calls(self) -> list[RobotCall]:
        """Every call so far."""
        return read_calls(self._events(0)[0])

    def news(self) -> list[RobotCall]:
        """The calls that ended since the last look."""
        events, self._offset = self._events(self._offset)
        found = []
        for event in events:
            self._under_way.setdefault(event.unique, []).append(event)
            if event.kind == "HANGUP":
                found += read_calls(self._under_way.pop(event.unique))
        return found

    def _events(self, offset: int) -> tuple[list[cel.CelEvent], int]:
        """Those of the whole lines from ``offset`` on, and where the next one begins."""
        try:
            with self.log.open("rb") as file:
                file.seek(offset)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return [], offset
        found = []
        for line in lines:
            if not line.endswith(b"\n"):
                break
            event = cel.parse(offset, line.decode("utf-8", "replace").rstrip("\n"))
            offset += len(line)
            if event is not None:
                found.append(event)
        return found, offset

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _write(self, program: asterisk.Asterisk) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("etc", "lib", "log/cel-custom", "run", "spool/outgoing", "data"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        (self.folder / "data" / "documentation").symlink_to(program.data_dir / "documentation")
        there = {path.stem for path in program.module_dir.glob("*.so")}
        places = {
            "astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "lib", "astkeydir": "lib", "astdatadir": "data",
            "astagidir": "lib", "astspooldir": "spool", "astrundir": "run", "astlogdir": "log",
        }  # fmt: skip
        folders = "".join(f"{key} => {self.folder / place}\n" for key, place in places.items())
        extra, modules = self._extra, [*MODULES, *self._extra.modules]
        options = "[options]\nsystemname = robots\nhideconnect = yes\ntransmit_silence = yes\n"
        files = {
            **FILES,
            "asterisk.conf": f"[directories]\nastmoddir => {program.module_dir}\n{folders}{options}",
            "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {m}.so\n" for m in modules if m in there),
            "pjsip.conf": PJSIP.format(host=self.host, port=self.port, hotline=self._hotline) + extra.pjsip,
            "extensions.conf": dialplan(self._rules, self._sounds(), extra.called) + extra.dialplan,
        }
        for name, text in files.items():
            (self.folder / "etc" / name).write_text(text)

    def _sounds(self) -> Mapping[str, Path]:
        """Whatever is said, as Asterisk plays it: without its ending. Raises RobotError."""
        found = {VOICEMAIL: PROMPTS / "zh" / "leave-message"}
        for at, name in enumerate(sounds(self._rules)):
            path = self.folder / "data" / f"say-{at}"
            try:
                path.with_suffix(".sln").write_bytes(wav.read(Path(name)))
            except EngineError as error:
                raise RobotError(str(error)) from error
            found[name] = path
        return found


def _check_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RobotError(f"UDP {host}:{port} (callback.test_network): {error.strerror}") from error
