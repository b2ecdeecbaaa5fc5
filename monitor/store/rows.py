"""Between rows and the nouns of the domain. A column bears the name of the field it holds."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from monitor.domain import Incident, Layer, Match, Mention, Post, Quote, Score, SourceState
from monitor.store.records import Claimed, Judged, Subscription, Unread

AnyRow = Row[*tuple[Any, ...]]
BIGGEST = 2**63 - 1  #: what fits into the column ``reach``

_ON_THE_WAY = {"replies", "page"}  #: of a post: used when it is found, not kept with a mention

_POST, _SCORE, _QUOTE, _INCIDENT, _SOURCE, _LAYER = (
    tuple(field.name for field in fields(noun))
    for noun in (Post, Score, Quote, Incident, SourceState, Layer)
)


_KEPT = tuple(name for name in _POST if name not in _ON_THE_WAY)


def _fields(row: AnyRow, names: tuple[str, ...]) -> dict[str, Any]:
    columns = row._asdict()
    return {name: columns[name] for name in names if name in columns}


def mention_values(mention: Mention, quiet: bool, now: datetime) -> dict[str, Any]:
    """A new row of ``mentions``, due to be judged now."""
    post = mention.post
    values = {name: getattr(post, name) for name in _KEPT}
    return values | {
        "reach": None if post.reach is None else min(post.reach, BIGGEST),
        "brand": mention.brand,
        "matches": [[m.term, m.where, m.start, m.end] for m in mention.matches],
        "own": mention.own,
        "quiet": quiet,
        "seen_at": now,
        "due_at": now,
    }


def mention_of(row: AnyRow) -> Mention:
    matches = tuple(Match(*match) for match in row.matches)
    return Mention(Post(**_fields(row, _POST)), row.brand, matches, row.own)


def claimed_of(row: AnyRow) -> Claimed:
    return Claimed(row.id, row.tries, mention_of(row), row.quiet, row.seen_at)


def unread_values(page: Unread) -> dict[str, Any]:
    """A new row of ``pages``; without words where the page is not to be read."""
    post = page.post
    published = post.published_at and post.published_at.isoformat()
    kept = list((asdict(post) | {"published_at": published}).items())
    return {
        "source": post.source,
        "external_id": post.external_id,
        "host": page.host,
        "post": kept if page.due_at else [],
        "quiet": list(page.quiet),
        "due_at": page.due_at,
        "seen_at": page.seen_at,
    }


def unread_of(row: AnyRow) -> Unread:
    kept = dict(row.post)
    published = kept["published_at"] and datetime.fromisoformat(kept["published_at"])
    post = Post(**kept | {"published_at": published})
    quiet = tuple(row.quiet)
    return Unread(post, row.host, quiet, row.seen_at, row.due_at, row.id, row.tries)


def score_values(score: Score) -> dict[str, Any]:
    return {name: getattr(score, name) for name in _SCORE} | {"why": list(score.why)}


def score_of(row: AnyRow) -> Score | None:
    if row.negative is None:
        return None
    return Score(**_fields(row, _SCORE) | {"why": tuple(row.why)})


def judged_of(row: AnyRow) -> Judged:
    return Judged(
        id=row.id,
        mention=mention_of(row),
        seen_at=row.seen_at,
        score=score_of(row),
        topic=row.topic or "",
        action=row.action,
        reason=row.reason or "",
        severity=row.severity or "normal",
        incident=row.incident,
        copy_of=row.copy_of,
        label=row.label,
        error=row.error,
    )


def quote_of(row: AnyRow) -> Quote:
    return Quote(**_fields(row, _QUOTE) | {"mention_id": row.id, "why": tuple(row.why or ())})


def incident_of(row: AnyRow) -> Incident:
    return Incident(**_fields(row, _INCIDENT) | {"threads": frozenset(row.threads)})


def source_of(row: AnyRow) -> SourceState:
    read = _fields(row, _SOURCE) | {"pace": tuple(row.pace or ())}
    return SourceState(**read, source=row.name)


def subscription_of(row: AnyRow) -> Subscription:
    return Subscription(row.id, row.source, row.hub, row.topic, row.tries)


def layer_values(layer: Layer) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in _LAYER if name != "id"}


def layer_of(row: AnyRow) -> Layer:
    return Layer(**_fields(row, _LAYER) | {"weights": tuple(map(tuple, row.weights))})
