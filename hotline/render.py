"""Renders the Asterisk instance (``<home>/asterisk``) from ``asterisk_conf/``, the settings and the rule files."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hotline.asterisk import Asterisk, find_asterisk
from hotline.rules import Rules, load_rules
from hotline.secrets import Secrets, load_or_create
from hotline.settings import CHECKOUT, Settings
from hotline.web_phone_seal import HEADER, SECONDS, USER, password, seal_key
from ivr.prompts import FOLDER as PROMPTS
from ivr.watchdog import AFTER_LISTENING, AFTER_LOSS, LISTENING
from line.turn import LONGEST
from routing.queues import AGENTS, EMERGENCY, EMERGENCY_NUMBERS, HANDOVER, agent_queue, longest_wrapup

TEMPLATES = CHECKOUT / "asterisk_conf"
SYSTEM_NAME = "hotline"
FALLBACK_SCRIPTS = 20
"""The stand-alone script costs a process per call: past this many at once callers go straight to a queue."""
FALLBACK_SECONDS = 60
CONSULT_SECONDS = 40
"""So long an agent who transfers waits for somebody of a queue, or for a unit."""

# calls/cel.py reads the fields in this order. The caller's number and ANI are not among them: they are what the far
# end sent, line breaks included, and a line break here would let a caller write lines of their own into the log. The
# checked number comes with ARRIVED. Two columns that are always harmless stand in their places.
CEL_FIELDS = (
    "${eventtype}",
    "${eventtime}",
    "${userdeftype}",
    "${eventextra}",
    "${CHANNEL(amaflags)}",
    "${CHANNEL(amaflags)}",
    "${CHANNEL(exten)}",
    "${CHANNEL(context)}",
    "${CHANNEL(channame)}",
    "${CHANNEL(appname)}",
    "${CHANNEL(uniqueid)}",
    "${CHANNEL(linkedid)}",
    "${BRIDGEPEER}",
    "${CHANNEL(userfield)}",
    "${CHANNEL(accountcode)}",
)


@dataclass(frozen=True)
class EmergencyTrunk:
    host: str
    port: int
    transport: str


def render(settings: Settings) -> Path:
    """Write the whole instance and return its ``asterisk.conf``. Files change only when their content does.

    Raises :class:`datafile.DataFileError` for a faulty rule file, :class:`hotline.settings.SettingsError` for the rest.
    """
    texts = rendered(settings)
    base = settings.asterisk_dir
    for folder in ("etc", "run", "lib/keys", "log/cel-custom", "spool", "data/agi-bin", "data/sounds"):
        (base / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.recordings_dir.mkdir(parents=True, exist_ok=True)
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    _link_sounds(base / "data", find_asterisk())
    for name, text in texts.items():
        _write(base / "etc" / name, text)
    return base / "etc" / "asterisk.conf"


def rendered(settings: Settings) -> dict[str, str]:
    """The files of ``<home>/asterisk/etc`` by name, as :func:`render` has them. Nothing is written but new secrets."""
    rules = load_rules()
    secrets = load_or_create(settings, rules.agents.agents)
    values = _values(settings, secrets, rules, find_asterisk())
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    texts = {
        template.name.removesuffix(".j2"): environment.get_template(template.name).render(values)
        for template in sorted(TEMPLATES.glob("*.conf.j2"))
    }
    return texts | {"fallback.json": fallback_menu(rules)}


def fallback_menu(rules: Rules) -> str:
    """What the stand-alone script needs to ask for one key: the first flow's prompts and where its keys lead."""
    flow = next(iter(rules.flows.values()))
    entries = {name: entry.queue for name, entry in flow.entries.items()}
    keys = {
        key: {"queue": choice.queue or entries.get(choice.enter or "", AGENTS), "category": choice.category}
        for key, choice in flow.keys.items()
    }
    menu = {
        "greeting": flow.greeting,
        "menu": flow.menu,
        "keys": keys,
        "agents": flow.agent_queue,
        "emergency": list(EMERGENCY_NUMBERS),
        "silence_ms": round(flow.silence_seconds * 1000),
    }
    return json.dumps(menu, ensure_ascii=False, indent=1)


def emergency_trunks(settings: Settings) -> list[EmergencyTrunk]:
    """The operator's trunks, or the built-in test centre."""
    trunks = []
    for address in settings.emergency.trunks:
        host, _, port = address.rpartition(":")
        trunks.append(EmergencyTrunk(host, int(port), "transport-main"))
    return trunks or [EmergencyTrunk("127.0.0.3", settings.emergency.test_port, "transport-to-centre")]


def ice_addresses(settings: Settings) -> list[str]:
    """This machine's own addresses that ``sip.external_address`` stands for, as far as they are known here."""
    try:
        IPv4Address(settings.sip.external_address)  # a name is nothing that a browser can be offered
        if settings.sip.inner_address:
            return [settings.sip.inner_address]
        if settings.sip.bind != "0.0.0.0":
            return [settings.sip.bind]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((settings.sip.external_address, settings.sip.rtp_start))  # sends nothing
            return [str(probe.getsockname()[0])]
    except (OSError, ValueError):
        return []


def _values(settings: Settings, secrets: Secrets, rules: Rules, asterisk: Asterisk) -> Mapping[str, object]:
    return {
        "settings": settings,
        "secrets": secrets,
        "dir": settings.asterisk_dir,
        "recordings_dir": settings.recordings_dir,
        "module_dir": asterisk.module_dir,
        "modules": {path.stem for path in asterisk.module_dir.glob("*.so")},
        "version": asterisk.version,
        "version_has_interleaved": asterisk.records_interleaved,
        "system_name": f"{SYSTEM_NAME}-{settings.node.name}" if settings.node.name else SYSTEM_NAME,
        "cel_fields": CEL_FIELDS,
        "numbers": sorted(rules.flows),
        "queues": rules.queues,
        "agents": rules.agents.agents,
        "agents_queue": AGENTS,
        "agent_queue": agent_queue,
        "longest_wrapup": partial(longest_wrapup, rules.queues),
        "emergency_queue": EMERGENCY,
        "handover_queue": HANDOVER,
        "emergency_numbers": EMERGENCY_NUMBERS,
        "emergency_trunks": emergency_trunks(settings),
        "test_centre": not settings.emergency.trunks,
        "python": sys.executable,
        "checkout": CHECKOUT,
        "fallback_scripts": FALLBACK_SCRIPTS,
        "fallback_seconds": FALLBACK_SECONDS,
        "listening": LISTENING,
        "after_listening": AFTER_LISTENING,
        "after_loss": AFTER_LOSS,
        "web_citizen": {
            "user": USER,
            "password": password(secrets),
            "key": seal_key(secrets),
            "seconds": SECONDS,
            "header": HEADER,
        },
        "consult_seconds": CONSULT_SECONDS,
        "ice_addresses": ice_addresses(settings),
        "place_seconds": round(LONGEST.total_seconds()),
    }


def _link_sounds(data: Path, asterisk: Asterisk) -> None:
    # No English sounds on purpose: a missing Chinese one must show in the log, not be read in English.
    _link(data / "sounds" / "zh", PROMPTS / "zh")
    _link(data / "moh", PROMPTS / "moh")
    for folder in ("documentation", "rest-api"):
        _link(data / folder, asterisk.data_dir / folder)
    for number in EMERGENCY_NUMBERS:
        (data / f"to-{number}").mkdir(exist_ok=True)
        _link(data / f"to-{number}" / "announcement.wav", PROMPTS / "zh" / f"to-{number}.wav")


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _write(path: Path, text: str) -> None:
    """Secrets are in these files: readable by us alone, replaced in one step."""
    if path.exists() and path.read_text() == text:
        return
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
