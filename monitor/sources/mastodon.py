"""Mastodon: public posts with a tag, as one server knows them.

API: https://docs.joinmastodon.org/methods/timelines/#tag, walked forward by ``min_id``. An id
holds the time of writing (mastodon/mastodon, lib/mastodon/snowflake.rb), also of posts that
arrive late from other servers: six hours of overlap. Who does not want to be found (``noindex``,
not ``indexable``) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

from monitor.domain import Post
from monitor.reading.items import rfc3339
from monitor.sources.api import SECRET, Api, Item, Part, text_of

LIMIT = 40  #: of an answer, the most there are
MILLISECOND = 1 << 16  #: of an id


@dataclass(frozen=True, slots=True, kw_only=True)
class Mastodon(Api):
    """What carries one of ``tags``, as one server shows it. See ``Api``."""

    tags: Sequence[str]  #: without "#"
    token: str = field(default="", repr=False, metadata=SECRET)  #: for servers that want one
    base_url: str = "https://mastodon.social"
    family: ClassVar[str] = "social"
    pace: ClassVar[timedelta] = timedelta(minutes=5)
    overlap: ClassVar[int] = 6 * 3600 * 1000 * MILLISECOND

    def __post_init__(self) -> None:
        tags = self.tags if isinstance(self.tags, list) else []
        if not tags or not all(re.fullmatch(r"\w+", str(tag)) for tag in tags):
            raise ValueError('tags: give words such as ["acme", "acmeapp"], without #')
        Api.__post_init__(self)

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _part(self, since: int | None, at: int | None) -> Part:
        after = since if at is None else at
        query = {
            "limit": LIMIT,
            "min_id": "" if after is None else after,
            "any[]": self.tags[1:],
        }
        part = self._read(self._list(self._get(f"/api/v1/timelines/tag/{self.tags[0]}", query)))
        return replace(part, next=max(part.places)) if part.places else part

    def _begun(self, _newest: int) -> int:
        return int(self.now().timestamp() * 1000) * MILLISECOND

    def _place(self, item: Item) -> int:
        return int(item["id"])

    def _post(self, item: Item) -> Post | None:
        account = item["account"]
        shy = account.get("noindex") or account.get("indexable") is False
        if shy or item.get("reblog") or item.get("visibility", "public") != "public":
            return None
        return self._made(
            item["id"],
            text_of(item, "url") or text_of(item, "uri"),
            f"<p>{text_of(item, 'spoiler_text')}</p>{text_of(item, 'content')}",
            published=rfc3339(item["created_at"]),
            author=text_of(account, "acct"),
            parent=item.get("in_reply_to_id"),
            reach=item.get("replies_count"),
        )
