"""ISO weeks of a time zone, and when their digest is due. Months with a clock change included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week of one time zone: from Monday 00:00 to before the next, 167 to 169 hours."""

    name: str  #: "2026-W46"
    since: datetime  #: UTC, inclusive
    until: datetime  #: UTC, exclusive
    timezone: str  #: IANA name


def week_of(now: datetime, timezone: str) -> Week:
    """The last full week before ``now``."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    return _week(today - timedelta(days=today.weekday() + 7), timezone)


def parse_week(name: str, timezone: str) -> Week:
    """The week that people write "2026-W46".

    Raises:
        ValueError: it is no ISO week.
    """
    found = re.fullmatch(r"([0-9]{4})-?W([0-9]{2})", name.strip(), re.IGNORECASE)
    if not found:
        raise ValueError("write it like 2026-W46")
    try:
        return _week(date.fromisocalendar(int(found[1]), int(found[2]), 1), timezone)
    except (ValueError, OverflowError) as e:
        raise ValueError("there is no such week") from e


def _week(monday: date, timezone: str) -> Week:
    year, number, _ = monday.isocalendar()
    since, until = _at(monday, time(), timezone), _at(monday + timedelta(days=7), time(), timezone)
    return Week(f"{year:04}-W{number:02}", since, until, timezone)


def due_at(week: Week, timezone: str, day: str, at: time) -> datetime:
    """When the digest of ``week`` is due, UTC: on the first such day after it, at this hour."""
    after = week.until.astimezone(ZoneInfo(timezone)).date()
    return _at(after + timedelta(days=_DAYS.index(day)), at, timezone)


def _at(day: date, hour: time, timezone: str) -> datetime:
    return datetime.combine(day, hour, ZoneInfo(timezone)).astimezone(UTC)


def dates(week: Week) -> str:
    """``9–15 Nov``, ``30 Nov – 6 Dec``."""
    zone = ZoneInfo(week.timezone)
    first = week.since.astimezone(zone).date()
    last = week.until.astimezone(zone).date() - timedelta(days=1)
    end = f"{last.day} {_MONTHS[last.month - 1]}"
    if first.month == last.month:
        return f"{first.day}–{end}"
    return f"{first.day} {_MONTHS[first.month - 1]} – {end}"
