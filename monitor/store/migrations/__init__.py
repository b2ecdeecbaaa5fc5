"""Brings a database to the schema of this code, or says why it cannot.

Revisions are numbered files in ``versions``; Alembic is imported only where one must run, so
that opening a database that is at the newest costs nothing.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Named,
    Table,
    TypedColumns,
    inspect,
    select,
    text,
)

from monitor.store.engine import Database, StoreError

if TYPE_CHECKING:
    from alembic.config import Config

logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps are nothing to users


class _Version(TypedColumns):
    version_num: Named[str] = Column(primary_key=True)


#: Where Alembic keeps the revision.
_VERSION = Table("alembic_version", MetaData(), _Version)
HERE = Path(__file__).parent
#: Two starting processes must not both create the tables (PostgreSQL's lock number).
_LOCK = 7_215_301


def revisions() -> list[str]:
    """The revisions that this code knows, oldest first."""
    return sorted(file.name[:4] for file in (HERE / "versions").glob("[0-9]*.py"))


def current(tx: Connection) -> str | None:
    """The revision of a database, or None if it has no tables of ours."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.scalar(select(_VERSION.c.version_num))


def prepare(database: Database, *, upgrade: bool) -> None:
    """Create or upgrade the tables, all or nothing, where that is needed.

    Raises:
        StoreError: newer than this code, or another program's tables.
    """
    known = revisions()
    with database.read() as tx:
        tables = inspect(tx).get_table_names()  # first: another process may be creating them
        found = current(tx)
    if found == known[-1]:
        return
    if found is None and tables:
        raise StoreError(f"{database} holds another program's tables: give the monitor its own")
    if found is not None and found not in known:
        raise StoreError(
            f"{database} has schema {found}, newer than this program's {known[-1]}:"
            " install the newer program again"
        )
    if upgrade:
        migrate(database)


def migrate(database: Database) -> None:
    """Run every revision that is missing, in one transaction."""
    from alembic import command

    with database.migrate() as tx:
        if not database.is_sqlite:
            tx.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        command.upgrade(config(tx), "head")


def config(tx: Connection) -> Config:
    """Alembic's settings to work in the transaction ``tx``."""
    from alembic.config import Config

    settings = Config(attributes={"connection": tx})
    settings.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return settings
