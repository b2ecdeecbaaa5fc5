"""GitHub: issues that hold the words asked for, or the issues and comments of one repository.

API: https://docs.github.com/rest/search/search#search-issues-and-pull-requests and
https://docs.github.com/rest/issues. Both are walked by the time of the last change, so that edits
come again; an hour of overlap. An answer that says it is incomplete moves nothing on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from monitor.domain import Post
from monitor.reading.items import as_html, rfc3339
from monitor.sources.api import SECRET, Api, Item, Part, at_second, text_of

LIMIT = 100  #: of an answer, the most there are


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub(Api):
    """Issues that name ``query``, or all that is said in ``repo``. See ``Api``."""

    query: str = ""
    repo: str = ""  #: "owner/name"
    token: str = field(default="", repr=False, metadata=SECRET)  #: 30 searches a minute, not 10
    base_url: str = "https://api.github.com"
    family: ClassVar[str] = "forum"
    pace: ClassVar[timedelta] = timedelta(minutes=10)
    overlap: ClassVar[int] = 3600

    def __post_init__(self) -> None:
        Api.__post_init__(self)
        if bool(self.query) == bool(self.repo):
            raise ValueError("query: give either a query or a repo")
        if self.repo and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo):
            raise ValueError('repo: give a repository such as "acme/app"')

    def _headers(self) -> Mapping[str, str]:
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"Accept": "application/vnd.github+json", **given}

    def _part(self, since: int | None, at: int | None) -> Part:
        return self._of_repo(since, at) if self.repo else self._found(since, at)

    def _found(self, since: int | None, at: int | None) -> Part:
        words = self.query if '"' in self.query else f'"{self.query}"'
        span = f" updated:{_stamp(since or 0)}..{'*' if at is None else _stamp(at)}"
        query = {
            "q": f"{words} in:title,body is:issue{'' if since is None else span}",
            "sort": "updated",
            "order": "desc",
            "per_page": LIMIT,
        }
        answer = self._get("/search/issues", query)
        entries, total = self._list(answer, "items"), answer.get("total_count")
        part = self._slice(entries, more=isinstance(total, int) and total > len(entries))
        return replace(part, sure=answer.get("incomplete_results") is not True)

    def _of_repo(self, since: int | None, at: int | None) -> Part:
        page = at or 1
        query = {
            "state": "all",
            "sort": "updated",
            "direction": "desc",
            "since": _stamp(since) if since else "",
            "per_page": LIMIT,
            "page": page,
        }
        paths = (f"/repos/{self.repo}/issues", f"/repos/{self.repo}/issues/comments")
        lists = [self._list(self._get(path, query)) for path in paths]
        part = self._read([entry for entries in lists for entry in entries])
        return replace(part, next=page + 1) if any(len(each) >= LIMIT for each in lists) else part

    def _place(self, item: Item) -> int:
        return self._seconds(rfc3339(item["updated_at"]))

    def _post(self, item: Item) -> Post:
        link = text_of(item, "html_url")
        issue, _, comment = link.partition("#")
        return self._made(
            _path(link),
            link,
            as_html(text_of(item, "body")),
            published=rfc3339(item["created_at"]),
            title=as_html(text_of(item, "title")),
            author=as_html(text_of(item["user"] or {}, "login")),
            parent=_path(issue) if comment else None,
            reach=item.get("comments"),
        )


def _stamp(second: int) -> str:
    return f"{at_second(second):%Y-%m-%dT%H:%M:%SZ}"


def _path(link: str) -> str:
    """ "acme/app/issues/7#issuecomment-9": what stays the same wherever it is asked."""
    parts = urlsplit(link)
    return parts.path.strip("/") + (f"#{parts.fragment}" if parts.fragment else "")
