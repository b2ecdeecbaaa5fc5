"""A week counted from its rows: each story once, posts of the brand's own authors nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.digest.nouns import Complaint, Day, Figures, Praise, Row, SourceLine
from monitor.digest.weeks import Week
from monitor.digest.words import TITLED, Story, count, short
from monitor.domain import Card

MOST_COMPLAINTS, MOST_PRAISE = 5, 3
QUOTED = 300  #: characters kept of a quote
CLOSED = frozenset(("resolved", "auto-closed"))
_TOLD = frozenset(("alerted", "attached"))


def figures(
    brand: str,
    week: Week,
    rows: Sequence[Row],
    before: Sequence[Row] | None,
    cards: Sequence[Card],
    praise: Sequence[Praise],
    watched: Mapping[str, str],
    gaps: Sequence[tuple[str, datetime, datetime]],
    now: datetime,
) -> Figures:
    """The figures of one brand and week.

    Args:
        rows: mentions seen in the week, the oldest first.
        before: those of the week before; None where the brand was not watched then.
        cards: incidents that lived in the week.
        praise: the best first.
        watched: sources that were to be looked at, whether or not they had a mention, and what
            is wrong with each now ("" if nothing is).
        gaps: (source, from, to) when a source may have shown what was not seen.
    """
    outside, counted = _outside(rows), _stories(rows)
    kinds = Counter(_kind(row) for row in counted)
    still_open = sum(card.incident.state not in CLOSED for card in cards)
    complaints = tuple(_complaint(card) for card in sorted(cards, key=_weight)[:MOST_COMPLAINTS])
    earlier = _before(before)
    told = Story(brand, week, len(counted), kinds["negative"], earlier, still_open, len(gaps))
    return Figures(
        brand=brand,
        week=week.name,
        timezone=week.timezone,
        since=week.since.isoformat(),
        until=week.until.isoformat(),
        mentions=len(counted),
        negative=kinds["negative"],
        neutral=kinds["neutral"],
        positive=kinds["positive"],
        unscored=kinds["unscored"],
        told=len({row.story for row in outside if row.action in _TOLD}),
        before=earlier,
        days=_days(week, counted),
        complaints=complaints,
        open_incidents=still_open,
        praise=tuple(Praise(short(p.text, QUOTED), p.url, p.author) for p in praise[:MOST_PRAISE]),
        sources=_sources(counted, watched, gaps, week.timezone),
        gaps=len(gaps),
        sentence=told.sentence(complaints),
        subject=told.subject(),
        data_as_of=now.isoformat(),
        foreign=sum("not scored" in (row.reason or "") for row in counted),
        copies=len(outside) - len(counted),
    )


def _outside(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.action != "ignored"]


def _stories(rows: Iterable[Row]) -> list[Row]:
    """Each story once, as it was first seen in the week."""
    first: dict[int, Row] = {}
    for row in _outside(rows):
        first.setdefault(row.story, row)
    return list(first.values())


def _kind(row: Row) -> str:
    not_scored = (row.reason or "").startswith("not scored") and row.label == "neutral"
    return "unscored" if row.label is None or not_scored else row.label


def _before(rows: Sequence[Row] | None) -> tuple[int, int] | None:
    if rows is None:
        return None
    counted = _stories(rows)
    return len(counted), sum(_kind(row) == "negative" for row in counted)


def _days(week: Week, rows: Iterable[Row]) -> tuple[Day, ...]:
    zone = ZoneInfo(week.timezone)
    counts = Counter((row.seen_at.astimezone(zone).date(), _kind(row)) for row in rows)
    monday = week.since.astimezone(zone).date()
    dates = [monday + timedelta(days=n) for n in range(7)]
    kinds = ("negative", "neutral", "positive", "unscored")
    return tuple(Day(d.isoformat(), *(counts[d, kind] for kind in kinds)) for d in dates)


def _weight(card: Card) -> tuple[int, int, datetime, str]:
    """The biggest first, then the gravest, then the newest."""
    incident = card.incident
    gravity = ("critical", "high", "normal").index(incident.severity)
    return -incident.posts, gravity, incident.opened_at, incident.id


def _complaint(card: Card) -> Complaint:
    incident, first = card.incident, card.quotes[0] if card.quotes else None
    title = (first.title or first.text) if first else ""
    return Complaint(
        incident=incident.id,
        topic=card.topic,
        title=short(title, TITLED),
        posts=incident.posts,
        sources=(*(source for source, _ in card.sources), *card.also),
        first_at=(card.first_published_at or incident.opened_at).isoformat(),
        state=incident.state,
        quote=short(first.text, QUOTED) if first else "",
        url=first.url if first else "",
    )


def _sources(
    rows: Sequence[Row],
    watched: Mapping[str, str],
    gaps: Sequence[tuple[str, datetime, datetime]],
    timezone: str,
) -> tuple[SourceLine, ...]:
    mentions = Counter(row.source for row in rows)
    negative = Counter(row.source for row in rows if _kind(row) == "negative")
    missing: dict[str, list[tuple[datetime, datetime]]] = {}
    for source, since, until in gaps:
        missing.setdefault(source, []).append((since, until))

    def coverage(name: str) -> str:
        gap = _gaps(missing[name], ZoneInfo(timezone)) if name in missing else ""
        return ", ".join(filter(None, (watched.get(name, ""), gap)))

    names = sorted({*mentions, *watched, *missing}, key=lambda name: (-mentions[name], name))
    return tuple(SourceLine(n, mentions[n], negative[n], coverage(n)) for n in names)


def _gaps(found: Sequence[tuple[datetime, datetime]], zone: ZoneInfo) -> str:
    """ "1 gap, 17 Nov 09:00 to 17 Nov 15:00"; of several, the longest."""
    since, until = max(found, key=lambda gap: gap[1] - gap[0])
    which = "" if len(found) == 1 else " the longest"
    times = f"{since.astimezone(zone):%d %b %H:%M} to {until.astimezone(zone):%d %b %H:%M}"
    return f"{count(len(found), 'gap')},{which} {times}"
