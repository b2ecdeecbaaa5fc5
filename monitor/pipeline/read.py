"""Read: of a post that is only a teaser, the page is read before it is judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor.domain import Mention, Post
from monitor.pipeline.collect import source_backoff
from monitor.pipeline.stage import Stage
from monitor.reading import pages
from monitor.seams import SourceError
from monitor.store import Unread
from monitor.text import MAX_TEXT, cut

log = structlog.get_logger()

TRIES = 3  #: to read a page, crashes included; then its teaser must do
PATIENCE = timedelta(hours=1)  #: a teaser waits no longer for its page
LEAD = 1_000  #: characters kept before a name that stands far down in a text


class Read(Stage):
    def claim_pages(self, limit: int, avoid: Collection[str] = ()) -> list[Unread]:
        """Up to ``limit`` pages that are due, one a host, for this worker alone.

        Args:
            avoid: hosts that are not to be asked now.
        """
        return self.store.claim_pages(self.now(), self.leases.read, limit, avoid)

    def read(self, page: Unread) -> int:
        """Read a claimed page and keep what names a brand; return the number of new mentions.

        A brand that only the teaser names is kept with the teaser.
        """
        teaser = whole = page.post
        try:
            if page.tries <= TRIES:  # else reading it has ended the process each time
                whole = self._whole(teaser)
        except SourceError as e:
            log.warning("page_failed", source=teaser.source, why=str(e), tries=page.tries)
            lost = e.unasked and not self.matcher.mentions(teaser)  # the page may name one
            if wait := again(page, e, self.now(), lost=lost):
                self.store.settle_unread(page, e, self.now(), wait)
                return 0
        except Exception:
            log.exception("page_fault", source=teaser.source)
        mentions = {m.brand: m for post in (teaser, whole) for m in self.matcher.mentions(post)}
        found = [(m, m.brand in page.quiet) for m in mentions.values()]
        new = self.store.settle_read(page, found, self.now(), self.followed(found))
        log.info("page_read", source=teaser.source, whole=whole is not teaser, new=new)
        return new

    def _whole(self, teaser: Post) -> Post:
        """The post with the text of its page, where anything there names a brand.

        Most pages name none, and to find that out costs a twentieth of finding their text.

        Raises:
            SourceError
        """
        answer = self.fetch_page(teaser.page)
        kind = answer.headers.get("content-type", "")
        page = pages.tree(answer.body, kind)
        if pages.noindex(page, answer.headers.get("x-robots-tag", "")):
            return teaser
        if not self.matcher.mentions(replace(teaser, text=pages.words(page))):
            return teaser
        text = self.article(answer.body, kind)
        named = self.matcher.mentions(replace(teaser, text=text))
        return replace(teaser, text=_kept(text, named)) if text else teaser


def _kept(text: str, named: Sequence[Mention]) -> str:
    """As much of a text as is kept: its beginning, or what surrounds the first name."""
    first = min((match.start for m in named for match in m.matches), default=0)
    return cut(text[first - LEAD if first > MAX_TEXT - LEAD else 0 :], MAX_TEXT)


def again(page: Unread, why: SourceError, now: datetime, *, lost: bool) -> timedelta | None:
    """Until a page is asked for again, where that can help and is soon enough.

    Args:
        lost: the site was not reached, and without its page nothing would be kept.
    """
    wait = source_backoff(page.tries, why)
    passing = lost or why.retry_after is not None or why.status >= 500
    soon = page.tries < TRIES and now + wait <= page.seen_at + PATIENCE
    return wait if passing and soon else None
