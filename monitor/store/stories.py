"""Stories: which earlier mention a new one copies, and the incident in which people were told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Select, and_, func, or_, select

from monitor.domain import Post
from monitor.incidents import CLOSED
from monitor.store.records import Claimed
from monitor.store.rows import AnyRow, mention_of
from monitor.store.tables import incidents, mentions

RECENT = timedelta(days=14)  #: a story older than this is told anew
MOST = 20_000  #: stories of one brand that a mention is compared with, the newest
#: Ids that polls of other workers may have taken, but not shown yet (PostgreSQL).
SLACK = 1_000


class Telling(Protocol):
    """A post as it is compared with others; ``reading.copies`` has the one."""

    @property
    def sketch(self) -> bytes: ...
    def likely(self, sketches: Sequence[bytes]) -> list[int]: ...
    def retells(self, earlier: Post) -> bool: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """The stories that a mention was compared with before its verdict is kept."""

    telling: Telling
    ids: frozenset[int]
    found: int | None  #: the one that it retells
    floor: int  #: what was not judged yet has at least this id


def hear(tx: Connection, claimed: Claimed, telling: Telling) -> Heard:
    """Look through all stories; takes its time, and needs no lock."""
    waiting = and_(mentions.c.action.is_(None), mentions.c.due_at.is_not(None))
    # Asked first: on PostgreSQL what is judged meanwhile is then among the stories.
    # The sum keeps the planners from walking the whole table for it, id by id.
    first = tx.scalar(select(func.min(mentions.c.id + 0)).where(waiting)) or claimed.id
    rows = tx.execute(_stories(claimed)).all()
    ids = frozenset(row.id for row in rows)
    return Heard(telling, ids, _retold(tx, telling, rows), min(first, claimed.id) - SLACK)


def original(tx: Connection, claimed: Claimed, heard: Heard) -> AnyRow | None:
    """The story that a mention copies, never itself a copy. The brand must be locked.

    Of several the one seen first. What was judged first is the story: two workers may overtake
    each other, but never tell of both. Only what was judged since ``heard`` is looked at anew.
    """
    rows = tx.execute(_stories(claimed).where(mentions.c.id >= heard.floor)).all()
    new = _retold(tx, heard.telling, [row for row in rows if row.id not in heard.ids])
    either = select(mentions).where(mentions.c.id.in_((heard.found, new)))
    return tx.execute(either.order_by(mentions.c.seen_at, mentions.c.id).limit(1)).one_or_none()


def _stories(claimed: Claimed) -> Select[int, bytes | None]:
    """The stories that a mention may copy, the newest first."""
    c = mentions.c
    recent = select(c.id, c.sketch).where(
        c.brand == claimed.mention.brand,
        c.seen_at >= claimed.seen_at - RECENT,
        c.sketch.is_not(None),
        c.story.is_(None),
    )
    return recent.order_by(c.seen_at.desc(), c.id.desc()).limit(MOST)


def _retold(tx: Connection, telling: Telling, rows: Sequence[AnyRow]) -> int | None:
    """Which of these stories a mention retells; of several the one seen first."""
    c = mentions.c
    likely = [rows[n].id for n in telling.likely([row.sketch for row in rows])]
    found = tx.execute(select(mentions).where(c.id.in_(likely)).order_by(c.seen_at, c.id))
    return next((row.id for row in found if telling.retells(mention_of(row).post)), None)


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
