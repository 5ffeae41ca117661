"""The real models for tests: fetched once, as ``hotline models fetch`` does it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotline.settings import load_settings
from speech import models
from speech.catalogue import WHISPER_BASE, Model


def need_whisper() -> Path:
    return need_model(WHISPER_BASE)


def need_model(model: Model) -> Path:
    """Where it lies. Without it the test fails; with ``HOTLINE_WITHOUT_MODELS=1`` it is skipped, for a machine that has
    no way to the model."""
    try:
        return models.fetch(load_settings().models_dir, model, lambda _have, _of: None)
    except models.ModelError as error:
        if os.environ.get("HOTLINE_WITHOUT_MODELS") == "1":
            pytest.skip(f"NOT TESTED, HOTLINE_WITHOUT_MODELS is set: {model.name} cannot be had")
        pytest.fail(f"{model.name} cannot be had (HOTLINE_WITHOUT_MODELS=1 skips): {error}", pytrace=False)
