"""Collect: what is quiet, what a failing source does to itself and not to others, manners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from monitor import pacing
from monitor.domain import Batch, SourceState
from monitor.matching import Brand, Matcher
from monitor.seams import SourceError
from monitor.store.verdicts import OLD
from tests.standins.scripted import ACME, START, TARGET, ScriptedSource, World, post

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE = timedelta(minutes=1)
BROKEN = "The Acme plug is broken"
FED = {"replies": "https://blog.example/1/feed"}
FEED = f"blog.example: comments {sha256(FED['replies'].encode()).hexdigest()[:8]}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def source(world: World, name: str = "blog") -> SourceState:
    return next(s for s in world.overview().sources if s.source == name)


# -- what is quiet -------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [None, timedelta(seconds=1), HOUR, 300 * DAY])
def test_the_first_poll_tells_of_nothing_older_than_itself(
    world: World, age: timedelta | None
) -> None:
    world.find(post("1", BROKEN, published_at=age and START - age))
    world.turn()
    told = world.judged()["1"]
    assert (told.action, told.reason) == ("digest", OLD)
    assert (world.incidents(), world.notifier.accepted) == ([], [])


def test_what_is_older_than_is_kept_never_comes_back(world: World) -> None:
    """A slow blog shows the same post for years: once forgotten, it would be told again."""
    world.wish(keep=90 * DAY)
    old = post("1", BROKEN, published_at=START)
    world.find(old)
    world.turn()
    world.clock.passes(days=91)
    world.pipeline.tidy()
    assert world.judged() == {}
    world.find(old, post("2", BROKEN, published_at=world.clock()))
    world.turn()
    assert world.judged().keys() == {"2"}


@pytest.mark.parametrize("age", [None, 1 * DAY, 40 * DAY])
def test_a_brand_that_is_added_later_starts_quiet_too(world: World, age: timedelta | None) -> None:
    world.started()
    world.clock.passes(days=60)
    world.pipeline = replace(
        world.pipeline,
        matcher=Matcher([ACME, Brand("Bolt")]),
        policy=replace(world.pipeline.policy, card_targets={"Bolt": (TARGET,)}),
    )
    world.sync("Acme", "Bolt")
    now = world.clock()
    world.find(post("1", "The Bolt plug is broken", published_at=age and now - age))
    world.turn()
    assert world.judged()["1"].action == "digest"
    world.clock.passes(days=1)
    world.find(post("2", "The Bolt plug is broken"))
    world.turn()
    assert world.judged()["2"].action == "alerted"


def test_what_is_written_while_the_first_poll_runs_is_news(world: World) -> None:
    world.find(post("1", BROKEN, published_at=START))
    world.turn()
    assert world.judged()["1"].action == "alerted"


@pytest.mark.parametrize(
    ("age", "action"), [(6 * DAY, "alerted"), (8 * DAY, "digest"), (None, "digest")]
)
def test_the_backlog_is_told_on_the_first_poll(
    world: World, age: timedelta | None, action: str
) -> None:
    world.wish(backlog=7 * DAY)
    world.find(post("1", BROKEN, published_at=age and START - age))
    world.turn()
    assert world.judged()["1"].action == action


@pytest.mark.parametrize(
    ("before_first_run", "backlog", "action"),
    [
        (None, timedelta(), "alerted"),
        (-HOUR, timedelta(), "alerted"),
        (47 * HOUR, timedelta(), "alerted"),  # dated by its day, seen late
        (49 * HOUR, timedelta(), "digest"),  # an old post that came back
        (49 * HOUR, 7 * DAY, "alerted"),
        (8 * DAY, 7 * DAY, "digest"),
    ],
)
def test_on_later_polls_only_what_is_days_older_than_the_first_run_is_quiet(
    world: World, before_first_run: timedelta | None, backlog: timedelta, action: str
) -> None:
    world.wish(backlog=backlog)
    world.started()
    published = None if before_first_run is None else START - before_first_run
    world.find(post("1", BROKEN, published_at=published))
    world.turn()
    assert world.judged()["1"].action == action


def test_a_first_poll_that_failed_was_none(world: World) -> None:
    world.sources["blog"].script.append(SourceError("no answer"))
    world.turn()
    world.clock.passes(hours=1)
    world.find(post("1", BROKEN))
    world.turn()
    assert world.judged()["1"].reason == OLD


def test_what_was_seen_before_is_not_told_again(world: World) -> None:
    world.started()
    for _ in range(3):
        world.find(post("1", BROKEN))
        world.turn()
        world.clock.passes(minutes=1)
    assert world.notifier.kinds() == ["post"]
    assert world.incidents()[0].posts == 1


# -- failures ------------------------------------------------------------------------------------


def test_a_refusal_is_shown_as_blocked_and_is_tried_again_ever_later(world: World) -> None:
    refusals = [SourceError("403 from blog.example", blocked=True) for _ in range(12)]
    world.sources["blog"].script.extend(refusals)
    waits = []
    for _ in refusals:
        world.collect()
        state = source(world)
        assert (state.condition(world.clock()), state.last_error) == (
            "blocked",
            "403 from blog.example",
        )
        assert state.due_at is not None
        waits.append(state.due_at - world.clock())
        world.clock.at = state.due_at
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [15, 30, 60, 120, 240, 480, 960, *[1440] * 5]
    world.collect()
    assert (source(world).condition(world.clock()), source(world).failures) == ("ok", 0)


def test_a_source_that_names_a_time_is_not_asked_before(world: World) -> None:
    world.sources["blog"].script.append(SourceError("429", blocked=True, retry_after=5 * HOUR))
    world.collect()
    world.clock.passes(hours=4.99)
    world.collect()
    assert world.sources["blog"].cursors == [""]
    world.clock.passes(hours=0.01)
    world.collect()
    assert world.sources["blog"].cursors == ["", ""]


def test_a_permanent_failure_parks(world: World) -> None:
    world.sources["blog"].script.append(SourceError("410: gone for good", permanent=True))
    world.collect()
    world.clock.passes(days=30)
    world.collect()
    assert world.sources["blog"].cursors == [""]
    assert source(world).condition(world.clock()) == "parked"
    assert source(world).last_error == "410: gone for good"
    world.store.resume("blog", world.clock())
    world.collect()
    assert source(world).condition(world.clock()) == "ok"


def test_a_fault_in_one_collector_stops_no_other_and_is_shown(world: World) -> None:
    world.sources["blog"].script.append(ZeroDivisionError("token=s3cret"))
    world.find(post("1", "Acme", "forum"))
    assert world.collect() == 1
    assert source(world).condition(world.clock()) == "failing"
    assert source(world).last_error == "fault in the collector: ZeroDivisionError"
    assert source(world, "forum").condition(world.clock()) == "ok"
    assert [log["source"] for log in world.logs if log["event"] == "source_fault"] == ["blog"]


def test_a_fault_in_what_a_collector_gave_is_its_own(world: World) -> None:
    no_zone = datetime(2026, 11, 18, 9)  # noqa: DTZ001 - the fault that is looked at
    world.find(post("1", "Acme", published_at=no_zone))
    world.find(post("2", "Acme", "forum"))
    assert world.collect() == 1
    assert source(world).last_error == "fault in the collector: TypeError"


def test_a_source_that_nobody_built_is_shown_as_failing(world: World) -> None:
    world.pipeline = replace(world.pipeline, sources={"forum": world.sources["forum"]})
    world.find(post("1", "Acme", "forum"))
    assert world.collect() == 1
    assert source(world).condition(world.clock()) == "failing"


def test_a_failed_poll_is_repeated_with_the_same_cursor(world: World) -> None:
    world.find(cursor="page 2")
    world.sources["blog"].script.append(SourceError("no answer"))
    world.find(cursor="page 3")
    for _ in range(4):
        world.collect()
        world.clock.passes(minutes=2)
    assert world.sources["blog"].cursors == ["", "page 2", "page 2", "page 3"]


def test_gaps_and_unreadable_items_are_counted(world: World) -> None:
    world.started()
    world.find(gap=True, rejected=("item 3: no id", "item 4: no id"))
    world.collect()
    assert (source(world).gaps, source(world).rejected) == (1, 2)
    assert world.store.gaps(START, world.clock()) == [("blog", START, world.clock())]


# -- manners -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "minutes"), [(None, 1), (timedelta(seconds=5), 1), (timedelta(0), 1), (HOUR, 60)]
)
def test_a_site_can_only_slow_us(world: World, wish: timedelta | None, minutes: int) -> None:
    world.find(poll_after=wish)
    world.collect()
    assert source(world).due_at == START + timedelta(minutes=minutes)


def test_in_one_round_a_source_has_one_turn(world: World) -> None:
    world.wish(every=dict.fromkeys(world.sources, timedelta()))
    taken = []
    while len(taken) < 9 and (claimed := world.pipeline.claim_sources(1, due=START)):
        taken.append(claimed[0].source)
        world.clock.passes(seconds=1)
        world.pipeline.poll(claimed[0])
    assert sorted(taken) == ["blog", "forum"]


def test_authors_are_left_out_where_the_operator_wishes(world: World) -> None:
    world.wish(store_authors=False)
    world.started()
    world.find(post("1", BROKEN, author="lena"), post("2", BROKEN, author="AcmeHelp"))
    world.turn()
    judged = world.judged()
    assert [j.mention.post.author for j in judged.values()] == ["", ""]
    assert [j.action for j in judged.values()] == ["alerted", "ignored"]
    assert [quote.author for quote in world.notifier.accepted[0].card.quotes] == [""]  # type: ignore[union-attr]


def test_authors_are_kept_otherwise(world: World) -> None:
    world.find(post("1", BROKEN, author="lena"))
    world.collect()
    assert world.judged()["1"].mention.post.author == "lena"


# -- pace and followed comments ------------------------------------------------------------------


def test_without_a_wish_a_source_has_its_own_pace(world: World) -> None:
    world.wish(every=dict.fromkeys(world.sources))
    world.find(conditional=False)
    world.collect()
    assert source(world).due_at >= START + pacing.BLIND
    assert source(world, "forum").due_at >= START + pacing.SOONEST


def comments_of(world: World) -> ScriptedSource:
    """From now on what is followed is read from this source."""
    comments = ScriptedSource("comments")
    world.pipeline = replace(world.pipeline, follow=lambda state: comments)
    return comments


def test_comments_of_a_post_that_names_a_brand_are_followed(world: World) -> None:
    comments = comments_of(world)
    world.started()
    world.clock.passes(minutes=10)
    world.find(
        post("1", BROKEN, replies="https://blog.example/1/feed"),
        post("2", "nothing of interest", replies="https://blog.example/2/feed"),
    )
    world.collect()
    (followed,) = world.overview().following
    assert followed.url == "https://blog.example/1/feed"
    assert followed.host == "blog.example"
    assert len(comments.cursors) == 1
    world.turns(lambda: not world.overview().following, most=timedelta(days=20), hours=2)
    assert 20 < len(comments.cursors) < 400, "ever more slowly, and not for ever"


def test_old_posts_are_not_followed(world: World) -> None:
    comments_of(world)
    world.find(post("1", BROKEN, replies="https://blog.example/1/feed", published_at=START - DAY))
    world.collect()
    assert world.overview().following == []


def test_comments_that_cannot_be_read_are_given_up(world: World) -> None:
    comments = comments_of(world)
    comments.script += [SourceError("oh", status=500)] * 2 + [SourceError("no", permanent=True)]
    world.started()
    world.clock.passes(minutes=10)
    world.find(post("1", BROKEN, replies="https://blog.example/1/feed"))
    world.collect()
    world.turns(lambda: not world.overview().following, most=timedelta(days=2), minutes=30)
    assert len(comments.cursors) == 3


@pytest.mark.parametrize(("unasked", "minutes"), [(False, 60), (True, 1)])
def test_a_site_that_failed_is_asked_no_sooner_than_one_that_did_not(
    world: World, unasked: bool, minutes: int
) -> None:
    world.wish(every={})
    world.sources["blog"].script.append(SourceError("500", unasked=unasked))
    world.collect()
    due = source(world).due_at
    assert due is not None
    assert due - world.clock() == timedelta(minutes=minutes)


def test_the_first_comments_are_news(world: World) -> None:
    """They were written before we knew of the post, and are often the complaints."""
    comments = comments_of(world)
    world.started()
    world.clock.passes(hours=3)
    early = [
        post(str(n), BROKEN, source=FEED, published_at=at)
        for n, at in enumerate((world.clock() - 2 * HOUR, None), 2)
    ]
    comments.script.append(Batch(tuple(early), "c"))
    world.find(post("1", "About Acme", published_at=world.clock() - 150 * MINUTE, **FED))
    world.collect()
    world.turn()
    assert {world.judged()[key].action for key in "23"} == {"alerted", "attached"}


def test_an_outage_does_not_end_the_following(world: World) -> None:
    comments = comments_of(world)
    comments.script += [SourceError("no connection", unasked=True)] * 12
    world.started()
    world.clock.passes(minutes=10)
    world.find(post("1", BROKEN, **FED))
    world.turns(lambda: len(comments.cursors) > 12, most=timedelta(days=8), hours=1)
    assert len(world.overview().following) == 1


def test_one_comment_feed_is_followed_once_whoever_names_it(world: World) -> None:
    comments = comments_of(world)
    world.started()
    world.clock.passes(minutes=10)
    world.find(post("1", BROKEN, **FED))
    world.find(post("1", BROKEN, source="forum", **FED))
    world.collect()
    assert (len(world.overview().following), len(comments.cursors)) == (1, 1)


@pytest.mark.parametrize(
    "replies", ["https://victim.example/1/feed", "https://blog.example/comments/feed"]
)
def test_neither_a_stranger_s_feed_nor_a_configured_one_is_followed(
    world: World, replies: str
) -> None:
    comments_of(world)
    world.sources["forum"].url = "https://blog.example/comments/feed"
    world.started()
    world.clock.passes(minutes=10)
    world.find(post("1", BROKEN, replies=replies))
    world.collect()
    assert world.overview().following == []
