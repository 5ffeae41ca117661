"""``make compose-test``: build the images, bring the stack up, call it, break it, take it down. Needs Docker."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.compose.stack import Failed, Stack, engine_trouble
from tests.compose.steps import STEPS


def main() -> int:
    trouble = engine_trouble()
    if trouble is not None:
        print(f"compose-test: no Docker engine with compose v2: {trouble}", file=sys.stderr)
        return 1
    stack = Stack()
    began = time.monotonic()
    try:
        _step("build", stack.build)
        _step("up", stack.up)
        for step in STEPS:
            _step(step.__name__, lambda step=step: step(stack))  # type: ignore[misc]
    except Failed as error:
        print(f"FAILED {error}", file=sys.stderr)
        _show_state(stack)
        return 1
    finally:
        _step("down", stack.down)
    print(f"all well after {time.monotonic() - began:.0f} s")
    return 0


def _step(name: str, work: Callable[[], str | None]) -> None:
    began = time.monotonic()
    print(f"{name.replace('_', ' ')} …", flush=True)
    words = work()
    print(f"  {time.monotonic() - began:5.1f} s  {words or 'done'}", flush=True)


def _show_state(stack: Stack) -> None:
    for arguments in (("ps", "--all"), ("logs", "--no-color", "--tail", "30")):
        try:
            print(stack.compose(*arguments), file=sys.stderr)
        except Failed as error:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
