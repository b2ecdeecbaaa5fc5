"""Readability's pages of $MONITOR_CORPORA: asking whether a name is there at all, and the article.

Almost every page that is fetched for its full text names no brand. What such a miss costs stands
here beside what trafilatura costs, which would otherwise read each of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trafilatura import extract

from monitor.domain import Post
from monitor.matching import Brand, Matcher
from monitor.reading import pages
from tests.bench.bars import Bar, show_bars
from tests.bench.corpora import archive

ABSENT = "Quiltworks"
TIMES = 15  #: that a miss must be cheaper


def main() -> list[str]:
    """Print the figures; needs $MONITOR_CORPORA. Returns the promises that do not hold."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("pages: set MONITOR_CORPORA to the folder that holds readability-pages.tar.xz")
    bars = measure(archive(Path(folder), "readability-pages"))
    show_bars("pages: CPU ms a page, miss against hit", bars)
    return [bar.name for bar in bars if not bar.holds]


def measure(corpus: dict[str, bytes]) -> list[Bar]:
    bodies = [body for path, body in corpus.items() if path.endswith("source.html")]
    texts = [words(body) for body in bodies]
    matcher = Matcher([Brand(ABSENT)])
    extract(bodies[0])  # loads what it needs
    asking = cost(words, bodies)
    matching = cost(lambda text: matcher.mentions(Post("", "feed", "", "", text)), texts)
    article = cost(lambda body: pages.article(body, ""), bodies, rounds=1)
    theirs = cost(extract, bodies, rounds=1)
    return [
        Bar("pages", len(bodies)),
        Bar("share of an article's words found", recall(corpus), 0.99),
        Bar("all words of a page", asking),
        Bar("the matcher on them", matching),
        Bar("its article, as we ask trafilatura", article),
        Bar("its article, trafilatura's defaults", theirs),
        Bar("times cheaper: words, trafilatura's defaults", theirs / asking),
        Bar("times cheaper: words and matcher, its defaults", theirs / (asking + matching), TIMES),
        Bar("times cheaper: words, as we ask trafilatura", article / asking),
    ]


def words(body: bytes) -> str:
    return pages.words(pages.tree(body, ""))


def recall(corpus: dict[str, bytes]) -> float:
    """Mean share of the words of the expected article that are among all words of the page."""
    shares = []
    for path, body in corpus.items():
        if path.endswith("expected.html"):
            wanted = set(words(body).split())
            found = set(words(corpus[str(Path(path).with_name("source.html"))]).split())
            shares.append(len(wanted & found) / max(1, len(wanted)))
    return sum(shares) / len(shares)


def cost(work: Callable[[Any], object], on: Sequence[Any], rounds: int = 3) -> float:
    """Milliseconds of CPU each, of the best of some rounds."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        for each in on:
            work(each)
        spent.append(time.process_time() - start)
    return min(spent) / len(on) * 1000


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
