"""Reddit, through PRAW with an approved app's key, read-only.

New comments and posts of named subreddits, posts anywhere that a search finds, and posts that
link to a domain. PRAW's stream is not used: it loses what comes in bursts. A listing is walked
back until 100 known items in a row, or to its end at about 1,000. What is read of an item
stands in the listing; no further request is made for it. The cursor: see ``walk``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from monitor.domain import Batch, Post
from monitor.seams import Asker, Clock, Rechecked, SourceError
from monitor.sources.reddit.client import Client
from monitor.sources.reddit.walk import EPOCH, GONE, NAME, Item, Known, Mark, Walk, removed, text_of
from monitor.text import clean, plain

PAGE = 100  #: items, Reddit's most
PAGES = 30  #: of one walk; a listing ends after about 1,000 items
ENOUGH = 100  #: known items in a row, and there is nothing new beyond
WEEKLY = timedelta(days=1)  #: from one search of a whole week to the next

_SUBREDDIT = re.compile(r"\w{1,21}|u_[\w-]{2,20}", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}")
_SAFE = re.compile(r"https://|http://(?:127\.0\.0\.1|localhost|\[::1\])[:/]")  #: for the key
_AGENT = re.compile(r"[^\s:]+:[^\s:]+:\S+ \(by /?u/[\w-]+\)", re.ASCII)


@dataclass(frozen=True)
class Reddit:
    """One app's view of Reddit.

    Raises:
        ValueError: nothing to look at, or a key that is not what it should be.
    """

    name: str
    kind: str  #: the family of its posts: reddit
    fetch: Asker
    now: Clock
    client_id: str = field(repr=False, metadata={"secret": True})
    client_secret: str = field(repr=False, metadata={"secret": True})
    user_agent: str  #: "<platform>:<app ID>:<version> (by /u/<username>)", as Reddit demands
    subreddits: Sequence[str] = ()
    query: str = ""
    domain: str = ""
    reddit_oauth: str = "https://oauth.reddit.com"
    reddit_www: str = "https://www.reddit.com"
    of_pages: ClassVar[bool] = False
    pace: ClassVar[timedelta | None] = timedelta(minutes=5)

    def __post_init__(self) -> None:
        several = self.subreddits
        if isinstance(several, str) or not all(_SUBREDDIT.fullmatch(str(s)) for s in several):
            raise ValueError('subreddits: give a list of names such as ["coffee", "espresso"]')
        if self.domain and not _DOMAIN.fullmatch(str(self.domain)):
            raise ValueError('domain: give a host such as "acme.example"')
        if self.query != str(self.query) or not (several or self.query or self.domain):
            raise ValueError("give subreddits, query or domain: what is to be read")
        self._check_way()

    def _check_way(self) -> None:
        for address in (self.reddit_oauth, self.reddit_www):
            if not _SAFE.match(str(address)):
                raise ValueError(f"{address}: give an address that begins with https://")
        if not _AGENT.fullmatch(str(self.user_agent)):
            raise ValueError(
                'user_agent: give "<platform>:<app ID>:<version> (by /u/<username>)", '
                "as Reddit's rules demand"
            )

    @cached_property
    def _client(self) -> Client:
        return Client(
            self.fetch,
            self.reddit_oauth.rstrip("/"),
            self.reddit_www.rstrip("/"),
            self.client_id,
            self.client_secret,
            self.user_agent,
        )

    @property
    def url(self) -> str:
        """Where it looks: all sources of one Reddit rest together."""
        return self.reddit_oauth

    def poll(self, cursor: str) -> Batch:
        mark = Mark.of(cursor)
        weekly = bool(self.query) and self.now() - mark.week >= WEEKLY
        walks = [
            self._walk(listing, mark.known(listing), path, params)
            for listing, path, params in self._listings(weekly=weekly)
        ]
        new = {name: item for walk in walks for name, item in walk.new()}
        posts, unreadable = self._posts(new)
        return Batch(
            posts,
            mark.after(walks, self.now() if weekly else mark.week),
            gap=any(walk.misses() for walk in walks),
            rejected=(*(why for walk in walks for why in walk.rejected), *unreadable),
        )

    def recheck(self, ids: Collection[str]) -> Rechecked:
        """See ``seams.Recheckable``. What Reddit does not show any more is gone."""
        asked = sorted(ids)
        found: list[Item] = []
        for start in range(0, len(asked), PAGE):
            items, _ = self._page("api/info/", {"id": ",".join(asked[start : start + PAGE])})
            found += filter(_lives, items)
        alive = {item["name"]: item for item in found if item["name"] in ids}
        edited, _ = self._posts({name: item for name, item in alive.items() if item.get("edited")})
        reach = {name: _reach(item) for name, item in alive.items()}
        return Rechecked(reach, frozenset(asked) - alive.keys(), edited)

    # -- listings ----------------------------------------------------------------------------

    def _listings(self, *, weekly: bool) -> Iterator[tuple[str, str, dict[str, str]]]:
        """What to walk: its name in the cursor, path and parameters (as PRAW 8.0.3 sends them)."""
        if self.subreddits:
            several = "+".join(self.subreddits)
            yield "comments", f"r/{several}/comments/", {}
            yield "new", f"r/{several}/new", {}
        if self.query:
            search = {"q": self.query, "restrict_sr": "False", "sort": "new", "syntax": "lucene"}
            for span in ("day", "week") if weekly else ("day",):
                yield "search", "r/all/search/", {**search, "t": span}
        if self.domain:
            yield "domain", f"domain/{self.domain}/new", {}

    def _walk(self, listing: str, known: Known, path: str, params: Mapping[str, str]) -> Walk:
        """Search is late and not in order: all of it is read."""
        walk = Walk(listing, known, PAGES * PAGE if listing == "search" else ENOUGH)
        items, after = self._page(path, params)
        for _ in range(PAGES):
            walk.take(items)
            if not after or walk.enough:
                return walk
            items, after = self._further(path, params, after, list(walk.items))
            if not items:
                break
        walk.broken = True
        return walk

    def _further(
        self, path: str, params: Mapping[str, str], after: str, walked: Sequence[str]
    ) -> tuple[Sequence[Any], str]:
        """The next page. Behind an item that was just deleted Reddit lists nothing.

        So the page behind an item some way before it is taken then.
        """
        for anchor in (after, *walked[-2:-60:-14]):
            items, following = self._page(path, {**params, "after": anchor})
            if items:
                return items, following
        return (), ""

    def _page(self, path: str, params: Mapping[str, str]) -> tuple[Sequence[Any], str]:
        """Data of the items of one page, and the anchor of the next or ""."""
        answer = self._client.get(path, {"limit": str(PAGE), **params})
        try:
            listing, after = answer["data"]["children"], answer["data"].get("after")
            items = [child.get("data") if isinstance(child, dict) else child for child in listing]
        except (TypeError, KeyError, AttributeError):
            raise SourceError(f"{self._client.site}: its answer is no listing") from None
        return items, after if isinstance(after, str) else ""

    # -- posts -------------------------------------------------------------------------------

    def _posts(self, items: Mapping[str, Item]) -> tuple[tuple[Post, ...], tuple[str, ...]]:
        """Those that can be read, and why the others cannot."""
        posts: list[Post] = []
        rejected: list[str] = []
        for name, item in items.items():
            try:
                posts.append(self._post(name, item))
            except (KeyError, TypeError, ValueError, OverflowError) as e:
                rejected.append(f"{name}: unreadable ({type(e).__name__})")
        return tuple(posts), tuple(rejected)

    def _post(self, name: str, item: Item) -> Post:
        comment = name.startswith("t1_")
        body = item.get("body_html" if comment else "selftext_html")
        text = plain(text_of(body)) or clean(text_of(item.get("body" if comment else "selftext")))
        link = text_of(item.get("url"))
        if not comment and not item.get("is_self") and link.startswith("http"):
            text = clean(f"{text}\n{link}")
        return Post(
            source=self.name,
            kind=self.kind,
            external_id=name,
            url=_permalink(name, item),
            text=text,
            title="" if comment else _line(item.get("title")),
            author=_author(item),
            published_at=EPOCH + timedelta(seconds=item["created_utc"]),
            parent=text_of(item.get("parent_id")) or None if comment else None,
            thread_title=_line(item.get("link_title")) if comment else "",
            reach=_reach(item),
        )


# -- items ---------------------------------------------------------------------------------------


def _lives(item: Any) -> bool:
    """Whether it may still be kept: not where its author's account is gone either."""
    named = isinstance(item, dict) and NAME.fullmatch(text_of(item.get("name")))
    return bool(named and _author(item) and not removed(item))


def _author(item: Item) -> str:
    author = text_of(item.get("author"))
    return "" if author in GONE else _line(author)


def _reach(item: Item) -> int | None:
    """Score, or of a post its comments where they are more: a complaint is seldom voted up."""
    said = [item.get("score"), item.get("num_comments") if "selftext" in item else None]
    numbers = [value for value in said if isinstance(value, int)]
    return max(0, *numbers) if numbers else None


def _permalink(name: str, item: Item) -> str:
    """Reddit gives a path; comments of years ago, and who knows when again, have none."""
    path = text_of(item.get("permalink"))
    if not path.startswith("/"):
        post = text_of(item.get("link_id")) if name.startswith("t1_") else name
        below = "" if post == name else f"_/{name[3:]}/"
        path = f"/comments/{post[3:]}/{below}" if NAME.fullmatch(post) else ""
    return path and f"https://www.reddit.com{quote(path, safe='/%')}"


def _line(text: object) -> str:
    return " ".join(clean(text_of(text), 500).split())
