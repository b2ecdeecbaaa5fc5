"""Small websites on loopback that serve feeds as real ones do; the demo and the tests use them.

A ``Site`` is one HTTP server on a port of its own choice and serves any number of feeds: a blog
(RSS 2.0), its comments (RSS as WordPress writes it) or a forum (Atom as phpBB writes it). Every
feed has an ETag and answers 304 to whoever already has what it says.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal
from xml.sax.saxutils import escape

Dialect = Literal["blog", "comments", "forum"]

_RSS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/">\n<channel>\n'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed."""

    id: str  #: unique and stable within the feed
    link: str  #: where people would read it
    title: str  #: of a comment: the title of the article it stands under
    author: str
    html: str  #: what was written, as markup
    published: datetime  #: aware; feeds carry whole seconds


@dataclass(slots=True)
class Feed:
    """What one path of a site serves, newest first, and who has asked for it so far."""

    dialect: Dialect
    title: str
    link: str
    entries: list[Entry] = field(default_factory=list)
    polls: int = 0  #: answers given, 304 included
    unchanged: int = 0  #: of these, answers of 304
    read: set[str] = field(default_factory=set)  #: ids handed out at least once

    def body(self) -> bytes:
        return _WRITERS[self.dialect](self).encode("utf-8")

    def answer(self, known: str) -> tuple[int, str, bytes]:
        """Status, ETag and body for a request whose If-None-Match reads ``known``."""
        body = self.body()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        self.polls += 1
        if tag in {k.strip().removeprefix("W/") for k in known.split(",")}:
            self.unchanged += 1
            return 304, tag, b""
        self.read.update(e.id for e in self.entries)
        return 200, tag, body


class Site:
    """A web server on loopback, from ``with`` to its end.

    Args:
        feeds: by path, such as ``"/feed/"``.
        host: an address of 127.0.0.0/8. Machines that have only 127.0.0.1 use that one.
    """

    def __init__(self, feeds: Mapping[str, Feed], host: str = "127.0.0.1") -> None:
        self.feeds = dict(feeds)
        self._lock = threading.Lock()
        self._server = _listen(host, _handler(self._answer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{path}"

    def publish(self, path: str, entry: Entry) -> None:
        """Put ``entry`` on top of the feed at ``path``."""
        with self._lock:
            self.feeds[path].entries.insert(0, entry)

    def polls(self, path: str) -> int:
        """Answers that the feed at ``path`` has given so far."""
        with self._lock:
            return self.feeds[path].polls

    def read(self, path: str) -> frozenset[str]:
        """Ids of the entries that somebody has fetched from ``path``."""
        with self._lock:
            return frozenset(self.feeds[path].read)

    def _answer(self, path: str, known: str) -> tuple[int, str, bytes]:
        with self._lock:
            feed = self.feeds.get(path)
            return feed.answer(known) if feed else (404, "", b"no such page\n")


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a reader that keeps its connection open must not hold up the end

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that hangs up is no event."""


def _listen(host: str, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return _Quiet((host, 0), handler)
    except OSError:
        return _Quiet(("127.0.0.1", 0), handler)


def _handler(answer: Callable[[str, str], tuple[int, str, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            status, tag, body = answer(self.path, self.headers.get("If-None-Match", ""))
            self.send_response(status)
            if tag:
                self.send_header("ETag", tag)
            if status != 304:
                self.send_header("Content-Type", _content_type(status))
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Visits are counted in ``Feed``, not printed."""

    return Handler


def _content_type(status: int) -> str:
    return "application/xml; charset=UTF-8" if status == 200 else "text/plain; charset=UTF-8"


def _blog(feed: Feed) -> str:
    return _rss(feed, feed.title, "{title}")


def _comments(feed: Feed) -> str:
    """As wp-includes/feed-rss2-comments.php writes a whole site's comments."""
    return _rss(feed, f"Comments for {feed.title}", "Comment on {title} by {author}")


def _rss(feed: Feed, title: str, item_title: str) -> str:
    items = "".join(
        f"<item>\n<title>{escape(item_title.format(title=e.title, author=e.author))}</title>\n"
        f"<link>{escape(e.link)}</link>\n<dc:creator>{escape(e.author)}</dc:creator>\n"
        f"<pubDate>{format_datetime(e.published.astimezone(UTC))}</pubDate>\n"
        f'<guid isPermaLink="false">{escape(e.id)}</guid>\n'
        f"<description>{escape(e.html)}</description>\n"
        f"<content:encoded>{escape(e.html)}</content:encoded>\n</item>\n"
        for e in feed.entries
    )
    head = f"<title>{escape(title)}</title>\n<link>{escape(feed.link)}</link>\n"
    return f"{_RSS_HEAD}{head}<description></description>\n{items}</channel>\n</rss>\n"


def _forum(feed: Feed) -> str:
    """As phpBB's feed of new posts."""
    entries = "".join(
        f"<entry>\n<author><name>{escape(e.author)}</name></author>\n"
        f"<updated>{_stamp(e.published)}</updated>\n<published>{_stamp(e.published)}</published>\n"
        f'<id>{escape(e.id)}</id>\n<link href="{escape(e.link)}"/>\n'
        f'<title type="html">{escape(escape(e.title))}</title>\n'
        f'<content type="html">{escape(e.html)}</content>\n</entry>\n'
        for e in feed.entries
    )
    updated = f"<updated>{_stamp(feed.entries[0].published)}</updated>\n" if feed.entries else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f'<title>{escape(feed.title)}</title>\n<link href="{escape(feed.link)}"/>\n'
        f"<id>{escape(feed.link)}</id>\n{updated}{entries}</feed>\n"
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


_WRITERS: Mapping[Dialect, Callable[[Feed], str]] = {
    "blog": _blog,
    "comments": _comments,
    "forum": _forum,
}
