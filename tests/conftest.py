"""What all tests share: the development folders, and loud skips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _folder(variable: str) -> Path:
    """The folder named by an environment variable; without it the test skips, and says so."""
    folder = os.environ.get(variable, "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = f"{variable} is not set: this test needs the data it names"
    if os.environ.get("MONITOR_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def dev_data() -> Path:
    """Labelled development data; never part of the project."""
    return _folder("MONITOR_DEV_DATA")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real feeds and pages; never part of the project."""
    return _folder("MONITOR_CORPORA")
