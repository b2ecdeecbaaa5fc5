"""A client that asks politely unless told otherwise, and what it asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection
from typing import Any

from tests.standins.etiquette import Known, Violation, score
from tests.standins.manners import Page
from tests.standins.scripted import START, Clock
from tests.standins.sites import Feed, Item, Route, Sites, status, to
from tests.standins.web import Reply, Seen

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BLOG, SECOND, PAGE = "blog.example/feed", "blog.example/second", "blog.example/page"
POLITE = {
    "User-Agent": "tests/1 (+https://acme.example/bot)",
    "Accept": "application/rss+xml, text/html",
    "Accept-Encoding": "gzip",
}


@dataclass
class Client:
    """Polite by itself: it waits, and sends back what it was given, unless told otherwise."""

    clock: Clock
    sites: Sites
    known: dict[str, timedelta | None] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    crawl_delay: dict[str, timedelta] = field(default_factory=dict)
    restarts: list[datetime] = field(default_factory=list)
    validators: dict[str, str] = field(default_factory=dict)

    def serve(self, address: str, route: Route, every: timedelta | None = None) -> None:
        self.sites.routes[address] = route
        self.known[address] = every

    def get(
        self,
        address: str = BLOG,
        after: timedelta = HOUR,
        *,
        method: str = "GET",
        validators: dict[str, str] | None = None,
        **headers: str,
    ) -> int:
        """Wait, then ask; header names with "_" for "-", "" takes one away."""
        self.clock.at += after
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asking = POLITE | (self.validators if validators is None else validators) | named
        return self._ask(method, address, {k: v for k, v in asking.items() if v})

    def _ask(self, method: str, address: str, headers: dict[str, str]) -> int:
        host, _, path = address.partition("/")
        at = self.sites.url("x/").split("//")[1].rstrip("/").rpartition(":")[2]
        connection = HTTPConnection("127.0.0.1", int(at), timeout=9)
        connection.putrequest(method, f"/{path}", skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"{host}:{at}", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status in (200, 304):
            given = {
                "If-None-Match": answer.getheader("ETag", ""),
                "If-Modified-Since": answer.getheader("Last-Modified", ""),
            }
            kept = self.validators if answer.status == 304 else {}
            self.validators = kept | {name: value for name, value in given.items() if value}
        return answer.status

    def found(self) -> list[Violation]:
        known = Known(self.known, self.pages, self.comments, self.crawl_delay, self.restarts)
        return score(self.sites.log, known)


def feed(address: str = BLOG, **more: Any) -> Feed:
    items = [Item(str(n), START + n * 7 * HOUR, "Acme") for n in range(-3, 200)]
    return Feed(address, items, **more)


def moved(c: Client, code: int) -> None:
    c.sites.routes["new.example/feed"] = feed("new.example/feed")
    c.serve(BLOG, to("new.example/feed", code))


def follows(c: Client, after: timedelta = HOUR, *road: str) -> None:
    c.get(after=after)
    for address in road or ("new.example/feed",):
        c.get(address, after=timedelta(seconds=2))


def together(c: Client, addresses: Sequence[str]) -> None:
    """Ask for all of them, each some seconds after the last; none is answered before all came."""
    held = threading.Event()

    def page(seen: Seen, now: datetime) -> Reply:
        held.wait(5)
        return Reply("<rss></rss>")

    with ThreadPoolExecutor(3) as pool:
        for number, address in enumerate(addresses, 1):
            c.serve(address, page, every=timedelta(seconds=2))
            pool.submit(c.get, address, timedelta(seconds=5))
            while len(c.sites.log) < number:
                time.sleep(0.001)
        held.set()


def page(c: Client, robots: bool = True, **how: Any) -> None:
    c.sites.routes["blog.example/robots.txt"] = status(200, "User-agent: *\nCrawl-delay: 5")
    c.sites.routes[PAGE] = status(200, "<html></html>")
    c.pages[PAGE] = Page(**how)
    if robots:
        c.get("blog.example/robots.txt")
