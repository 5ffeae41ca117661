"""``hotline`` as a test calls it."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from hotline.cli import main


def hotline(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def answer(*words: str) -> Any:
    """What it says as JSON."""
    result = hotline(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)
