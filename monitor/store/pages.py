"""Pages: which teasers wait for theirs, and what one that was read names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from monitor.domain import Mention
from monitor.seams import SourceError
from monitor.store.records import Followed, Unread
from monitor.store.rows import mention_values, unread_of
from monitor.store.sources import follow
from monitor.store.statements import HOST, PAGES, Room, claim_one_a_host, insert_new, pause
from monitor.store.tables import mentions, pages, sources

SLOWER = (429, 503)  #: statuses that speak for the whole host


class Pages(Room):
    """The reading stage's part of the store."""

    def claim_pages(
        self, now: datetime, lease: timedelta, limit: int, avoid: Collection[str] = ()
    ) -> list[Unread]:
        """Up to ``limit`` pages, oldest first, for this worker alone; see ``claim_sources``."""
        with self._database.write() as tx:
            claimed = claim_one_a_host(tx, pages, now, lease, limit, avoid, (HOST, PAGES))
            return [unread_of(row) for row in claimed]

    def settle_read(
        self,
        page: Unread,
        found: Sequence[tuple[Mention, bool]],
        now: datetime,
        followed: Sequence[Followed] = (),
    ) -> int:
        """Keep what a page names and that it was read, together; return what was new.

        Args:
            found, followed: see ``settle_poll``.
        """
        with self._database.write() as tx:
            if not _settle(tx, page, due_at=None, post=[]):
                return 0
            new = insert_new(tx, mentions, [mention_values(m, quiet, now) for m, quiet in found])
            source = page.post.source
            follow(tx, source, followed, now)
            if new:
                one = update(sources).where(sources.c.name == source)
                tx.execute(one.values(last_mention_at=now))
            return new

    def settle_unread(
        self, page: Unread, error: SourceError, now: datetime, wait: timedelta
    ) -> None:
        """Have a page asked for again after ``wait``; others of its host wait where it asks that.

        A Crawl-delay holds for pages only, 429 and 503 for all that is read from the host.
        """
        with self._database.write() as tx:
            if _settle(tx, page, due_at=now + wait) and error.retry_after:
                rests = HOST if error.status in SLOWER else PAGES
                pause(tx, f"{rests}{page.host}", now + error.retry_after)


def _settle(tx: Connection, page: Unread, **values: Any) -> bool:
    """End a claim, if it is still the newest one."""
    claimed = update(pages).where(
        pages.c.id == page.id, pages.c.tries == page.tries, pages.c.due_at.is_not(None)
    )
    return tx.execute(claimed.values(values)).rowcount == 1
