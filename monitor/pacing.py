"""How long to stay away from a source: by when its items came, and never sooner than is polite.

A feed that can be asked "has it changed?" is asked at most once an hour, one that cannot at most
once a day (Rachel by the Bay, "Feed readers and their manners"; Google's Feedfetcher asks hourly
on average). Between once an hour and once in four hours its own past decides: it is asked when
a tenth of an item is to be expected. Only an operator's ``every`` makes it sooner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zlib import crc32

HOUR = timedelta(hours=1)
SOONEST = HOUR  #: with validators
SELDOMEST = timedelta(hours=4)  #: with validators, however quiet the feed is
BLIND = timedelta(hours=24)  #: without validators: each poll costs the site the whole feed
WORTH = 0.1  #: items to be expected of a poll
HALF_LIFE = timedelta(days=30)  #: of what we remember
MEMORY = timedelta(days=60)  #: nothing older counts at the first poll
STEP = timedelta(minutes=15)
PRIOR_ITEMS, PRIOR_HOURS = 0.1, 24.0  #: what is believed of a feed that was never seen
EVEN = 1.0  #: items an hour of the day, believed beforehand: few items say little of its rhythm
JITTER = 0.1  #: of the wait, added at most

COMMENTS_SOONEST = timedelta(minutes=5)
COMMENTS_SELDOMEST = timedelta(hours=6)
COMMENTS_END = timedelta(days=14)  #: after the last comment nobody looks any more
SHARE = 12  #: comments are looked for after this part of the time they have been quiet

Pace = tuple[float, ...]
"""When polled (epoch seconds), newest item counted (epoch seconds), hours observed, and items by
UTC hour of the day (24 numbers); the last two fade by half in 30 days. () before the first poll."""


def learnt(pace: Sequence[float], times: Iterable[datetime], now: datetime) -> Pace:
    """What is known of a source's rhythm after a poll whose items were published at ``times``."""
    seen = sorted(t.astimezone(UTC) for t in times if now - MEMORY < t <= now)
    if not pace:
        begin = seen[0] if seen else now
        pace = (begin.timestamp(), 0.0, 0.0, *[0.0] * 24)
    polled, newest, hours = pace[:3]
    passed = timedelta(seconds=max(now.timestamp() - polled, 0))
    kept = _fade(passed)
    by_hour = [items * kept for items in pace[3:]]
    for time in seen:
        if time.timestamp() > newest:
            by_hour[time.hour] += _fade(now - time)
    # The integral of what fades; for a short time it is that time.
    hours = hours * kept + (1 - kept) * (HALF_LIFE / HOUR) / 0.6931471805599453
    last = max([newest, *(time.timestamp() for time in seen)])
    return (now.timestamp(), last, hours, *by_hour)


def wait(pace: Sequence[float], now: datetime, *, conditional: bool) -> timedelta:
    """Until a poll is worth it again, for a source that knows no wish of the operator.

    Args:
        conditional: the site can be asked whether anything changed.
    """
    if not conditional:
        return BLIND
    hours, by_hour = (pace[2], pace[3:]) if pace else (0.0, (0.0,) * 24)
    items = sum(by_hour)
    rate = (PRIOR_ITEMS + items) / (PRIOR_HOURS + hours)
    expected, away = 0.0, timedelta()
    while away < SELDOMEST and expected < WORTH:
        hour = (now + away).astimezone(UTC).hour
        share = (by_hour[hour] + EVEN) / (items + 24 * EVEN)
        expected += rate * 24 * share * (STEP / HOUR)
        away += STEP
    return max(away, SOONEST)


def comments_wait(quiet: timedelta) -> timedelta | None:
    """Until the comments of a post that names a brand are read again; None: no more.

    Args:
        quiet: how long nobody has commented.
    """
    if quiet > COMMENTS_END:
        return None
    return min(max(quiet / SHARE, COMMENTS_SOONEST), COMMENTS_SELDOMEST)


def allowed(due: datetime, hours: Collection[int], days: Collection[int]) -> datetime:
    """``due``, or the same minute of the next hour that a site does not want to be skipped."""
    at = due
    while (at.hour in hours or at.weekday() in days) and at - due < BLIND:
        at += HOUR
    return at


def jittered(away: timedelta, name: str, turn: int) -> timedelta:
    """A little later, each source and turn differently, so that many do not ask at once."""
    return away * (1 + JITTER * crc32(f"{name}:{turn}".encode()) / 2**32)


def _fade(age: timedelta) -> float:
    return float(0.5 ** (age / HALF_LIFE))
