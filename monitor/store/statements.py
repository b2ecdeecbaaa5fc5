"""The statements that every stage shares, the same on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.engine import Database
from monitor.store.rows import AnyRow


class Room:
    """A part of the store. What a public method writes, it writes in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database


def claim(tx: Connection, due: Select[Any], table: Table, **values: Any) -> Sequence[AnyRow]:
    """Write ``values`` into the rows that ``due`` selects by their id, and return these rows.

    Two workers never get one row: PostgreSQL skips rows locked by another, SQLite has one writer.
    """
    # A common table expression with FOR UPDATE runs once; a subquery could be run again for
    # each row and so take more than its limit.
    taken = due.with_for_update(skip_locked=True).cte("due")
    (key,) = table.primary_key.columns
    claimed = update(table).where(key.in_(select(taken))).values(**values).returning(*table.c)
    return tx.execute(claimed).all()


def insert_new(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose unique keys are not there yet; return their number."""
    if not rows:
        return 0
    new = upsert(tx, table).on_conflict_do_nothing()
    return tx.execute(new.execution_options(preserve_rowcount=True), rows).rowcount


def upsert(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that understands ON CONFLICT."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
