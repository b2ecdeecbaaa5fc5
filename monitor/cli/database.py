"""Verbs on the database: upgrade, backup, check; park and resume a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigPath, fail, load, stored


def upgrade(config: ConfigPath = None) -> None:
    """Bring the schema to this version."""
    with stored(config) as store:
        print(f"schema {store.schema()[0]}")


def backup(
    path: Annotated[Path, typer.Argument(help="The new file; never overwrites.")],
    config: ConfigPath = None,
) -> None:
    """Write a sound copy of an SQLite database. The monitor may go on running."""
    with stored(config) as store:
        store.backup(path)
        print(path)


def check(config: ConfigPath = None) -> None:
    """Read the whole database and say whether it is sound."""
    from monitor.store import open_store

    store = open_store(load(config).monitor.database, upgrade=False)
    try:
        current, head = store.schema()
        problems = store.check()
    finally:
        store.close()
    if current != head:
        problems.append(f"schema {current}, this version wants {head}: run `monitor db upgrade`")
    if problems:
        fail("; ".join(problems), 1)
    print(f"sound, schema {current}")


def park(
    name: Annotated[str, typer.Argument(help="A configured source.")], config: ConfigPath = None
) -> None:
    """Stop polling a source until it is resumed."""
    with stored(config) as store:
        store.park(name)


def resume(
    name: Annotated[str, typer.Argument(help="A parked source.")], config: ConfigPath = None
) -> None:
    """Poll a parked source again, now."""
    from monitor import app

    with stored(config) as store:
        store.resume(name, app.now())
