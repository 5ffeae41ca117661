"""``python -m tests.asterisk.brisk_hotline run``: a hotline whose agents need a second after a call, not ten."""

from __future__ import annotations

from dataclasses import replace

from hotline import render
from hotline.cli import main
from hotline.rules import Rules, load_rules

WRAPUP_SECONDS = 1


def brisk() -> Rules:
    rules = load_rules()
    queues = {name: queue.model_copy(update={"wrapup_seconds": WRAPUP_SECONDS}) for name, queue in rules.queues.items()}
    return replace(rules, queues=queues)


if __name__ == "__main__":
    setattr(render, "load_rules", brisk)  # noqa: B010 - it is not meant to be set
    main()
