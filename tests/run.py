"""``python -m tests.run``: every test, for ``make test``.

Real calls mostly wait, so three hotlines are called side by side, and the tests without calls run beside them, last in
line for the processor; when these are through, the pages are tried in a browser. The few tests that ask how soon
something happens come last, alone. What fails is tried once more by itself, and the output says so: what fails twice
fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
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
    # Some eighty hotlines are started: what is imported is compiled once, not each time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as shown, ThreadPoolExecutor(1) as thread:
        beside = thread.submit(_beside, shown)
        calls = _pytest("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", *WITH)
        others, pages = beside.result()
        shown.seek(0)
        sys.stdout.buffer.write(shown.read())
        sys.stdout.flush()
    results = {
        "without calls": _again(others, WITHOUT),
        "pages": _again(pages, BROWSER),
        "with calls": _again(calls, WITH),
    }
    results["alone"] = _again(_pytest(*ALONE), ALONE)
    minutes = (time.monotonic() - began) / 60
    print(f"== {minutes:.1f} min; " + "; ".join(f"{what}: {_word(code)}" for what, code in results.items()))
    return next((code for code in results.values() if code), PASSED)


def _beside(shown: IO[bytes]) -> tuple[int, int]:
    nice = ("nice", "-n", "10", *PYTEST)
    others = subprocess.run([*nice, "-n", "2", *WITHOUT], stdout=shown, stderr=subprocess.STDOUT)
    # Sound must not falter: the browser is not last in line.
    pages = subprocess.run([*PYTEST, *BROWSER], stdout=shown, stderr=subprocess.STDOUT)
    return others.returncode, pages.returncode


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
