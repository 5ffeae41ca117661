"""Limits compiled into the PyPI wheel of pjsua2 2.15.1. Passing the one on accounts aborts the process."""

MAX_CALLS = 4
"""PJSUA_MAX_CALLS of the wheel: simultaneous calls in one process. More calls need more processes."""
MAX_ACCOUNTS = 8
"""PJSUA_MAX_ACC of the wheel."""
MAX_TRANSPORTS = 8
"""Size of pjsua's transport table: local addresses one process can bind."""
