"""Sources: which are known, whose turn it is, and what a poll of one found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    not_,
    select,
    update,
)

from monitor.domain import Batch, Mention, SourceState
from monitor.seams import SourceError
from monitor.store.engine import StoreError
from monitor.store.records import Followed, SourceSpec, Unread
from monitor.store.rows import AnyRow, mention_values, source_of, unread_values
from monitor.store.statements import HOST, Room, claim_one_a_host, insert_new, pause
from monitor.store.subscriptions import subscribe, unsubscribe
from monitor.store.tables import UtcDateTime, brands, gaps, mentions, pages, sources

MOST_FOLLOWED = 50  #: comment feeds that one source may have us read at a time


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
            named = {spec.name for spec in specs}
            gone = {row.name for row in known.values() if (row.follows or row.name) not in named}
            asleep = update(sources).where(sources.c.name.in_(gone))
            tx.execute(asleep.values(enabled=False, due_at=None))
            back = {row.name for row in known.values() if row.follows in named and not row.enabled}
            awake = update(sources).where(sources.c.name.in_(back))
            tx.execute(awake.values(enabled=True, due_at=now))

    def spread(self, now: datetime, over: timedelta) -> None:
        """Let what fell due while nobody worked fall due one a second, all within ``over``."""
        late = select(sources.c.name).where(sources.c.due_at < now - timedelta(minutes=1))
        with self._database.write() as tx:
            names = tx.scalars(late.order_by(sources.c.name).with_for_update()).all()
            step = min(timedelta(seconds=1), over / max(len(names), 1))
            for turn, name in enumerate(sorted(names, key=lambda name: crc32(name.encode()))):
                one = update(sources).where(sources.c.name == name)
                tx.execute(one.values(due_at=now + turn * step))

    def claim_sources(
        self, now: datetime, lease: timedelta, limit: int, avoid: Collection[str] = ()
    ) -> list[SourceState]:
        """The sources that have been due longest, for this worker alone until ``now + lease``.

        Args:
            limit: at most so many.
            avoid: hosts that are not to be asked now. Of each other host one source is taken.
        """
        with self._database.write() as tx:
            claimed = claim_one_a_host(
                tx, sources, now, lease, limit, avoid, (HOST,), started_at=now
            )
            return [source_of(row) for row in claimed]

    def settle_poll(
        self,
        state: SourceState,
        batch: Batch,
        found: Sequence[tuple[Mention, bool]],
        now: datetime,
        wait: timedelta | None,
        pace: Sequence[float] = (),
        followed: Sequence[Followed] = (),
        unread: Sequence[Unread] = (),
    ) -> int:
        """Keep what a poll found and the cursor after it, together; return what was new.

        Mentions in a teaser whose page is to be read are left to ``settle_read``. A source that a
        hub told of meanwhile is due again when that said so.

        Args:
            found: each mention, and whether it is quiet: kept, but never told.
            wait: until the next poll; None: there is none.
            pace: see ``pacing``.
            followed: comment feeds to read from now on.
            unread: teasers of which those that are not known yet are to be read.
        """
        with self._database.write() as tx:
            polled = {
                "cursor": batch.cursor,
                "failures": 0,
                "blocked": False,
                "last_error": "",
                "first_polled_at": state.first_polled_at or now,
                "last_success_at": now,
                "wait": wait,
                "pace": list(pace),
                "moved": batch.moved,
                "lease": state.due_at,
            }
            if not _settle(tx, _POLLED, state, None if wait is None else now + wait, polled):
                return 0
            waiting = _put_off(tx, state.source, unread)
            told = [(m, quiet) for m, quiet in found if m.post.external_id not in waiting]
            new = insert_new(tx, mentions, [mention_values(m, quiet, now) for m, quiet in told])
            follow(tx, state.source, followed, now)
            _count(tx, state, batch, new, now)
            if batch.hub and batch.topic:
                subscribe(tx, state.source, batch.hub, batch.topic, now)
            elif state.last_success_at and not state.cursor:  # another address, read as a whole
                unsubscribe(tx, state.source)
            return new

    def settle_poll_failed(
        self, state: SourceState, error: SourceError, now: datetime, wait: timedelta | None
    ) -> None:
        """Note a failed poll. A permanent failure parks the source.

        Where the site asked us to wait, all that is read from its host waits.

        Args:
            wait: until the next poll; None: there is none.
        """
        failed = {
            "failures": state.failures + 1,
            "blocked": error.blocked,
            "last_error": str(error)[:500],
        }
        next_at = None if error.permanent or wait is None else now + wait
        with self._database.write() as tx:
            if not _settle(tx, _FAILED, state, next_at, failed):
                return
            if error.permanent:
                one = sources.c.name == state.source
                tx.execute(update(sources).where(one).values(parked=True))
            if error.retry_after and state.host and not error.unasked:
                pause(tx, f"{HOST}{state.host}", now + error.retry_after)

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
        "host": spec.host,
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
        feeds = update(sources).where(sources.c.follows == spec.name)
        tx.execute(feeds.values(cursor=""))
    if changed or (row.kind, row.host) != (spec.kind, spec.host):
        named = update(sources).where(sources.c.name == spec.name)
        tx.execute(named.values(kind=spec.kind, host=spec.host, **changed))


def _put_off(tx: Connection, source: str, unread: Sequence[Unread]) -> set[str]:
    """Have the pages of posts that are not known read; ids of the posts that wait for theirs."""
    ids = [page.post.external_id for page in unread]
    if not ids:
        return set()
    mentioned = select(mentions.c.external_id).where(
        mentions.c.source == source, mentions.c.external_id.in_(ids)
    )
    known = set(tx.scalars(mentioned))
    new = [unread_values(page) for page in unread if page.post.external_id not in known]
    insert_new(tx, pages, new)
    held = [page.post.external_id for page in unread if page.holds]
    waiting = select(pages.c.external_id).where(
        pages.c.source == source, pages.c.external_id.in_(held), pages.c.due_at.is_not(None)
    )
    return set(tx.scalars(waiting))


def follow(tx: Connection, source: str, feeds: Sequence[Followed], now: datetime) -> None:
    """Have comment feeds of posts of ``source`` read, as many as one source may cause."""
    alive = and_(sources.c.follows == source, sources.c.due_at.is_not(None))
    room = MOST_FOLLOWED - tx.scalars(select(func.count()).where(alive)).one() if feeds else 0
    insert_new(tx, sources, [_following(source, feed, now) for feed in feeds[: max(room, 0)]])


def _following(source: str, feed: Followed, now: datetime) -> dict[str, Any]:
    return {
        "name": feed.name,
        "kind": "comments",
        "fingerprint": "",
        "since": now,
        "due_at": now,
        "follows": source,
        "url": feed.url,
        "host": feed.host,
        "thread_title": feed.thread_title,
    }


def _count(tx: Connection, state: SourceState, batch: Batch, new: int, now: datetime) -> None:
    """Write down what a poll found beside its mentions, where there is anything to say."""
    counted: dict[str, Any] = {}
    if new:
        counted["last_mention_at"] = now
    if batch.gap and (gap := _keep_gap(tx, state, now)):
        counted["gaps"] = sources.c.gaps + gap
    if batch.rejected:
        counted["rejected"] = sources.c.rejected + len(batch.rejected)
    if counted:
        tx.execute(update(sources).where(sources.c.name == state.source).values(counted))


def _keep_gap(tx: Connection, state: SourceState, now: datetime) -> int:
    """Write down what may have been missed; before the first success nothing was promised."""
    if state.last_success_at is None:
        return 0
    gap = {"source": state.source, "since": state.last_success_at, "until": now}
    return insert_new(tx, gaps, [gap])


def _settling(*changed: str, pings: bool = False) -> Update:
    """Ends a claim, if it is still the newest one; what was parked or switched off stays so.

    With ``pings`` so does what a hub hastened since the claim, whose end is ``lease``.

    Built once: putting a statement together takes longer than running it.
    """
    held = and_(sources.c.name == bindparam("named"), sources.c.tries == bindparam("token"))
    awake = and_(sources.c.enabled, not_(sources.c.parked))
    due: ColumnElement[Any] = bindparam("next_at", type_=UtcDateTime())
    if pings:
        lease = bindparam("lease", type_=UtcDateTime())
        hastened = and_(sources.c.due_at < lease, sources.c.due_at < due)
        due = case((hastened, sources.c.due_at), else_=due)
    due = case((awake, due), else_=None)
    values: dict[str, Any] = {name: bindparam(name) for name in changed}
    return update(sources).where(held).values(due_at=due, **values)


_POLLED = _settling(
    *("cursor", "failures", "blocked", "last_error", "first_polled_at", "last_success_at"),
    *("wait", "pace", "moved"),
    pings=True,
)
_FAILED = _settling("failures", "blocked", "last_error")


def _settle(
    tx: Connection,
    settling: Update,
    state: SourceState,
    next_at: datetime | None,
    values: Mapping[str, Any],
) -> bool:
    """Run one of the two above; whether the claim was still held."""
    claim_held = {"named": state.source, "token": state.tries, "next_at": next_at}
    return tx.execute(settling, claim_held | dict(values)).rowcount == 1
