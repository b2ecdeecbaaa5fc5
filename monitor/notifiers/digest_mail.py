"""One week's figures as a mail: subject, plain text and HTML, pure and always the same.

The HTML is hand-written tables with percent-width bars, no images, nothing loaded from afar, and
stays under 60 KB whatever the week: rows are counted and texts cut here, the templates only place
them. All outside text is cleaned to one line here and escaped by the template; links are http(s).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from monitor import text
from monitor.digest import Complaint, Day, Figures, SourceLine

NAME, TITLE, SAID = 48, 120, 200  #: characters kept of a name, a title, a quote
WEIGHT = 3  #: bytes a character may weigh in HTML on average; what is all "&" or emoji is cut more
DAYS, COMPLAINTS, PRAISES, SOURCES = 7, 5, 3, 12  #: most rows shown
SMALL = 10  #: below this a change is told in numbers, never in percent

_WEB = re.compile(r"https?://[^\s<>\"']{1,500}")
_MOST_URL = 600  #: bytes of a link in HTML; a longer one is left out
_STATES = {"open": "Open", "acknowledged": "Acknowledged", "auto-closed": "Closed, went quiet"}
_KINDS = ("negative", "neutral", "positive", "unscored")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A digest as its reader gets it."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """One day: ``bar`` is (kind, percent of the width); the last part, "", fills it up to 100."""

    label: str
    total: int
    negative: int
    bar: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A complaint or a praise."""

    title: str
    facts: str
    state: str
    quote: str
    url: str


def render(figures: Figures) -> Rendered:
    """The mail of one brand and week. Equal figures give equal bytes."""
    view = _view(figures)
    html = _templates().get_template("digest.html.j2").render(view)
    twin = _templates().get_template("digest.txt.j2").render(view)
    return Rendered(view["subject"], twin, html)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.notifiers"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["filled"] = filled
    return environment


def filled(words: str, indent: str = "") -> str:
    """``words`` in lines of at most 72 characters, each after ``indent``."""
    return textwrap.fill(
        words,
        72,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _view(figures: Figures) -> dict[str, Any]:
    """What the templates place: cleaned, cut and worded, but not escaped."""
    return {
        "subject": _line(figures.subject, TITLE),
        "brand": _line(figures.brand, NAME),
        "period": _period(figures),
        "sentence": _line(figures.sentence, 3 * SAID),
        "tiles": _tiles(figures),
        "days": _rows(figures.days[:DAYS]) if figures.mentions else [],
        "unscored": figures.unscored,
        "complaints": [_complaint(c, figures) for c in figures.complaints[:COMPLAINTS]],
        "praise": [
            Item("", _line(p.author, NAME), "", _line(p.text, SAID), _web(p.url))
            for p in figures.praise[:PRAISES]
        ],
        "sources": [_source(s) for s in figures.sources[:SOURCES]],
        "more_sources": max(len(figures.sources) - SOURCES, 0),
        "notes": _notes(figures),
        "footer": _footer(figures),
    }


def _line(raw: str, most: int) -> str:
    line = text.cut(" ".join(text.clean(raw).split()), most)
    while _weight(line) > WEIGHT * most:
        line = text.cut(line, len(line) - 1)
    return line


def _weight(words: str) -> int:
    return len(escape(words).encode())


def _web(url: str) -> str:
    fit = _WEB.fullmatch(url) and text.clean(url) == url and _weight(url) <= _MOST_URL
    return url if fit else ""


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# -- the numbers ---------------------------------------------------------------------


def _tiles(figures: Figures) -> list[Tile]:
    mentions, negative = figures.before or (None, None)
    share = _share(figures.negative, figures.mentions)
    return [
        Tile("Mentions", f"{figures.mentions:,}", changed(mentions, figures.mentions)),
        Tile(
            "Negative",
            f"{figures.negative:,}",
            "; ".join(n for n in (share, changed(negative, figures.negative)) if n),
        ),
        Tile("Told to the team", f"{figures.told:,}", "put on a card"),
        Tile("Still open", f"{figures.open_incidents:,}", "complaints nobody has closed"),
    ]


def changed(before: int | None, now: int) -> str:
    """Against the week before; small numbers are never a percentage."""
    if before is None:
        return "no earlier week to compare"
    if before == now:
        return "the same as the week before"
    if before < SMALL:
        return f"{before} the week before"
    percent = round(100 * abs(now - before) / before)
    return f"{'up' if now > before else 'down'} {percent:,} % from {before:,}"


def _share(part: int, whole: int) -> str:
    """``31 % of all``; nothing where the whole is too small for it."""
    return f"{100 * part / whole:.0f} % of all" if whole >= SMALL else ""


def _rows(days: Sequence[Day]) -> list[Row]:
    longest = max((sum(_parts(day)) for day in days), default=0)
    return [_row(day, longest) for day in days]


def _parts(day: Day) -> tuple[int, int, int, int]:
    return day.negative, day.neutral, day.positive, day.unscored


def _row(day: Day, longest: int) -> Row:
    """Widths are shares of the longest day, so that bars compare across rows."""
    at, total = date.fromisoformat(day.date), sum(_parts(day))
    shares = [
        (kind, round(100 * part / longest, 2))
        for kind, part in zip(_KINDS, _parts(day), strict=True)
        if part
    ]
    if (rest := round(100 - sum(width for _, width in shares), 2)) > 0:
        shares.append(("", rest))
    return Row(f"{at:%a} {at.day} {at:%b}", total, day.negative, tuple(shares))


# -- the words -----------------------------------------------------------------------


def _complaint(complaint: Complaint, figures: Figures) -> Item:
    sources = ", ".join(_line(s, NAME) for s in complaint.sources[:3])
    if more := len(complaint.sources) - 3:
        sources += f" and {more} more" if more > 0 else ""
    facts = [
        _line(complaint.topic, NAME),
        _plural(complaint.posts, "post"),
        sources,
        f"since {_when(_local(complaint.first_at, figures))}",
    ]
    title, said = _line(complaint.title, TITLE), _line(complaint.quote, SAID)
    return Item(
        title or "(no title)",
        " · ".join(f for f in facts if f),
        _STATES.get(complaint.state, _line(complaint.state, NAME).capitalize()),
        said if said != title else "",  # a post without a title is headed by its text
        _web(complaint.url),
    )


def _source(source: SourceLine) -> SourceLine:
    """Coverage is said for every source: an empty cell would look like health."""
    return SourceLine(
        source=_line(source.source, NAME),
        mentions=source.mentions,
        negative=source.negative,
        coverage=_line(source.coverage, TITLE) or "complete",
    )


def _notes(figures: Figures) -> list[str]:
    notes = []
    if figures.copies:
        verb = "is" if figures.copies == 1 else "are"
        notes.append(f"{_copies(figures.copies)} of these {verb} not counted again.")
    if figures.foreign:
        what = _plural(figures.foreign, "mention")
        notes.append(f"{what} could not be scored: no model for the language.")
    return notes


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number:,} copies"


def _period(figures: Figures) -> str:
    """``9–15 Nov 2026``; ``until`` is the moment after the last day."""
    first = _local(figures.since, figures).date()
    last = _local(figures.until, figures).date() - timedelta(days=1)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%b %Y}"
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {first:%b}{year} – {last.day} {last:%b %Y}"


def _local(at: str, figures: Figures) -> datetime:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(figures.timezone))


def _when(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}, {at:%H:%M}"


def _footer(figures: Figures) -> list[str]:
    moments = (figures.since, figures.until, figures.data_as_of)
    since, until, as_of = (_when(_local(at, figures)) for at in moments)
    return [
        f"Week {figures.week}: {since} to {until}, {figures.timezone}. Data as of {as_of}.",
        "You get this as one of the digest's recipients. To stop, reply: unsubscribe.",
    ]
