"""The outbox: what is owed to people, who is sending it, and what became of it.

    pending -> sending -> sent          accepted
                       -> pending       refused for now, or until a person acts
                       -> dead          refused for good
                       -> ambiguous     may have been accepted: looked up, then sent or pending

A row whose worker died is claimed as ambiguous once its lease has run out. An update is one row
for each message: asked for again it only rises in ``seq``, so that a burst costs one edit.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, literal, not_, or_, select, update

from monitor.domain import Delivery, Incident, Receipt
from monitor.seams import DeliveryError, Outcome
from monitor.store.cards import load_card
from monitor.store.rows import AnyRow
from monitor.store.statements import Room, claim, insert_new, pause
from monitor.store.tables import UtcDateTime, outbox, pauses

_IN_FLIGHT = ("sending", "ambiguous")
_SETTLED = ("sent", "dead")


class Outbox(Room):
    """The delivering stage's part of the store."""

    def claim_delivery(self, now: datetime, lease: timedelta) -> Delivery | None:
        """What has been due longest, for this worker alone until ``now + lease``.

        An update waits until its message is sent, everything until its channel's pause is over.
        """
        with self._database.write() as tx:
            fresh = outbox.c.state == "pending"
            claimed = claim(
                tx,
                _due(now),
                outbox,
                tries=outbox.c.tries + 1,
                state=case((fresh, "sending"), else_="ambiguous"),
                started_at=case((fresh, literal(now, UtcDateTime())), else_=outbox.c.started_at),
                due_at=now + lease,
            )
            return _delivery(tx, claimed[0]) if claimed else None

    def settle_sent(self, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
        """Note that the channel accepted it. An update asked for again meanwhile is owed again."""
        with self._database.write() as tx:
            if (row := _held(tx, delivery)) is None:
                return
            kept = {"channel": receipt.channel, "ts": receipt.ts, "sent_at": now}
            kept |= {"error": "", "failures": 0}
            if row.seq == delivery.seq:
                _settle(tx, delivery, state="sent", due_at=None, **kept)
            else:
                again = {"due_at": now + row.spacing, "asked_at": now}
                _settle(tx, delivery, state="pending", **again, **kept)

    def settle_unsent(
        self, delivery: Delivery, error: DeliveryError, now: datetime, wait: timedelta
    ) -> None:
        """Note that the channel did not (surely) accept it; see ``Outcome``.

        Args:
            wait: until the next try. Where the channel named a time (``error.retry_after``),
                nothing else is sent there before it either.
        """
        with self._database.write() as tx:
            if _held(tx, delivery) is None:
                return
            if error.outcome is Outcome.NEVER:
                _bury(tx, delivery, error)
                return
            if error.outcome is Outcome.LATER and error.retry_after:
                pause(tx, delivery.target, now + error.retry_after)
            # A refusal now says nothing of an earlier try that may have been accepted.
            sure = error.outcome is not Outcome.AMBIGUOUS and delivery.state == "pending"
            state = "pending" if sure else "ambiguous"
            failed = {"failures": delivery.failures + 1, "error": str(error)[:500]}
            _settle(tx, delivery, state=state, due_at=now + wait, **failed)

    def settle_absent(self, delivery: Delivery, now: datetime) -> None:
        """Note that it certainly was not accepted: it is due again, now."""
        with self._database.write() as tx:
            if _held(tx, delivery) is not None:
                _settle(tx, delivery, state="pending", due_at=now)

    def enqueue_digest(self, key: str, target: str, brand: str, frozen: str, now: datetime) -> bool:
        """Owe a digest, due now; False if ``key`` is known already.

        Args:
            frozen: its figures as JSON.
        """
        row = _row("digest", key, target, brand, now) | {"frozen": frozen}
        with self._database.write() as tx:
            return insert_new(tx, outbox, [row]) == 1

    def has_delivery(self, key: str) -> bool:
        with self._database.read() as tx:
            return tx.scalar(select(outbox.c.id).where(outbox.c.key == key)) is not None


def announce(
    tx: Connection,
    incident: Incident,
    targets: Sequence[str],
    now: datetime,
    spacing: timedelta,
) -> None:
    """Owe every target the incident's message, or an update of it. The brand must be locked.

    A message that waits to be sent needs no update: it will show the incident as it is then. One
    that was refused, or deleted by a person, is owed anew: there is news to tell.
    """
    for target in sorted(set(targets)):
        keys = [f"{kind}:{incident.id}:{target}" for kind in ("post", "update")]
        known = select(outbox).where(outbox.c.key.in_(keys)).with_for_update()
        rows = {row.kind: row for row in tx.execute(known)}
        if "post" not in rows:
            row = _row("post", keys[0], target, incident.brand, now)
            tx.execute(outbox.insert().values(row | {"incident": incident.id}))
        elif rows["post"].state == "pending":
            continue
        elif rows["post"].state == "dead":
            _ask_again(tx, rows["post"], now, spacing)
        elif "update" in rows:
            _ask_again(tx, rows["update"], now, spacing)
        else:
            _ask(tx, rows["post"], keys[1], now, spacing)


def _row(kind: str, key: str, target: str, brand: str, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "key": key,
        "kind": kind,
        "target": target,
        "brand": brand,
        "due_at": now,
        "asked_at": now,
    }


def _ask(tx: Connection, post: AnyRow, key: str, now: datetime, spacing: timedelta) -> None:
    """Ask for the first update of a message."""
    row = _row("update", key, post.target, post.brand, now) | {
        "incident": post.incident,
        "depends_on": post.id,
        "due_at": max(now, (post.sent_at or now) + spacing),
        "spacing": spacing,
    }
    tx.execute(outbox.insert().values(row))


def _ask_again(tx: Connection, row: AnyRow, now: datetime, spacing: timedelta) -> None:
    """Ask for an update once more; one that is owed already keeps its time."""
    values: dict[str, Any] = {"seq": row.seq + 1, "spacing": spacing}
    if row.state in _SETTLED:
        due_at = max(now, (row.sent_at or now) + spacing)
        values |= {"state": "pending", "due_at": due_at, "asked_at": now}
        values |= {"failures": 0, "error": ""}
    tx.execute(update(outbox).where(outbox.c.id == row.id).values(values))


def _due(now: datetime) -> Select[str]:
    """The id of the row that has been due longest."""
    post = outbox.alias("post")
    posted = exists().where(post.c.id == outbox.c.depends_on, post.c.state == "sent")
    paused = exists().where(pauses.c.target == outbox.c.target, pauses.c.until > now)
    ready = and_(or_(outbox.c.depends_on.is_(None), posted), not_(paused))
    due = select(outbox.c.id).where(outbox.c.due_at <= now, ready)
    return due.order_by(outbox.c.due_at).limit(1)


def _delivery(tx: Connection, row: AnyRow) -> Delivery:
    """A claimed row with what its channel needs, as it is now."""
    remote = None
    if row.depends_on is not None:
        post = select(outbox.c.channel, outbox.c.ts).where(outbox.c.id == row.depends_on)
        remote = Receipt(*tx.execute(post).one())
    return Delivery(
        id=row.id,
        key=row.key,
        kind=row.kind,
        target=row.target,
        tries=row.tries,
        failures=row.failures,
        state="pending" if row.state == "sending" else "ambiguous",
        seq=row.seq,
        started_at=row.started_at,
        card=load_card(tx, row.incident) if row.incident else None,
        remote=remote,
        frozen=row.frozen,
    )


def _held(tx: Connection, delivery: Delivery) -> AnyRow | None:
    """The row, if the worker's claim is still the newest one and not settled; locks it."""
    held = select(outbox).where(
        outbox.c.id == delivery.id,
        outbox.c.tries == delivery.tries,
        outbox.c.state.in_(_IN_FLIGHT),
    )
    return tx.execute(held.with_for_update()).one_or_none()


def _settle(tx: Connection, delivery: Delivery, **values: Any) -> None:
    tx.execute(update(outbox).where(outbox.c.id == delivery.id).values(**values))


def _bury(tx: Connection, delivery: Delivery, error: DeliveryError) -> None:
    """Nothing more is owed until the incident grows: a message and its updates die together."""
    _settle(tx, delivery, state="dead", due_at=None, error=str(error)[:500])
    post = select(outbox.c.depends_on).where(outbox.c.id == delivery.id).scalar_subquery()
    together = or_(outbox.c.depends_on == delivery.id, outbox.c.id == post)
    others = update(outbox).where(together)
    tx.execute(others.values(state="dead", due_at=None, error="its message was refused"))
