"""An incident as people see it: itself, the words of a few members, where they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from monitor.domain import Card
from monitor.store.engine import StoreError
from monitor.store.rows import AnyRow, incident_of, quote_of
from monitor.store.tables import incidents, mentions

NEWEST = 4  #: stories quoted besides the first one


def load_card(tx: Connection, incident_id: str) -> Card:
    """Raises StoreError: no such incident."""
    row = tx.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    if row is None:
        raise StoreError(f"no incident {incident_id}: monitor incidents lists them")
    c = mentions.c
    light = select(c.id, c.story, c.source, c.published_at).where(c.incident == incident_id)
    members = sorted(tx.execute(light), key=lambda member: member.id)
    stories, copies = _told_apart(members)
    ids = [story.id for story in stories]
    shown = select(mentions).where(c.id.in_([*ids[:1], *ids[1:][-NEWEST:]]))
    sources = _places(stories)
    return Card(
        incident=incident_of(row),
        quotes=tuple(quote_of(quoted) for quoted in tx.execute(shown.order_by(c.id))),
        sources=sources,
        also=tuple(name for name, _ in _places(copies) if name not in dict(sources)),
        first_published_at=min((m.published_at for m in members if m.published_at), default=None),
    )


def _told_apart(members: Sequence[AnyRow]) -> tuple[list[AnyRow], list[AnyRow]]:
    """The first member to tell each story, and who tells it again; both in the given order."""
    first = {member.story or member.id: member.id for member in reversed(members)}
    ids = set(first.values())
    return [m for m in members if m.id in ids], [m for m in members if m.id not in ids]


def _places(members: Iterable[AnyRow]) -> tuple[tuple[str, int], ...]:
    """The sources of some mentions with the number of each, most first."""
    counts = Counter(member.source for member in members)
    return tuple(sorted(counts.items(), key=lambda place: (-place[1], place[0])))
