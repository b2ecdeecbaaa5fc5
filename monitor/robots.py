"""The road to web pages: a site's robots.txt is read first, and obeyed (RFC 9309).

Feeds are made for programs and need none of this; pages are fetched through here. A robots.txt
holds for 24 h. A site without one (4xx) allows all; while it cannot be read (5xx, 429, no answer)
the one before holds, and without one no page is fetched. Its Crawl-delay is kept between pages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from protego import Protego

from monitor.seams import Clock, Fetcher, Page, SourceError

HOLDS = timedelta(hours=24)  #: RFC 9309, 2.4
STALE = timedelta(hours=1)  #: until one that could not be read is asked for again
MAX_ROBOTS = 500 * 1024  #: bytes; RFC 9309, 2.5: what is beyond does not count
MAX_SITES = 1_000  #: remembered
LONGEST_WAIT = timedelta(seconds=30)  #: a longer Crawl-delay is told instead of waited for
LONGEST_DELAY = timedelta(hours=24)
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
ACCEPT = {"Accept": "text/html, application/xhtml+xml, */*;q=0.5"}  #: where no other is given
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Site:
    """What one scheme, host and port asks of robots."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Protego | None = None
    failed: SourceError | None = None  #: why there are none
    until: datetime = _LONG_AGO  #: when ``rules`` must be asked for again
    free_at: datetime = _LONG_AGO  #: when its next page may be fetched


@dataclass(frozen=True, eq=False)
class Robots:
    """A ``seams.Fetcher`` for web pages. Threads may share it."""

    fetch: Fetcher
    user_agent: str  #: as ``fetch`` sends it
    now: Clock
    sleep: Callable[[float], object] = time.sleep
    _sites: dict[str, _Site] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __call__(self, url: str, headers: Mapping[str, str] = NO_HEADERS) -> Page:
        """See ``seams.Fetcher``. SourceError is ``blocked`` where robots.txt forbids the page."""
        origin, headers = _origin(url), ACCEPT | dict(headers)
        if not origin:
            return self.fetch(url, headers)  # which says what is wrong
        site, rules = self._asked(origin, url)
        delay = self._wait(site, rules, origin)
        try:
            page = self.fetch(url, headers)
        finally:  # the fetcher may have waited for the site since
            with site.lock:
                site.free_at = max(site.free_at, self.now() + delay)
        if page.url != url and _origin(page.url):
            self._asked(_origin(page.url), page.url)  # where redirects led was not ours to choose
        return page

    def _asked(self, origin: str, url: str) -> tuple[_Site, Protego]:
        """The site and its rules. Raises SourceError where they forbid the page."""
        with self._lock:
            if origin not in self._sites and len(self._sites) >= MAX_SITES:
                del self._sites[next(iter(self._sites))]
            site = self._sites.setdefault(origin, _Site())
        with site.lock:
            rules = self._rules(site, origin)
        if not rules.can_fetch(url, self.user_agent):
            raise SourceError(f"{_host(origin)}: its robots.txt forbids this page", blocked=True)
        return site, rules

    def _rules(self, site: _Site, origin: str) -> Protego:
        if self.now() < site.until:
            if site.rules is not None:
                return site.rules
            if site.failed is not None:
                raise site.failed.with_traceback(None)
        try:
            text = self._read(origin)
        except SourceError as e:
            if site.rules is not None:
                site.until = self.now() + STALE
                return site.rules
            site.failed, site.until = e, self.now() + (e.retry_after or STALE)
            raise
        site.rules, site.until = Protego.parse(text), self.now() + HOLDS
        return site.rules

    def _read(self, origin: str) -> str:
        try:
            page = self.fetch(f"{origin}/robots.txt")
        except SourceError as e:
            if 400 <= e.status < 500 and e.status != 429:
                return ""
            why = f"{e}, which was asked for its robots.txt: its pages wait until that can be read"
            raise SourceError(why, blocked=e.blocked, retry_after=e.retry_after) from None
        return page.body[:MAX_ROBOTS].decode("utf-8", "replace")

    def _wait(self, site: _Site, rules: Protego, origin: str) -> timedelta:
        """Wait for the site's next turn, or say how long that would take; return its delay."""
        seconds = min(rules.crawl_delay(self.user_agent) or 0.0, LONGEST_DELAY.total_seconds())
        delay = timedelta(seconds=max(0.0, seconds))
        with site.lock:
            now = self.now()
            wait = site.free_at - now
            if wait > LONGEST_WAIT:
                why = f"its robots.txt wants {seconds:.0f} s between pages"
                left = min(wait, delay)  # whatever the clock did meanwhile
                raise SourceError(f"{_host(origin)}: {why}", unasked=True, retry_after=left)
            site.free_at = max(now, site.free_at) + delay
        if wait > timedelta():
            self.sleep(wait.total_seconds())
        return delay


def _origin(url: str) -> str:
    """Scheme, host and port, or "" of what is no plain http(s) address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower()}" if usable else ""


def _host(origin: str) -> str:
    return origin.partition("://")[2]
