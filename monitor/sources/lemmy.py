"""Lemmy: posts and comments that one server knows and that hold the words asked for.

API: version 3 of Lemmy 0.19 (https://join-lemmy.org/api/), which numbers its pages. Posts of other
servers arrive late, dated as they were written: a day of overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.domain import Post
from monitor.reading.items import as_html, rfc3339
from monitor.sources.api import Api, Item, Part, text_of

LIMIT = 50  #: of each list, the most there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Lemmy(Api):
    """What names ``query``, as one server shows it. See ``Api``."""

    query: str
    base_url: str = "https://lemmy.world"
    family: ClassVar[str] = "forum"
    pace: ClassVar[timedelta] = timedelta(minutes=10)
    overlap: ClassVar[int] = 24 * 3600

    def _part(self, since: int | None, at: int | None) -> Part:
        page = at or 1
        query = {
            "q": self.query,
            "type_": "All",
            "listing_type": "All",
            "sort": "New",
            "limit": LIMIT,
            "page": page,
        }
        answer = self._get("/api/v3/search", query)
        lists = [self._list(answer, key) for key in ("comments", "posts")]
        parts = [self._read(entries) for entries in lists]
        goes_on = any(
            len(entries) >= LIMIT and max(part.places, default=0) >= (since or 0)
            for entries, part in zip(lists, parts, strict=True)
        )
        comments, posts = parts
        return Part(
            comments.posts + posts.posts,
            comments.places | posts.places,
            comments.rejected + posts.rejected,
            next=page + 1 if goes_on else None,
        )

    def _place(self, item: Item) -> int:
        said = item.get("comment") or item["post"]
        return self._seconds(rfc3339(said["published"]))

    def _post(self, item: Item) -> Post | None:
        said, post = item.get("comment") or item["post"], item["post"]
        if said.get("deleted") or said.get("removed"):
            return None
        answers = said is not post
        text = text_of(said, "content") if answers else text_of(post, "body")
        return self._made(
            said["ap_id"],
            said["ap_id"],
            as_html(text or text_of(said, "url")),
            published=rfc3339(said["published"]),
            title="" if answers else as_html(text_of(post, "name")),
            author=as_html(text_of(item["creator"], "name")),
            parent=post["ap_id"] if answers else None,
            thread=as_html(text_of(post, "name")) if answers else "",
            reach=item["counts"].get("child_count" if answers else "comments"),
        )
