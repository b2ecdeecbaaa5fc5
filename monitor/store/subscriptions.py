"""Subscriptions: which hub shall tell us of which source, and what a hub's word does (WebSub)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, update

from monitor.store.records import Subscription
from monitor.store.rows import subscription_of
from monitor.store.statements import Room, claim, upsert
from monitor.store.tables import sources, subscriptions


class Subscriptions(Room):
    """The subscribing stage's part of the store. Only of sources that are polled."""

    def claim_subscription(self, now: datetime, lease: timedelta) -> Subscription | None:
        """The one that has been due longest, for this worker alone until ``now + lease``."""
        c = subscriptions.c
        due = select(c.id).where(c.due_at <= now, _polled()).order_by(c.due_at).limit(1)
        with self._database.write() as tx:
            claimed = claim(tx, due, subscriptions, tries=c.tries + 1, due_at=now + lease)
        return subscription_of(claimed[0]) if claimed else None

    def settle_asked(self, asked: Subscription, due_at: datetime) -> None:
        """The hub was asked: ask again at ``due_at``, if it has not answered meanwhile."""
        self._settle(asked, subscriptions.c.tries == asked.tries, due_at=due_at)

    def settle_answer(self, asked: Subscription, until: datetime | None, due_at: datetime) -> None:
        """The hub will tell us ``until`` then (None: it will not); ask again at ``due_at``."""
        self._settle(asked, tries=0, until=until, due_at=due_at)

    def _settle(self, asked: Subscription, *only: ColumnElement[bool], **values: Any) -> None:
        c = subscriptions.c
        same = and_(c.id == asked.id, c.hub == asked.hub, c.topic == asked.topic, *only)
        with self._database.write() as tx:
            tx.execute(update(subscriptions).where(same).values(**values))

    def subscription(self, number: int) -> Subscription | None:
        """A subscription that we want, by its id."""
        wanted = select(subscriptions).where(subscriptions.c.id == number, _polled())
        with self._database.read() as tx:
            row = tx.execute(wanted).one_or_none()
        return subscription_of(row) if row else None

    def hasten(self, name: str, now: datetime, spacing: timedelta) -> None:
        """A source falls due now, or ``spacing`` after its newest poll began.

        One that fails keeps its wait; while its host rests, none of its sources is claimed.
        """
        awake = and_(sources.c.name == name, sources.c.failures == 0)
        with self._database.write() as tx:
            begun = select(sources.c.started_at).where(awake).with_for_update(of=sources)
            for started_at in tx.scalars(begun).all():
                soon = max(now, started_at + spacing) if started_at else now
                later = and_(sources.c.name == name, sources.c.due_at > soon)
                tx.execute(update(sources).where(later).values(due_at=soon))


def subscribe(tx: Connection, source: str, hub: str, topic: str, now: datetime) -> None:
    """Have a hub asked, unless it was; another hub or topic than before is asked anew."""
    c = subscriptions.c
    row = upsert(tx, subscriptions).values(source=source, hub=hub, topic=topic, due_at=now)
    anew = {"hub": hub, "topic": topic, "tries": 0, "due_at": now, "until": None}
    other = or_(c.hub != hub, c.topic != topic)
    tx.execute(row.on_conflict_do_update(index_elements=[c.source], set_=anew, where=other))


def unsubscribe(tx: Connection, source: str) -> None:
    """Forget a source's hub: what it asks or tells from now on, we did not ask for."""
    tx.execute(delete(subscriptions).where(subscriptions.c.source == source))


def _polled() -> ColumnElement[bool]:
    same = sources.c.name == subscriptions.c.source
    return exists().where(same, sources.c.due_at.is_not(None))
