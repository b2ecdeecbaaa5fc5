"""What reading a feed costs, and whether a part reads as the whole, beside feedparser's defaults.

The blog feeds of $MONITOR_CORPORA, each read four times: by feedparser as it comes, by us for the
first time, with only its newest item new, and with nothing new in other bytes.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import feedparser

from monitor.reading import feeds
from monitor.reading.items import Feed, Item
from monitor.reading.slices import WIDTH
from monitor.text import plain
from tests.bench.bars import Bar, console, show_bars
from tests.bench.corpora import BASE, archive, content_type

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Costs:
    """CPU seconds of all feeds, by way of reading."""

    defaults: float = 0.0
    first: float = 0.0
    newest: float = 0.0
    unchanged: float = 0.0
    whole: int = 0  #: feeds that are read whole every time
    differences: dict[str, str] = field(default_factory=dict)  #: by feed

    def spend(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        done = work()
        setattr(self, name, getattr(self, name) + time.process_time() - start)
        return done


def main() -> list[str]:
    """Run the benchmark; needs $MONITOR_CORPORA. Returns the promises that do not hold."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("parsing: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    bodies = {Path(path).name: body for path, body in archive(Path(folder), "blog-feeds").items()}
    costs = Costs()
    for name, body in bodies.items():
        if difference := compare(costs, body):
            costs.differences[name] = difference
    for name, difference in costs.differences.items():
        console.print(f"{name}: {difference}")
    bars = promises(costs, len(bodies))
    show_bars(f"parsing {len(bodies)} blog feeds, {costs.whole} of them always whole", bars)
    return [bar.name for bar in bars if not bar.holds]


def promises(costs: Costs, feeds_read: int) -> list[Bar]:
    same = 100 * (1 - len(costs.differences) / feeds_read)
    ways = {
        "first read": (costs.first, None),
        "newest item new": (costs.newest, 8.0),
        "nothing new, other bytes": (costs.unchanged, None),
    }
    return [
        Bar("feedparser's defaults, ms of CPU a feed", 1000 * costs.defaults / feeds_read),
        *[Bar(f"{way}, ms", 1000 * spent / feeds_read) for way, (spent, _) in ways.items()],
        *[Bar(f"{way}, times less", costs.defaults / n, bar) for way, (n, bar) in ways.items()],
        Bar("newest entry identical, % of feeds", same, 99),
    ]


def compare(costs: Costs, body: bytes) -> str:
    """Read one feed in every way; how its newest item differs, "" if it does not."""

    def ours(known: str) -> Feed:
        return feeds.read(body, content_type(body), BASE, known)

    theirs = costs.spend("defaults", lambda: defaults(body))
    first = costs.spend("first", lambda: ours(""))
    at = newest(first)
    known = first.marks[: at * WIDTH] + first.marks[(at + 1) * WIDTH :]
    part = costs.spend("newest", lambda: ours(known))
    costs.spend("unchanged", lambda: ours(first.marks))
    if not first.marks:
        costs.whole += 1
    elif len(part.items) != 1:
        return f"{len(part.items)} items are new, not 1"
    return difference(part.items[0 if first.marks else at], theirs, at)


def newest(feed: Feed) -> int:
    dates = [item.published or LONG_AGO for item in feed.items]
    return dates.index(max(dates))


def defaults(body: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = {"content-type": content_type(body)}
        return feedparser.parse(BytesIO(body), response_headers=headers)


def difference(ours: Item, theirs: Any, at: int) -> str:
    if not theirs["entries"]:
        return "feedparser finds no entry in it"
    same = raw(theirs["entries"][at], theirs["feed"] if theirs["version"][:4] == "atom" else {})
    return ", ".join(name for name, value in shown(ours).items() if value != same[name])


def shown(item: Item) -> dict[str, object]:
    """What must be identical."""
    return {
        "id": item.id,
        "link": item.link,
        "title": plain(item.title),
        "author": item.author,
        "date": item.published,
        "text": plain(item.html, 1_000_000, links=False),
    }


def raw(entry: Any, about: Mapping[str, Any]) -> dict[str, object]:
    """The same as feedparser itself gives it, but for the text, which is the longest it has.

    Links that it leaves relative are made absolute; a feed's author (``about``) is its entries'.
    """
    said = dict(entry)  # whose own get() takes one date for another
    by = next((holder for holder in (said, about) if holder.get("author")), {})
    stamp = said.get("published_parsed") or said.get("updated_parsed")
    return {
        "id": said.get("id") or said.get("link"),
        "link": urljoin(BASE, said.get("link", "")).replace(" ", "%20"),
        "title": plain(said.get("title", "")),
        "author": by.get("author_detail", {}).get("name") or by.get("author", ""),
        "date": datetime(*stamp[:6], tzinfo=UTC) if stamp else None,
        "text": plain(feeds._text(entry), 1_000_000, links=False),
    }


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
