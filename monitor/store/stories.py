"""Stories: which earlier mention a new one copies, and the incident in which people were told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, or_, select

from monitor.domain import Post
from monitor.incidents import CLOSED
from monitor.store.records import Claimed
from monitor.store.rows import AnyRow, mention_of
from monitor.store.tables import incidents, mentions

RECENT = timedelta(days=14)  #: a story older than this is told anew
MOST = 20_000  #: stories of one brand that a mention is compared with, the newest


class Telling(Protocol):
    """A post as it is compared with others; ``reading.copies`` has the one."""

    @property
    def sketch(self) -> bytes: ...
    def likely(self, sketches: Sequence[bytes]) -> list[int]: ...
    def retells(self, earlier: Post) -> bool: ...


def original(tx: Connection, claimed: Claimed, telling: Telling) -> AnyRow | None:
    """The story that a mention copies, never itself a copy. The brand must be locked.

    Of several the one seen first. What was judged first is the story: two workers may overtake
    each other, but never tell of both.
    """
    c = mentions.c
    recent = select(c.id, c.sketch).where(
        c.brand == claimed.mention.brand,
        c.seen_at >= claimed.seen_at - RECENT,
        c.sketch.is_not(None),
        c.story.is_(None),
    )
    rows = tx.execute(recent.order_by(c.seen_at.desc(), c.id.desc()).limit(MOST)).all()
    likely = [rows[n].id for n in telling.likely([row.sketch for row in rows])]
    found = tx.execute(select(mentions).where(c.id.in_(likely)).order_by(c.seen_at, c.id)).all()
    return next((row for row in found if telling.retells(mention_of(row).post)), None)


def told_in(tx: Connection, story: int, since: datetime) -> AnyRow | None:
    """The newest incident in which a story was told, by itself or by a copy of it.

    None where that one is closed or had no new member ``since``: who repeats the story after
    that has news, it is not over.
    """
    family = or_(mentions.c.id == story, mentions.c.story == story)
    where = select(incidents).join(mentions, mentions.c.incident == incidents.c.id).where(family)
    newest = tx.execute(where.order_by(mentions.c.id.desc()).limit(1)).one_or_none()
    over = newest is None or newest.state in CLOSED or newest.last_at < since
    return None if over else newest
