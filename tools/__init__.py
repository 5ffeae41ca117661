"""Tools that prepare a machine. Standard library only: they run before anything is installed."""

import sys

# Kept readable for old interpreters, so that they can say this instead of a syntax error.
if sys.version_info < (3, 11):
    sys.exit(
        "hotline: Python 3.11 or newer is needed, this is %s (%d.%d): try `make PYTHON=python3.12 run`"
        % (sys.executable, sys.version_info[0], sys.version_info[1])
    )
