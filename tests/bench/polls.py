"""What one poll costs beside what one would write or take instead: feedparser alone, ``reader``.

The same feeds from the same server over TLS, each read once before: 70 of 100 say 304, 28 send the
same body, 2 have a new item. ``reader`` is installed into an environment of its own where it can
be, because it is no part of this project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from ipaddress import ip_network
from math import isnan, nan
from pathlib import Path

import feedparser
import urllib3

from monitor import app
from monitor.http import PoliteFetcher
from monitor.reading.workers import Readers
from monitor.sources.feed import Feed
from tests.bench import rounds
from tests.bench.bars import Bar, show_bars

FEEDS = 424  #: each of the corpus four times

READER = """
import sys, time
from reader import make_reader
reader = make_reader(sys.argv[1])
for url in sys.stdin.read().split():
    reader.add_feed(url)
reader.update_feeds(scheduled=False)
before = time.process_time()
reader.update_feeds(scheduled=False)
print((time.process_time() - before) * 1000)
"""


def main() -> bool:
    """Whether a promise falls short; needs $MONITOR_CORPORA and the openssl command."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("polls: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        used, *_ = rounds.measure(Path(folder), place, FEEDS)
        with rounds.serving(Path(folder), place) as known:
            urls = [f"https://127.0.0.1:{known['port']}/{i}" for i in range(FEEDS)]
            asking = asked(urls, place, known["pid"])
            bars = promises(used.cpu * 1000, asking, naive(urls, place), reader(urls, place))
    show_bars("CPU of one poll, mix 70/28/2, TLS", bars)
    return not all(bar.holds for bar in bars)


def promises(ours: float, asking: float, naive: float, reader: float) -> list[Bar]:
    """Fetching and parsing beside the same by feedparser; a whole round beside ``reader``'s."""
    return [
        Bar("ours, ms: fetch, compare, parse", asking / FEEDS),
        Bar("fetch and parse all with feedparser's defaults, ms", naive / FEEDS),
        Bar("times ours", naive / asking, 40),
        Bar("ours, ms: claim, fetch, parse, store, judge", ours / FEEDS),
        Bar("feedparser's defaults, times that", naive / ours),
        Bar("the round of reader, ms (nan: it does not install here)", reader / FEEDS),
        Bar("times ours", reader / ours, None if isnan(reader) else 8),
    ]


def asked(urls: Sequence[str], place: Path, server: int) -> float:
    """CPU milliseconds of our polls alone, with the process that parses."""
    local, trusted = [ip_network("127.0.0.0/8")], str(place / "cert.pem")
    fetch = PoliteFetcher("bench", app.now, local, timedelta(), ca_file=trusted)
    read = Readers()
    read(b"<rss><channel/></rss>", "", "")  # so that the process which parses is there
    cursors = json.loads((place / "cursors.json").read_text())
    before = rounds.used(os.getpid()).cpu - rounds.used(server).cpu
    for url, cursor in zip(urls, cursors, strict=True):
        Feed("bench", "feed", fetch, url, read=read).poll(cursor)
    return (rounds.used(os.getpid()).cpu - rounds.used(server).cpu - before) * 1000


def naive(urls: Sequence[str], place: Path) -> float:
    """CPU milliseconds of what everybody writes first."""
    pool = urllib3.PoolManager(ca_certs=str(place / "cert.pem"))
    before = time.process_time()
    for url in urls:
        feedparser.parse(BytesIO(pool.request("GET", url).data))
    return (time.process_time() - before) * 1000


def reader(urls: Sequence[str], place: Path) -> float:
    """CPU milliseconds of its second round; nan where it cannot be installed."""
    python = place / "reader" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", place / "reader"], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "reader", "sgmllib3k"]
        subprocess.run(pip, check=True, timeout=300, stderr=subprocess.DEVNULL)
        where = subprocess.run(
            [python, "-m", "certifi"], check=True, capture_output=True, text=True
        )
        with Path(where.stdout.strip()).open("a") as trusted:
            trusted.write((place / "cert.pem").read_text())
    except (OSError, subprocess.SubprocessError):
        return nan
    done = subprocess.run(
        [python, "-c", READER, place / "reader.db"],
        input="\n".join(urls),
        capture_output=True,
        text=True,
        check=False,
    )
    return float(done.stdout) if done.returncode == 0 else nan


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
