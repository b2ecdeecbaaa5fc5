"""A month in the life of the real pipeline: feeds, faults and restarts by seed, on a clock that
jumps from one due time to the next.

What should have come of it is read off the wire, not off the script: an item counts as shown when
a body that held it was sent in full.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from monitor import app, config
from monitor.daemon import SPREAD
from monitor.domain import SourceState
from monitor.http import PoliteFetcher, site, user_agent
from monitor.matching import Matcher
from monitor.pipeline import Pipeline
from monitor.sources import KINDS
from monitor.store import SourceSpec, Store, open_store
from monitor.store.tables import sources as source_rows
from tests.standins.manners import DAY, HOUR, MINUTE, Exchange
from tests.standins.scripted import START, TOPICS, Clock, WordClassifier
from tests.standins.sites import (
    Feed,
    Item,
    Route,
    Sites,
    Spell,
    cut_off,
    flood,
    status,
    to,
    until_date,
)

CAPTCHA = "<!doctype html><html><title>Just a moment...</title>Are you a human?</html>"
LOST = "<!doctype html><html><title>Welcome</title>Our new site</html>"
EMPTY = '<rss version="2.0"><channel><title>none</title></channel></rss>'
ZONE = "%a, %d %b %Y %H:%M:%S +0000"  #: a Last-Modified as it should not be, to be sent back so
SY = "<sy:updatePeriod>{}</sy:updatePeriod><sy:updateFrequency>{}</sy:updateFrequency>"


@dataclass(frozen=True)
class Cast:
    """The feeds of a month, by the names of their sources."""

    feeds: dict[str, Feed]
    every: dict[str, timedelta]  #: what the operator consented to
    others: dict[str, Route]  #: addresses that redirects lead to
    gaps: tuple[str, ...]  #: sources of which the server hides something


def cast(seed: int) -> Cast:
    """Feeds with all kinds of validators, wishes and faults, on hosts of their own or shared."""
    chance = random.Random(seed)

    def feed(address: str, per_day: float = 1.0, **how: Any) -> Feed:
        return Feed(address, _items(chance, address, per_day), **how)

    feeds = {
        "burst": feed("burst.example/feed", shows=6),
        "moving": feed("old.example/rss", etag="", dated=ZONE),
        "away": feed("away.example/atom?format=rss", etag='"{}-gzip', dated=""),
        "gone": feed("gone.example/feed", per_day=0.2, renews=True),
        "bare": feed("bare.example/", etag="", dated=""),
        "fresh": feed("fresh.example/feed", headers={"Cache-Control": "public, max-age=21600"}),
        "expiring": feed("expiring.example/feed", stays=5 * HOUR),
        "ttl": feed("ttl.example/feed", hints="<ttl>180</ttl>"),
        "sleeper": feed("sleeper.example/feed", hints=_skips(range(7), "Sunday")),
        "slow": feed("slow.example/feed", hints=SY.format("daily", 2), per_day=0.1),
        "wordpress": feed("blog.wp.example/feed/", hints=SY.format("hourly", 1)),
        "one": feed("crowd.example/one"),
        "two": feed("crowd.example/two", headers={"Cache-Control": "max-age=7200"}),
        "three": feed("crowd.example/three"),
        "flaky": feed("flaky.example/feed"),
        "walled": feed("walled.example/feed"),
        "quick": feed("quick.example/feed", per_day=6),
    }
    return Cast(feeds, {"quick": 45 * MINUTE}, _faults(feeds, chance), ("burst",))


def _items(chance: random.Random, address: str, per_day: float) -> list[Item]:
    """Every second one names the brand, on average."""
    items: list[Item] = []
    at = START - 8 * DAY
    while at < START + 31 * DAY:
        at += DAY * chance.expovariate(per_day)
        about = chance.choice(["Acme, a tale", "The roses are out"])
        at = at.replace(microsecond=0)
        items.append(
            Item(f"{address.split('.')[0]}{address.split('/')[1]}-{len(items)}", at, about)
        )
    return items


def _skips(hours: range, day: str) -> str:
    skipped = "".join(f"<hour>{hour}</hour>" for hour in hours)
    return f"<skipHours>{skipped}</skipHours><skipDays><day>{day}</day></skipDays>"


def _faults(feeds: dict[str, Feed], chance: random.Random) -> dict[str, Route]:
    """Give the feeds their spells; what the redirects among them lead to."""

    def spell(name: str, first_day: float, days: float, answer: Route) -> None:
        since = START + (first_day + chance.random() / 2) * DAY
        feeds[name].spells = (*feeds[name].spells, Spell(since, since + days * DAY, answer))

    spell("burst", 20, 0.3, status(200, EMPTY))
    spell("one", 3, 0.4, status(429, Retry_After="10800"))
    spell("two", 8, 0.4, until_date(503, 4 * HOUR))
    spell("three", 14, 0.5, status(429))
    spell("one", 21, 0.2, status(503))
    spell("wordpress", 5, 0.5, status(429))
    spell("wordpress", 12, 1.5, status(429, CAPTCHA, Retry_After="172800"))
    spell("flaky", 2, 0.8, status(404))
    spell("flaky", 5, 0.6, status(500))
    spell("flaky", 8, 0.4, cut_off(feeds["flaky"]))
    spell("flaky", 10, 0.3, status(200))
    spell("flaky", 12, 0.5, status(200, CAPTCHA))
    spell("flaky", 14, 0.3, status(200, LOST))
    spell("flaky", 16, 0.2, flood)
    spell("flaky", 18, 11, status(404))
    spell("gone", 11, 30, status(410))
    spell("walled", 17, 30, status(403))
    spell(
        "away",
        4,
        3,
        to(
            "tmp.example/here",
        ),
    )
    spell("away", 10, 0.5, to("away.example/atom?format=rss"))
    spell("away", 15, 2, to("tmp.example/1", 307))
    spell("moving", 6, 30, to("new.example/feed", 301))
    _burst(feeds["burst"], START + 9.6 * DAY)
    return {
        "tmp.example/here": feeds["away"].page,
        "tmp.example/1": to("tmp.example/2"),
        "tmp.example/2": to("tmp.example/here"),
        "new.example/feed": feeds["moving"].page,
    }


def _burst(feed: Feed, at: datetime) -> None:
    """More items within minutes than the feed shows."""
    sudden = [Item(f"sudden-{n}", at + n * MINUTE / 2, "Acme, a tale") for n in range(14)]
    feed.items = sorted([*feed.items, *sudden], key=lambda item: item.at)


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


class Month:
    """The collecting half of the pipeline as the daemon runs it, one poll at a time."""

    def __init__(self, folder: Path, played: Cast, restarts: Sequence[tuple[float, float]]) -> None:
        """``restarts``: (day, hours of standstill) each."""
        self.cast, self.folder = played, folder
        self.clock = Clock()
        self.sites = Sites(
            self.clock, {f.address: f for f in played.feeds.values()} | played.others
        )
        self.stops = [(START + day * DAY, timedelta(hours=hours)) for day, hours in restarts]
        self.restarts: list[datetime] = []
        self.witnesses: dict[str, Witness] = defaultdict(Witness)
        self.wrong: list[str] = []  #: conditions that were told otherwise than they were

    def run(self, days: float) -> None:
        """Let the days pass."""
        self.store, self.pipeline = self._built()
        end = START + days * DAY
        while (due := self._next_due()) <= end:
            if self.stops and due > self.stops[0][0]:
                self._restart(*self.stops.pop(0))
                continue
            self.clock.at = max(self.clock.at, due)
            claimed = self.pipeline.claim_sources(len(self.cast.feeds), self.pipeline.busy())
            for state in claimed:
                self._poll(state)
            if not claimed:
                self.clock.passes(seconds=1)  # the daemon's beat
        self.clock.at = end

    def _poll(self, state: SourceState) -> None:
        witness, before = self.witnesses[state.source], len(self.sites.log)
        told = state.condition(self.clock()).replace("quiet", "ok")
        if witness.condition.replace("seen", "ok") not in ("", told):
            last = f"{self.clock():%d %b %H:%M} {state.source}: {state.last_error or 'fine'}"
            self.wrong.append(f"{last} is told as {told}, not as {witness.condition}")
        self.pipeline.poll(state)
        if len(self.sites.log) > before:
            witness.polled(self.sites.log[-1])
        else:
            witness.condition = ""  # its host rests

    def _next_due(self) -> datetime:
        with self.store._database.read() as tx:
            due: datetime | None = tx.scalar(select(func.min(source_rows.c.due_at)))
        assert due is not None, "every source is parked"
        return due

    def _restart(self, at: datetime, standstill: timedelta) -> None:
        self.store.close()
        self.clock.at = at + standstill
        self.restarts.append(self.clock.at)
        self.store, self.pipeline = self._built()
        self.store.spread(self.clock(), SPREAD)

    def _built(self) -> tuple[Store, Pipeline]:
        """The product with its clock and names simulated, and without a channel to people."""
        settings = config.parse(self._toml(), "test")
        fetch = PoliteFetcher(
            user_agent("https://acme.example/bot"),
            self.clock,
            settings.http.allow_private,
            resolve=self.sites.resolve,
            monotonic=lambda: (self.clock() - START).total_seconds(),
            sleep=lambda seconds: self.clock.passes(seconds=seconds),
        )
        store = open_store(settings.monitor.database)
        specs = [
            SourceSpec(t.name, t.kind, "as before", site(t.options["url"])) for t in settings.source
        ]
        store.sync(specs, ["Acme"], self.clock())
        built = {t.name: KINDS[t.kind](t.name, t.kind, fetch, **t.options) for t in settings.source}
        return store, Pipeline(
            store=store,
            now=self.clock,
            sources=built,
            matcher=Matcher(app.brands(settings)),
            topics=TOPICS,
            classifier=WordClassifier(),
            notifiers={},
            policy=app.policy(settings),
            busy=fetch.busy,
        )

    def _toml(self) -> str:
        tables = [
            f'[monitor]\ndatabase = "sqlite:///{self.folder / "m.db"}"\n',
            '[http]\nallow_private = ["127.0.0.0/8"]\n[[brand]]\nname = "Acme"\n',
        ]
        for name, feed in self.cast.feeds.items():
            tables.append(f'[[source]]\nname = "{name}"\nkind = "feed"\nfull_text = false\n')
            tables.append(f'url = "{self.sites.url(feed.address)}"\n')
            if every := self.cast.every.get(name):
                tables.append(f'every = "{every / MINUTE:.0f}m"\n')
        return "".join(tables)

    # -- what came of it ---------------------------------------------------------------------------

    def kept(self) -> dict[str, Counter[str]]:
        """How often each item is stored, by source."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for judged in self.store.mentions():
            post = judged.mention.post
            found[post.source][post.external_id] += 1
        return found
