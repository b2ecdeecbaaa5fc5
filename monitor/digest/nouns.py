"""What a digest says, as frozen values, and those as JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Protocol

from monitor.domain import Label


class Row(Protocol):
    """A mention as the digest counts it."""

    @property
    def seen_at(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> Label | None: ...  #: a person's, else the model's
    @property
    def action(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def story(self) -> int: ...  #: the same number for each copy of a story


@dataclass(frozen=True, slots=True)
class Day:
    date: str  #: ISO, in the digest's zone
    negative: int
    neutral: int
    positive: int
    unscored: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """One incident that lived in the week."""

    incident: str
    topic: str  #: as people read it; "" where it has none
    title: str
    posts: int  #: all its members, earlier weeks included
    sources: tuple[str, ...]  #: most members first, then where there are only copies of them
    first_at: str  #: ISO
    state: str
    quote: str
    url: str


@dataclass(frozen=True, slots=True)
class Praise:
    text: str
    url: str
    author: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    source: str
    mentions: int
    negative: int
    coverage: str  #: "" or what is missing, such as "1 gap, 17 Nov 09:00 to 17 Nov 15:00"


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything a digest says. Frozen as JSON before the first send."""

    brand: str
    week: str
    timezone: str
    since: str  #: ISO; like ``until``
    until: str
    mentions: int
    negative: int
    neutral: int
    positive: int
    unscored: int  #: no model for the language, no stars and no person's label; or not judged yet
    told: int  #: mentions that were put on a card
    before: tuple[int, int] | None  #: mentions and negative of the week before; None: no such week
    days: tuple[Day, ...]
    complaints: tuple[Complaint, ...]
    open_incidents: int
    praise: tuple[Praise, ...]
    sources: tuple[SourceLine, ...]  #: most mentions first
    gaps: int
    sentence: str
    subject: str
    data_as_of: str
    copies: int = 0  #: mentions that tell a story of the week again; counted nowhere else
    foreign: int = 0  #: mentions without a model for their language, those known by stars included


def to_json(figures: Figures) -> str:
    """Equal figures give equal bytes."""
    return json.dumps(asdict(figures), separators=(",", ":"))


def from_json(frozen: str) -> Figures:
    """The figures that ``to_json`` froze; keys of a later version are passed over.

    Raises:
        ValueError: they are not figures.
    """
    try:
        raw = json.loads(frozen)
        parts: dict[str, type[Any]] = {
            "days": Day,
            "complaints": Complaint,
            "praise": Praise,
            "sources": SourceLine,
        }
        many = {
            name: tuple(kind(**_known(kind, item)) for item in raw[name])
            for name, kind in parts.items()
        }
        before = None if raw["before"] is None else tuple(raw["before"])
        return Figures(**_known(Figures, raw | many | {"before": before}))
    except (KeyError, TypeError, AttributeError) as e:
        raise ValueError("these are not the figures of a digest") from e


def _known(kind: type[Any], raw: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in names}
