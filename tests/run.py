"""``python -m tests.run``: every test, for ``make test``.

Real calls mostly wait, so five hotlines are called side by side; then the pages are tried in a browser, which needs the
processor to itself; the few that ask how soon something happens come last, alone. The tests without calls run beside
them all and have what the others leave of the processor. What fails is tried once more by itself, and the output says
so: what fails twice fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

CALLS, PAGES = "tests/asterisk", "tests/browser"
LONG = "places failover survey two_nodes emergency nothing_lost hours callbacks front agents".split()
"""Files that are begun first, or the last of them would run on when all else is over."""
PYTEST = (sys.executable, "-m", "pytest")
PASSED, SOME_FAILED = 0, 1
WITHOUT = ("--ignore", CALLS, "--ignore", PAGES, "-o", "cache_dir=.pytest_cache/beside")
BROWSER = (PAGES, "-o", "cache_dir=.pytest_cache/pages")
WITH = ("-m", "not alone", *(f"{CALLS}/test_{name}.py" for name in LONG), CALLS)
ALONE = ("-m", "alone", CALLS)


def main() -> int:
    began = time.monotonic()
    # Some fifty hotlines are started: what is imported is compiled once, not each time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as shown:
        others = _last_in_line("-n", "2", *WITHOUT, shown=shown)
        try:
            results = {
                "with calls": _again(_pytest("-n", "5", "--dist", "loadfile", "--no-loadscope-reorder", *WITH), WITH),
                "pages": _again(_pytest(*BROWSER), BROWSER),
                "alone": _again(_pytest(*ALONE), ALONE),
            }
        except BaseException:
            os.killpg(others.pid, signal.SIGTERM)
            raise
        finally:
            code = others.wait()
            shown.seek(0)
            sys.stdout.buffer.write(shown.read())
            sys.stdout.flush()
    results["without calls"] = _again(code, WITHOUT)
    minutes = (time.monotonic() - began) / 60
    print(f"== {minutes:.1f} min; " + "; ".join(f"{what}: {_word(code)}" for what, code in results.items()))
    return next((code for code in results.values() if code), PASSED)


def _last_in_line(*arguments: str, shown: IO[bytes]) -> subprocess.Popen[bytes]:
    """Where Linux shares the processor among sessions (sched(7), "the autogroup feature"), nice(1) counts within one
    only: so a session of their own, and that one is nice."""
    others = subprocess.Popen(
        ["nice", "-n", "19", *PYTEST, *arguments], stdout=shown, stderr=subprocess.STDOUT, start_new_session=True
    )
    with suppress(OSError):
        Path(f"/proc/{others.pid}/autogroup").write_text("19")
    return others


def _again(code: int, which: tuple[str, ...]) -> int:
    if code != SOME_FAILED:
        return code
    print("== FAILED; once more, one at a time. A fault that comes and goes is still a fault.", flush=True)
    return _pytest("--last-failed", "--last-failed-no-failures", "none", *which)


def _pytest(*arguments: str) -> int:
    return subprocess.run([*PYTEST, *arguments]).returncode


def _word(code: int) -> str:
    return "passed" if code == PASSED else f"FAILED (pytest {code})"


if __name__ == "__main__":
    sys.exit(main())
