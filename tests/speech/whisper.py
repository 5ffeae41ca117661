"""The real Whisper for tests: fetched once, as ``hotline models fetch`` does it."""

from __future__ import annotations

import pytest

from hotline.settings import load_settings
from speech import models
from speech.catalogue import WHISPER_BASE


def need_whisper() -> None:
    """Skips the test, loudly, where the model is neither there nor to be had."""
    try:
        models.fetch(load_settings().models_dir, WHISPER_BASE, lambda _have, _of: None)
    except models.ModelError as error:
        pytest.skip(f"NOT TESTED: Whisper's model cannot be had: {error}")
