"""The statements that every stage shares, the same on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.engine import Database
from monitor.store.rows import AnyRow
from monitor.store.tables import Words, pauses

HOST, PAGES = "host:", "pages:"  #: before the host in ``pauses``: of all its, of its pages
LOOK = 200  #: due rows are looked at to find one a host


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


def claim_one_a_host(
    tx: Connection,
    table: Table,
    now: datetime,
    lease: timedelta,
    limit: int,
    avoid: Collection[str],
    rests: Sequence[str],
    **values: Any,
) -> list[AnyRow]:
    """The rows that have been due longest, at most one of each host.

    Args:
        avoid: hosts of which none is taken; "" does not count.
        rests: ``HOST``, ``PAGES``: none is taken of a host that has such a pause.
    """
    (key,) = table.primary_key.columns
    c = table.c
    resting = select(pauses.c.target).where(pauses.c.until > now)
    rested = [(literal(kind, Words()) + c.host).not_in(resting) for kind in rests]
    awake = and_(c.due_at <= now, c.host.not_in([host for host in avoid if host]), *rested)
    due = select(key, c.host).where(awake).order_by(c.due_at)
    found = _one_a_host(tx.execute(due.limit(LOOK)).all())[:limit]
    if not found:
        return []
    first = select(key).where(key.in_(found), c.due_at <= now)
    claimed = claim(tx, first, table, tries=c.tries + 1, due_at=now + lease, **values)
    return sorted(claimed, key=lambda row: found.index(getattr(row, key.name)))


def _one_a_host(due: Sequence[AnyRow]) -> list[Any]:
    """The first key of each host; a host that is not known counts as another each time."""
    hosts: set[str] = set()
    keys = []
    for key, host in due:
        if not host or host not in hosts:
            hosts.add(host)
            keys.append(key)
    return keys


def pause(tx: Connection, target: str, until: datetime) -> None:
    """Let a target of messages, or ``HOST`` or ``PAGES`` and a host, be left alone until then."""
    insert = upsert(tx, pauses).values(target=target, until=until)
    longer = pauses.c.until < insert.excluded.until
    changed = {"until": insert.excluded.until}
    tx.execute(insert.on_conflict_do_update(index_elements=["target"], set_=changed, where=longer))


def insert_new(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose unique keys are not there yet; return their number."""
    if not rows:
        return 0
    new = upsert(tx, table).on_conflict_do_nothing()
    return tx.execute(new.execution_options(preserve_rowcount=True), rows).rowcount


def upsert(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that understands ON CONFLICT."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
