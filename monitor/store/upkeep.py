"""Upkeep: closing, forgetting, backing up, looking for damage."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, and_, delete, exists, not_, select, update

from monitor.incidents import CLOSED
from monitor.store import migrations
from monitor.store.engine import StoreError
from monitor.store.outbox import announce
from monitor.store.rows import incident_of
from monitor.store.statements import Room
from monitor.store.tables import (
    gaps,
    incidents,
    mentions,
    outbox,
    pages,
    pauses,
    sources,
    subscriptions,
)

CHUNK = 1000  #: mentions deleted in one transaction, so that others get their turn


class Upkeep(Room):
    """The part of the store that keeps it small and sound."""

    def close_quiet(self, before: datetime, now: datetime) -> int:
        """Close the open incidents that got no member since ``before``; return how many.

        Their messages are owed an update that says so.
        """
        quiet = and_(incidents.c.state.not_in(CLOSED), incidents.c.last_at < before)
        closing = update(incidents).where(quiet).values(state="auto-closed", closed_at=now)
        with self._database.write() as tx:
            closed = tx.execute(closing.returning(incidents)).all()
            for row in closed:
                shown = select(outbox.c.target).where(
                    outbox.c.incident == row.id,
                    outbox.c.kind == "post",
                    outbox.c.state == "sent",
                )
                announce(tx, incident_of(row), tx.scalars(shown).all(), now, timedelta())
            return len(closed)

    def prune(self, before: datetime) -> int:
        """Forget mentions seen before ``before`` and what hangs on them; return how many."""
        forgotten = 0
        while chunk := self._prune_mentions(before):
            forgotten += chunk
        self._prune_rest(before)
        return forgotten

    def _prune_mentions(self, before: datetime) -> int:
        oldest = select(mentions.c.id).where(mentions.c.seen_at < before)
        chunk = oldest.order_by(mentions.c.seen_at).limit(CHUNK)
        copies = update(mentions).where(mentions.c.story.in_(chunk))
        with self._database.write() as tx:
            tx.execute(copies.values(story=None, copy_of=None))  # from now on they stand alone
            return tx.execute(delete(mentions).where(mentions.c.id.in_(chunk))).rowcount

    def _prune_rest(self, before: datetime) -> None:
        """What is settled and refers to nothing that is kept."""
        members = exists().where(mentions.c.incident == incidents.c.id)
        with self._database.write() as tx:
            tx.execute(delete(incidents).where(incidents.c.last_at < before, not_(members)))
            tx.execute(
                delete(outbox).where(
                    outbox.c.incident.is_(None),
                    outbox.c.due_at.is_(None),
                    outbox.c.asked_at < before,
                )
            )
            tx.execute(delete(gaps).where(gaps.c.until < before))
            tx.execute(delete(pauses).where(pauses.c.until < before))
            tx.execute(delete(pages).where(pages.c.due_at.is_(None), pages.c.seen_at < before))
            _prune_followed(tx, before)

    def backup(self, path: Path) -> None:
        """Write a whole copy of the database to ``path``; others go on working meanwhile.

        Raises:
            StoreError: ``path`` exists or its folder does not; the database is PostgreSQL.
        """
        if self._database.path is None:
            raise StoreError(f"{self._database}: back it up with pg_dump")
        if path.exists():
            raise StoreError(f"{path} exists: give the backup another name")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: there is no folder {path.parent}: create it")
        unfinished = path.with_name(path.name + ".part")
        unfinished.unlink(missing_ok=True)
        with self._database.alone() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(unfinished),))
        unfinished.rename(path)

    def check(self) -> list[str]:
        """What is wrong with the database, one line each."""
        found, head = self.schema()
        problems = [] if found == head else [f"schema {found}, not {head}: monitor db upgrade"]
        if self._database.path is None:
            return problems
        with self._database.alone() as connection:
            damage = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        problems += [self._database.damaged(what) for what in damage if what != "ok"]
        hanging = {f"{table} has a row that refers to no {other}" for table, _, other, _ in orphans}
        return problems + sorted(hanging)

    def schema(self) -> tuple[str | None, str]:
        """The revision of the database (None: no tables), and the newest this code knows."""
        with self._database.read() as tx:
            return migrations.current(tx), migrations.revisions()[-1]


def _prune_followed(tx: Connection, before: datetime) -> None:
    """Comment feeds that are read no more and of which no comment is kept."""
    c = sources.c
    mentioned = exists().where(mentions.c.source == c.name)
    over = and_(c.follows.is_not(None), c.due_at.is_(None), c.since < before, not_(mentioned))
    names = tx.scalars(select(c.name).where(over)).all()
    for table in (gaps, pages, subscriptions):
        tx.execute(delete(table).where(table.c.source.in_(names)))
    tx.execute(delete(sources).where(c.name.in_(names)))
