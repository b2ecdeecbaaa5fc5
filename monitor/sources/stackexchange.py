"""Stack Exchange: questions and answers of one of its sites that hold the words asked for.

API: https://api.stackexchange.com/docs/excerpt-search. Its wishes hold for all who ask from one
address: ``backoff`` is how many seconds to stay away, a used up quota begins anew at midnight UTC
(https://api.stackexchange.com/docs/throttle). A day of overlap: the search is indexed late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from monitor.domain import Post
from monitor.sources.api import SECRET, Api, Item, Part, at_second, text_of

#: Sites with a domain of their own; the others are NAME.stackexchange.com.
DOMAINS = {
    "askubuntu": "askubuntu.com",
    "mathoverflow": "mathoverflow.net",
    "serverfault": "serverfault.com",
    "stackapps": "stackapps.com",
    "stackoverflow": "stackoverflow.com",
    "superuser": "superuser.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackExchange(Api):
    """What names ``query`` on ``site``. See ``Api``."""

    query: str
    site: str = "stackoverflow"  #: as the API calls it: "superuser", "webapps", "ru.stackoverflow"
    token: str = field(default="", repr=False, metadata=SECRET)  #: an app's key: 10,000 a day
    base_url: str = "https://api.stackexchange.com"
    family: ClassVar[str] = "forum"
    pace: ClassVar[timedelta] = timedelta(minutes=30)
    overlap: ClassVar[int] = 24 * 3600

    def _part(self, since: int | None, at: int | None) -> Part:
        query = {
            "site": self.site,
            "q": self.query,
            "sort": "creation",
            "order": "desc",
            "pagesize": 100,
            "fromdate": since or "",
            "todate": "" if at is None else at,
            "key": self.token,
        }
        answer = self._get("/2.3/search/excerpts", query)
        entries = self._list(answer, "items")
        part = self._slice(entries, more=answer.get("has_more") is True)
        return replace(part, wait=_wish(answer, self.now()))

    def _place(self, item: Item) -> int:
        return self._seconds(at_second(item["creation_date"]))

    def _post(self, item: Item) -> Post:
        domain = DOMAINS.get(self.site, f"{self.site}.stackexchange.com")
        question, answer = int(item["question_id"]), item.get("answer_id")
        title = text_of(item, "title")
        return self._made(
            answer or question,
            f"https://{domain}/{f'a/{answer}' if answer else f'q/{question}'}",
            text_of(item, "body") or text_of(item, "excerpt"),
            published=at_second(item["creation_date"]),
            title="" if answer else title,
            parent=question if answer else None,
            thread=title if answer else "",
            reach=None if answer else item.get("answer_count"),
        )


def _wish(answer: Mapping[str, Any], now: datetime) -> timedelta | None:
    """How long the API asks to be left alone."""
    if answer.get("quota_remaining") == 0:
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
        return midnight - now
    seconds = answer.get("backoff")
    if not isinstance(seconds, int) or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, 86_400))
