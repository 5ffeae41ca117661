"""The smallest Asterisk that the phone's tests need: its own folders and ports, gone afterwards."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from hotline.asterisk import find_asterisk

START_SECONDS = 20.0
MODULES = """
res_pjproject res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjsip res_pjsip_pubsub
res_pjsip_session res_pjsip_sdp_rtp res_rtp_asterisk res_pjsip_caller_id res_pjsip_registrar res_pjsip_rfc3326
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_authenticator_digest res_musiconhold
res_pjsip_header_funcs chan_pjsip pbx_config app_dial app_queue app_playback app_echo app_read app_verbose app_stack
app_playtones bridge_simple bridge_native_rtp bridge_softmix codec_alaw codec_ulaw codec_resample format_wav
format_pcm func_callerid func_logic func_strings func_channel func_uri
""".split()

PJSIP = """
[global]
type=global
endpoint_identifier_order=ip,username
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[citizen]
type=endpoint
context=public
disallow=all
allow=alaw
send_pai=yes
trust_id_outbound=yes
send_connected_line=yes
direct_media=no
{citizen_options}
[citizen]
type=identify
endpoint=citizen
match=127.0.0.10
"""

AGENT = """
[{name}]
type=endpoint
context=agents
disallow=all
allow=alaw
auth={name}
aors={name}
callerid={name} <{name}>
send_pai=yes
trust_id_outbound=yes
direct_media=no
[{name}]
type=auth
auth_type=userpass
username={name}
password={password}
[{name}]
type=aor
max_contacts=1
remove_existing=yes
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Exchange:
    """``with Exchange(folder, dialplan, queues, agents) as exchange`` is a running Asterisk on ``exchange.port``."""

    def __init__(
        self, folder: Path, dialplan: str, queues: str, agents: dict[str, str], citizen_options: str = ""
    ) -> None:
        self.folder = folder
        self.port = free_port()
        asterisk = find_asterisk()
        self._command = [str(asterisk.binary), "-C", str(folder / "etc/asterisk.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("etc", "lib", "log", "run", "spool"):
            (folder / name).mkdir(parents=True)
        (folder / "lib/documentation").symlink_to(asterisk.data_dir / "documentation")
        pjsip = PJSIP.format(port=self.port, citizen_options=citizen_options)
        pjsip += "".join(AGENT.format(name=name, password=password) for name, password in agents.items())
        directories = "\n".join(
            f"{key} => {folder / place}"
            for key, place in {
                "astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "lib", "astdatadir": "lib",
                "astspooldir": "spool", "astrundir": "run", "astlogdir": "log",
            }.items()
        )  # fmt: skip
        files = {
            "asterisk.conf": f"[directories]\nastmoddir => {asterisk.module_dir}\n{directories}\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES),
            "logger.conf": "[logfiles]\nfull => notice,warning,error,verbose(3)\n",
            "rtp.conf": "[general]\nrtpstart=30000\nrtpend=31999\n",
            "musiconhold.conf": "[general]\n",
            "pjsip.conf": pjsip,
            "extensions.conf": dialplan,
            "queues.conf": queues,
        }
        for name, text in files.items():
            (folder / "etc" / name).write_text(text)

    def __enter__(self) -> Exchange:
        self._process = subprocess.Popen(
            [*self._command, "-f", "-q"], stdin=subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while "fully booted" not in self.cli("core waitfullybooted").lower():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.__exit__()
                raise RuntimeError("Asterisk did not start: " + (self.folder / "log/full").read_text()[-2000:])
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)

    def cli(self, line: str) -> str:
        done = subprocess.run([*self._command, "-rx", line], capture_output=True, text=True, timeout=10)
        return done.stdout
