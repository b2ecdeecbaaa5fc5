"""A monitor after its first round over a feed of four posts, three of which name its brand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.using import BRAND, COMPLAINT, PRAISE, SECOND, SILENT, Shell, rss, source
from tests.standins.web import Web


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    pages = {"/feed": rss(COMPLAINT, SECOND, PRAISE, SILENT), "/page": "<html>no feed</html>"}
    with Web(pages) as running:
        yield running


@pytest.fixture(scope="module")
def first(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A monitor after its first round."""
    shell = Shell(tmp_path_factory.mktemp("first"))
    (shell.folder / "monitor.toml").write_text(
        '[http]\nallow_private = ["127.0.0.0/8"]\n'
        f'[[brand]]\nname = "{BRAND}"\n[alerts]\nbacklog = "1d"\n'
        + source("blog", web.url("/feed"))
    )
    said = shell("once")
    assert said.out.splitlines()[-1].startswith("1 source polled, 3 new mentions, 3 judged,")
    return shell


@pytest.fixture
def monitor(first: Shell, tmp_path: Path) -> Shell:
    """A copy of it, to do with as one likes."""
    return Shell(Path(shutil.copytree(first.folder, tmp_path / "copy")))


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A folder without a configuration."""
    return Shell(tmp_path)
