"""Sources: which are known, whose turn it is, and what a poll of one found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, literal, not_, select, update

from monitor.domain import Batch, Mention, SourceState
from monitor.seams import SourceError
from monitor.store.engine import StoreError
from monitor.store.records import SourceSpec
from monitor.store.rows import AnyRow, mention_values, source_of
from monitor.store.statements import Room, claim, insert_new
from monitor.store.tables import UtcDateTime, brands, gaps, mentions, sources


class Sources(Room):
    """The collecting stage's part of the store."""

    def sync(self, specs: Sequence[SourceSpec], names: Sequence[str], now: datetime) -> None:
        """Register what is configured: the sources, and the names of the brands.

        A new source is due now. One that is no longer named sleeps; it is never deleted. One
        whose fingerprint changed starts anew, as on its first poll.
        """
        with self._database.write() as tx:
            insert_new(tx, brands, [{"name": name, "since": now} for name in names])
            known = {row.name: row for row in tx.execute(select(sources))}
            for spec in specs:
                if spec.name in known:
                    _register(tx, known[spec.name], spec, now)
            insert_new(tx, sources, [_new(spec, now) for spec in specs if spec.name not in known])
            gone = known.keys() - {spec.name for spec in specs}
            asleep = update(sources).where(sources.c.name.in_(gone))
            tx.execute(asleep.values(enabled=False, due_at=None))

    def claim_source(self, now: datetime, lease: timedelta) -> SourceState | None:
        """The source that has been due longest, for this worker alone until ``now + lease``."""
        due = select(sources.c.name).where(sources.c.due_at <= now)
        with self._database.write() as tx:
            first = due.order_by(sources.c.due_at).limit(1)
            claimed = claim(tx, first, sources, tries=sources.c.tries + 1, due_at=now + lease)
            return source_of(claimed[0]) if claimed else None

    def settle_poll(
        self,
        state: SourceState,
        batch: Batch,
        found: Sequence[tuple[Mention, bool]],
        now: datetime,
        wait: timedelta,
    ) -> int:
        """Keep what a poll found and the cursor after it, together; return what was new.

        Args:
            found: each mention, and whether it is quiet: kept, but never told.
            wait: until the next poll.
        """
        with self._database.write() as tx:
            if not _holds(tx, state):
                return 0
            new = insert_new(tx, mentions, [mention_values(m, quiet, now) for m, quiet in found])
            gap = _keep_gap(tx, state, now) if batch.gap else 0
            _settle(
                tx,
                state,
                now + wait,
                cursor=batch.cursor,
                failures=0,
                blocked=False,
                last_error="",
                first_polled_at=state.first_polled_at or now,
                last_success_at=now,
                last_mention_at=now if new else state.last_mention_at,
                gaps=sources.c.gaps + gap,
                rejected=sources.c.rejected + len(batch.rejected),
            )
            return new

    def settle_poll_failed(
        self, state: SourceState, error: SourceError, now: datetime, wait: timedelta
    ) -> None:
        """Note a failed poll. A permanent failure parks the source."""
        with self._database.write() as tx:
            if _holds(tx, state):
                parked = {"parked": True, "due_at": None} if error.permanent else {}
                _settle(
                    tx,
                    state,
                    now + wait,
                    failures=sources.c.failures + 1,
                    blocked=error.blocked,
                    last_error=str(error)[:500],
                    **parked,
                )

    def park(self, name: str) -> None:
        """Poll a source no more until it is resumed.

        Raises:
            StoreError: no such source.
        """
        self._set(name, parked=True, due_at=None)

    def resume(self, name: str, now: datetime) -> None:
        """Poll a source again, now.

        Raises:
            StoreError: no such source.
        """
        self._set(name, parked=False, due_at=now, failures=0, blocked=False, last_error="")

    def _set(self, name: str, **values: Any) -> None:
        with self._database.write() as tx:
            named = and_(sources.c.name == name, sources.c.enabled)
            if tx.execute(update(sources).where(named).values(**values)).rowcount == 0:
                known = tx.scalars(select(sources.c.name).where(sources.c.enabled))
                raise StoreError(f'no source "{name}"; known are: {", ".join(sorted(known))}')


def _new(spec: SourceSpec, now: datetime) -> dict[str, Any]:
    return {
        "name": spec.name,
        "kind": spec.kind,
        "fingerprint": spec.fingerprint,
        "since": now,
        "due_at": now,
    }


def _register(tx: Connection, row: AnyRow, spec: SourceSpec, now: datetime) -> None:
    """Write down what changed in the configuration of a known source."""
    changed: dict[str, Any] = {}
    if not row.enabled:
        changed = {"enabled": True, "due_at": None if row.parked else now}
    if row.fingerprint != spec.fingerprint:
        changed |= {
            "fingerprint": spec.fingerprint,
            "cursor": "",
            "tries": sources.c.tries + 1,  # whoever is polling the old address holds it no more
            "due_at": None if row.parked else now,
        }
    if changed or row.kind != spec.kind:
        named = update(sources).where(sources.c.name == spec.name)
        tx.execute(named.values(kind=spec.kind, **changed))


def _holds(tx: Connection, state: SourceState) -> bool:
    """Whether the worker's claim is still the newest one; locks the row."""
    claimed = and_(sources.c.name == state.source, sources.c.tries == state.tries)
    return tx.scalar(select(sources.c.name).where(claimed).with_for_update()) is not None


def _keep_gap(tx: Connection, state: SourceState, now: datetime) -> int:
    """Write down what may have been missed; before the first success nothing was promised."""
    if state.last_success_at is None:
        return 0
    gap = {"source": state.source, "since": state.last_success_at, "until": now}
    return insert_new(tx, gaps, [gap])


def _settle(tx: Connection, state: SourceState, next_at: datetime, **values: Any) -> None:
    """End a claim; what was parked or switched off meanwhile stays so."""
    awake = and_(sources.c.enabled, not_(sources.c.parked))
    due: ColumnElement[datetime | None] = case((awake, literal(next_at, UtcDateTime())), else_=None)
    settled = update(sources).where(sources.c.name == state.source)
    tx.execute(settled.values({"due_at": due} | values))
