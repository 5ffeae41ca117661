"""``python -m tests.run``: every test, for ``make test``.

Real calls mostly wait, so five hotlines are called side by side; then the pages are tried in a browser, which needs the
processor to itself. The tests without calls run beside both, last in line for it. The few that ask how soon something
happens come last, alone. What fails is tried once more by itself, and the output says so: what fails twice fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

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
        others = subprocess.Popen(
            ["nice", "-n", "19", *PYTEST, "-n", "2", *WITHOUT], stdout=shown, stderr=subprocess.STDOUT
        )
        try:
            calls = _pytest("-n", "5", "--dist", "loadfile", "--no-loadscope-reorder", *WITH)
            pages = _pytest(*BROWSER)
        except BaseException:
            others.terminate()
            raise
        finally:
            code = others.wait()
            shown.seek(0)
            sys.stdout.buffer.write(shown.read())
            sys.stdout.flush()
    results = {
        "with calls": _again(calls, WITH),
        "pages": _again(pages, BROWSER),
        "without calls": _again(code, WITHOUT),
    }
    results["alone"] = _again(_pytest(*ALONE), ALONE)
    minutes = (time.monotonic() - began) / 60
    print(f"== {minutes:.1f} min; " + "; ".join(f"{what}: {_word(code)}" for what, code in results.items()))
    return next((code for code in results.values() if code), PASSED)


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
