"""Scores the manners of a client by what its requests looked like from the server's side.

    log = sites.log                                       # tests.standins.sites records it
    assert not score(log, Known({"blog.example/feed": None}))

The rules are those of rachelbythebay.com/w/feed, utcc.utoronto.ca/~cks, diveintomark (2003) and
Google's Feedfetcher. What a server cannot see, such as time limits, is tested with the fetcher.

     1  both validators come back, byte for byte, of the last answer; none is invented
     2  a 304 refreshes them
     3  at most hourly; without validators daily; oftener only by the operator's consent,
        or for comments on a post that names the brand, as long as people write
     4  max-age, Expires, ttl, skipHours, skipDays and sy:* are floors, of at most a day
     5  429 and 503 rest the whole host, for Retry-After or ever longer
     6  410 is the end; whatever fails is asked ever less often
     7  redirects are followed, permanent ones adopted after days, temporary ones never
     8  an honest User-Agent; no cookie, referer or trick against caches
     9  gzip and feeds are accepted
    10  jitter in its own pace; no herd on the hour or after a restart, which asks nothing again
    11  two requests at once and a gap between them, for each host
    12  an endless body is hung up on
    13  robots.txt before pages, once a day, and its Crawl-delay between them
    14  GET only, one at a time, and no page twice or that the feed holds in full
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.standins.manners import (
    DAY,
    MINUTE,
    SLACK,
    Exchange,
    Fault,
    FeedRules,
    HostRules,
    Page,
    manners,
    said,
)

HOPS = 5  #: redirects of one poll
ADOPTED = (2 * DAY, 14 * DAY)  #: how old a permanent redirect is when its target is asked instead
HERD = 6  #: feeds asked within two seconds, after a restart
FLOOD = 20_000_000  #: bytes of one body
JITTER_OF = 12  #: intervals between polls, before they are judged

_REDIRECTS, _PERMANENT = {301, 302, 303, 307, 308}, {301, 308}


@dataclass(frozen=True)
class Known:
    """What the operator told the client."""

    feeds: Mapping[str, timedelta | None]  #: by address: the consent to ask that often, or None
    pages: Mapping[str, Page] = field(default_factory=dict)  #: by address
    comments: Collection[str] = ()  #: addresses of the comments that it may follow
    crawl_delay: Mapping[str, timedelta] = field(default_factory=dict)  #: by host
    restarts: Sequence[datetime] = ()


@dataclass(frozen=True)
class Violation:
    rule: int
    at: datetime
    where: str
    what: str

    def __str__(self) -> str:
        return f"rule {self.rule:2}  {self.at:%d %b %H:%M:%S}  {self.where}: {self.what}"


def score(log: Iterable[Exchange], known: Known) -> list[Violation]:
    """Every violation, in the order of the requests; those of the whole record at the end."""
    judge = _Judge(known)
    for e in log:
        judge.take(e)
    judge.finish()
    return judge.found


def told(found: Sequence[Violation], most: int = 20) -> str:
    """How many violations there are of each rule, and the first of each rule and place."""
    counts = Counter(v.rule for v in found)
    summary = ", ".join(f"rule {rule}: {n}" for rule, n in sorted(counts.items()))
    firsts = {(v.rule, v.where): v for v in reversed(found)}
    first = sorted(firsts.values(), key=lambda v: (v.rule, v.at))
    return "\n".join([f"{len(found)} violations ({summary})", *map(str, first[:most])])


# -- the whole record ------------------------------------------------------------------------------


@dataclass
class _Poll:
    """One poll with all its redirects."""

    feed: FeedRules
    at: datetime
    road: list[str]  #: addresses asked
    lasting: str = ""  #: the furthest that permanent redirects alone have led
    only_lasting: bool = True


class _Judge:
    def __init__(self, known: Known) -> None:
        self.known = known
        self.found: list[Violation] = []
        self.feeds = {address: FeedRules(every) for address, every in known.feeds.items()}
        self.feeds |= {
            address: FeedRules(page.every, (b"<html",), page.once)
            for address, page in known.pages.items()
        }
        self.feeds |= {address: FeedRules(None, comments=True) for address in known.comments}
        self.hosts: dict[str, HostRules] = {}
        self.led: dict[str, _Poll] = {}  #: by address: polls that were redirected there
        self.begun: list[tuple[datetime, str]] = []
        self.log: list[Exchange] = []

    def take(self, e: Exchange) -> None:
        delay = self.known.crawl_delay.get(e.host, timedelta())
        host = self.hosts.setdefault(e.host, HostRules(delay))
        page = self.known.pages.get(e.address)
        robots = e.address.endswith("/robots.txt")
        self._add(e, manners(e, "" if robots else "html" if page else "xml"))
        self._add(e, host.asked(e))
        if robots:
            self._add(e, host.robots(e, self.known.restarts))
        elif page:
            self._add(e, host.page(e, page))
        if not robots and (poll := self._poll(e)):
            self._polled(e, poll)
        host.answered(e)
        self.log.append(e)

    def _polled(self, e: Exchange, poll: _Poll) -> None:
        poll.road.append(e.address)
        self._add(e, poll.feed.validators(e))
        if e.status in _REDIRECTS:
            self._redirected(e, poll)
            return
        if e.read:
            feed, moved = poll.feed, poll.lasting
            feed.moved_at = feed.moved_at if feed.moved == moved else e.at
            feed.moved = moved
            feed.temporary |= {*poll.road[1:]} - {moved}
        poll.feed.answered(e)

    def _poll(self, e: Exchange) -> _Poll | None:
        """The poll that a request belongs to; None: an address that is nobody's."""
        if (poll := self.led.pop(e.address, None)) and e.at - poll.at < MINUTE:
            if len(poll.road) > HOPS or e.address in poll.road:
                self._add(e, [(7, f"redirect {len(poll.road)}, in a circle or too far")])
            return poll
        feed = self.feeds.get(e.address) or self._adopted(e)
        if feed is None:
            self._add(e, [(8, "an address that nobody gave, a trick against caches?")])
            return None
        self._add(e, self._not_followed(e, feed))
        self._add(e, feed.begins(e, self.known.restarts))
        self.begun.append((e.at, e.address))
        return _Poll(feed, e.at, [])

    def _redirected(self, e: Exchange, poll: _Poll) -> None:
        poll.only_lasting = poll.only_lasting and e.status in _PERMANENT
        poll.lasting = e.location if poll.only_lasting else poll.lasting
        poll.at = e.at
        self.led[e.location] = poll

    def _adopted(self, e: Exchange) -> FeedRules | None:
        """The feed that was moved to this address, which from now on is its own."""
        for feed in {id(f): f for f in self.feeds.values()}.values():
            if e.address == feed.moved and feed.moved_at:
                if e.at - feed.moved_at < ADOPTED[0] - SLACK:
                    self._add(e, [(7, f"adopted {said(e.at - feed.moved_at)} after it moved")])
            elif e.address in feed.temporary:
                self._add(e, [(7, "the target of a temporary redirect was adopted")])
            else:
                continue
            return self.feeds.setdefault(e.address, feed)
        return None

    def _not_followed(self, e: Exchange, feed: FeedRules) -> Iterator[Fault]:
        for address, poll in list(self.led.items()):
            if poll.feed is feed:
                del self.led[address]
                if len(poll.road) <= HOPS and address not in poll.road:
                    yield 7, f"its redirect to {address} was not followed"
        if (
            feed.moved not in ("", e.address)
            and feed.moved_at
            and e.at - feed.moved_at > ADOPTED[1]
        ):
            yield 7, f"it has been at {feed.moved} for {said(e.at - feed.moved_at)}"

    def finish(self) -> None:
        """What only many requests show together."""
        for e in self.log:
            if e.sent > FLOOD:
                self._add(e, [(12, f"{e.sent:,} bytes of an endless body were taken")])
        for address, every in self.known.feeds.items():
            waits = Counter(() if every else self.feeds[address].waits)
            if waits.total() >= JITTER_OF and max(waits.values()) > waits.total() / 2:
                wait, times = waits.most_common(1)[0]
                self._end(10, address, f"no jitter: {times} of {waits.total()} waits are {wait} s")
        self._herds()

    def _herds(self) -> None:
        sharp = sum(at.minute == 0 and at.second < 30 for at, _ in self.begun)
        if len(self.begun) > 40 and sharp > len(self.begun) / 10:
            self._end(10, "all", f"{sharp} of {len(self.begun)} polls begin on the full hour")
        for restart in self.known.restarts:
            soon = [(at, a) for at, a in self.begun if restart <= at < restart + 10 * MINUTE]
            for first, _ in soon:
                herd = {a for at, a in soon if first <= at <= first + 2 * SLACK}
                if len(herd) >= HERD:
                    self._end(10, "all", f"{len(herd)} polls at once after a restart", restart)
                    break

    def _add(self, e: Exchange, faults: Iterable[Fault]) -> None:
        self.found.extend(Violation(rule, e.at, e.address, what) for rule, what in faults)

    def _end(self, rule: int, where: str, what: str, at: datetime | None = None) -> None:
        self.found.append(Violation(rule, at or self.begun[-1][0], where, what))
