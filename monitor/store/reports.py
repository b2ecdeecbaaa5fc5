"""Looking without touching: mentions, incidents, the digest's figures, the whole on one page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, tuple_

from monitor.domain import Card, Incident, Label, SourceState
from monitor.incidents import CLOSED
from monitor.store.cards import load_card
from monitor.store.engine import Database, StoreError
from monitor.store.labels import in_force
from monitor.store.records import DigestRow, Judged, OutboxState, Overview
from monitor.store.rows import incident_of, judged_of, source_of
from monitor.store.statements import Room
from monitor.store.tables import (
    brands,
    gaps,
    incidents,
    mentions,
    outbox,
    pages,
    sources,
    subscriptions,
)
from monitor.store.verdicts import OLD

PAGE = 500  #: mentions read in one transaction


class Reports(Room):
    """The part of the store that only reads."""

    def mentions(
        self,
        brand: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        label: Label | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Judged]:
        """Mentions newest first, read in pages so that a slow reader holds nothing up.

        Args:
            since, until: when they were seen; ``until`` is exclusive.
            search: words of the title, text or author, in any case (SQLite: of ASCII letters).
        """
        wanted = _wanted(brand, since, until, label, search)
        return islice(_pages(self._database, wanted), limit)

    def mention(self, source: str, external_id: str, brand: str) -> Judged:
        """One mention by what makes it unique.

        Raises:
            StoreError: no such mention.
        """
        one = select(mentions).where(
            mentions.c.source == source,
            mentions.c.external_id == external_id,
            mentions.c.brand == brand,
        )
        with self._database.read() as tx:
            row = tx.execute(one).one_or_none()
        if row is None:
            raise StoreError(f"no mention of {brand} in {source} {external_id}")
        return judged_of(row)

    def incidents(self, open_only: bool = False) -> list[Incident]:
        """Incidents, the one with the newest member first."""
        wanted = select(incidents).order_by(incidents.c.last_at.desc(), incidents.c.id)
        if open_only:
            wanted = wanted.where(incidents.c.state.not_in(CLOSED))
        with self._database.read() as tx:
            return [incident_of(row) for row in tx.execute(wanted)]

    def card(self, incident_id: str) -> Card:
        """An incident as people see it.

        Raises:
            StoreError: no such incident.
        """
        with self._database.read() as tx:
            return load_card(tx, incident_id)

    def brand_since(self, brand: str) -> datetime:
        """When the brand was first watched.

        Raises:
            StoreError: it never was.
        """
        with self._database.read() as tx:
            since = tx.scalar(select(brands.c.since).where(brands.c.name == brand))
        if since is None:
            raise StoreError(
                f'brand "{brand}" was never watched: `monitor run` or `monitor once` begins it'
            )
        return since

    def digest_rows(self, brand: str, since: datetime, until: datetime) -> list[DigestRow]:
        """What the digest counts: mentions seen from ``since`` until before ``until``.

        What is older than the first run is no news of any week.
        """
        c = mentions.c
        story = func.coalesce(c.story, c.id).label("story")
        light = select(c.seen_at, c.source, c.kind, c.label, c.action, c.reason, story)
        wanted = light.where(c.brand == brand, c.seen_at >= since, c.seen_at < until)
        with self._database.read() as tx:
            rows = tx.execute(wanted.order_by(c.seen_at))
            return [DigestRow(**row._asdict()) for row in rows if row.reason != OLD]

    def digest_incidents(self, brand: str, since: datetime, until: datetime) -> list[Card]:
        """The incidents that lived in a period, the biggest first."""
        wanted = (
            select(incidents.c.id)
            .where(
                incidents.c.brand == brand,
                incidents.c.last_at >= since,
                incidents.c.opened_at < until,
            )
            .order_by(incidents.c.posts.desc(), incidents.c.opened_at)
        )
        with self._database.read() as tx:
            return [load_card(tx, incident_id) for incident_id in tx.scalars(wanted).all()]

    def gaps(self, since: datetime, until: datetime) -> list[tuple[str, datetime, datetime]]:
        """(source, from, to): when a source may have shown what was not seen."""
        overlapping = and_(gaps.c.since < until, gaps.c.until > since)
        wanted = select(gaps).where(overlapping).order_by(gaps.c.source, gaps.c.since)
        with self._database.read() as tx:
            return [(row.source, row.since, row.until) for row in tx.execute(wanted)]

    def overview(self, now: datetime) -> Overview:
        """The whole store on one page."""
        with self._database.read() as tx:
            awake = select(sources).where(sources.c.enabled).order_by(sources.c.name)
            alive = awake.where(sources.c.follows.is_not(None), sources.c.due_at.is_not(None))
            states = select(incidents.c.state, func.count()).group_by(incidents.c.state)
            unjudged = select(func.count(mentions.c.due_at), func.count()).where(
                mentions.c.action.is_(None)
            )
            waiting, all_unjudged = tx.execute(unjudged).one()
            pushed = select(subscriptions.c.source).where(subscriptions.c.until > now)
            not_scored = func.count().filter(mentions.c.scored.is_(False))
            total, unscored = tx.execute(select(func.count(mentions.c.id), not_scored)).one()
            return Overview(
                sources=_states(tx, awake.where(sources.c.follows.is_(None))),
                following=_states(tx, alive),
                pushed=frozenset(tx.scalars(pushed)),
                outbox=_outbox(tx, now),
                incidents=dict(tx.execute(states).all()),
                pages=tx.scalar(select(func.count()).where(pages.c.due_at.is_not(None))) or 0,
                mentions=total,
                waiting=waiting,
                dead=all_unjudged - waiting,
                unscored=unscored,
                last_digest=_last_digest(tx),
                model=_model(tx),
                layers=in_force(tx),
            )


def _states(tx: Connection, wanted: Select[*tuple[Any, ...]]) -> list[SourceState]:
    return [source_of(row) for row in tx.execute(wanted)]


def _wanted(
    brand: str | None,
    since: datetime | None,
    until: datetime | None,
    label: Label | None,
    search: str | None,
) -> Select[*tuple[Any, ...]]:
    c = mentions.c
    wanted = select(mentions)
    if brand is not None:
        wanted = wanted.where(c.brand == brand)
    if since is not None:
        wanted = wanted.where(c.seen_at >= since)
    if until is not None:
        wanted = wanted.where(c.seen_at < until)
    if label is not None:
        wanted = wanted.where(c.label == label)
    if search:
        places = (c.title, c.text, c.author)
        wanted = wanted.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
    return wanted


def _pages(database: Database, wanted: Select[*tuple[Any, ...]]) -> Iterator[Judged]:
    """What is wanted, newest first; each page goes on after the last row of the one before."""
    at, key = mentions.c.seen_at, mentions.c.id
    page = wanted.order_by(at.desc(), key.desc()).limit(PAGE)
    after = page
    while True:
        with database.read() as tx:
            rows = tx.execute(after).all()
        yield from map(judged_of, rows)
        if len(rows) < PAGE:
            return
        after = page.where(tuple_(at, key) < (rows[-1].seen_at, rows[-1].id))


def _outbox(tx: Connection, now: datetime) -> OutboxState:
    owed = outbox.c.state != "sent"
    by_state = select(outbox.c.state, func.count(), func.min(outbox.c.asked_at))
    rows = tx.execute(by_state.where(owed).group_by(outbox.c.state)).all()
    counts = {state: count for state, count, _ in rows}
    oldest = min((asked for state, _, asked in rows if state != "dead"), default=now)
    failed = select(outbox.c.target, outbox.c.error).where(owed, outbox.c.error != "").distinct()
    return OutboxState(
        pending=counts.get("pending", 0) + counts.get("sending", 0),
        ambiguous=counts.get("ambiguous", 0),
        dead=counts.get("dead", 0),
        oldest_seconds=max(0, int((now - oldest).total_seconds())),
        errors=[(target, error) for target, error in tx.execute(failed.order_by(outbox.c.target))],
    )


def _last_digest(tx: Connection) -> str | None:
    sent = tx.scalar(select(func.max(outbox.c.sent_at)).where(outbox.c.kind == "digest"))
    return sent.isoformat() if sent else None


def _model(tx: Connection) -> str | None:
    judged = select(mentions.c.model).where(mentions.c.model.is_not(None))
    return tx.scalar(judged.order_by(mentions.c.id.desc()).limit(1))
