"""Robot citizens who call in and robot agents who answer, on the robots' own Asterisk (:mod:`hotline.robot_network`).

Citizens call from the address that is set aside for them (``sip.citizen_address``); each call is a call file that
Asterisk takes up at once. Agents register like telephones, from :data:`AGENTS`. What the network writes down of them
is told apart by the channels' names.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from calls import cel
from hotline import asterisk
from hotline.robot_network import Extra, RobotError, RobotNetwork
from hotline.robots import parse_rule
from hotline.settings import Settings
from hotline.simulate.plan import HANG_UP, PlannedCall
from ivr.prompts import FOLDER as PROMPTS

AGENTS = "127.0.0.12"
CALLERS = "citizens"
RING_SECONDS = 1
STAYS_SECONDS = 900
MESSAGE_AFTER = 7
"""Seconds from the key 3 to the tone, when the robot begins to speak."""
SAID = PROMPTS / "zh" / "leave-message"
"""What a message is left with."""
CALLED = ("*7=no-answer", "*=r1.5")
"""Of the citizens whom the hotline rings one in ten does not answer."""
MODULES = """res_pjsip_outbound_registration res_pjsip_outbound_authenticator_digest
pbx_spool func_rand func_callerid""".split()

_ENDPOINTS = """
[transport-citizens]
type = transport
protocol = udp
bind = {citizens}:{citizens_port}
[transport-agents]
type = transport
protocol = udp
bind = {agents}:{agents_port}
[{callers}]
type = endpoint
transport = transport-citizens
context = nobody
aors = {callers}
disallow = all
allow = alaw,ulaw
direct_media = no
media_address = {citizens}
bind_rtp_to_media_address = yes
rtp_timeout = 60
timers = no
[{callers}]
type = aor
contact = sip:{host}:{port}
"""
_AGENT = """
[{extension}]
type = registration
transport = transport-agents
outbound_auth = {extension}
server_uri = sip:{host}:{port}
client_uri = sip:{extension}@{host}:{port}
contact_user = {extension}
expiration = 300
retry_interval = 2
[{extension}]
type = auth
auth_type = userpass
username = {extension}
password = {password}
"""
# A caller who has run out of patience and is talking stays. Wait() sees nothing of what the hotline tells a telephone,
# so the robot who talks with him says so.
_DIALPLAN = """
[caller]
exten => s,1,Wait(${{BEFORE}})
 same => n,SendDTMF(${{KEY}},100,150)
 same => n,Wait(${{PATIENCE}})
 same => n,GotoIf($["${{NUMBER}}" != "" & "${{GLOBAL(TALKS_${{NUMBER}})}}" = "1"]?talking)
 same => n,CELGenUserEvent(GAVE_UP,then=${{THEN}})
 same => n,GotoIf($["${{THEN}}" = "{hang_up}"]?gone)
 same => n,SendDTMF(${{THEN}},100,150)
 same => n,Wait({message_after})
 same => n,Playback({said})
 same => n(gone),Hangup(16)
 same => n(talking),Wait({stays})
 same => n,Hangup(16)
[agent]
exten => s,1,Ringing()
 same => n,Wait({ring})
 same => n,CELGenUserEvent(TAKEN,agent=${{DESK}})
 same => n,Answer()
 same => n,Set(GLOBAL(TALKS_${{FILTER(0-9,${{CALLERID(num)}})}})=1)
 same => n,Set(TALK=${{RAND({shortest},{longest})}})
 same => n,Wait(${{TALK:0:-3}}.${{TALK:-3}})
 same => n,Hangup(16)
"""


class SimulationNetwork(RobotNetwork):
    """``async with``; ``agents``: passwords by extension. ``talk``: mean seconds of an agent's calls."""

    def __init__(self, settings: Settings, folder: Path, host: str, agents: Mapping[str, str], talk: float) -> None:
        """``host``: where phones of this machine reach the hotline. Raises RobotError."""
        extra = configuration(settings, host, agents, talk)
        super().__init__(folder, settings.callback.test_network, [parse_rule(rule) for rule in CALLED], extra=extra)
        self._looked_to = 0

    async def hang_up(self) -> None:
        """All robots. Raises RobotError."""
        await self._ask("channel request hangup all")

    async def unregister(self) -> None:
        """The agents, so that their extensions are free at once. Raises RobotError."""
        await self._ask("pjsip send unregister *all")

    async def _ask(self, command: str) -> None:
        try:
            await asterisk.ask(self.folder / "run" / "asterisk.ctl", command)
        except asterisk.AsteriskError as error:
            raise RobotError(str(error)) from error

    def log_news(self) -> list[cel.CelEvent]:
        """What was written down since the last look."""
        events, self._looked_to = self._events(self._looked_to)
        return events

    def call(self, name: int, planned: PlannedCall, dialled: str) -> None:
        """The robot dials now."""
        spool = self.folder / "spool"
        file = spool / f"call-{name}"
        file.write_text(call_file(planned, dialled), encoding="ascii")
        # Asterisk takes what appears in this folder, whole.
        file.rename(spool / "outgoing" / file.name)


def configuration(settings: Settings, host: str, agents: Mapping[str, str], talk: float) -> Extra:
    """Beside what robots who are rung need."""
    own = settings.sip.citizen_address
    where = {"host": host, "port": settings.sip.port}
    pjsip = _ENDPOINTS.format(
        callers=CALLERS,
        citizens=own,
        citizens_port=free_port(own),
        agents=AGENTS,
        agents_port=free_port(AGENTS),
        **where,
    )
    desks = "".join(_AGENT.format(extension=one, password=password, **where) for one, password in agents.items())
    dialplan = _DIALPLAN.format(
        hang_up=HANG_UP,
        message_after=MESSAGE_AFTER,
        said=SAID,
        stays=STAYS_SECONDS,
        ring=RING_SECONDS,
        # RAND() knows whole numbers: milliseconds, four digits at least.
        shortest=max(1000, round(talk * 500)),
        longest=max(1001, round(talk * 1500)),
    )
    called = "".join(f"exten => {one},1,Set(DESK={one})\n same => n,Goto(agent,s,1)\n" for one in agents)
    return Extra(tuple(MODULES), pjsip + desks, called, dialplan)


def call_file(planned: PlannedCall, dialled: str) -> str:
    """As Asterisk's pbx_spool reads it."""
    shown = f"<{planned.number}>" if planned.number else '"Anonymous" <anonymous>'
    variables = {
        "NUMBER": planned.number,
        "BEFORE": f"{planned.before:g}",
        "KEY": planned.key,
        "PATIENCE": f"{planned.patience:g}",
        "THEN": planned.then,
    }
    lines = [
        f"Channel: PJSIP/{dialled}@{CALLERS}",
        f"CallerID: {shown}",
        "WaitTime: 30",
        "MaxRetries: 0",
        "Context: caller",
        "Extension: s",
        "Priority: 1",
        *(f"Setvar: {name}={value}" for name, value in variables.items()),
    ]
    return "\n".join(lines) + "\n"


def free_port(address: str) -> int:
    """For UDP, at this moment. Raises RobotError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise RobotError(f"UDP {address}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def extensions_free(extensions: Sequence[str], registered: Mapping[str, bool], wanted: int) -> list[str]:
    """The first so many agents whose telephones are not registered: a robot would take their calls from them. Raises
    RobotError."""
    free = [one for one in extensions if not registered[one]]
    if len(free) < wanted:
        raise RobotError(
            f"{wanted} robot agents wanted, {len(free)} of {len(extensions)} for desk phones in routing/agents.yaml"
            " have no telephone registered"
        )
    return free[:wanted]
