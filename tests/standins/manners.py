"""The manners of one request, towards one host and one feed, as the server's side sees them.

Rules are numbered as in ``etiquette``, which scores a whole record by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SLACK = timedelta(seconds=1)  #: clocks may differ by it
GAP = timedelta(seconds=1)  #: between two requests to a host
AT_ONCE = 2  #: requests to a host
LONGEST = DAY  #: no floor or Retry-After is longer
BACKED_OFF = 6 * HOUR  #: repeated failures lead at least here ...
GIVEN_UP = (7 * DAY, DAY)  #: ... and after so long here
COMMENTS = (5 * MINUTE, 6 * HOUR)  #: between looks at comments, by how long nobody wrote ...
QUIET_PART, QUIET_END = 12, 14 * DAY  #: ... a part of that; after so long nobody looks any more
REST = (MINUTE, HOUR)  #: of a host that does not say how long: doubled from the one to the other

_AGENT = re.compile(r"(?!Mozilla)[\w.-]+/[\w.+-]+ \(\+\S+\)")
_PERIODS = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY}

NEVER_AGAIN = 365 * DAY
NEVER = datetime(1971, 1, 1, tzinfo=UTC)

Fault = tuple[int, str]  #: rule, what was done


@dataclass
class Exchange:
    """One request and its answer; header names in lower case."""

    at: datetime
    address: str  #: host, path and query
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    crowd: int = 1  #: requests to the host that ran at once, this one included ...
    twins: int = 1  #: ... and to the address
    status: int = 200
    answer: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True  #: False: the connection broke before the end of the body
    sent: int = 0  #: bytes of an endless body

    @property
    def host(self) -> str:
        return self.address.partition("/")[0]

    @property
    def validators(self) -> tuple[str, str]:
        return self.headers.get("if-none-match", ""), self.headers.get("if-modified-since", "")

    @property
    def read(self) -> bool:
        """Whether the client now knows what stands there."""
        return self.status == 304 or (self.status == 200 and self.whole)

    @property
    def location(self) -> str:
        url = urljoin(f"http://{self.address}", self.answer.get("location", ""))
        parts = urlsplit(url)
        return f"{parts.hostname}{parts.path}" + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True)
class Page:
    """A page that is no feed."""

    every: timedelta | None = None  #: the operator's consent
    allowed: bool = True  #: by robots.txt
    in_full: bool = False  #: its text stands in the feed
    once: bool = False  #: to be read once


# -- one request -----------------------------------------------------------------------------------


def manners(e: Exchange, accepts: str) -> Iterator[Fault]:
    """What one request alone shows; ``accepts`` must stand in its Accept."""
    if e.method != "GET":
        yield 14, f"{e.method} instead of GET"
    agent = e.headers.get("user-agent", "")
    if not _AGENT.fullmatch(agent):
        yield 8, f"User-Agent {agent!r} does not say program, version and contact"
    for name in {"cookie", "referer", "authorization", "pragma"} & e.headers.keys():
        yield 8, f"it sends {name}"
    if "no-" in e.headers.get("cache-control", ""):
        yield 8, "it asks caches to step aside"
    if "gzip" not in e.headers.get("accept-encoding", ""):
        yield 9, "gzip is not accepted"
    if accepts not in e.headers.get("accept", ""):
        yield 9, f"Accept does not name {accepts}"


# -- a host ----------------------------------------------------------------------------------------


@dataclass
class HostRules:
    delay: timedelta = timedelta()  #: that its robots.txt wants between pages
    last: datetime | None = None
    rests_until: datetime = NEVER
    refusals: int = 0  #: in a row
    robots_at: datetime | None = None
    robots_status: int = 0
    page_at: datetime = NEVER

    def asked(self, e: Exchange) -> Iterator[Fault]:
        if e.crowd > AT_ONCE:
            yield 11, f"{e.crowd} requests to the host at once"
        if self.last and e.at - self.last < GAP - SLACK / 10:
            yield 11, f"{said(e.at - self.last)} after the last request to the host"
        if e.at < self.rests_until - SLACK:
            yield 5, f"the host asked for rest, {said(self.rests_until - e.at)} are left"
        self.last = e.at

    def answered(self, e: Exchange) -> None:
        if e.status not in (429, 503):
            self.refusals = 0
            return
        self.refusals += 1
        own = min(REST[0] * 2 ** min(self.refusals - 1, 10), REST[1])
        self.rests_until = max(self.rests_until, e.at + (_retry_after(e) or own))

    def robots(self, e: Exchange, restarts: Sequence[datetime]) -> Iterator[Fault]:
        """It holds for a day; one that could not be read may be asked for sooner."""
        last, least = self.robots_at, HOUR if self.robots_status >= 429 else DAY
        if last and e.at - last < least - SLACK and not any(last < r <= e.at for r in restarts):
            yield 13, f"robots.txt again after {said(e.at - last)}"
        self.robots_at, self.robots_status = e.at, e.status

    def page(self, e: Exchange, page: Page) -> Iterator[Fault]:
        if self.robots_at is None or e.at - self.robots_at > DAY + SLACK:
            yield 13, "a page without a robots.txt of this day"
        if not page.allowed:
            yield 13, "robots.txt forbids this page"
        if page.in_full:
            yield 14, "a page of which the feed holds the whole text"
        if e.at - self.page_at < self.delay - SLACK / 10:
            yield 13, f"{said(e.at - self.page_at)} after another page, not {said(self.delay)}"
        self.page_at = e.at


def _retry_after(e: Exchange) -> timedelta | None:
    value = e.answer.get("retry-after", "")
    if value.isdigit():
        return min(timedelta(seconds=int(value)), LONGEST)
    return min(parsedate_to_datetime(value) - e.at, LONGEST) if value else None


# -- a feed ----------------------------------------------------------------------------------------


@dataclass
class FeedRules:
    """One feed (or page), wherever it has moved to."""

    consent: timedelta | None
    roots: tuple[bytes, ...] = (b"<rss", b"<feed")  #: what its body must hold
    once: bool = False  #: a page that need not be asked for again
    comments: bool = False  #: its pace goes by how long nobody has written
    heard: datetime = NEVER  #: of comments: its newest, or when it was first asked
    begun: datetime | None = None  #: its last poll
    body_at: datetime = NEVER  #: the last whole body
    fits: set[tuple[str, str]] = field(default_factory=lambda: {("", "")})  #: what may be sent
    given: set[str] = field(default_factory=lambda: {""})  #: validators that it ever gave
    refreshed: bool = False  #: the last validators came with a 304
    asked_until: datetime = NEVER  #: it wants to be left alone until
    broken: bytes = b""  #: its last body, where that breaks off
    hints: str = ""  #: its last body up to the first item
    failures: int = 0  #: in a row
    failing_since: datetime | None = None
    gone: bool = False
    moved: str = ""  #: where it answers since ``moved_at``, by permanent redirects only
    moved_at: datetime | None = None
    temporary: set[str] = field(default_factory=set)
    waits: list[int] = field(default_factory=list)  #: seconds between polls

    def begins(self, e: Exchange, restarts: Sequence[datetime]) -> Iterator[Fault]:
        """A poll begins."""
        last, self.begun = self.begun, e.at
        if self.gone:
            yield 6, "410 had said that it is gone for good"
        if e.twins > 1:
            yield 14, "two requests for it at once"
        if self.once and self.body_at > NEVER:
            yield 14, "a page that was read already"
        if last is None:
            self.heard = e.at
            return
        self.waits.append(round((e.at - last).total_seconds()))
        yield from self._too_often(e, e.at - last, any(last < r <= e.at for r in restarts))
        yield from self._floors(e, e.at - last)
        yield from self._failing(e, e.at - last)

    def _too_often(self, e: Exchange, since: timedelta, restarted: bool) -> Iterator[Fault]:
        least = self._least(e.at - since)
        if since < least - SLACK:
            rule, when = (10, " because of a restart") if restarted else (3, "")
            yield rule, f"again after {said(since)}{when}, not {said(least)}"
        elif not self.own_pace and not any(e.validators) and e.at - self.body_at < DAY - SLACK:
            yield 3, f"unconditionally {said(e.at - self.body_at)} after the last body"

    @property
    def own_pace(self) -> bool:
        """Whether it may be asked oftener than other feeds."""
        return self.comments or self.consent is not None

    def _least(self, last: datetime) -> timedelta:
        """Until it may be asked again, after a request at ``last``."""
        if not self.comments:
            return self.consent or HOUR
        quiet = last - self.heard
        soonest, seldomest = COMMENTS
        return (
            min(max(quiet / QUIET_PART, soonest), seldomest) if quiet <= QUIET_END else NEVER_AGAIN
        )

    def _floors(self, e: Exchange, since: timedelta) -> Iterator[Fault]:
        if e.at < self.asked_until - SLACK:
            yield 4, f"{said(self.asked_until - e.at)} before the time that it asked for"
        hours, days = set(re.findall(r"<hour>(\d+)", self.hints)), self.hints.split("<day>")
        skipped = str(e.at.hour) in hours or any(d.startswith(f"{e.at:%A}") for d in days)
        if skipped and since < LONGEST - SLACK:
            yield 4, f"at {e.at:%A %H:%M}, which it wants to be skipped"

    def _failing(self, e: Exchange, since: timedelta) -> Iterator[Fault]:
        if not self.failing_since:
            return
        least = min(MINUTE * 2 ** min(self.failures - 1, 20), BACKED_OFF)
        if e.at - self.failing_since > GIVEN_UP[0]:
            least = GIVEN_UP[1]
        if since < 0.9 * least:
            yield 6, f"again after {said(since)}, it failed {self.failures} times in a row"

    def validators(self, e: Exchange) -> Iterator[Fault]:
        sent = e.validators
        if sent in self.fits:
            return
        if not self.given.issuperset(sent):
            yield 1, f"it never gave the validators {sent}"
        elif not any(sent):
            yield 1, "its validators are not sent back"
        elif any(set(sent) <= {"", *pair} for pair in self.fits):
            yield 1, "only one of its two validators is sent back"
        elif self.refreshed:
            yield 2, "the validators of its last 304 are not taken over"
        else:
            yield 1, "validators that its last answer no longer had"

    def answered(self, e: Exchange) -> None:
        self.gone = self.gone or e.status == 410
        if not e.read:
            self.failures += 1
            self.failing_since = self.failing_since or e.at
            return
        self.failures, self.failing_since = 0, None
        if e.status == 200:
            self.refreshed = False
            self._new_body(e)
        else:
            self.fits = {(_given(e)[0] or a, _given(e)[1] or b) for a, b in self.fits}
            self.refreshed = any(_given(e))
        self.given.update(_given(e))
        self.asked_until = e.at + min(max(_fresh_for(e), _wishes(self.hints)), LONGEST)

    def _new_body(self, e: Exchange) -> None:
        """Where the body is no feed, or breaks off, no validators are good too.

        What breaks off for the first time may be asked for once more, whole.
        """
        root = next((root for root in self.roots if root in e.body), b"")
        ends = root.replace(b"<", b"</") in e.body
        self.body_at = e.at if ends or self.broken == e.body else NEVER
        self.broken = b"" if ends else e.body
        if not root:
            self.fits = self.fits | {("", "")}
            return
        self.hints = re.split(r"<item|<entry", e.body.decode())[0]
        if self.comments:
            dates = re.findall(r"<pubDate>(.*?)<", e.body.decode())
            self.heard = max([self.heard, *map(parsedate_to_datetime, dates)])
        self.fits = {_given(e)} if ends else {_given(e), ("", "")}


def _given(e: Exchange) -> tuple[str, str]:
    return e.answer.get("etag", ""), e.answer.get("last-modified", "")


def _fresh_for(e: Exchange) -> timedelta:
    """How long its headers ask for (RFC 9111, 5.2 and 5.3); max-age wins over Expires."""
    control = e.answer.get("cache-control", "")
    if "no-cache" in control or "no-store" in control:
        return timedelta()
    if found := re.search(r"max-age=(\d+)", control):
        return timedelta(seconds=int(found[1]))
    expires = e.answer.get("expires", "")
    return parsedate_to_datetime(expires) - e.at if ":" in expires else timedelta()


def _wishes(hints: str) -> timedelta:
    """The longer of ttl and sy:*; "hourly, 1" is what every WordPress says, and no wish."""
    ttl = re.search(r"<ttl>(\d+)</ttl>", hints)
    period = re.search(r"<sy:updatePeriod>(\w+)<", hints)
    often = re.search(r"<sy:updateFrequency>(\d+)<", hints)
    syndication = _PERIODS[period[1]] / int(often[1] if often else 1) if period else timedelta()
    minutes = MINUTE * int(ttl[1]) if ttl else timedelta()
    return max(minutes, timedelta() if syndication == HOUR else syndication)


def said(time: timedelta) -> str:
    return str(timedelta(seconds=round(time.total_seconds())))
