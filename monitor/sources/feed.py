"""Feeds of blogs, of their comments and of forums: RSS, Atom, RDF and JSON Feed.

A poll asks for the feed only if it changed, by the validators that the site gave, byte for byte;
a body equal to the last one is not parsed. Of a changed feed the items come that did not stand in
the last list as they do now; all of them, where it can only be read whole. Which of these are new
is not decided here: who keeps posts knows each by its id.

Cursor: JSON with the validators, the SHA-256 of the last body, the publisher's wishes, short ids
of the newest items, marks of the last list's and where the feed has moved to; at most 8 KiB. A list
that holds none of these ids and marks any more has a gap before it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

from monitor.domain import Batch, Post
from monitor.reading import feeds, items
from monitor.reading.slices import WIDTH, split
from monitor.seams import Fetcher, Page, SourceError
from monitor.text import plain

ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, */*;q=0.5"
MAX_CURSOR = 8_192  #: bytes
MAX_VALIDATOR = 2_048  #: characters; a longer one is not kept, the body is compared instead
MAX_KEPT = 400  #: characters of an address that the cursor keeps
ENDS = 12  #: items of each end of a list whose ids are remembered
MAX_TITLE = 500
MAX_AUTHOR = 200
LONGEST_WISH = timedelta(hours=24)  #: no max-age or ttl slows us beyond this
SETTLED = timedelta(days=7)  #: a permanent redirect that stood for so long is taken at its word

Reader = Callable[[bytes, str, str, str], items.Feed]
"""``feeds.read``, or what does the same; raises items.FeedError or items.ReadingFailed."""


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
    read: Reader = feeds.read
    wanted: ClassVar[str] = "a feed"
    accept: ClassVar[str] = ACCEPT
    of_pages: ClassVar[bool] = False  #: reads pages made for people: robots.txt counts
    pace: ClassVar[timedelta | None] = None

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except (ValueError, AttributeError, TypeError):
            usable = False
        if not usable:
            raise ValueError("url: give an address that begins with http:// or https://")

    def poll(self, cursor: str) -> Batch:
        mark = Mark.of(cursor)
        page, moved = self._ask(mark)
        mark = mark.moving(moved, _date(page.headers.get("date", "")))
        if page.status == 304:
            if not (mark.etag or mark.last_modified):
                raise SourceError(f"{site(page)}: it says unchanged (304) to an open question")
            return mark.refreshed(page.headers).batch(page.headers)
        digest = hashlib.sha256(page.body).hexdigest()
        open_mark = replace(mark, etag="", last_modified="", digest="")
        if digest == mark.digest:
            return replace(open_mark, digest=digest).refreshed(page.headers).batch(page.headers)
        return self._changed(page, digest, open_mark)

    def _ask(self, mark: Mark) -> tuple[Page, str]:
        """The feed's page, and its permanent new address if it has one.

        Where that has settled it is asked directly, and the old one when it fails.
        """
        if mark.settled:
            try:
                page = self.fetch(mark.moved, mark.asking(self.accept))
            except SourceError as e:
                if e.blocked or e.retry_after:
                    raise
            else:
                return page, page.moved or mark.moved
        page = self.fetch(self.url, mark.asking(self.accept))
        return page, page.moved

    def _changed(self, page: Page, digest: str, mark: Mark) -> Batch:
        feed = self._read(page, mark.marks)
        gap = mark.misses(feed)
        rejected, whole = list(feed.rejected), feed.items
        if feed.cut_off and digest != mark.half:
            # Kept without validators, so that the next poll asks for all of it; if it is the same
            # again, that is all there is. And without its last item, which may be half a text:
            # stored now, it would never be made whole.
            rejected.append("the feed breaks off, its last item was left for the next poll")
            whole = whole[:-1]
            mark = replace(mark.after(feed), half=digest)
        else:
            mark = replace(mark.after(feed), digest=digest, half="").refreshed(page.headers)
        thread = line(feed.title)
        posts: list[Post] = []
        for number, item in enumerate(whole, 1):
            post = self._post(item, thread)
            if post.title or post.text or post.url:
                posts.append(post)
            else:
                rejected.append(f"item {number}: neither title, text nor link")
        return mark.batch(page.headers, tuple(posts), gap, tuple(rejected))

    def _read(self, page: Page, known: str) -> items.Feed:
        parts = urlsplit(page.url)
        # A feed's query may be secret; that of a page made for people says which page it is.
        query = parts.query if self.of_pages else ""
        base = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
        try:
            feed = self.read(page.body, page.headers.get("content-type", ""), base, known)
        except items.FeedError as e:
            raise SourceError(
                f"{site(page)}: it answered with {e} instead of {self.wanted}, check its url",
                blocked=e.blocked,
            ) from None
        except items.ReadingFailed as e:
            raise SourceError(f"{site(page)}: its feed {e}") from None
        if feed.cut_off and not feed.items:
            raise SourceError(f"{site(page)}: its feed breaks off before the first item")
        return feed

    def _post(self, item: items.Item, feed_title: str) -> Post:
        title = line(item.title)
        thread, author = self._thread(title, feed_title)
        return Post(
            source=self.name,
            kind=self.kind,
            external_id=item.id,
            url=item.link,
            title=title,
            text=plain(item.html),
            author=line(item.author, MAX_AUTHOR) or author,
            published_at=item.published,
            rating=item.rating,
            parent=item.in_reply_to,
            thread_title=thread,
            reach=item.comment_count,
            replies="" if self.kind == "comments" else item.comment_feed,
            page=item.link if item.teaser and self.kind == "feed" else "",
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
class Mark:
    """The cursor, opened."""

    etag: str = ""
    last_modified: str = ""
    digest: str = ""  #: SHA-256 of the last body ...
    half: str = ""  #: ... or of one that breaks off, while its last item is left out
    ttl: int = 0  #: minutes between two polls, as the last body said
    hours: Sequence[int] = ()  #: of the day, UTC, to stay away in
    days: Sequence[int] = ()  #: of the week, Monday is 0
    seen: str = ""  #: short ids of the newest items: if none comes again, there is a gap
    marks: str = ""  #: of the items of the last list (see ``reading.slices``)
    hub: str = ""
    topic: str = ""
    moved: str = ""  #: the feed's permanent new address
    since: int = 0  #: when that was first said, in epoch seconds by the site's clock
    settled: bool = False  #: it has been said for long enough

    @classmethod
    def of(cls, cursor: str) -> Mark:
        """What cannot be read (from another version) is as good as none."""
        try:
            return cls(**json.loads(cursor))
        except (ValueError, TypeError):
            return cls()

    def cursor(self) -> str:
        """As many marks as there is room for: what is new may stand at either end of a list."""
        kept = {key: value for key, value in asdict(self).items() if value}
        room = MAX_CURSOR - len(json.dumps(kept | {"marks": ""}))
        if len(self.marks) > room:
            half = room // 2 // WIDTH * WIDTH
            kept["marks"] = self.marks[:half] + self.marks[-half:]
        return json.dumps(kept)

    def batch(
        self,
        headers: Mapping[str, str],
        posts: tuple[Post, ...] = (),
        gap: bool = False,
        rejected: tuple[str, ...] = (),
    ) -> Batch:
        """What a poll returns that leaves this mark behind."""
        given = self.refreshed(headers)  # by a feed that breaks off too
        return Batch(
            posts,
            self.cursor(),
            self.wish(headers),
            gap,
            rejected,
            conditional=bool(given.etag or given.last_modified),
            skip_hours=tuple(self.hours),
            skip_days=tuple(self.days),
            moved=self.moved,
            hub=self.hub,
            topic=self.topic,
        )

    def asking(self, accept: str) -> dict[str, str]:
        """Request headers; both validators are sent where both were given."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {"Accept": accept} | {name: value for name, value in given.items() if value}

    def refreshed(self, headers: Mapping[str, str]) -> Mark:
        """With the validators and the hub of an answer, where it has any."""
        links = {"hub": self.hub, "self": self.topic} | _links(headers.get("link", ""))
        return replace(
            self,
            etag=_validator(headers.get("etag", "")) or self.etag,
            last_modified=_validator(headers.get("last-modified", "")) or self.last_modified,
            hub=links["hub"],
            topic=links["self"] if links["hub"] else "",
        )

    def moving(self, moved: str, now: datetime | None) -> Mark:
        """With the address that the feed has moved to ("": it has not) and since when."""
        if not _kept(moved) or "?" in moved:  # a query may be secret
            return replace(self, moved="", since=0, settled=False)
        since = (self.since if moved == self.moved else 0) or (int(now.timestamp()) if now else 0)
        stood = timedelta(seconds=now.timestamp() - since) if now and since else timedelta()
        settled = stood >= SETTLED or (self.settled and moved == self.moved)
        return replace(self, moved=moved, since=since, settled=settled)

    def misses(self, feed: items.Feed) -> bool:
        """Whether a list holds nothing of what was seen; an empty one may be a mishap."""
        again = any(_short_id(item) in self.seen for item in feed.items)
        again = again or not split(feed.marks).isdisjoint(split(self.marks))
        return bool(self.seen and feed.items and not again)

    def after(self, feed: items.Feed) -> Mark:
        """With what a body says. Marks outlive a list that could only be read whole."""
        ids = [*map(_short_id, _ends(feed.items)), *self.seen.split()]
        return replace(
            self,
            ttl=_minutes(feed.pace.every),
            hours=sorted(feed.pace.skip_hours),
            days=sorted(feed.pace.skip_days),
            seen=" ".join(list(dict.fromkeys(ids))[: 2 * ENDS]),
            marks=feed.marks or self.marks,
            hub=_kept(feed.hub),
            topic=_kept(feed.topic),
        )

    def wish(self, headers: Mapping[str, str]) -> timedelta | None:
        """How long the site asks us to stay away; None if it does not."""
        now = _date(headers.get("date", ""))
        asked = max(timedelta(minutes=self.ttl), _fresh_for(headers, now))
        return min(asked, LONGEST_WISH) or None


_STALE = re.compile(r"no-(?:cache|store)")
_MAX_AGE = re.compile(r"(?<![\w-])max-age\s*=\s*\"?([0-9]{1,9})")


def _fresh_for(headers: Mapping[str, str], now: datetime | None) -> timedelta:
    """How long an answer stays fresh (RFC 9111, 4.2.1)."""
    control = headers.get("cache-control", "").lower()
    if _STALE.search(control):
        return timedelta()
    if age := _MAX_AGE.search(control):
        return timedelta(seconds=int(age[1]))
    expires = _date(headers.get("expires", ""))
    return max(expires - now, timedelta()) if expires and now else timedelta()


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r"\brel\s*=\s*\"?([^\";,]*)", re.IGNORECASE)


def _links(value: str) -> dict[str, str]:
    """Addresses of a Link header (RFC 8288) by relation."""
    found: dict[str, str] = {}
    for link in _LINK.finditer(value):
        rel = _REL.search(link[2])
        for relation in rel[1].lower().split() if rel else ():
            found.setdefault(relation, _kept(items.address("", link[1])))
    return found


def _kept(url: str) -> str:
    """An address that a cursor has room for, or ""."""
    return url if len(json.dumps(url)) <= MAX_KEPT else ""


def _validator(value: str) -> str:
    """What may be kept and sent back: two of them must fit a cursor, escapes included."""
    fits = len(value) <= MAX_VALIDATOR and len(json.dumps(value)) <= 3_000
    return value if fits else ""


def _ends(listed: Sequence[items.Item]) -> Sequence[items.Item]:
    """The newest items stand at one end of a feed, and no rule says at which."""
    return [*listed[:ENDS], *listed[ENDS:][-ENDS:]]


def _short_id(item: items.Item) -> str:
    return hashlib.sha256(item.id.encode("utf-8", "replace")).hexdigest()[:6]


def _minutes(wait: timedelta | None) -> int:
    return int(min(wait, LONGEST_WISH) / timedelta(minutes=1)) if wait else 0


def site(page: Page) -> str:
    return urlsplit(page.url).netloc.rpartition("@")[2]


def line(markup: str, limit: int = MAX_TITLE) -> str:
    return " ".join(plain(markup, limit, links=False).split())
