"""A month in the life of the real pipeline: feeds, faults and restarts by seed, on a clock that
jumps from one due time to the next.

What should have come of it is read off the wire, not off the script: an item counts as shown when
a body that held it was sent in full.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select, union_all

from monitor import app, config, sources
from monitor.daemon import SPREAD, Daemon
from monitor.domain import SourceState
from monitor.http import PoliteFetcher, site, user_agent
from monitor.matching import Matcher
from monitor.pipeline import Pipeline
from monitor.reading import feeds
from monitor.robots import Robots
from monitor.store import SourceSpec, Store, open_store
from monitor.store.tables import pages as page_rows
from monitor.store.tables import pauses
from monitor.store.tables import sources as source_rows
from tests.standins.cast import Cast
from tests.standins.etiquette import Known
from tests.standins.manners import DAY, MINUTE, Exchange
from tests.standins.scripted import START, TOPICS, Clock, WordClassifier
from tests.standins.sites import Sites

# -- what should come of it ------------------------------------------------------------------------


_BLOCKED = {401, 403, 429}


@dataclass
class Witness:
    """What one source was shown, as its polls went by."""

    condition: str = ""  #: as it should be told after the last poll; "" where nobody can say
    shown: set[str] = field(default_factory=set)  #: items that name the brand
    listed: set[str] = field(default_factory=set)  #: the last list of items that was not empty
    read_at: datetime | None = None
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)

    def polled(self, e: Exchange) -> None:
        """``e`` is the last exchange of a poll."""
        self.condition = condition(e)
        if self.condition == "seen":
            if e.status == 200:
                self._read(e)
            self.read_at = e.at

    def _read(self, e: Exchange) -> None:
        items = re.findall(r"<guid>(.*?)</guid>.*?<description>(.*?)<", e.body.decode())
        listed = {key for key, _ in items}
        if self.listed and listed and self.read_at and not self.listed & listed:
            self.gaps.append((self.read_at, e.at))
        self.listed = listed or self.listed
        self.shown |= {key for key, text in items if "Acme" in text}


def condition(e: Exchange) -> str:
    """How a source is to be told of whose last poll ended so; "seen" is ok or quiet."""
    if e.status == 410:
        return "parked"
    if e.status in _BLOCKED or b"<html" in e.body:
        return "blocked"
    return "seen" if e.status == 304 or (e.whole and b"<rss" in e.body) else "failing"


# -- the run ---------------------------------------------------------------------------------------


_CLAIMED = (source_rows, page_rows)


@dataclass(frozen=True)
class _Watched(Pipeline):
    """The pipeline, with an eye on each poll."""

    watch: Callable[[SourceState, Callable[[], int]], int] = lambda _state, poll: poll()

    def poll(self, state: SourceState) -> int:
        return self.watch(state, lambda: super(_Watched, self).poll(state))


class Month:
    """The collecting half of the daemon, whose beats are told when to come."""

    def __init__(self, folder: Path, played: Cast, restarts: Sequence[tuple[float, float]]) -> None:
        """``restarts``: (day, hours of standstill) each."""
        self.cast, self.folder = played, folder
        self.clock = Clock()
        routes = {f.address: f for f in played.feeds.values()} | played.comments | played.web
        self.sites = Sites(self.clock, routes | {a: r for a, (_, r) in played.others.items()})
        self.stops = [(START + day * DAY, timedelta(hours=hours)) for day, hours in restarts]
        self.restarts: list[datetime] = []
        self.witnesses: dict[str, Witness] = defaultdict(Witness)
        self.wrong: list[str] = []  #: conditions that were told otherwise than they were

    def run(self, days: float) -> None:
        """Let the days pass."""
        self.store, self.daemon = self._built()
        end = START + days * DAY
        while (due := self._next_due()) <= end:
            if self.stops and due > self.stops[0][0]:
                self._restart(*self.stops.pop(0))
                continue
            self.clock.at = max(self.clock.at, due)
            self._beat()
        self.clock.at = end

    def _beat(self) -> None:
        """One beat of the daemon, which hands out again while the first polls still run.

        Pages come after them: there the clock is moved by who waits, for all.
        """
        for _ in range(2):
            self.daemon._tick()
        wait(self.daemon._polling)
        self.daemon._read()
        wait(self.daemon._reading)
        self.clock.passes(seconds=1)

    def _watch(self, state: SourceState, poll: Callable[[], int]) -> int:
        witness, before = self.witnesses[state.source], len(self.sites.log)
        told = state.condition(self.clock()).replace("quiet", "ok")
        if witness.condition.replace("seen", "ok") not in ("", told):
            last = f"{self.clock():%d %b %H:%M} {state.source}: {state.last_error or 'fine'}"
            self.wrong.append(f"{last} is told as {told}, not as {witness.condition}")
        new = poll()
        places = self._places(state)
        if asked := [e for e in self.sites.log[before:] if e.address in places]:
            witness.polled(asked[-1])
        else:
            witness.condition = ""  # its host rests
        return new

    def _places(self, state: SourceState) -> set[str]:
        """Addresses that only a poll of this source asks."""
        if state.follows:
            url = urlsplit(state.url)
            return {f"{url.hostname}{url.path}"}
        led = {address for address, (name, _) in self.cast.others.items() if name == state.source}
        return {self.cast.feeds[state.source].address, *led}

    def _next_due(self) -> datetime:
        """When something is due at a host that does not rest; till then beats find nothing."""
        with self.store._database.read() as tx:
            rests = {row.target: row.until for row in tx.execute(select(pauses))}
            due = union_all(
                *(select(t.c.due_at, t.c.host).where(t.c.due_at.is_not(None)) for t in _CLAIMED)
            )
            return min(max(at, rests.get(f"host:{host}", at)) for at, host in tx.execute(due).all())

    def _restart(self, at: datetime, standstill: timedelta) -> None:
        self.close()
        self.clock.at = at + standstill
        self.restarts.append(self.clock.at)
        self.store, self.daemon = self._built()
        self.store.spread(self.clock(), SPREAD)

    def close(self) -> None:
        for pool in (self.daemon._pool, self.daemon._readers):
            pool.shutdown()
        self.store.close()

    def _built(self) -> tuple[Store, Daemon]:
        """The product with its clock and names simulated, and without a channel to people."""
        settings = config.parse(self._toml(), "test")
        fetch = PoliteFetcher(
            user_agent("https://acme.example/bot"),
            self.clock,
            settings.http.allow_private,
            resolve=self.sites.resolve,
            monotonic=lambda: (self.clock() - START).total_seconds(),
            sleep=self._sleep,
        )
        store = open_store(settings.monitor.database)
        specs = [
            SourceSpec(t.name, t.kind, "as before", site(t.options["url"])) for t in settings.source
        ]
        store.sync(specs, ["Acme"], self.clock())
        built = {
            t.name: sources.KINDS[t.kind](t.name, t.kind, fetch, **t.options)
            for t in settings.source
        }
        pipeline = _Watched(
            store=store,
            now=self.clock,
            sources=built,
            matcher=Matcher(app.brands(settings)),
            topics=TOPICS,
            classifier=WordClassifier(),
            notifiers={},
            policy=app.policy(settings),
            follow=lambda state: sources.comments(state, fetch, feeds.read),
            fetch_page=Robots(fetch, fetch.user_agent, self.clock, self._sleep),
            busy=fetch.busy,
            watch=self._watch,
        )
        return store, Daemon(pipeline, beat=timedelta())

    def _sleep(self, seconds: float) -> None:
        self.clock.passes(seconds=seconds)

    def _toml(self) -> str:
        tables = [
            f'[monitor]\ndatabase = "sqlite:///{self.folder / "m.db"}"\n',
            '[http]\nallow_private = ["127.0.0.0/8"]\n[[brand]]\nname = "Acme"\n',
        ]
        for name, feed in self.cast.feeds.items():
            teasers = str(name == "stub").lower()
            tables.append(f'[[source]]\nname = "{name}"\nkind = "feed"\nfull_text = {teasers}\n')
            tables.append(f'url = "{self.sites.url(feed.address)}"\n')
            if every := self.cast.every.get(name):
                tables.append(f'every = "{every / MINUTE:.0f}m"\n')
        return "".join(tables)

    # -- what came of it ---------------------------------------------------------------------------

    @property
    def known(self) -> Known:
        """For ``etiquette.score``."""
        consent = {feed.address: self.cast.every.get(n) for n, feed in self.cast.feeds.items()}
        cast = self.cast
        return Known(consent, cast.pages, list(cast.comments), cast.crawl_delay, self.restarts)

    def read(self) -> set[str]:
        """Addresses of the pages that were sent."""
        sent = {e.address for e in self.sites.log if e.status == 200 and e.whole}
        return sent & self.cast.pages.keys()

    def shown(self) -> Counter[str]:
        """Items that name the brand, or whose page does."""
        named = {e.address for e in self.sites.log if e.status == 200 and b"Acme" in e.body}
        paged = {address.partition("/")[2] for address in named & self.read()}
        return Counter(paged.union(*(seen.shown for seen in self.witnesses.values())))

    def kept(self) -> Counter[str]:
        """How often each item is stored."""
        return Counter(judged.mention.post.external_id for judged in self.store.mentions())
