"""What one poll costs beside what one would write or take instead: feedparser alone, ``reader``.

The same feeds from the same server over TLS, each read once before: 70 of 100 say 304, 28 send the
same body, 2 have a new item. ``reader`` is installed into an environment of its own where it can
be, because it is no part of this project.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import feedparser
import urllib3
from rich.console import Console
from rich.table import Table

from tests.bench import rounds

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


def main() -> None:
    """Run the benchmark; needs $MONITOR_CORPORA and the openssl command."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("polls: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        used, *_ = rounds.measure(Path(folder), place, FEEDS)
        with rounds.serving(Path(folder), place) as known:
            urls = [f"https://127.0.0.1:{known['port']}/{i}" for i in range(FEEDS)]
            Console().print(table(used.cpu * 1000, naive(urls, place), reader(urls, place)))


def table(ours: float, naive: float, reader: float | None) -> Table:
    shown = Table("", "CPU ms a poll", "times ours", "bar", title="one poll, mix 70/28/2, TLS")
    shown.add_row("monitor: claim, fetch, parse, store, judge", f"{ours / FEEDS:.2f}", "1", "")
    row = f"{naive / FEEDS:.2f}", f"{naive / ours:.1f}", ">= 40"
    shown.add_row("fetch and parse everything with feedparser's defaults", *row)
    if reader is None:
        shown.add_row("reader", "does not install here", "", ">= 8")
    else:
        shown.add_row("reader", f"{reader / FEEDS:.2f}", f"{reader / ours:.1f}", ">= 8")
    return shown


def naive(urls: Sequence[str], place: Path) -> float:
    """CPU milliseconds of what everybody writes first."""
    pool = urllib3.PoolManager(ca_certs=str(place / "cert.pem"))
    before = time.process_time()
    for url in urls:
        feedparser.parse(BytesIO(pool.request("GET", url).data))
    return (time.process_time() - before) * 1000


def reader(urls: Sequence[str], place: Path) -> float | None:
    """CPU milliseconds of its second round; None where it cannot be installed."""
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
        return None
    done = subprocess.run(
        [python, "-c", READER, place / "reader.db"],
        input="\n".join(urls),
        capture_output=True,
        text=True,
        check=False,
    )
    return float(done.stdout) if done.returncode == 0 else None


if __name__ == "__main__":
    main()
