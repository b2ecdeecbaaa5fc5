"""A week in figures and one sentence: pure, and true to the rows it was given."""

from monitor.digest.counting import figures
from monitor.digest.nouns import (
    Complaint,
    Day,
    Figures,
    Praise,
    Row,
    SourceLine,
    from_json,
    to_json,
)
from monitor.digest.weeks import Week, due_at, parse_week, week_of

__all__ = [
    "Complaint",
    "Day",
    "Figures",
    "Praise",
    "Row",
    "SourceLine",
    "Week",
    "due_at",
    "figures",
    "from_json",
    "parse_week",
    "to_json",
    "week_of",
]
