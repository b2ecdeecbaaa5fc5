"""What several verbs share: options, opening, and how a failure is said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from monitor.app import App
    from monitor.config import Config
    from monitor.store import Store

ConfigPath = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration file.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
AsLines = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line.")]


def fail(why: str, status: int) -> NoReturn:
    """Say one line on standard error and end."""
    line = " ".join("".join(c if c.isprintable() else " " for c in why).split())
    sys.stderr.write(f"monitor: {line}\n")
    sys.exit(status)


def load(path: Path | None) -> Config:
    from monitor import config

    return config.load(config.find(path))


def has_config(path: Path | None) -> bool:
    """Whether there is a configuration file, for a verb that can do without."""
    from monitor import config

    with suppress(config.ConfigError):
        config.find(path)
        return True
    return False


def load_if_any(path: Path | None) -> Config:
    """The configuration, or the defaults of one where there is none yet."""
    from monitor import config

    return load(path) if has_config(path) else config.Config(brand=(config.BrandTable(name="-"),))


@contextmanager
def opened(path: Path | None) -> Iterator[App]:
    """The whole monitor, ready to work."""
    from rich.console import Console

    from monitor import app

    with app.opened(load(path), Console()) as built:
        yield built


@contextmanager
def stored(path: Path | None) -> Iterator[Store]:
    """The database alone, for verbs that only look."""
    from monitor.store import open_store

    store = open_store(load(path).monitor.database)
    try:
        yield store
    finally:
        store.close()
