"""``python -m tests.asterisk.dated_hotline run``: a hotline whose queues open and close by a date that a test sets."""

from __future__ import annotations

from hotline.cli import main
from tests.asterisk.calling_hotline import take_over

if __name__ == "__main__":
    take_over("worker_part", ("tests.asterisk.moved_day", "hotline.worker"))
    main()
