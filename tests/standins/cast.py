"""The feeds, comments and pages of a month, with their faults, by seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.standins.manners import DAY, HOUR, MINUTE, Page
from tests.standins.scripted import START
from tests.standins.sites import (
    Feed,
    Item,
    Route,
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
    others: dict[str, tuple[str, Route]]  #: where a source's redirects lead
    gaps: tuple[str, ...]  #: sources of which the server hides something
    comments: dict[str, Feed]  #: by address: those that are to be followed
    pages: dict[str, Page]  #: by address: those behind teasers that are news
    web: dict[str, Route]  #: by address: pages and robots.txt
    crawl_delay: dict[str, timedelta]  #: by host


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
        "flaky": feed("flaky.example/feed"),
        "walled": feed("walled.example/feed"),
        "quick": feed("quick.example/feed", per_day=6),
        "talk": Feed("talk.example/feed", _talk()),
        "stub": Feed("stub.example/feed", _stubs()),
    }
    others = _faults(feeds, chance)
    comments = {f.address: f for f in map(_comments, feeds["talk"].items) if f.items}
    every = {"quick": 45 * MINUTE}
    return Cast(feeds, every, others, ("burst",), comments, *_web(feeds["stub"]))


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


def _faults(feeds: dict[str, Feed], chance: random.Random) -> dict[str, tuple[str, Route]]:
    """Give the feeds their spells; what the redirects among them lead to."""

    def spell(name: str, first_day: float, days: float, answer: Route) -> None:
        since = START + (first_day + chance.random() / 2) * DAY
        feeds[name].spells = (*feeds[name].spells, Spell(since, since + days * DAY, answer))

    spell("burst", 20, 0.3, status(200, EMPTY))
    spell("one", 3, 0.4, status(429, Retry_After="10800"))
    spell("two", 8, 0.4, until_date(503, 4 * HOUR))
    spell("two", 14, 0.5, status(429))
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
    spell("quick", 7, 30, status(410))
    spell("walled", 17, 30, status(403))
    spell("away", 4, 3, to("tmp.example/here"))
    spell("away", 10, 0.5, to("away.example/atom?format=rss"))
    spell("away", 15, 2, to("tmp.example/1", 307))
    spell("moving", 6, 30, to("new.example/feed", 301))
    _burst(feeds["burst"], START + 9.6 * DAY)
    return {
        "tmp.example/here": ("away", feeds["away"].page),
        "tmp.example/1": ("away", to("tmp.example/2")),
        "tmp.example/2": ("away", to("tmp.example/here")),
        "new.example/feed": ("moving", feeds["moving"].page),
    }


def _burst(feed: Feed, at: datetime) -> None:
    """More items within minutes than the feed shows."""
    sudden = [Item(f"sudden-{n}", at + n * MINUTE / 2, "Acme, a tale") for n in range(14)]
    feed.items = sorted([*feed.items, *sudden], key=lambda item: item.at)


# -- comments and pages ----------------------------------------------------------------------------


FORBIDDEN = "private/"  #: no robot may go there
CRAWL_DELAY = 40  #: seconds
ROBOTS = f"User-agent: *\nDisallow: /{FORBIDDEN}\nCrawl-delay: {CRAWL_DELAY}\n"
FAILING, MISSING = "talk-2", "talk-3"  #: posts whose comments answer 500 for days, and never
LOST_PAGE = "stub.example/stub-10"  #: answers 500


def _talk() -> list[Item]:
    """Posts with comment feeds; the first was there before us, the last names nobody."""
    texts = ["Acme, a tale"] * 4 + ["The roses are out"]
    days = (-3.0, 1.1, 4.3, 6.6, 12.2)
    return [
        Item(f"talk-{n}", START + day * DAY, text, f"talk.example/talk-{n}/comments")
        for n, (day, text) in enumerate(zip(days, texts, strict=True))
    ]


def _comments(post: Item) -> Feed:
    """Of the posts that are to be followed: comments for two days, ever fewer; of others none."""
    followed = post.at > START and "Acme" in post.text
    hours = (0.5, 3, 4, 26, 50) if followed else ()
    items = [
        Item(f"{post.key}-c{n}", post.at + hour * HOUR, "Acme too" if n % 3 else "Thanks")
        for n, hour in enumerate(hours)
    ]
    spells = {
        FAILING: [Spell(post.at + 6 * HOUR, post.at + 54 * HOUR, status(500))],
        MISSING: [Spell(post.at, post.at + 90 * DAY, status(404))],
    }
    return Feed(post.comments, items, spells=spells.get(post.key, ()))


def _stubs() -> list[Item]:
    """Teasers, some at once; the first was there before us, and robots may not read all."""
    days = (-2, 1, 1.001, 1.002, 5, 9, 9.001, 9.002, 9.003, 16, 22, 27)
    return [
        Item(f"{FORBIDDEN if n in (4, 7) else ''}stub-{n}", START + day * DAY, _teaser(n))
        for n, day in enumerate(days)
    ]


def _teaser(n: int) -> str:
    return "Acme once more ..." if n in (3, 4) else "What happened to us today ..."


def _web(stub: Feed) -> tuple[dict[str, Page], dict[str, Route], dict[str, timedelta]]:
    host = stub.address.partition("/")[0]
    pages, web = {}, {}
    for n, item in enumerate(stub.items):
        tale = f"We bought a {'plug' if n % 4 == 1 else 'plug by Acme'} and it broke at once. "
        page = f"<html><body><article><p>{tale * 9}</p></article></body></html>"
        address = f"{host}/{item.key}"
        web[address] = status(200, page, Content_Type="text/html")
        if address == LOST_PAGE:
            web[address] = status(500)
        if item.at > START:
            pages[address] = Page(MINUTE, FORBIDDEN not in item.key, once=True)
    web[f"{host}/robots.txt"] = status(200, ROBOTS)
    return pages, web, {host: timedelta(seconds=CRAWL_DELAY)}
