"""The one place that imports pjsua2, which ships no type information.

Limits compiled into the PyPI wheel 2.15.1 (exceeding the account limit aborts the process, so they are checked here).
"""

from __future__ import annotations

import importlib
from typing import Any

pj: Any = importlib.import_module("pjsua2")

MAX_CALLS = 4
"""PJSUA_MAX_CALLS of the wheel: simultaneous calls in one process. More calls need more processes."""
MAX_ACCOUNTS = 8
"""PJSUA_MAX_ACC of the wheel."""
MAX_TRANSPORTS = 8
"""Size of pjsua's transport table: local addresses one process can bind."""
