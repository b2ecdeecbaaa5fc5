"""The week in figures: weeks over clock changes, counts true to their rows, words by rules."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import digest
from monitor.digest import Figures, Praise
from monitor.domain import Card, Incident, Label, Quote

BERLIN = "Europe/Berlin"
WEEK = digest.parse_week("2026-W46", BERLIN)
NOW = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)
ZONES = st.sampled_from([BERLIN, "UTC", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@dataclass(frozen=True, slots=True)
class Row:
    seen_at: datetime = WEEK.since
    source: str = "forum"
    kind: str = "forum"
    label: Label | None = "neutral"
    action: str | None = "digest"
    reason: str | None = "complaint .1"
    story: int = field(default_factory=itertools.count().__next__)


def card(name: str = "INC-1", posts: int = 3, **changes: str) -> Card:
    at = WEEK.since + timedelta(hours=1)
    given = (name, "Acme", "broken_link", "open", "normal", "complaint .9", "", posts, at, at)
    quote = Quote(1, "forum", "forum", "lena", "", "The  link\nis dead.", "https://f.example/1", at)
    incident = replace(Incident(*given), **changes)  # type: ignore[arg-type]
    topic = "Broken link" if incident.topic == "broken_link" else ""
    return Card(incident, (quote,), (("forum", 2), ("blog", 1)), at, topic)


def made(
    rows: list[Row] | None = None,
    before: list[Row] | None = None,
    cards: list[Card] | None = None,
    gaps: list[tuple[str, datetime, datetime]] | None = None,
    praise: list[Praise] | None = None,
    watched: dict[str, str] | None = None,
) -> Figures:
    rest = (cards or [], praise or [], watched or {}, gaps or [])
    return digest.figures("Acme", WEEK, rows or [], before, *rest, NOW)


def negatives(count: int, of: int | None = None) -> list[Row]:
    others = [Row() for _ in range((of or count) - count)]
    return [Row(label="negative", action="alerted") for _ in range(count)] + others


# -- weeks ---------------------------------------------------------------------------------------


def test_a_week_begins_on_monday_where_its_readers_are() -> None:
    assert WEEK.since == datetime(2026, 11, 8, 23, tzinfo=UTC)
    assert WEEK.until == datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert (WEEK.name, WEEK.timezone) == ("2026-W46", BERLIN)


@pytest.mark.parametrize(
    ("name", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W46", 168)]
)
def test_the_week_of_a_clock_change_is_an_hour_shorter_or_longer(name: str, hours: int) -> None:
    week = digest.parse_week(name, BERLIN)
    assert week.until - week.since == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-15T22:59:59+00:00", "2026-W45"),  # Sunday, 23:59:59 in Berlin
        ("2026-11-15T23:00:00+00:00", "2026-W46"),
        ("2026-11-22T22:59:59+00:00", "2026-W46"),
        ("2027-01-04T12:00:00+00:00", "2026-W53"),
        ("2025-01-01T12:00:00+00:00", "2024-W52"),
    ],
)
def test_the_last_full_week(now: str, name: str) -> None:
    assert digest.week_of(datetime.fromisoformat(now), BERLIN).name == name


@settings(deadline=None)
@given(MOMENTS, ZONES)
def test_weeks_follow_each_other_without_a_hole(now: datetime, zone: str) -> None:
    week = digest.week_of(now, zone)
    assert week.until <= now < week.until + timedelta(days=7, hours=26)
    assert digest.week_of(week.until, zone) == week
    assert digest.week_of(week.until - timedelta(seconds=1), zone).until == week.since
    assert digest.parse_week(week.name, zone) == week
    assert week.since.astimezone(ZoneInfo(zone)).weekday() == 0


@pytest.mark.parametrize(
    "name", ["2026-W00", "2026-W54", "2025-W53", "2026-46", "W46", "", "2026-W4", "9999-W52"]
)
def test_what_is_no_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"like 2026-W46|no such week"):
        digest.parse_week(name, BERLIN)


def test_a_week_may_be_written_in_small_letters() -> None:
    assert digest.parse_week(" 2026w46 ", BERLIN) == WEEK


@pytest.mark.parametrize(
    ("week", "day", "at", "due"),
    [
        ("2026-W46", "monday", time(7, 30), "2026-11-16T06:30:00+00:00"),
        ("2026-W46", "sunday", time(0, 0), "2026-11-21T23:00:00+00:00"),
        ("2026-W12", "sunday", time(12, 0), "2026-03-29T10:00:00+00:00"),  # summer by then
    ],
)
def test_when_a_digest_is_due(week: str, day: str, at: time, due: str) -> None:
    found = digest.due_at(digest.parse_week(week, BERLIN), BERLIN, day, at)
    assert found == datetime.fromisoformat(due)
    assert found.tzinfo is UTC


# -- figures -------------------------------------------------------------------------------------

ROWS = st.builds(
    Row,
    st.datetimes(
        WEEK.since.replace(tzinfo=None),
        (WEEK.until - timedelta(seconds=1)).replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
    st.sampled_from(["forum", "blog", "reviews"]),
    st.just("forum"),
    st.sampled_from(["negative", "neutral", "positive", None]),
    st.sampled_from(["alerted", "attached", "digest", "suppressed", "ignored", None]),
    st.sampled_from(["complaint .91", "not scored: pl", None]),
)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=30))
def test_every_number_adds_up(rows: list[Row]) -> None:
    found = made(rows)
    others = [row for row in rows if row.action != "ignored"]
    parts = (found.negative, found.neutral, found.positive, found.unscored)
    assert found.mentions == sum(parts) == len(others)
    by_day = [[getattr(day, k) for day in found.days] for k in ("negative", "neutral", "positive")]
    assert [sum(days) for days in by_day] == list(parts[:3])
    assert sum(day.unscored for day in found.days) == found.unscored
    assert [d.date for d in found.days] == [f"2026-11-{n:02}" for n in range(9, 16)]
    assert {s.source: s.mentions for s in found.sources} == Counter(r.source for r in others)
    assert sum(s.negative for s in found.sources) == found.negative
    assert found.told == sum(row.action in ("alerted", "attached") for row in others)


def test_a_day_ends_at_midnight_where_its_readers_are() -> None:
    late = datetime(2026, 11, 9, 22, 59, 59, tzinfo=UTC)
    found = made([Row(late), Row(late + timedelta(seconds=1), label="negative")])
    assert [(d.date, d.neutral, d.negative) for d in found.days[:2]] == [
        ("2026-11-09", 1, 0),
        ("2026-11-10", 0, 1),
    ]


def test_what_no_model_could_read_counts_as_neither() -> None:
    not_scored = Row(reason="not scored: pl")
    by_hand = Row(reason="not scored: pl", label="negative")
    waiting = Row(label=None, action=None, reason=None)
    found = made([not_scored, by_hand, waiting])
    assert (found.unscored, found.negative, found.neutral) == (2, 1, 0)


def test_what_only_stars_tell_is_counted_by_them_and_said_to_be_unread() -> None:
    told = Row(label="negative", action="alerted", reason="1 star of 5, not scored: Polish")
    found = made([told, Row(reason="not scored: Czech"), Row(label="positive")])
    assert (found.negative, found.unscored, found.positive) == (1, 1, 1)
    assert found.foreign == 2


def test_own_posts_are_no_mentions() -> None:
    own = Row(label="positive", action="ignored", reason="own author")
    found = made([own, Row()], before=[own])
    assert (found.mentions, found.positive, found.before) == (1, 0, (0, 0))


def test_a_story_counts_once_in_a_week_and_its_copies_apart() -> None:
    story, other = Row(label="negative"), Row()
    copy = replace(story, source="blog", action="attached", label="neutral")
    found = made([story, copy, copy, other], before=[copy, copy])
    assert (found.mentions, found.negative, found.neutral) == (2, 1, 1)
    assert (found.copies, found.told, found.before) == (2, 1, (1, 0))
    assert {s.source: s.mentions for s in found.sources} == {"forum": 2}


def test_a_complaint_names_the_places_that_only_repeat_it() -> None:
    found = made(cards=[replace(card(), also=("planet",))])
    assert found.complaints[0].sources == ("forum", "blog", "planet")


def test_the_biggest_complaints_stand_first_and_all_open_ones_are_counted() -> None:
    cards = [card(f"INC-{n}", posts=n) for n in range(1, 7)]
    cards[0] = card("INC-0", posts=6, severity="critical")
    cards.append(card("INC-done", posts=9, state="resolved"))
    found = made(cards=cards)
    assert [c.incident for c in found.complaints] == [
        *("INC-done", "INC-0", "INC-6", "INC-5", "INC-4")
    ]
    assert found.open_incidents == 6
    top = found.complaints[1]
    assert (top.title, top.quote, top.url) == (
        *("The link is dead.", "The link is dead.", "https://f.example/1"),
    )
    assert (top.sources, top.state, top.topic) == (("forum", "blog"), "open", "Broken link")
    assert top.first_at == "2026-11-09T00:00:00+00:00"


def test_a_card_without_quotes_is_a_complaint_all_the_same() -> None:
    (found,) = made(cards=[replace(card(), quotes=(), first_published_at=None)]).complaints
    assert (found.title, found.quote, found.url) == ("", "", "")
    assert found.first_at == "2026-11-09T00:00:00+00:00"


def test_a_source_without_a_mention_was_looked_at_all_the_same() -> None:
    found = made([Row()], watched={"blog": "blocked, blind 14 h", "forum": ""})
    assert [(s.source, s.mentions, s.coverage) for s in found.sources] == [
        ("forum", 1, ""),
        ("blog", 0, "blocked, blind 14 h"),
    ]


def test_gaps_are_said_for_each_source_even_for_a_silent_one() -> None:
    noon = WEEK.since + timedelta(hours=12)
    short, long = (noon, noon + timedelta(hours=1)), (noon, noon + timedelta(days=2))
    found = made([Row()], gaps=[("blog", *long), ("blog", *short), ("forum", *short)])
    assert [(s.source, s.mentions, s.coverage) for s in found.sources] == [
        ("forum", 1, "1 gap, 09 Nov 12:00 to 09 Nov 13:00"),
        ("blog", 0, "2 gaps, the longest 09 Nov 12:00 to 11 Nov 12:00"),
    ]
    assert found.gaps == 3
    assert "Collecting had 3 gaps" in found.sentence


def test_praise_is_cut_and_limited() -> None:
    some = [Praise("so  good " * 100, "https://b.example/", "Lena")] * 5
    found = made(praise=some).praise
    assert len(found) == 3
    assert 300 >= len(found[0].text) > 290
    assert found[0].text.startswith("so good so")


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "subject", "sentence"),
    [
        (
            negatives(9, 12),
            negatives(4, 44),
            "Acme mentions, 9–15 Nov: negative 4 to 9",
            "Negative mentions rose from 4 to 9, of 12 mentions in all, 44 the week before.",
        ),
        (
            negatives(36, 1000),
            negatives(17, 900),
            "Acme mentions, 9–15 Nov: negative +112 % (17 to 36)",
            "Negative mentions rose from 17 to 36 (+112 %), of 1,000 mentions in all, 900 the",
        ),
        (
            negatives(10, 20),
            negatives(20),
            "Acme mentions, 9–15 Nov: negative −50 % (20 to 10)",
            "Negative mentions fell from 20 to 10 (−50 %), of 20 mentions in all, 20 the",
        ),
        (
            negatives(9),
            negatives(20),
            "Acme mentions, 9–15 Nov: negative 20 to 9",
            "Negative mentions fell from 20 to 9, of 9 mentions in all, 20 the week before.",
        ),
        (
            negatives(10, 40),
            negatives(10),
            "Acme mentions, 9–15 Nov: negative still 10",
            "10 of 40 mentions negative (25 %), as many negative as the week before.",
        ),
        (
            negatives(1, 9),
            negatives(1, 2),
            "Acme mentions, 9–15 Nov: negative still 1",
            "1 of 9 mentions negative, as many negative as the week before.",
        ),
        (
            negatives(0, 31),
            negatives(0, 5),
            "Acme mentions, 9–15 Nov: 0 negative of 31",
            "0 of 31 mentions negative, as many negative as the week before.",
        ),
        (
            negatives(4, 31),
            None,
            "Acme mentions, 9–15 Nov: 4 negative of 31",
            "The first week, so there is no earlier one to compare: 4 of 31 mentions negative.",
        ),
        (
            [],
            None,
            "Acme, 9–15 Nov: no mentions",
            "The first week, so there is no earlier one to compare: no mentions.",
        ),
        (
            [],
            negatives(2, 31),
            "Acme, 9–15 Nov: no mentions",
            "No mentions; the week before had 31.",
        ),
    ],
)
def test_the_finding_is_told_in_numbers(
    now: list[Row], before: list[Row] | None, subject: str, sentence: str
) -> None:
    found = made(now, before)
    assert found.subject == subject
    assert found.sentence.startswith(sentence)


def test_the_loudest_complaint_and_the_open_ones_are_named() -> None:
    cards = [card("INC-1", 30), card("INC-2", 2)]
    found = made(negatives(3), [], cards)
    assert found.subject.endswith(", 2 complaints open")
    assert found.sentence.endswith(
        "Most written about: broken link, 30 posts; 2 complaints still open."
    )
    other = made(negatives(1), [], [card(posts=1, topic="other", state="resolved")])
    assert other.sentence.endswith('"The link is dead.", 1 post; no complaint is open.')
    assert "open" not in other.subject
    assert made(negatives(0, 3), []).sentence.endswith("No complaint was put on a card.")


def test_an_open_complaint_is_not_forgotten_in_a_silent_week() -> None:
    assert made([], [], [card()]).subject == "Acme, 9–15 Nov: no mentions, 1 complaint open"


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_no_percentage_of_fewer_than_ten(now: int, before: int) -> None:
    found = made(negatives(now), negatives(before))
    if min(now, before) < 10:
        assert "%" not in found.subject
    if now < 10:
        assert "%" not in found.sentence
    assert "\n" not in found.subject + found.sentence


def test_dates_over_the_end_of_a_month_and_year() -> None:
    week = digest.parse_week("2026-W53", "UTC")
    subject = digest.figures("Acme", week, [Row(week.since)], [], [], [], {}, [], NOW).subject
    assert "28 Dec – 3 Jan" in subject
    assert date(2027, 1, 3).isocalendar().week == 53


# -- frozen --------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(), max_size=20)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=5), TEXTS, st.none() | st.lists(ROWS, max_size=3))
def test_frozen_figures_come_back_the_same(
    rows: list[Row], text: str, before: list[Row] | None
) -> None:
    cards = [replace(card(), sources=((text, 1),))]
    found = made(rows, before, cards, praise=[Praise(text, text, text)])
    frozen = digest.to_json(found)
    assert digest.from_json(frozen) == found
    assert digest.to_json(digest.from_json(frozen)) == frozen
    assert frozen.isascii()


def test_keys_of_a_later_version_are_passed_over() -> None:
    found = made(negatives(2), negatives(1), [card()])
    raw = json.loads(digest.to_json(found)) | {"share_of_voice": [1]}
    raw["days"][0]["reach"] = 5
    assert digest.from_json(json.dumps(raw)) == found


@pytest.mark.parametrize("frozen", ["", "{}", "[]", "null", '{"days":[1]}', '{"days":{}}'])
def test_what_are_no_figures_is_refused(frozen: str) -> None:
    with pytest.raises(ValueError, match=r"not the figures|Expecting value"):
        digest.from_json(frozen)
