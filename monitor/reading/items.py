"""What every feed format comes down to: items with an identity, an address and a text.

An item's id is the same at every poll, whatever address the feed is fetched by.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from monitor.text import breaks_off, plain

MAX_ITEMS = 2_000  #: of one feed; the newest are kept
MAX_ID = 200  #: characters; a longer id is hashed
MAX_LINK = 2_000  #: characters; a longer link is left out
SHORT = 600  #: characters of plain text; a shorter one is taken for a teaser
YEARS = range(1971, 2101)  #: a date outside is no date; 1970 is what an unset clock says


class FeedError(ValueError):
    """These bytes are no feed.

    Args:
        why: names what they are instead, as "an HTML page", and holds nothing of them.
        blocked: they are a page for people: a login, a captcha, a notice.
    """

    def __init__(self, why: str, *, blocked: bool = False) -> None:
        super().__init__(why)
        self.blocked = blocked


class ReadingFailed(ValueError):  # noqa: N818 - it completes "its feed ..."
    """Reading was given up; the text says why: "took more than 300 MB to read"."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a feed. ``title`` and ``html`` are HTML, not to be trusted."""

    id: str  #: guid or id, else link, else a hash; printable, 1 to 200 characters
    link: str  #: absolute http(s) address, or ""
    title: str
    author: str  #: a name, plain text
    published: datetime | None  #: aware UTC; the site's claim, else when it was last changed
    html: str  #: the longest of content and summary
    rating: float | None = None  #: 0.0 (worst) .. 1.0; no plain feed has one
    comment_feed: str = ""  #: http(s) address of the feed with its comments
    comment_count: int | None = None  #: comments so far, where the feed says so
    in_reply_to: str | None = None  #: id of the entry it answers (RFC 4685), shaped as ``id``
    teaser: bool = False  #: ``html`` seems to be only the beginning of what stands at ``link``


@dataclass(frozen=True, slots=True)
class Pace:
    """What a publisher says about how often to come."""

    every: timedelta | None = None  #: how long a copy is good for (RSS ttl, sy:updatePeriod)
    skip_hours: frozenset[int] = frozenset()  #: hours of the day, UTC, 0..23, to stay away in
    skip_days: frozenset[int] = frozenset()  #: days of the week, Monday is 0


@dataclass(frozen=True, slots=True)
class Feed:
    """What one body holds."""

    items: tuple[Item, ...]  #: in the feed's order, at most MAX_ITEMS
    title: str = ""  #: HTML
    pace: Pace = Pace()
    hub: str = ""  #: WebSub: http(s) address of who tells of new items at once ...
    topic: str = ""  #: ... and the one that it knows this feed by
    rejected: tuple[str, ...] = ()  #: one reason for each item, or lot of items, left out
    cut_off: bool = False  #: the document breaks off: more items may exist
    marks: str = ""  #: of all items, read or known (see ``slices``); "" where it was read whole


def collect(
    make: Callable[[Any], Item], entries: Iterable[Any]
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Make items of a format's entries and say what was left out; a bad one spoils only itself."""
    items: list[Item] = []
    rejected: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            items.append(make(entry))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
            rejected.append(f"item {number}: cannot be read ({type(e).__name__})")
    kept = _newest(items)
    if len(kept) < len(items):
        rejected.append(f"{len(items) - len(kept):,} items beyond the newest {MAX_ITEMS:,}")
    return tuple(kept), tuple(rejected)


def _newest(items: list[Item]) -> list[Item]:
    """At most MAX_ITEMS; what has no date counts as new."""
    if len(items) <= MAX_ITEMS:
        return items
    undated = datetime.max.replace(tzinfo=UTC)
    newest_first = sorted(
        range(len(items)), key=lambda i: items[i].published or undated, reverse=True
    )
    return [items[i] for i in sorted(newest_first[:MAX_ITEMS])]


def identity(given: str, link: str, title: str, rest: str) -> str:
    """What tells an item from the others of its feed.

    Args:
        given: the id that the feed gives, or "".
        rest: its date as written, or its text where it has none.
    """
    return short(given) or short(link) or _hashed(title, rest)


def short(text: str) -> str:
    """An id fit to be stored: itself, or its hash where it is long or unprintable."""
    text = text.strip()
    return text if len(text) <= MAX_ID and text.isprintable() else _hashed(text)


def _hashed(*parts: str) -> str:
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(joined).hexdigest()}"


def address(base_url: str, link: str) -> str:
    """A link as an absolute http(s) address, or ""."""
    if not link:
        return ""
    try:
        url = urljoin(base_url, re.sub(r"[\x00-\x1f\x7f]", "", link.strip())).replace(" ", "%20")
        parts = urlsplit(url)
        url.encode()
    except ValueError:
        return ""
    usable = parts.scheme in ("http", "https") and parts.hostname and len(url) <= MAX_LINK
    return url if usable else ""


def is_teaser(markup: str) -> bool:
    """Whether a text is short or breaks off."""
    if len(markup) < SHORT:
        return True
    text = plain(markup)
    return len(text) < SHORT or breaks_off(text)


def as_html(text: str) -> str:
    """Plain text as HTML that reads the same."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def likely(moment: datetime) -> datetime | None:
    """The moment in UTC, or None for a year that no feed can mean."""
    try:
        return moment.astimezone(UTC) if moment.year in YEARS else None
    except OverflowError:
        return None


def rfc3339(text: str) -> datetime | None:
    """An RFC 3339 date in UTC, which it is in where it names no offset; None if it is none."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return likely(given if given.tzinfo else given.replace(tzinfo=UTC))
