"""Discourse forums: all public posts, newest first, by their ids.

API: https://docs.discourse.org, ``/posts.json`` (discourse/discourse, ``latest`` of
app/controllers/posts_controller.rb); a part ends above ``before``, in older releases with it. Ids
rise in the order in which posts are written, but become visible in the order in which the database
ends its transactions: a few are walked twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

from monitor.domain import Post
from monitor.reading.items import rfc3339
from monitor.sources.api import SECRET, Api, Item, Part, text_of

REGULAR = 1  #: of post types; the others are notes of what moderators did


@dataclass(frozen=True, slots=True, kw_only=True)
class Discourse(Api):
    """One forum. See ``Api``."""

    token: str = field(default="", repr=False, metadata=SECRET)  #: an API key, for a closed forum
    user: str = ""  #: whom that key belongs to
    family: ClassVar[str] = "forum"
    pace: ClassVar[timedelta] = timedelta(minutes=10)
    overlap: ClassVar[int] = 20

    def _headers(self) -> Mapping[str, str]:
        return {"Api-Key": self.token, "Api-Username": self.user} if self.token else {}

    def _part(self, since: int | None, at: int | None) -> Part:
        answer = self._get("/posts.json", {"before": "" if at is None else at})
        part = self._read(self._list(answer, "latest_posts"))
        oldest = min(part.places, default=0)
        ended = at is not None and oldest >= at  # "before" leaves it out today, and once did not
        return replace(part, next=oldest) if oldest > max(since or 0, 1) and not ended else part

    def _place(self, item: Item) -> int:
        return int(item["id"])

    def _post(self, item: Item) -> Post | None:
        hidden = item.get("hidden") or item.get("user_deleted") or item.get("deleted_at")
        if hidden or item.get("post_type", REGULAR) != REGULAR:
            return None
        number, topic = int(item["post_number"]), text_of(item, "topic_title")
        path = f"/t/{item.get('topic_slug') or '-'}/{item['topic_id']}/{number}"
        return self._made(
            item["id"],
            self.url + path,
            text_of(item, "cooked"),
            published=rfc3339(text_of(item, "created_at")),
            title=topic if number == 1 else "",
            author=text_of(item, "username"),
            thread=topic,
            reach=item.get("reply_count"),
        )
