"""Figures of invented weeks, for the digest's tests."""

from __future__ import annotations

from typing import Any

from monitor.digest import Complaint, Day, Figures, Praise, SourceLine

COUNTS = (
    (1, 4, 2, 0),
    (0, 3, 1, 0),
    (2, 6, 2, 1),
    (9, 14, 3, 0),
    (21, 22, 5, 2),
    (12, 10, 4, 0),
    (4, 6, 3, 0),
)


def days(*counts: tuple[int, int, int, int]) -> tuple[Day, ...]:
    """Monday 9 Nov 2026 and on: (negative, neutral, positive, unscored) a day."""
    return tuple(Day(f"2026-11-{9 + n:02}", *parts) for n, parts in enumerate(counts))


def complaint(**changes: Any) -> Complaint:
    given: dict[str, Any] = {
        "incident": "INC-8f2c41d0",
        "topic": "Broken link",
        "title": "Setup link is dead",
        "posts": 30,
        "sources": ("forum-acme", "blog-lena"),
        "first_at": "2026-11-12T14:05:00+00:00",
        "state": "open",
        "quote": "The download of Acme Studio ends in a 404.",
        "url": "https://forum.example/t/1812",
    }
    return Complaint(**(given | changes))


def figures(**changes: Any) -> Figures:
    """A week in crisis, in Berlin."""
    totals = [sum(parts) for parts in zip(*COUNTS, strict=True)]
    given: dict[str, Any] = {
        "brand": "Acme",
        "week": "2026-W46",
        "timezone": "Europe/Berlin",
        "since": "2026-11-08T23:00:00+00:00",
        "until": "2026-11-15T23:00:00+00:00",
        "mentions": sum(totals),
        **dict(zip(("negative", "neutral", "positive", "unscored"), totals, strict=True)),
        "told": 31,
        "before": (64, 8),
        "days": days(*COUNTS),
        "complaints": (complaint(),),
        "open_incidents": 2,
        "praise": (Praise("Exports are done in minutes.", "https://blog.example/1", "Lena"),),
        "sources": (
            SourceLine("forum-acme", 104, 37, ""),
            SourceLine("reddit", 33, 12, "blind 14 h"),
        ),
        "gaps": 1,
        "sentence": "Negative mentions rose from 8 to 49.",
        "subject": "Acme, 9–15 Nov: negative 8 → 49, 2 complaints open",
        "data_as_of": "2026-11-16T06:30:00+00:00",
        "foreign": 3,
    }
    return Figures(**(given | changes))


def empty() -> Figures:
    """A week in which nobody wrote."""
    none = dict.fromkeys(
        ("mentions", "negative", "neutral", "positive", "unscored", "told", "foreign"), 0
    )
    return figures(
        **none,
        before=None,
        days=days(*[(0, 0, 0, 0)] * 7),
        complaints=(),
        open_incidents=0,
        praise=(),
        gaps=0,
        sentence="0 mentions; 2 sources checked.",
        subject="Acme, 9–15 Nov: no mentions",
    )
