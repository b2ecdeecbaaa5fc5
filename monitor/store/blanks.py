"""Blanking: of a mention only its link, scores and labels stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update

from monitor.store.outbox import announce
from monitor.store.rows import incident_of
from monitor.store.statements import Room
from monitor.store.tables import incidents, mentions, outbox

#: A mention that still holds words of its author.
WORDED = or_(
    *(column != "" for column in (mentions.c.text, mentions.c.title, mentions.c.author)),
    mentions.c.sentence != "",  # a verdict may come after the words were blanked
    mentions.c.sketch.is_not(None),
)

_NOTHING: dict[str, object] = {
    **dict.fromkeys(("title", "text", "author", "thread_title", "sentence"), ""),
    "matches": [],
    "why": [],
    "sketch": None,
}


class Blanks(Room):
    """The part of the store that forgets what people wrote, and keeps what was made of it."""

    def held(self, source: str) -> list[str]:
        """External ids of a source's mentions whose words are kept."""
        kept = select(mentions.c.external_id).where(mentions.c.source == source, WORDED)
        with self._database.read() as tx:
            return list(tx.scalars(kept.distinct()))

    def blank(self, source: str, ids: Collection[str], now: datetime) -> int:
        """Blank a source's mentions by external id; return how many.

        Messages that showed them are owed an update.
        """
        named = mentions.c.external_id.in_(ids)
        return self._blank(now, mentions.c.source == source, named) if ids else 0

    def blank_old(self, kind: str, before: datetime, now: datetime) -> int:
        """The same for all judged mentions of a kind that were seen before ``before``."""
        judged = mentions.c.action.is_not(None)
        return self._blank(now, mentions.c.kind == kind, mentions.c.seen_at < before, judged)

    def _blank(self, now: datetime, *which: ColumnElement[bool]) -> int:
        blanking = update(mentions).where(*which, WORDED).values(_NOTHING)
        with self._database.write() as tx:
            found = tx.scalars(blanking.returning(mentions.c.incident)).all()
            shown = select(incidents).where(incidents.c.id.in_({i for i in found if i}))
            for row in tx.execute(shown.order_by(incidents.c.id).with_for_update()).all():
                sent = select(outbox.c.target).where(
                    outbox.c.incident == row.id,
                    outbox.c.kind == "post",
                    outbox.c.state.in_(("sending", "ambiguous", "sent")),
                )
                announce(tx, incident_of(row), tx.scalars(sent).all(), now, timedelta())
            return len(found)
