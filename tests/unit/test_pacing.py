"""How long to stay away: by the past of a feed, and never sooner than is polite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import pacing

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EARLY, LATE = datetime(2026, 8, 1), datetime(2026, 12, 1)  # noqa: DTZ001 - made aware below
TIMES = st.lists(st.datetimes(EARLY, LATE, timezones=st.just(UTC)))


def daily(at_hour: int, days: int = 50) -> list[datetime]:
    return [NOW.replace(hour=at_hour) - timedelta(days=d) for d in range(1, days)]


def every(gap: timedelta, count: int) -> list[datetime]:
    return [NOW - gap * n for n in range(1, count)]


@given(TIMES, st.integers(0, 23))
def test_nothing_of_a_feeds_past_makes_us_rude_or_deaf(times: list[datetime], hour: int) -> None:
    pace = pacing.learnt((), times, NOW)
    wait = pacing.wait(pace, NOW.replace(hour=hour), conditional=True)
    assert pacing.SOONEST <= wait <= pacing.SELDOMEST
    assert pacing.wait(pace, NOW, conditional=False) == pacing.BLIND


def test_a_busy_feed_is_asked_hourly_and_a_silent_one_seldom() -> None:
    busy = pacing.learnt((), every(HOUR / 2, 500), NOW)
    silent = pacing.learnt((), [NOW - timedelta(days=59)], NOW)
    assert pacing.wait(busy, NOW, conditional=True) == pacing.SOONEST
    assert pacing.wait(silent, NOW, conditional=True) == pacing.SELDOMEST


def test_the_time_of_day_counts() -> None:
    morning = pacing.learnt((), daily(8), NOW)
    at_seven = pacing.wait(morning, NOW.replace(hour=7), conditional=True)
    at_noon = pacing.wait(morning, NOW, conditional=True)
    assert at_seven < at_noon


def test_an_item_counts_once_however_often_it_is_seen() -> None:
    times = every(6 * HOUR, 100)
    once = pacing.learnt(pacing.learnt((), times, NOW), [], NOW + HOUR)
    again = pacing.learnt(pacing.learnt((), times, NOW), times, NOW + HOUR)
    assert once == again


def test_an_item_that_shows_late_counts_all_the_same() -> None:
    """Published before the last poll, first seen after it: caches of blogs do that."""
    pace = pacing.learnt((), [NOW - 10 * HOUR], NOW)
    late = pacing.learnt(pace, [NOW - HOUR / 2], NOW + HOUR)
    assert sum(late[3:]) > sum(pacing.learnt(pace, [], NOW + HOUR)[3:])


def test_the_past_fades_by_half_in_thirty_days() -> None:
    pace = pacing.learnt((), every(HOUR, 10), NOW)
    later = pacing.learnt(pace, [], NOW + pacing.HALF_LIFE)
    assert sum(later[3:]) == pytest.approx(sum(pace[3:]) / 2)


def test_a_clock_set_back_forgets_nothing() -> None:
    pace = pacing.learnt((), every(HOUR, 10), NOW)
    back = pacing.learnt(pace, [], NOW - HOUR)
    assert back[2:] == pytest.approx(pace[2:])


@given(st.timedeltas(timedelta(), timedelta(days=30)))
def test_comments_are_followed_ever_more_slowly_and_not_for_ever(quiet: timedelta) -> None:
    wait = pacing.comments_wait(quiet)
    if quiet > pacing.COMMENTS_END:
        assert wait is None
    else:
        assert wait is not None
        assert pacing.COMMENTS_SOONEST <= wait <= pacing.COMMENTS_SELDOMEST
        assert wait >= (pacing.comments_wait(quiet / 2) or wait)


def test_many_sources_do_not_ask_at_one_moment() -> None:
    waits = {pacing.jittered(HOUR, f"blog {n}", 1) for n in range(100)}
    assert len(waits) == 100
    assert min(waits) >= HOUR
    assert max(waits) <= HOUR * (1 + pacing.JITTER)
    assert pacing.jittered(HOUR, "blog", 1) == pacing.jittered(HOUR, "blog", 1)


@pytest.mark.parametrize(
    ("due", "hours", "days", "at"),
    [
        (NOW, (), (), NOW),
        (NOW, (11, 13), (5,), NOW),
        (NOW, (12, 13), (), NOW + 2 * HOUR),
        (NOW + HOUR / 4, range(12, 24), (), NOW + 12.25 * HOUR),
        (NOW, (), (6,), NOW + 12 * HOUR),  # a Sunday
        (NOW, range(24), (), NOW + 24 * HOUR),
    ],
)
def test_hours_and_days_that_a_site_wants_to_be_skipped_are(
    due: datetime, hours: Sequence[int], days: Sequence[int], at: datetime
) -> None:
    assert pacing.allowed(due, hours, days) == at
