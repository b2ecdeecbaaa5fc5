"""Digest and housekeeping: when, to whom, once, and with numbers that stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import digest
from monitor.digest import Figures
from monitor.pipeline.digests import digest_key
from tests.standins.scripted import SCORES, World, ambiguous, due_on, later, post

BERLIN = "Europe/Berlin"
ANA, BEN = "email:ana@acme.example", "email:ben@acme.example"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WATCHED = datetime(2026, 10, 7, tzinfo=UTC)
WEEK = digest.parse_week("2026-W43", BERLIN)  # 19 to 25 October, 169 hours: winter time begins
DUE = datetime(2026, 10, 26, 8, tzinfo=UTC)  # 9 o'clock in Berlin, by then UTC+1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, start=WATCHED) as world:
        world.wish(
            timezone=BERLIN,
            digest_due=due_on("monday", BERLIN),
            digest_targets={"Acme": (ANA,)},
            every=dict.fromkeys(world.sources, timedelta(days=90)),
        )
        world.started()
        world.wish(every=dict.fromkeys(world.sources, MINUTE))
        yield world


def at(world: World, moment: datetime) -> int:
    """Look at the digest at this moment; how many were queued."""
    world.clock.at = moment
    return world.pipeline.digest()


def hear(world: World, moment: datetime, *texts: str, author: str = "lena") -> None:
    """Have posts with these texts found and judged at this moment."""
    world.clock.at = moment
    key = f"{moment:%m%d%H%M}-{author}"
    world.find(*(post(f"{key}-{n}", text, author=author) for n, text in enumerate(texts)))
    world.store.resume("blog", moment)
    world.collect()
    world.pipeline.judge()


def figures(world: World, week: digest.Week = WEEK) -> Figures:
    return world.pipeline.figures("Acme", week)


# -- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "week"),
    [
        (DUE, "2026-W43"),
        (datetime(2026, 10, 19, 7, tzinfo=UTC), "2026-W42"),  # still summer: UTC+2
        (datetime(2027, 3, 29, 7, tzinfo=UTC), "2027-W12"),  # summer time began the day before
        (datetime(2027, 1, 4, 8, tzinfo=UTC), "2026-W53"),
    ],
)
def test_it_is_due_at_the_hour_of_the_operators_clock(
    world: World, due: datetime, week: str
) -> None:
    assert at(world, due - timedelta(seconds=1)) == 0
    assert at(world, due) == 1
    assert world.store.has_delivery(digest_key("Acme", week, ANA))


def test_it_is_queued_once(world: World) -> None:
    queued = [at(world, DUE + hours * HOUR) for hours in range(0, 24 * 7, 5)]
    assert queued == [1, *[0] * (len(queued) - 1)]
    world.pipeline.deliver()
    assert at(world, DUE + DAY) == 0
    assert world.notifier.kinds() == ["digest"]


@pytest.mark.parametrize(("late", "queued"), [(3 * DAY, 1), (3 * DAY + MINUTE, 0), (6 * DAY, 0)])
def test_a_missed_one_is_caught_up_with_for_three_days(
    world: World, late: timedelta, queued: int
) -> None:
    assert at(world, DUE + late) == queued


@pytest.mark.parametrize(("day", "late"), [("friday", 3), ("saturday", 2), ("sunday", 3)])
def test_so_is_one_that_is_due_late_in_the_week(world: World, day: str, late: int) -> None:
    """The monitor was down at the hour, and is up again in the week after."""
    world.wish(digest_due=due_on(day, BERLIN))
    due = world.pipeline.policy.digest_due(WEEK)
    assert at(world, due + late * DAY) == 1
    assert at(world, due + late * DAY) == 0
    assert world.store.has_delivery(digest_key("Acme", "2026-W43", ANA))


def test_a_brand_first_watched_after_the_week_has_no_digest_of_it(tmp_path: Path) -> None:
    with World(tmp_path, start=WEEK.until) as world:
        world.wish(digest_targets={"Acme": (ANA,)}, timezone=BERLIN)
        assert at(world, DUE + 2 * HOUR) == 0
        assert at(world, DUE + 7 * DAY + 2 * HOUR) == 1


def test_a_brand_first_watched_at_the_end_of_the_week_has_one(tmp_path: Path) -> None:
    with World(tmp_path, start=WEEK.until - MINUTE) as world:
        world.wish(digest_targets={"Acme": (ANA,)}, timezone=BERLIN)
        assert at(world, DUE + 2 * HOUR) == 1


# -- to whom -------------------------------------------------------------------------------------


def test_everyone_gets_one_and_one_refusal_is_nobody_elses(world: World) -> None:
    world.wish(digest_targets={"Acme": (ANA, BEN)})
    assert at(world, DUE) == 2
    world.notifier.says(later("451"), target=ANA)
    world.pipeline.deliver()
    assert world.notifier.kinds(BEN) == ["digest"]
    world.clock.passes(minutes=1)
    world.pipeline.deliver()
    assert [d.target for d in world.notifier.accepted] == [BEN, ANA]
    assert world.overview().last_digest == (DUE + MINUTE).isoformat()


def test_who_is_added_later_gets_theirs_and_the_others_no_second(world: World) -> None:
    at(world, DUE)
    world.wish(digest_targets={"Acme": (ANA, BEN)})
    assert at(world, DUE + DAY) == 1
    world.pipeline.deliver()
    assert sorted(d.target for d in world.notifier.accepted) == [ANA, BEN]


def test_the_numbers_are_frozen_before_the_first_send(world: World) -> None:
    hear(world, WEEK.since, "Acme plug broken", "I love Acme")
    at(world, DUE)
    world.notifier.says(ambiguous(), target=ANA)
    world.pipeline.deliver()
    world.store.label(1, "sentiment", "positive", "ana", world.clock())
    world.clock.passes(minutes=20)
    world.pipeline.deliver()
    first, second = (sent for _, sent in world.notifier.tried if sent.kind == "digest")
    assert (first.frozen, first.id) == (second.frozen, second.id)
    sent = digest.from_json(second.frozen)
    assert (sent.mentions, sent.negative, sent.positive) == (2, 1, 1)
    assert figures(world).positive == 2, "the label counts from then on"


# -- what it says --------------------------------------------------------------------------------


def test_it_counts_its_week_and_no_other(world: World) -> None:
    edge = timedelta(microseconds=1)
    hear(world, WEEK.since - edge, "Acme")
    hear(world, WEEK.since, "Acme plug broken")
    hear(world, WEEK.until - edge, "I love Acme", "Acme")
    hear(world, WEEK.until, "Acme")
    said = figures(world)
    assert (said.mentions, said.negative, said.neutral, said.positive, said.told) == (3, 1, 1, 1, 1)
    assert [c.topic for c in said.complaints] == ["Broken plug"]
    assert [line.source for line in said.sources] == ["blog", "forum"]
    assert json.loads(digest.to_json(said))["week"] == "2026-W43"


def test_the_week_before_is_the_whole_week_before(world: World) -> None:
    """That one has 168 hours and this one 169."""
    before = digest.parse_week("2026-W42", BERLIN)
    hear(world, before.since - HOUR, "Acme")
    hear(world, before.since, "Acme is broken")
    hear(world, before.until - MINUTE, "Acme")
    assert figures(world).before == (2, 1)


def test_there_is_no_week_before_the_first(tmp_path: Path) -> None:
    with World(tmp_path, start=WEEK.since) as world:
        assert figures(world).before is None


def test_a_gap_is_said(world: World) -> None:
    world.store.resume("blog", WEEK.since)
    world.clock.at = WEEK.since + DAY
    world.find(gap=True)
    world.collect()
    assert figures(world).gaps == 1
    assert next(line for line in figures(world).sources if line.source == "blog").coverage


def test_praise_is_what_nobody_was_told_of_and_the_brand_did_not_write(world: World) -> None:
    world.wish(rules=replace(world.pipeline.policy.rules, complaint=0.0))
    hear(world, WEEK.since, "I love Acme but for this plug")
    assert world.incidents(), "this one was told"
    world.wish(rules=replace(world.pipeline.policy.rules, complaint=0.5))
    hear(world, WEEK.since + HOUR, "I love Acme")
    hear(world, WEEK.since + 2 * HOUR, *["I love Acme, we do"] * 25, author="AcmeHelp")
    said = figures(world)
    assert [praise.text for praise in said.praise] == ["I love Acme"]


def test_the_kindest_praise_comes_first(world: World) -> None:
    for n, share in enumerate((0.7, 0.99, 0.6, 0.9)):
        score = replace(SCORES["love"], positive=share, neutral=1 - share, negative=0.0)
        world.classifier.scores["love"] = score
        hear(world, WEEK.since + n * HOUR, f"love Acme {share}")
    assert [praise.text[-4:].strip() for praise in figures(world).praise] == ["0.99", "0.9", "0.7"]


def test_praise_without_a_text_is_quoted_by_its_title(world: World) -> None:
    world.classifier.scores[""] = SCORES["love"]
    world.clock.at = WEEK.since
    world.store.resume("blog", WEEK.since)
    world.find(post("1", "", title="Acme: five stars", author="lena"))
    world.turn()
    assert [praise.text for praise in figures(world).praise] == ["Acme: five stars"]


# -- housekeeping --------------------------------------------------------------------------------


def test_incidents_that_went_quiet_are_closed(world: World) -> None:
    hear(world, WATCHED + HOUR, "Acme plug broken")
    hear(world, WATCHED + 2 * HOUR, "Acme link broken")
    world.clock.at = WATCHED + HOUR + world.pipeline.policy.window
    world.pipeline.tidy()
    assert {i.state for i in world.incidents()} == {"open"}
    world.clock.passes(minutes=1)
    world.pipeline.tidy()
    assert [i.state for i in world.incidents()] == ["auto-closed", "open"]


def test_what_is_older_than_the_operator_keeps_is_forgotten(world: World) -> None:
    world.wish(keep=30 * DAY)
    hear(world, WATCHED + HOUR, "Acme plug broken", "Acme")
    hear(world, WATCHED + 20 * DAY, "Acme")
    world.clock.at = WATCHED + HOUR + 30 * DAY
    world.pipeline.tidy()
    assert world.overview().mentions == 3
    world.clock.passes(seconds=1)
    world.pipeline.tidy()
    assert world.overview().mentions == 1
    assert world.store.incidents() == []
