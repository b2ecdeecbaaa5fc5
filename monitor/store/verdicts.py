"""Mentions: which wait to be judged, what was decided, and what people say to that."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from sqlalchemy import Connection, func, select, update

from monitor.domain import Action, Incident, Label, Verdict
from monitor.incidents import CLOSED, thread_key
from monitor.store.engine import StoreError
from monitor.store.outbox import announce
from monitor.store.records import Claimed
from monitor.store.rows import AnyRow, claimed_of, incident_of, score_values
from monitor.store.statements import Room, claim
from monitor.store.stories import Heard, Telling, hear, original, told_in
from monitor.store.tables import brands, incidents, labels, mentions

Join = Callable[[Sequence[Incident]], str | None]
"""Which of these open incidents a mention belongs to; None: to none of them."""

TRIES = 5  #: then a mention that cannot be judged is given up
THREADS = 200  #: of an incident are remembered, the newest
OLD = "older than the first run"
_GRAVITY = ("normal", "high", "critical")


class Verdicts(Room):
    """The judging stage's part of the store."""

    def claim_mentions(self, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
        """Up to ``limit`` mentions, oldest first, for this worker alone until ``now + lease``."""
        due = select(mentions.c.id).where(mentions.c.action.is_(None), mentions.c.due_at <= now)
        with self._database.write() as tx:
            first = due.order_by(mentions.c.due_at, mentions.c.id).limit(limit)
            claimed = claim(tx, first, mentions, tries=mentions.c.tries + 1, due_at=now + lease)
            return sorted(map(claimed_of, claimed), key=lambda mention: mention.id)

    def settle_verdict(
        self,
        claimed: Claimed,
        verdict: Verdict,
        join: Join,
        telling: Telling | None,
        targets: Sequence[str],
        now: datetime,
        *,
        update_after: timedelta,
        window: timedelta,
    ) -> Action:
        """Keep a verdict and what follows from it: the incident, and what is owed to people.

        A copy of a story that people were told of joins it there, whatever its own verdict, and
        opens no card while that incident is open and within the window. Where they were not told,
        or it is over, its own verdict stands.

        Args:
            join: called for a mention that is to be told, while no other of its brand can be.
            telling: finds what the mention is a copy of; None: it is nobody's.
            targets: who is told.
            update_after: from one update of a message to the next.
            window: an incident that was quiet for longer takes no new member.

        Returns:
            What was done with the mention. Nothing is once the claim has run out: then it is
            what another worker decided, or "ignored" while that one is still at it.
        """
        heard = self._hear(claimed, telling) if telling else None
        with self._database.write() as tx:
            _lock(tx, claimed.mention.brand)
            if not _holds(tx, claimed):
                return _decided(tx, claimed.id)
            story = original(tx, claimed, heard) if heard else None
            _keep_story(tx, claimed, telling, story)
            known = told_in(tx, story.id, now - window) if story else None
            if claimed.quiet or (verdict.action != "tell" and known is None):
                return _keep(tx, claimed, verdict, _untold(verdict), None)
            if known is not None:
                incident, action = _grow(tx, known, claimed, verdict, now, stories=0)
            else:
                incident, action = _place(tx, claimed, verdict, join, now, now - window)
            announce(tx, incident, targets, now, update_after)
            return _keep(tx, claimed, verdict, action, incident.id)

    def _hear(self, claimed: Claimed, telling: Telling) -> Heard:
        with self._database.read() as tx:
            return hear(tx, claimed, telling)

    def settle_unjudged(self, claimed: Claimed, why: str, now: datetime, wait: timedelta) -> None:
        """Note that a mention could not be judged: again after ``wait``, or after 5 tries never."""
        due_at = now + wait if claimed.tries < TRIES else None
        with self._database.write() as tx:
            if _holds(tx, claimed):
                one = update(mentions).where(mentions.c.id == claimed.id)
                tx.execute(one.values(due_at=due_at, error=why[:500]))

    def label(
        self,
        mention_id: int,
        kind: Literal["sentiment", "complaint", "relevance"],
        value: str,
        by: str,
        now: datetime,
    ) -> None:
        """Keep what a person says of a mention. Every word is kept, the newest counts.

        Raises:
            StoreError: no such mention, or no such sentiment.
        """
        if kind == "sentiment" and value not in get_args(Label):
            raise StoreError(f'no sentiment "{value}"; known are: {", ".join(get_args(Label))}')
        said = {"kind": kind, "value": value, "labelled_by": by, "labelled_at": now}
        with self._database.write() as tx:
            one = mentions.c.id == mention_id
            if tx.scalar(select(mentions.c.id).where(one)) is None:
                raise StoreError(f"no mention {mention_id}: monitor mentions lists them")
            tx.execute(labels.insert().values(mention_id=mention_id, **said))
            if kind == "sentiment":
                tx.execute(update(mentions).where(one).values(label=value))


def _lock(tx: Connection, brand: str) -> None:
    """One verdict of a brand at a time: two cannot open two incidents for one cause or story."""
    tx.execute(select(brands.c.name).where(brands.c.name == brand).with_for_update(key_share=True))


def _holds(tx: Connection, claimed: Claimed) -> bool:
    """Whether the worker's claim is still the newest one and not settled; locks the row."""
    held = select(mentions.c.id).where(
        mentions.c.id == claimed.id,
        mentions.c.tries == claimed.tries,
        mentions.c.due_at.is_not(None),
    )
    return tx.scalar(held.with_for_update()) is not None


def _decided(tx: Connection, mention_id: int) -> Action:
    action = tx.scalar(select(mentions.c.action).where(mentions.c.id == mention_id))
    return cast(Action, action or "ignored")


def _untold(verdict: Verdict) -> Action:
    return "digest" if verdict.action == "tell" else verdict.action


def _keep_story(
    tx: Connection, claimed: Claimed, telling: Telling | None, story: AnyRow | None
) -> None:
    sketch = telling.sketch if telling else None
    copied = {"story": story.id, "copy_of": story.external_id} if story else {}
    one = update(mentions).where(mentions.c.id == claimed.id)
    tx.execute(one.values(sketch=sketch, **copied))


def _keep(
    tx: Connection, claimed: Claimed, verdict: Verdict, action: Action, incident: str | None
) -> Action:
    old = verdict.action != "ignored" and claimed.quiet
    judged = update(mentions).where(mentions.c.id == claimed.id)
    tx.execute(
        judged.values(
            score_values(verdict.score)
            | {
                "label": func.coalesce(mentions.c.label, verdict.score.label),
                "topic": verdict.topic,
                "severity": verdict.severity,
                "action": action,
                "reason": OLD if old else verdict.reason[:200],
                "incident": incident,
                "due_at": None,
                "error": "",
            }
        )
    )
    return action


def _place(
    tx: Connection,
    claimed: Claimed,
    verdict: Verdict,
    join: Join,
    now: datetime,
    since: datetime,
) -> tuple[Incident, Action]:
    """The incident that the mention belongs to, with the mention in it."""
    alive = select(incidents).where(
        incidents.c.brand == claimed.mention.brand,
        incidents.c.state.not_in(CLOSED),
        incidents.c.last_at >= since,
    )
    rows = {row.id: row for row in tx.execute(alive.order_by(incidents.c.last_at.desc()))}
    chosen = join([incident_of(row) for row in rows.values()])
    if chosen is None:
        return _open(tx, claimed, verdict, now), "alerted"
    return _grow(tx, rows[chosen], claimed, verdict, now, stories=1)


def _open(tx: Connection, claimed: Claimed, verdict: Verdict, now: datetime) -> Incident:
    new = incidents.insert().values(
        id=f"INC-{secrets.token_hex(4)}",
        brand=claimed.mention.brand,
        topic=verdict.topic,
        severity=verdict.severity,
        reason=verdict.reason[:200],
        opened_at=now,
        last_at=now,
        threads=[thread_key(claimed.mention)],
    )
    return incident_of(tx.execute(new.returning(incidents)).one())


def _grow(
    tx: Connection, row: AnyRow, claimed: Claimed, verdict: Verdict, now: datetime, *, stories: int
) -> tuple[Incident, Action]:
    thread = thread_key(claimed.mention)
    others = [known for known in row.threads if known != thread]
    grown = update(incidents).where(incidents.c.id == row.id)
    changed = grown.values(
        posts=incidents.c.posts + stories,
        last_at=now,
        severity=max(row.severity, verdict.severity, key=_GRAVITY.index),
        threads=[*others, thread][-THREADS:],
    )
    return incident_of(tx.execute(changed.returning(incidents)).one()), "attached"
