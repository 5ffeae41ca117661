"""``python -m tests.browser.day_hotline run``: a hotline that calls back at any hour, and hears with the recogniser
that hotlines have."""

from __future__ import annotations

from hotline.cli import main
from tests.asterisk.calling_hotline import INSTEAD, take_over

if __name__ == "__main__":
    for name in ("worker_part", "dialler_part"):
        take_over(name, INSTEAD[name])
    main()
