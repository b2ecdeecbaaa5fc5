"""Places with an API, each in its own wire format: one list of entries, six ways to ask for it.

Entries arrive, are edited and go; some are shown only a while after they were written, as by a
search that is indexed late, or a server that others send to. A server answers with fewer items at
once than it is asked for where its protocol lets it, so that few entries make many parts.

    place = Place("lemmy", now=1_763_000_000)
    with Web({"*": place.answer}) as web: ...
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.standins.web import Reply, Seen

FEW = 7  #: items of an answer, where a server may choose
DAY = 86_400


@dataclass
class Entry:
    """Something somebody wrote. Times are epoch seconds."""

    number: int  #: in the order of arrival, from 1
    at: int  #: written
    shown: int  #: from when on the site shows it
    changed: int  #: last edited
    text: str = "Acme lost my order"
    gone: bool = False

    @property
    def snowflake(self) -> int:
        """Mastodon: milliseconds and a number (lib/mastodon/snowflake.rb)."""
        return (self.at * 1000 << 16) + self.number


@dataclass
class Place:
    """One site. ``faults``: what it answers instead, by the number of the request from now on."""

    kind: str
    now: int
    entries: list[Entry] = field(default_factory=list)
    faults: dict[int, Reply] = field(default_factory=dict)
    asked: int = 0

    def arrive(self, at: int, late: int = 0) -> Entry:
        entry = Entry(len(self.entries) + 1, at, at + late, at)
        self.entries.append(entry)
        return entry

    def visible(self) -> list[Entry]:
        return [e for e in self.entries if e.shown <= self.now and not e.gone]

    def known_as(self, entry: Entry) -> str:
        """The id that a source gives an entry."""
        if self.kind == "mastodon":
            return str(entry.snowflake)
        if self.kind == "lemmy":
            return _lemmy_link(entry)
        return f"acme/app/issues/{entry.number}" if self.kind == "github" else str(entry.number)

    def answer(self, seen: Seen) -> Reply:
        self.asked += 1
        if self.asked in self.faults:
            return self.faults[self.asked]
        body = json.dumps(ANSWERS[self.kind](self, seen)).encode()
        head = {"Content-Type": "application/json"}
        if self.kind == "stackexchange":  # whatever the client accepts
            return Reply(gzip.compress(body), headers={**head, "Content-Encoding": "gzip"})
        return Reply(body, headers=head)


def _newest_first(entries: Sequence[Entry], key: Callable[[Entry], int]) -> list[Entry]:
    return sorted(entries, key=lambda e: (key(e), e.number), reverse=True)


def _between(entries: Sequence[Entry], since: object, until: object) -> list[Entry]:
    """Written between the two, both included; None or "": no bound."""
    least, most = int(str(since or 0)), int(str(until or 10**12))
    return _newest_first([e for e in entries if least <= e.at <= most], lambda e: e.at)


def _iso(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _hackernews(place: Place, seen: Seen) -> Mapping[str, Any]:
    filters = seen.query.get("numericFilters", "")
    bounds = dict(re.findall(r"created_at_i(>=|<=)(\d+)", filters))
    found = _between(place.visible(), bounds.get(">="), bounds.get("<="))
    hits = [
        {
            "objectID": str(e.number),
            "created_at_i": e.at,
            "author": "bob",
            "comment_text": e.text,
            "story_title": "Shops",
            "parent_id": 1,
            "_tags": ["comment"],
        }
        for e in found[:FEW]
    ]
    return {"hits": hits, "nbHits": len(found), "page": 0, "hitsPerPage": FEW}


def _stackexchange(place: Place, seen: Seen) -> Mapping[str, Any]:
    found = _between(place.visible(), seen.query.get("fromdate"), seen.query.get("todate"))
    made = [
        {
            "item_type": "question",
            "question_id": e.number,
            "creation_date": e.at,
            "title": "An order",
            "body": e.text,
        }
        for e in found[:FEW]
    ]
    return {"items": made, "has_more": len(found) > FEW, "quota_max": 300, "quota_remaining": 9}


def _discourse(place: Place, seen: Seen) -> Mapping[str, Any]:
    before = int(seen.query.get("before", 10**12))
    older = _newest_first([e for e in place.visible() if e.number < before], lambda e: e.number)
    made = [
        {
            "id": e.number,
            "username": "bob",
            "created_at": _iso(e.at),
            "cooked": f"<p>{e.text}</p>",
            "post_number": 2,
            "post_type": 1,
            "topic_id": 5,
            "topic_slug": "orders",
            "topic_title": "Orders",
        }
        for e in older[:FEW]
    ]
    return {"latest_posts": made}


def _lemmy_link(entry: Entry) -> str:
    return f"https://far.example/{'comment' if entry.number % 2 else 'post'}/{entry.number}"


def _lemmy(place: Place, seen: Seen) -> Mapping[str, Any]:
    """Full pages: its clients tell the last one by its length."""
    page, limit = int(seen.query["page"]), int(seen.query["limit"])
    found = _newest_first(place.visible(), lambda e: e.at)
    lists: dict[str, list[Any]] = {"comments": [], "posts": []}
    for e in found:
        said = {"ap_id": _lemmy_link(e), "published": _iso(e.at), "deleted": False}
        made: dict[str, Any] = {"creator": {"name": "bob"}, "counts": {"comments": 1}}
        if e.number % 2:
            post = {"name": "Orders", "ap_id": "https://far.example/post/0"}
            lists["comments"].append({**made, "comment": {**said, "content": e.text}, "post": post})
        else:
            lists["posts"].append({**made, "post": {**said, "name": "An order", "body": e.text}})
    part = slice((page - 1) * limit, page * limit)
    return {"type_": "All", "users": [], **{key: each[part] for key, each in lists.items()}}


def _mastodon(place: Place, seen: Seen) -> Sequence[Any]:
    """With ``min_id`` the items just above it, newest first all the same."""
    found = _newest_first(place.visible(), lambda e: e.snowflake)
    if "min_id" in seen.query:
        above = [e for e in found if e.snowflake > int(seen.query["min_id"])]
        found = above[-FEW:]
    account = {"acct": "bob@far.example", "indexable": True}
    return [
        {
            "id": str(e.snowflake),
            "created_at": _iso(e.at),
            "url": f"https://far.example/@bob/{e.number}",
            "visibility": "public",
            "content": f"<p>{e.text}</p>",
            "account": account,
        }
        for e in found[:FEW]
    ]


def _github(place: Place, seen: Seen) -> Mapping[str, Any]:
    spans = re.findall(r" updated:(\S+?Z)\.\.(\S+)", seen.query["q"])
    since, until = spans[0] if spans else ("", "*")
    found = [
        e
        for e in _newest_first(place.visible(), lambda e: e.changed)
        if since <= _iso(e.changed) <= until.replace("*", "9")
    ]
    made = [
        {
            "number": e.number,
            "title": "An order",
            "body": e.text,
            "html_url": f"https://github.com/acme/app/issues/{e.number}",
            "user": {"login": "bob"},
            "created_at": _iso(e.at),
            "updated_at": _iso(e.changed),
        }
        for e in found[:FEW]
    ]
    return {"total_count": len(found), "incomplete_results": False, "items": made}


ANSWERS: Mapping[str, Callable[[Place, Seen], Any]] = {
    "hackernews": _hackernews,
    "stackexchange": _stackexchange,
    "discourse": _discourse,
    "lemmy": _lemmy,
    "mastodon": _mastodon,
    "github": _github,
}
