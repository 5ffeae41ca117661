"""The one place that imports pjsua2, which ships no type information."""

from __future__ import annotations

import importlib
from typing import Any

pj: Any = importlib.import_module("pjsua2")
