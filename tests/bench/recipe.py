"""The scripts of models/, which is a folder and no package."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[2] / "models"


def recipe(name: str) -> Any:
    """One of its modules: corpus, heads, measure, soft, target or train."""
    if str(MODELS) not in sys.path:
        sys.path.insert(0, str(MODELS))
    return import_module(name)
