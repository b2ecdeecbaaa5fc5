"""Sites of any name on one loopback server, whose feeds and faults follow a simulated clock.

clock = Clock()
feed = Feed("blog.example/feed", items=[...], spells=[Spell(since, until, status(503))])
with Sites(clock, {feed.address: feed}) as sites:
    fetch = PoliteFetcher(..., now=clock, resolve=sites.resolve)
    fetch(sites.url(feed.address))
    sites.log                                        # every exchange, for etiquette.score
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from tests.standins.manners import Exchange
from tests.standins.web import Reply, Seen, Web

Time = Callable[[], datetime]
Route = Callable[[Seen, datetime], Reply]


class Sites:
    """The server. ``log`` holds the exchanges in the order of their requests."""

    def __init__(self, clock: Time, routes: Mapping[str, Route]) -> None:
        self.routes = dict(routes)  #: by host, path and query
        self.log: list[Exchange] = []
        self._clock, self._lock = clock, threading.Lock()
        self._running: Counter[str] = Counter()  #: by host and by address
        self._web = Web({"*": self._answer})

    @property
    def resolve(self) -> list[str]:
        """For ``PoliteFetcher``: all names lead here."""
        hosts = sorted({address.partition("/")[0] for address in self.routes})
        return [f"{host}:{self._web.port}:{self._web.address}" for host in hosts]

    def url(self, address: str) -> str:
        host, _, path = address.partition("/")
        return self._web.url(f"/{path}", host)

    def __enter__(self) -> Self:
        self._web.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._web.stop()

    def _answer(self, seen: Seen) -> Reply:
        host = seen.headers["host"].partition(":")[0]
        e = Exchange(self._clock(), f"{host}{seen.target}", seen.method, seen.headers)
        places = (e.host, e.address)
        with self._lock:
            self._running.update(places)
            e.crowd, e.twins = (self._running[place] for place in places)
            self.log.append(e)
        try:
            route = self.routes.get(e.address, status(404))
            return self._recorded(e, route(seen, e.at))
        finally:
            with self._lock:
                self._running.subtract(places)

    def _recorded(self, e: Exchange, reply: Reply) -> Reply:
        date = {"Date": format_datetime(e.at, usegmt=True)}
        reply = replace(reply, headers=date | dict(reply.headers))
        e.status = reply.status
        e.answer = {name.lower(): str(value) for name, value in reply.headers.items()}
        if isinstance(reply.body, str | bytes):
            e.body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            e.whole = reply.length in (None, len(e.body))
            return reply
        e.whole = False
        return replace(reply, body=_counted(e, reply.body))


def _counted(e: Exchange, pieces: Iterator[bytes] | object) -> Iterator[bytes]:
    assert isinstance(pieces, Iterator)
    for piece in pieces:
        yield piece
        e.sent += len(piece)


# -- a feed ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    key: str
    at: datetime
    text: str
    comments: str = ""  #: address of the feed of its comments


@dataclass(frozen=True)
class Spell:
    """From ``since`` until before ``until`` the feed answers so."""

    since: datetime
    until: datetime
    answer: Route


@dataclass
class Feed:
    """An RSS feed that shows its newest items, with validators where it is told to."""

    address: str
    items: Sequence[Item]
    etag: str = 'W/"{}"'  #: "{}" = its version; "": none
    dated: str = "%a, %d %b %Y %H:%M:%S GMT"  #: of Last-Modified; "": none
    shows: int = 10  #: items
    hints: str = ""  #: elements of the channel, such as "<ttl>180</ttl>"
    headers: Mapping[str, str] = field(default_factory=dict)
    stays: timedelta = timedelta()  #: what Expires says
    renews: bool = False  #: each day its ETag is another, even where nothing changed
    spells: Sequence[Spell] = ()

    def __call__(self, seen: Seen, now: datetime) -> Reply:
        for spell in self.spells:
            if spell.since <= now < spell.until:
                return spell.answer(seen, now)
        return self.page(seen, now)

    def page(self, seen: Seen, now: datetime) -> Reply:
        """Itself, or 304 to who has it."""
        version = sum(item.at <= now for item in self.items)
        newest = self.items[version - 1].at if version else datetime(2026, 1, 1, tzinfo=now.tzinfo)
        tag = self.etag.format(f"v{version}.{now:%d}" if self.renews else f"v{version}")
        dated = newest.strftime(self.dated)
        given = {"ETag": tag, "Last-Modified": dated}
        headers = {name: value for name, value in given.items() if value} | dict(self.headers)
        if self.stays:
            headers["Expires"] = format_datetime(now + self.stays, usegmt=True)
        sent = seen.headers.get("if-none-match", ""), seen.headers.get("if-modified-since", "")
        same = sent[0].startswith(tag.partition(".")[0] + ".") if self.renews else sent[0] == tag
        if same if sent[0] else dated and sent[1] == dated:
            return Reply(b"", 304, headers)
        return Reply(self.body(seen, now), 200, {"Content-Type": "application/rss+xml"} | headers)

    def body(self, seen: Seen, now: datetime) -> str:
        shown = [item for item in self.items if item.at <= now][-self.shows :][::-1]
        host, _, port = seen.headers["host"].partition(":")
        listed = "".join(
            f"<item><guid>{item.key}</guid><link>http://{host}:{port}/{item.key}</link>"
            f"<title>Note {item.key}</title><pubDate>{format_datetime(item.at)}</pubDate>"
            f"<description>{item.text}</description>{_replies(item, port)}</item>"
            for item in shown
        )
        return (
            '<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
            ' xmlns:wfw="http://wellformedweb.org/CommentAPI/">'
            f"<channel><title>{host}</title>{self.hints}{listed}</channel></rss>"
        )


def _replies(item: Item, port: str) -> str:
    host, _, path = item.comments.partition("/")
    return f"<wfw:commentRss>http://{host}:{port}/{path}</wfw:commentRss>" if host else ""


# -- what goes wrong -------------------------------------------------------------------------------


def status(code: int, body: str = "", **headers: str) -> Route:
    """One answer for all; header names with "_" for "-"."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _seen, _now: Reply(body, code, named)


def to(address: str, code: int = 302) -> Route:
    """A redirect to another of the sites."""

    def answer(seen: Seen, _now: datetime) -> Reply:
        port = seen.headers["host"].partition(":")[2]
        host, _, path = address.partition("/")
        return Reply("moved", code, {"Location": f"http://{host}:{port}/{path}"})

    return answer


def until_date(code: int, wait: timedelta) -> Route:
    """Retry-After as a date."""

    def answer(_seen: Seen, now: datetime) -> Reply:
        return Reply("later", code, {"Retry-After": format_datetime(now + wait, usegmt=True)})

    return answer


def cut_off(feed: Feed) -> Route:
    """The connection ends in the middle of the body."""

    def answer(seen: Seen, now: datetime) -> Reply:
        body = feed.body(seen, now).encode()
        return Reply(body[: len(body) // 2], length=len(body))

    return answer


def flood(_seen: Seen, _now: datetime) -> Reply:
    return Reply(iter([bytes(1_000_000)] * 40))
