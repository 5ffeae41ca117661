"""``python -m tests.run``: every test, for ``make test``.

Real calls mostly wait, so three hotlines are called side by side, and the tests without calls run beside them, last in
line for the processor. A call's test that fails beside others is tried once more by itself, and the output says so:
what fails twice fails. The few tests that ask how soon something happens come last, alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

CALLS = "tests/asterisk"
LONG = "places failover survey two_nodes emergency nothing_lost hours callbacks front agents".split()
"""Files that are begun first, or the last of them would run on when all else is over."""
PYTEST = (sys.executable, "-m", "pytest")
NOTHING_FAILED, SOME_FAILED = 0, 1


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryFile() as shown:
        command = ["nice", "-n", "10", *PYTEST, "-n", "2", "--ignore", CALLS, "-o", "cache_dir=.pytest_cache/beside"]
        beside = subprocess.Popen(command, stdout=shown, stderr=subprocess.STDOUT)
        try:
            calls = _calls()
        except BaseException:
            beside.terminate()
            raise
        finally:
            others = beside.wait()
            shown.seek(0)
            sys.stdout.buffer.write(shown.read())
            sys.stdout.flush()
    alone = subprocess.run([*PYTEST, "-m", "alone", CALLS]).returncode
    results = {"with calls": calls, "without calls": others, "alone": alone}
    minutes = (time.monotonic() - began) / 60
    print(f"== {minutes:.1f} min; " + "; ".join(f"{what}: {_word(code)}" for what, code in results.items()))
    return next((code for code in results.values() if code), 0)


def _calls() -> int:
    command = [*PYTEST, "-m", "not alone", *(f"{CALLS}/test_{name}.py" for name in LONG), CALLS]
    code = subprocess.run([*command, "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]).returncode
    if code != SOME_FAILED:
        return code
    print("== FAILED beside other calls; once more, one at a time. A fault that comes and goes is still a fault.")
    return subprocess.run([*command, "--last-failed", "--last-failed-no-failures", "none"]).returncode


def _word(code: int) -> str:
    return "passed" if code == NOTHING_FAILED else f"FAILED (pytest {code})"


if __name__ == "__main__":
    sys.exit(main())
