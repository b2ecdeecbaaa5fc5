"""A site that a feed source can be tried on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.domain import Batch
from monitor.seams import Page, SourceError
from monitor.sources.feed import Feed

FIXTURES = Path(__file__).parents[1] / "fixtures" / "feed"
URL = "https://kettle.example/feed/?key=s3cret"
RSS = (FIXTURES / "rss2.xml").read_bytes()  # its ttl is 90 minutes


class Site:
    """A fetcher that answers what it is told to, and remembers what it was asked."""

    def __init__(self, body: bytes = RSS, **headers: str) -> None:
        self.says(body, **headers)
        self.asked: dict[str, str] = {}
        self.urls: list[str] = []
        self.fails: dict[str, SourceError] = {}

    def says(self, body: bytes = RSS, status: int = 200, moved: str = "", **headers: str) -> None:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = Page(status, URL, shown, body, moved)

    def __call__(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        self.asked = dict(headers or {})
        self.urls.append(url)
        if url in self.fails:
            raise self.fails[url]
        return self.page


def listed(*numbers: int) -> bytes:
    items = "".join(f"<item><guid>{n}</guid><title>Post {n}</title></item>" for n in numbers)
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


def poll(site: Site, cursor: str = "", kind: str = "feed") -> Batch:
    return Feed("here", kind, site, URL).poll(cursor)


def day(number: int) -> str:
    """Of November 2026, as a Date header says it."""
    return f"{number:02d} Nov 2026 12:00:00 GMT"
