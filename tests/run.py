"""``python -m tests.run``: every test, for ``make test``.

Real calls mostly wait, so three hotlines are called side by side, the pages are tried in a browser beside them, and the
tests without calls run last in line for the processor. The few tests that ask how soon something happens come last,
alone. What fails is tried once more by itself, and the output says so: what fails twice fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

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
    with ThreadPoolExecutor(2) as threads:
        # Sound must not falter: the browser is not last in line.
        pages = threads.submit(_shown_later, *PYTEST, *BROWSER)
        others = threads.submit(_shown_later, "nice", "-n", "10", *PYTEST, "-n", "2", *WITHOUT)
        calls = _pytest("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", *WITH)
    results = {"with calls": _again(calls, WITH)}
    for what, which, done in (("pages", BROWSER, pages), ("without calls", WITHOUT, others)):
        code, shown = done.result()
        print(shown, flush=True)
        results[what] = _again(code, which)
    results["alone"] = _again(_pytest(*ALONE), ALONE)
    minutes = (time.monotonic() - began) / 60
    print(f"== {minutes:.1f} min; " + "; ".join(f"{what}: {_word(code)}" for what, code in results.items()))
    return next((code for code in results.values() if code), PASSED)


def _shown_later(*command: str) -> tuple[int, str]:
    """What runs beside others would write between their lines."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


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
