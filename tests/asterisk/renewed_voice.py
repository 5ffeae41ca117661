"""The voice server of a version that a test makes up: its menus are those in ``<home>/flows``, if they are there.

With a file ``<home>/sabotage`` it does not come up. As long as there is ``<home>/hold`` its recogniser is not loaded.
"""

from __future__ import annotations

import time
from pathlib import Path

from hotline import voice
from hotline.rules import Rules, load_rules
from hotline.settings import home_folder
from tests.asterisk import scripted_voice

LOOK_SECONDS = 0.05


def rules() -> Rules:
    flows = home_folder() / "flows"
    return load_rules(flows) if flows.exists() else load_rules()


def load(engine: str, models_dir: Path, threads: int) -> scripted_voice.Scripted:
    while (home_folder() / "hold").exists():
        time.sleep(LOOK_SECONDS)
    return scripted_voice.load(engine, models_dir, threads)


if __name__ == "__main__":
    if (home_folder() / "sabotage").exists():
        raise SystemExit("sabotaged")
    setattr(voice, "load_rules", rules)  # noqa: B010
    voice.main(load)
