"""Pages that carry reviews marked up for search engines (schema.org Review), named by the operator.

A page is polled as a feed is: by its validators, its reviews being the items. It lists some
reviews, in no promised order: what is no longer there was not deleted. A review that is edited
stays itself where its site gives it an @id or an address; elsewhere it becomes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from monitor.domain import Batch
from monitor.reading import markup
from monitor.seams import Page, SourceError
from monitor.sources.feed import Feed, Mark, Reader, site


@dataclass(frozen=True, slots=True)
class Review(Feed):
    """One page. See ``Feed``."""

    read: Reader = markup.read
    wanted: ClassVar[str] = "reviews"
    accept: ClassVar[str] = "text/html, application/xhtml+xml, */*;q=0.5"
    of_pages: ClassVar[bool] = True

    def _changed(self, page: Page, digest: str, mark: Mark) -> Batch:
        batch = super(Review, self)._changed(page, digest, mark)  # slots: no bare super()
        if mark.seen and not batch.posts:
            raise SourceError(f"{site(page)}: its page held reviews and now holds none, look at it")
        return batch

    def _thread(self, _title: str, about: str) -> tuple[str, str]:
        """A review stands under what it is about, if all of the page are about the same."""
        return about, ""
