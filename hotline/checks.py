"""What ``hotline check`` looks at: settings, rule files, prompts, and the rendered configuration in a real Asterisk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datafile import DataFileError
from hotline.asterisk import AsteriskError, find_asterisk, try_configuration
from hotline.render import render
from hotline.rules import PROMPTS, load_rules
from hotline.secrets import Secrets
from hotline.settings import Settings
from ivr.prompts import check as check_prompts


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    detail: str = ""


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Everything that can be known to be wrong before a citizen calls."""
    try:
        rules = load_rules()
    except DataFileError as error:
        yield Finding("rule files", False, str(error))
        return
    numbers = ", ".join(sorted(rules.flows))
    yield Finding("flows", True, f"{len(rules.flows)} ({numbers})")
    yield Finding("queues", True, f"{len(rules.queues)}")
    yield Finding("agents", True, f"{len(rules.agents.agents)}")
    faults = check_prompts(PROMPTS)
    yield Finding("prompts", not faults, "; ".join(faults) or f"{len(rules.prompts.ids)}")
    try:
        asterisk = find_asterisk()
    except AsteriskError as error:
        yield Finding("asterisk", False, str(error))
        return
    with tempfile.TemporaryDirectory(prefix="hotline-check-") as folder:
        trial = settings.model_copy(update={"home": Path(folder)})
        secrets = Secrets.throwaway(rules.agents.agents)
        conf = render(trial, secrets, rules, asterisk, Path("python3"))
        complaints = try_configuration(asterisk, conf)
    yield Finding("asterisk configuration", not complaints, "; ".join(complaints[:5]))
