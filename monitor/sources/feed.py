"""Feeds of blogs, of their comments and of forums: RSS, Atom, RDF and JSON Feed.

A poll asks for the feed only if it changed, by the validators that the site gave, byte for byte;
a body equal to the last one is not parsed. Which items are new is not decided here: every poll
of a changed feed returns all its items, twice what stands there twice, and who keeps posts knows
each by its id.

Cursor: JSON with the validators, the SHA-256 of the last body, its ttl and short ids of its items
at both ends; at most 8 KiB. A list that holds none of these any more has a gap before it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from monitor.domain import Batch, Post
from monitor.reading import feeds, items
from monitor.seams import Fetcher, Page, SourceError
from monitor.text import plain

ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, */*;q=0.5"
MAX_VALIDATOR = 2_048  #: characters; a longer one is not kept, the body is compared instead
ENDS = 12  #: items remembered of each end of a feed
MAX_TITLE = 500
MAX_AUTHOR = 200
LONGEST_WISH = timedelta(hours=24)  #: no max-age or ttl slows us beyond this


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed.

    Raises:
        ValueError: ``url`` is not an http(s) address.
    """

    name: str
    kind: str  #: the family of its posts: feed, comments or forum
    fetch: Fetcher
    url: str
    thread: str = ""  #: title of the post that all its comments stand under

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except (ValueError, AttributeError, TypeError):
            usable = False
        if not usable:
            raise ValueError("url: give an address that begins with http:// or https://")

    def poll(self, cursor: str) -> Batch:
        mark = _Mark.of(cursor)
        page = self.fetch(self.url, mark.asking())
        if page.status == 304:
            if not (mark.etag or mark.last_modified):
                raise SourceError(f"{_site(page)}: it says unchanged (304) to an open question")
            return _unchanged(mark.refreshed(page.headers), page)
        digest = hashlib.sha256(page.body).hexdigest()
        if digest == mark.digest:
            same = _Mark(digest=digest, ttl=mark.ttl, seen=mark.seen)
            return _unchanged(same.refreshed(page.headers), page)
        return self._changed(page, digest, mark.seen)

    def _changed(self, page: Page, digest: str, seen: str) -> Batch:
        feed = _read(page)
        mark = _Mark(ttl=_minutes(feed.ttl), seen=_ends(feed.items))
        rejected, whole = list(feed.rejected), feed.items
        if feed.cut_off:
            # Kept without validators, so that the next poll asks for all of it; and without its
            # last item, which may be half a text: stored now, it would never be made whole.
            rejected.append("the feed breaks off, its last item was left for the next poll")
            whole = whole[:-1]
        else:
            mark = replace(mark, digest=digest).refreshed(page.headers)
        thread = _line(feed.title)
        posts: list[Post] = []
        for number, item in enumerate(whole, 1):
            post = self._post(item, thread)
            if post.title or post.text or post.url:
                posts.append(post)
            else:
                rejected.append(f"item {number}: neither title, text nor link")
        gap = bool(seen and feed.items) and not any(_short_id(i) in seen for i in feed.items)
        wish = mark.wish(page.headers)
        return Batch(tuple(posts), mark.cursor(), wish, gap, tuple(rejected))

    def _post(self, item: items.Item, feed_title: str) -> Post:
        title = _line(item.title)
        thread, author = self._thread(title, feed_title)
        return Post(
            source=self.name,
            kind=self.kind,
            external_id=item.id,
            url=item.link,
            title=title,
            text=plain(item.html),
            author=_line(item.author, MAX_AUTHOR) or author,
            published_at=item.published,
            rating=item.rating,
            parent=item.in_reply_to,
            thread_title=thread,
        )

    def _thread(self, title: str, feed_title: str) -> tuple[str, str]:
        """Title of what a post stands under, and its author where the title names one."""
        if self.kind == "forum":
            return _REPLY.sub("", title), ""
        if self.kind != "comments":
            return "", ""
        if found := _COMMENT_ON.fullmatch(title):
            return self.thread or found[1], found[2]
        about, by = _COMMENTS_ON.fullmatch(feed_title), _BY.fullmatch(title)
        return self.thread or (about[1] if about else ""), by[1] if by else ""


#: WordPress: wp-includes/feed-rss2-comments.php, the comments of a site and of one post.
_COMMENT_ON = re.compile(r"Comment on (.+) by (.+)")
_COMMENTS_ON = re.compile(r"Comments on:? (.+)")
_BY = re.compile(r"By: (.+)")
_REPLY = re.compile(r"^(?:re:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The cursor, opened."""

    etag: str = ""
    last_modified: str = ""
    digest: str = ""  #: SHA-256 of the last body
    ttl: int = 0  #: minutes, as the last body said
    seen: str = ""  #: short ids at both ends of the last list: if none comes again, there is a gap

    @classmethod
    def of(cls, cursor: str) -> _Mark:
        """What cannot be read (from another version) is as good as none."""
        try:
            return cls(**json.loads(cursor))
        except (ValueError, TypeError):
            return cls()

    def cursor(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    def asking(self) -> dict[str, str]:
        """Request headers; both validators are sent where both were given."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {"Accept": ACCEPT} | {name: value for name, value in given.items() if value}

    def refreshed(self, headers: Mapping[str, str]) -> _Mark:
        """With the validators of an answer, where it has any."""
        return replace(
            self,
            etag=_validator(headers.get("etag", "")) or self.etag,
            last_modified=_validator(headers.get("last-modified", "")) or self.last_modified,
        )

    def wish(self, headers: Mapping[str, str]) -> timedelta | None:
        """How long the site asks us to stay away; None if it does not."""
        control = headers.get("cache-control", "").lower()
        found = None if _FRESH.search(control) else _MAX_AGE.search(control)
        age = timedelta(seconds=int(found[1])) if found else timedelta()
        return min(max(age, timedelta(minutes=self.ttl)), LONGEST_WISH) or None


_FRESH = re.compile(r"no-(?:cache|store)")
_MAX_AGE = re.compile(r"(?<![\w-])max-age\s*=\s*\"?([0-9]{1,9})")


def _validator(value: str) -> str:
    """What may be kept and sent back: two of them must fit a cursor, escapes included."""
    fits = len(value) <= MAX_VALIDATOR and len(json.dumps(value)) <= 3_900
    return value if fits else ""


def _ends(listed: Sequence[items.Item]) -> str:
    """The newest items stand at one end of a feed, and no rule says at which."""
    return " ".join(map(_short_id, [*listed[:ENDS], *listed[ENDS:][-ENDS:]]))


def _short_id(item: items.Item) -> str:
    return hashlib.sha256(item.id.encode("utf-8", "replace")).hexdigest()[:6]


def _minutes(ttl: timedelta | None) -> int:
    return int(min(ttl, LONGEST_WISH) / timedelta(minutes=1)) if ttl else 0


def _unchanged(mark: _Mark, page: Page) -> Batch:
    return Batch((), mark.cursor(), mark.wish(page.headers))


def _read(page: Page) -> items.Feed:
    parts = urlsplit(page.url)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))  # a query may be secret
    try:
        feed = feeds.read(page.body, page.headers.get("content-type", ""), base)
    except items.FeedError as e:
        raise SourceError(
            f"{_site(page)}: it answered with {e} instead of a feed, check its url",
            blocked=e.blocked,
        ) from None
    if feed.cut_off and not feed.items:
        raise SourceError(f"{_site(page)}: its feed breaks off before the first item")
    return feed


def _site(page: Page) -> str:
    return urlsplit(page.url).netloc.rpartition("@")[2]


def _line(markup: str, limit: int = MAX_TITLE) -> str:
    return " ".join(plain(markup, limit, links=False).split())
