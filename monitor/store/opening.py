"""The door: a store that is sound and of the right schema, or one line why not."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.store import migrations
from monitor.store.blanks import Blanks
from monitor.store.engine import Database, StoreError
from monitor.store.labels import Labels
from monitor.store.outbox import Outbox
from monitor.store.pages import Pages
from monitor.store.reports import Reports
from monitor.store.sources import Sources
from monitor.store.subscriptions import Subscriptions
from monitor.store.upkeep import Upkeep
from monitor.store.verdicts import Verdicts


class Store(Sources, Pages, Subscriptions, Verdicts, Labels, Outbox, Reports, Blanks, Upkeep):
    """All SQL and every transaction of the monitor; may be used from any thread.

    Times are aware UTC. What settles a claim changes nothing once the claim has run out and
    another worker has taken the row. Every method may raise StoreError: the database is locked,
    full, damaged or gone.
    """

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return self._database.path

    def close(self) -> None:
        self._database.close()

    def __repr__(self) -> str:
        return f"Store({self._database})"


def open_store(url: str, *, upgrade: bool = True) -> Store:
    """Open a database; create it or bring its schema up to date unless told otherwise.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://USER@HOST/NAME``.

    Raises:
        StoreError: it cannot be opened, is damaged, or belongs to a newer or another program.
    """
    database = Database(url)
    try:
        if database.path is not None:
            _look_at_file(database.path)
            _look_for_damage(database)
        migrations.prepare(database, upgrade=upgrade)
    except BaseException:
        database.close()
        raise
    return Store(database)


def _look_at_file(path: Path) -> None:
    """Say what SQLite's "unable to open database file" leaves open."""
    try:
        if path.is_dir():
            raise StoreError(f"{path} is a folder: name a file in [monitor] database")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: there is no folder {path.parent}: create it")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise StoreError(f"{path} may not be read and written: correct its permissions")
    except OSError as e:
        raise StoreError(f"{path}: {e.strerror}: correct [monitor] database") from None


def _look_for_damage(database: Database) -> None:
    with database.alone() as connection:
        damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if damage != "ok":
        raise StoreError(database.damaged(str(damage)))
