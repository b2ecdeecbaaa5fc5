"""Hacker News, through Algolia's search: stories and comments that hold the words asked for.

API: https://hn.algolia.com/api. At most 1,000 hits an answer, so a walk goes on with what was
created no later than the oldest of them. Two days of overlap: what is flagged, or indexed late,
still comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.domain import Post
from monitor.sources.api import Api, Item, Part, at_second, text_of

HITS = 1_000  #: of an answer, the most there are
PAGE = "https://news.ycombinator.com/item?id="


@dataclass(frozen=True, slots=True, kw_only=True)
class HackerNews(Api):
    """What names ``query``, in these words and this order. See ``Api``."""

    query: str
    base_url: str = "https://hn.algolia.com"
    family: ClassVar[str] = "hackernews"
    pace: ClassVar[timedelta] = timedelta(minutes=5)
    overlap: ClassVar[int] = 48 * 3600

    def _part(self, since: int | None, at: int | None) -> Part:
        bounds = [f"created_at_i>={since}"] if since else []
        bounds += [f"created_at_i<={at}"] if at is not None else []
        query = {
            "query": self.query if '"' in self.query else f'"{self.query}"',
            "tags": "(story,comment)",
            "numericFilters": ",".join(bounds),
            "hitsPerPage": HITS,
            "advancedSyntax": "true",
            "typoTolerance": "false",
        }
        answer = self._get("/api/v1/search_by_date", query)
        hits = self._list(answer, "hits")
        found = answer.get("nbHits")
        return self._slice(hits, more=isinstance(found, int) and found > len(hits))

    def _place(self, item: Item) -> int:
        return self._seconds(at_second(item["created_at_i"]))

    def _post(self, item: Item) -> Post:
        link = text_of(item, "url")
        return self._made(
            item["objectID"],
            f"{PAGE}{item['objectID']}",
            text_of(item, "comment_text") or text_of(item, "story_text") or link,
            published=at_second(item["created_at_i"]),
            title=text_of(item, "title"),
            author=text_of(item, "author"),
            parent=item.get("parent_id"),
            thread=text_of(item, "story_title"),
            reach=item.get("num_comments"),
        )
