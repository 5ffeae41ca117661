"""The voice server of a version that a test makes up: its menus are those in ``<home>/flows``, if they are there.

With a file ``<home>/sabotage`` it does not come up.
"""

from __future__ import annotations

from hotline import voice
from hotline.rules import Rules, load_rules
from hotline.settings import home_folder
from tests.asterisk.scripted_voice import load


def rules() -> Rules:
    flows = home_folder() / "flows"
    return load_rules(flows) if flows.exists() else load_rules()


if __name__ == "__main__":
    if (home_folder() / "sabotage").exists():
        raise SystemExit("sabotaged")
    setattr(voice, "load_rules", rules)  # noqa: B010
    voice.main(load)
