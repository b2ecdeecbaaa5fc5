"""Real feeds from $MONITOR_CORPORA, and what feedparser itself reads in them."""

from __future__ import annotations

import json
import tarfile
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import feedparser

from monitor.reading import feeds
from monitor.reading.items import FeedError
from monitor.reading.slices import WIDTH

BASE = "http://127.0.0.1/feed"


def archive(folder: Path, name: str) -> dict[str, bytes]:
    """The files of ``name``.tar.xz, by path."""
    with tarfile.open(folder / f"{name}.tar.xz") as tar:
        members = [member for member in tar if member.isfile()]
        return {m.name: found.read() for m in members if (found := tar.extractfile(m))}


def content_type(body: bytes) -> str:
    return "application/feed+json" if body.lstrip().startswith(b"{") else "application/xml"


def theirs(body: bytes) -> int:
    """Items that feedparser finds, given as much as we are."""
    headers = {"content-type": content_type(body), "content-location": BASE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return len(feedparser.parse(BytesIO(body), response_headers=headers)["entries"])


def ours(body: bytes) -> int:
    """Items that we find; 0 in what we refuse."""
    try:
        feed = feeds.read(body, content_type(body), BASE)
    except FeedError:
        return 0
    return len(feed.items) + len(feed.rejected)


def explained(body: bytes, found_by_us: int, found_by_them: int) -> str:
    """Why the two counts may be as they are; "" if they may not."""
    if found_by_us == found_by_them:
        return "equal"
    if found_by_them == 0 and found_by_us == _json_items(body):
        return "JSON Feed, which feedparser does not read"
    if found_by_them == 0 and found_by_us == body.count(b"<rss:item>"):
        return "broken XML declaration, elements of an undeclared prefix"
    return ""


def _json_items(body: bytes) -> int:
    try:
        feed = json.loads(body)
    except ValueError:
        return 0
    return len(feed["items"]) if isinstance(feed, Mapping) and "items" in feed else 0


def in_part(body: bytes) -> str:
    """What differs when each second item is known; "" if nothing, "whole" if it is not cut."""
    try:
        first = feeds.read(body, content_type(body), BASE)
    except FeedError:
        return "whole"
    marks = [first.marks[i : i + WIDTH] for i in range(0, len(first.marks), WIDTH)]
    if not marks or len(marks) != len(first.items):
        return "whole"
    known = set(marks[1::2])
    unseen = tuple(i for i, mark in zip(first.items, marks, strict=True) if mark not in known)
    again = feeds.read(body, content_type(body), BASE, "".join(known))
    if again.items != unseen:
        pairs = zip(unseen, again.items, strict=False)
        return str(next((a, b) for a, b in pairs if a != b)) + f" {len(unseen)} {len(again.items)}"
    return "" if again.marks == first.marks else "marks"
