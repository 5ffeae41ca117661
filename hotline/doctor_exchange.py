"""What only Asterisk can tell: modules, trunks, agents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hotline.agent_state import states
from hotline.ami import open_ami
from hotline.asterisk import ask
from hotline.doctor import Finding, OfExchange, error, ok, warning
from hotline.rules import load_rules
from hotline.settings import Settings
from routing.live import queue_status

_LOAD = re.compile(r"^load = (\S+)", re.MULTILINE)
_MODULE = re.compile(r"^(\S+\.so)\s.*\s(Running|Not Running)\b", re.MULTILINE)
_CONTACT = re.compile(r"^\s*Contact:\s+(\S+?)/\S+\s+\S+\s+(\S+)", re.MULTILINE)
_REGISTRATION = re.compile(r"^\s*(\S+?)/\S+\s+\S+\s+(Registered|Unregistered|Rejected|Stopped)\b", re.MULTILINE)


async def modules(settings: Settings, control: Path) -> Iterable[Finding]:
    wanted = set(_LOAD.findall((settings.asterisk_dir / "etc" / "modules.conf").read_text(encoding="utf-8")))
    runs = {name for name, state in _MODULE.findall(await ask(control, "module show")) if state == "Running"}
    missing = sorted(wanted - runs)
    if missing:
        words = f"{len(missing)} 个模块未运行 modules do not run: {', '.join(missing[:5])}"
        return [error("modules", words, "看日志 see <home>/asterisk/log/messages.log; `hotline check`")]
    return [ok("modules", f"{len(wanted)} 个模块运行中 modules run")]


async def trunks(settings: Settings, control: Path) -> Iterable[Finding]:
    contacts = dict(_CONTACT.findall(await ask(control, "pjsip show contacts")))
    found = []
    trunk = settings.sip.trunk
    if not trunk.host:
        found.append(
            warning(
                "trunk",
                "没有运营商中继，市民打不进来 no trunk: test citizens only",
                "设置 set sip.trunk.host",
            )
        )
    else:
        found.append(_reachable("trunk", contacts.get("trunk", "无 none")))
        if trunk.username:
            states_of = dict(_REGISTRATION.findall(await ask(control, "pjsip show registrations")))
            state = states_of.get("trunk", "无 none")
            words = f"中继注册 the trunk's registration: {state}"
            good = state == "Registered"
            found.append(ok("trunk", words) if good else error("trunk", words, "核对账号密码 check sip.trunk.username"))
    if not settings.emergency.trunks:
        words = "没有应急中继，110/119/120 转到测试台 emergencies go to the built-in test centre"
        found.append(warning("emergency", words, "上线前设置 before going on the air: emergency.trunks"))
    elif settings.emergency.ask_trunks:
        for number, _ in enumerate(settings.emergency.trunks, 1):
            found.append(_reachable("emergency", contacts.get(f"emergency-{number}", "无 none"), f"应急中继 {number} "))
    return found


def _reachable(check: str, state: str, which: str = "中继 ") -> Finding:
    words = f"{which}the trunk answers OPTIONS: {state}"
    # NonQual: it is not asked.
    if state in ("Avail", "NonQual"):
        return ok(check, words)
    return error(check, words, "核对地址、端口和线路 check address, port and line; ask the carrier")


async def agents(settings: Settings, control: Path) -> Iterable[Finding]:
    rules = load_rules()
    async with open_ami(settings) as ami:
        now = await queue_status(ami)
        known = await states(ami, rules.agents)
    there = [agent for agent in known if agent.queues]
    if not there:
        return [
            error("agents", "没有座席签入 nobody is logged in: 来电只能留言 callers can only leave messages", _LOG_IN)
        ]
    served = {row.queue for row in now.members}
    found = [
        warning("agents", f"队列 {queue} 无人签入 nobody serves it now", _LOG_IN)
        for queue in rules.queues
        if queue not in served
    ]
    if all(agent.paused for agent in there):
        found.append(warning("agents", "签入的座席全部示忙 all agents are paused", "`hotline agent resume`"))
    away = sorted({row.name for row in now.members if row.status in (4, 5)})
    if away:
        words = f"座席话机未注册 phones of agents are not registered: {', '.join(away[:5])}"
        found.append(warning("agents", words, "检查话机 look at the phones, or log these agents out"))
    return found or [ok("agents", f"{len(there)} 个座席签入 agents are logged in")]


_LOG_IN = "`hotline agent login EXTENSION`"

CHECKS: tuple[OfExchange, ...] = (modules, trunks, agents)
