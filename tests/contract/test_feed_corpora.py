"""Thousands of feeds that others collected: no traceback, and feedparser's own item counts.

Here a part of the blog feeds and all of the small samples; ``make bench`` reads every one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.corpora import archive, explained, ours, theirs

pytestmark = pytest.mark.corpora


@pytest.mark.parametrize(
    ("name", "every", "files"),
    [
        ("blog-feeds", 12, 9),
        ("gofeed-testdata", 1, 1091),
        ("rss-parser-samples", 1, 60),
        ("feedjira-samples", 1, 43),
    ],
)
def test_item_counts_are_feedparsers_or_explained(
    corpora: Path, name: str, every: int, files: int
) -> None:
    bodies = dict(sorted(archive(corpora, name).items())[::every])
    counts = {path: (ours(body), theirs(body)) for path, body in bodies.items()}
    unexplained = {
        path: found for path, found in counts.items() if not explained(bodies[path], *found)
    }
    assert unexplained == {}
    assert len(bodies) == files, "the corpus is whole"


def test_the_feed_that_feedparser_cannot_read(corpora: Path) -> None:
    """Its elements carry a prefix that is declared nowhere."""
    body = archive(corpora, "blog-feeds")["7ef13a42fa7e177a"]
    assert (ours(body), theirs(body)) == (35, 0)
