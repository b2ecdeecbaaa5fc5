"""An incident as people see it: itself, the words of a few members, where they stand."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.domain import Card
from monitor.store.engine import StoreError
from monitor.store.rows import incident_of, quote_of
from monitor.store.tables import incidents, mentions

NEWEST = 4  #: members quoted besides the first one


def load_card(tx: Connection, incident_id: str) -> Card:
    """Raises StoreError: no such incident."""
    row = tx.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    if row is None:
        raise StoreError(f"no incident {incident_id}: monitor incidents lists them")
    members = select(mentions).where(mentions.c.incident == incident_id)
    first = tx.execute(members.order_by(mentions.c.id).limit(1))
    newest = tx.execute(members.order_by(mentions.c.id.desc()).limit(NEWEST))
    quoted = {member.id: member for member in (*first, *newest)}
    count = func.count().label("count")
    where = (
        select(mentions.c.source, count, func.min(mentions.c.published_at))
        .where(mentions.c.incident == incident_id)
        .group_by(mentions.c.source)
        .order_by(count.desc(), mentions.c.source)
    )
    sources = tx.execute(where).all()
    return Card(
        incident=incident_of(row),
        quotes=tuple(quote_of(quoted[key]) for key in sorted(quoted)),
        sources=tuple((source, members) for source, members, _ in sources),
        first_published_at=min((at for *_, at in sources if at is not None), default=None),
    )
