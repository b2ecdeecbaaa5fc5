"""A small Reddit on loopback, over real sockets, as its API was recorded and its source says.

Listings are newest first, at most 100 a page out of a window of 1,000 from which deleted items
are then taken out; ``after`` or ``before`` an item that is not listed any more gives nothing
(reddit-archive/reddit, r2/models/builder.py). Search finds posts only, late ones late. Answers
carry the rate headers of June 2026.

    with Reddit() as reddit:
        reddit.comment("Acme never answered")
        reddit.web.url("")  # both of its addresses
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Self
from urllib.parse import parse_qs

from tests.standins.web import Reply, Seen, Web

NOW = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
CLIENT, SECRET = "cl1ent", "s3cr3t"
WINDOW, PAGE = 1000, 100
SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "all": timedelta(days=9999)}
_FIRST = int("k3yrfii", 36)


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


@dataclass
class Thing:
    """A post or comment, and who can see it."""

    data: dict[str, Any]
    gone: str = ""  #: "[deleted]" by its author or "[removed]" by a moderator
    indexed: bool = True  #: whether search knows it yet

    @property
    def name(self) -> str:
        return str(self.data["name"])

    def shown(self) -> dict[str, Any]:
        if not self.gone:
            return self.data
        body = "body" if self.name.startswith("t1_") else "selftext"
        by = {"author": "[deleted]"} if self.gone == "[deleted]" else {}
        return {**self.data, body: self.gone, f"{body}_html": None, **by}


class Reddit:
    """The whole site. ``things`` are oldest first; ``answer`` replaces every answer but tokens."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.now = NOW
        self.spare, self.used, self.reset = 997, 3, 247
        self.answer: Reply | None = None
        self.refuses_keys: Reply | None = None
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.web = Web({"*": self._route})
        self._made = 0

    def __enter__(self) -> Self:
        self.web.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.web.stop()

    # -- what people do ----------------------------------------------------------------------

    def post(self, title: str, text: str = "", **data: Any) -> Thing:
        """Somebody posts; a link where ``url`` is given."""
        number = base36(_FIRST // 36 + self._next())
        path = f"/r/kettles/comments/{number}/a_title/"
        usual = {
            "title": title,
            "selftext": text,
            "selftext_html": f'<div class="md"><p>{escape(text)}</p>\n</div>' if text else None,
            "is_self": "url" not in data,
            "url": f"https://www.reddit.com{path}",
            "domain": "self.kettles",
            "num_comments": 2,
            "upvote_ratio": 0.9,
            "removed_by_category": None,
        }
        return self._add("t3", number, path, usual | data)

    def comment(self, text: str, under: str = "Which kettle?", **data: Any) -> Thing:
        number = base36(_FIRST + self._next())
        usual = {
            "body": text,
            "body_html": f'<div class="md"><p>{escape(text)}</p>\n</div>',
            "link_id": "t3_agi5zf",
            "link_title": under,
            "link_permalink": "https://www.reddit.com/r/kettles/comments/agi5zf/which_kettle/",
            "parent_id": "t3_agi5zf",
            "num_comments": 6707,
            "replies": "",
        }
        return self._add("t1", number, f"/r/kettles/comments/agi5zf/t/{number}/", usual | data)

    def burst(self, count: int) -> list[str]:
        return [self.comment(f"comment {self._made}").name for _ in range(count)]

    def _next(self) -> int:
        self._made += 1
        return self._made

    def _add(self, prefix: str, number: str, path: str, data: Mapping[str, Any]) -> Thing:
        usual = {
            "id": number,
            "name": f"{prefix}_{number}",
            "author": "some_user",
            "created_utc": self.now.timestamp(),
            "edited": False,
            "permalink": path,
            "subreddit": "kettles",
            "score": 1,
            "removal_reason": None,
        }
        thing = Thing(usual | dict(data))
        self.things.append(thing)
        return thing

    def of(self, name: str) -> Thing:
        return next(thing for thing in self.things if thing.name == name)

    # -- what it answers ---------------------------------------------------------------------

    def _route(self, seen: Seen) -> Reply:
        if seen.path == "/api/v1/access_token":
            return self._token(seen)
        token = seen.headers.get("authorization", "").removeprefix("bearer ")
        if token not in self.tokens or token in self.revoked:
            why = 'Bearer realm="reddit", error="invalid_token"'
            return said({"message": "Unauthorized", "error": 401}, 401, {"www-authenticate": why})
        self.spare, self.used = self.spare - 1, self.used + 1
        rate = {
            "x-ratelimit-remaining": f"{max(self.spare, 0)}.0",
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(self.reset),
        }
        return self.answer or said(self._content(seen.path.strip("/"), seen.query), 200, rate)

    def _token(self, seen: Seen) -> Reply:
        """The client credentials grant; errors with 200 are the tests' to set."""
        basic = "Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.refuses_keys:
            return self.refuses_keys
        form = parse_qs(seen.body.decode())
        if seen.headers.get("authorization") != basic or seen.method != "POST":
            return said({"message": "Unauthorized", "error": 401}, 401)
        if form != {"grant_type": ["client_credentials"]}:
            return said({"error": "unsupported_grant_type"})
        self.tokens.append(f"t0k3n{len(self.tokens)}")
        token = {"access_token": self.tokens[-1], "token_type": "bearer"}
        return said({**token, "expires_in": 86400, "scope": "*"})

    def _content(self, path: str, query: Mapping[str, str]) -> object:
        if path == "api/info":
            names = query["id"].split(",")[:PAGE]
            return listing([t.shown() for t in self.things if t.name in names])
        if path.startswith("domain/"):
            host = path.split("/")[1]
            return self._page(lambda t: host in str(t.data.get("url")), query)
        if path.endswith("/search"):
            since = (self.now - SPANS[query["t"]]).timestamp()
            words = query["q"].strip('"').casefold()
            return self._page(
                lambda t: (
                    t.name.startswith("t3_")
                    and t.indexed
                    and t.data["created_utc"] >= since
                    and words in f"{t.data['title']} {t.data['selftext']}".casefold()
                ),
                query,
            )
        kind = "t1_" if path.endswith("/comments") else "t3_"
        return self._page(lambda t: t.name.startswith(kind), query)

    def _page(self, wanted: Any, query: Mapping[str, str]) -> object:
        """One page of a listing, by the rules of r2/models/builder.py."""
        window = [t for t in reversed(self.things) if wanted(t)][:WINDOW]
        things = [t for t in window if not t.gone]
        names = [t.name for t in things]
        limit = min(int(query.get("limit", 25)), PAGE)
        anchor = query.get("after") or query.get("before")
        if anchor and anchor not in names:
            return listing([])
        if "before" in query:
            at = names.index(query["before"])
            return listing([t.data for t in things[max(0, at - limit) : at]])
        start = names.index(anchor) + 1 if anchor else 0
        page = things[start : start + limit]
        return listing([t.data for t in page], page[-1].name if len(page) == limit else None)


def listing(items: list[dict[str, Any]], after: str | None = None) -> object:
    children = [{"kind": item["name"][:2], "data": item} for item in items]
    data = {"after": after, "dist": len(items), "modhash": "", "geo_filter": ""}
    return {"kind": "Listing", "data": {**data, "children": children, "before": None}}


def said(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    usual = {"Content-Type": "application/json; charset=UTF-8"}
    return Reply(json.dumps(content), status, {**usual, **(headers or {})})
