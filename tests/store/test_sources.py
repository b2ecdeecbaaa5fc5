"""Sources: registering, whose turn it is, what a poll leaves behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.domain import Batch
from monitor.seams import SourceError
from monitor.store import Followed, SourceSpec, Store, StoreError
from monitor.store.sources import MOST_FOLLOWED
from tests.store.scene import BLOG, LEASE, MINUTE, NOON, Scene, at, mention

NOTHING = Batch((), cursor="c2")


def test_a_new_source_is_due_at_once_and_taken_by_one_worker(scene: Scene) -> None:
    state = scene.claim_source()
    assert (state.source, state.kind, state.cursor, state.tries) == ("blog", "feed", "", 1)
    assert state.since == NOON
    assert state.first_polled_at is None
    assert scene.store.claim_sources(at(1), LEASE, 1) == []


def test_a_claim_whose_worker_died_is_due_when_its_lease_runs_out(scene: Scene) -> None:
    scene.claim_source()
    assert scene.claim_source(NOON + LEASE).tries == 2


def test_the_source_that_waited_longest_comes_first(store: Store) -> None:
    specs = [SourceSpec(name, "feed", name) for name in "abc"]
    store.sync(specs[:1], [], at(2))
    store.sync(specs[:2], [], at(1))
    store.sync(specs, [], at(3))
    order = [s.source for _ in "abc" for s in store.claim_sources(at(5), LEASE, 1)]
    assert order == ["b", "a", "c"]


def test_a_poll_keeps_mentions_and_cursor_together(scene: Scene) -> None:
    assert scene.poll(mention("1"), mention("2"), rejected=("no title",)) == 2
    state = scene.claim_source(at(1))
    assert state.cursor == "after 2"
    assert state.first_polled_at == state.last_success_at == state.last_mention_at == NOON
    assert (state.rejected, state.failures, state.gaps) == (1, 0, 0)


def test_a_repeated_poll_adds_nothing(scene: Scene) -> None:
    scene.poll(mention("1"), mention("2"))
    assert scene.poll(mention("1"), mention("2"), mention("3"), now=at(1)) == 1
    assert [m.mention.post.external_id for m in scene.store.mentions()] == ["3", "2", "1"]


def test_a_poll_that_finds_nothing_new_leaves_the_time_of_the_last_mention(scene: Scene) -> None:
    scene.poll(mention("1"))
    scene.poll(mention("1"), now=at(1))
    state = scene.claim_source(at(2))
    assert (state.last_mention_at, state.last_success_at) == (NOON, at(1))


def test_one_post_naming_two_brands_is_two_mentions(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    assert scene.poll(mention("1"), mention("1", "Bolt")) == 2


def test_half_a_poll_is_never_kept(scene: Scene) -> None:
    state = scene.claim_source()
    stranger = mention("2", "Never Synced")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        scene.store.settle_poll(
            state, NOTHING, [(mention("1"), False), (stranger, False)], NOON, MINUTE
        )
    assert list(scene.store.mentions()) == []
    assert scene.claim_source(NOON + LEASE).cursor == ""


def test_the_next_poll_is_due_after_the_wait(scene: Scene) -> None:
    scene.store.settle_poll(scene.claim_source(), NOTHING, [], NOON, 5 * MINUTE)
    assert scene.store.claim_sources(at(4.9), LEASE, 1) == []
    assert scene.claim_source(at(5)).cursor == "c2"


def test_a_worker_whose_lease_ran_out_settles_nothing(scene: Scene) -> None:
    late = scene.claim_source()
    scene.claim_source(NOON + LEASE)
    assert scene.store.settle_poll(late, NOTHING, [(mention("1"), False)], at(3), MINUTE) == 0
    scene.store.settle_poll_failed(late, SourceError("late"), at(3), MINUTE)
    assert list(scene.store.mentions()) == []
    (state,) = scene.store.overview(at(3)).sources
    assert (state.cursor, state.failures, state.due_at) == ("", 0, NOON + 2 * LEASE)


def test_failures_are_counted_until_a_success(scene: Scene) -> None:
    refused = SourceError("403 Forbidden", blocked=True)
    scene.store.settle_poll_failed(scene.claim_source(), refused, NOON, MINUTE)
    scene.store.settle_poll_failed(scene.claim_source(at(1)), SourceError("x" * 900), at(1), MINUTE)
    state = scene.claim_source(at(2))
    assert (state.failures, state.blocked, state.last_error) == (2, False, "x" * 500)
    assert state.first_polled_at is None
    scene.store.settle_poll(state, NOTHING, [], at(2), MINUTE)
    assert scene.claim_source(at(3)).failures == 0


def test_a_permanent_failure_parks_until_a_person_resumes(scene: Scene) -> None:
    gone = SourceError("410 Gone", permanent=True)
    scene.store.settle_poll_failed(scene.claim_source(), gone, NOON, MINUTE)
    assert scene.store.claim_sources(at(9999), LEASE, 1) == []
    assert scene.store.overview(NOON).sources[0].parked
    scene.store.resume("blog", at(10))
    state = scene.claim_source(at(10))
    assert (state.parked, state.failures, state.last_error) == (False, 0, "")


def test_a_source_parked_during_its_poll_keeps_the_poll_and_stays_parked(scene: Scene) -> None:
    state = scene.claim_source()
    scene.store.park("blog")
    assert scene.store.settle_poll(state, NOTHING, [(mention("1"), False)], NOON, MINUTE) == 1
    assert scene.store.claim_sources(at(9999), LEASE, 1) == []


@pytest.mark.parametrize("verb", ["park", "resume"])
def test_an_unknown_name_is_answered_with_the_known_ones(scene: Scene, verb: str) -> None:
    scene.store.sync([BLOG, SourceSpec("forum", "forum", "")], [], NOON)
    arguments = ("blgo",) if verb == "park" else ("blgo", NOON)
    with pytest.raises(StoreError, match='no source "blgo"; known are: blog, forum'):
        getattr(scene.store, verb)(*arguments)


def test_a_source_no_longer_named_sleeps_and_goes_on_where_it_stopped(scene: Scene) -> None:
    scene.poll(mention("1"))
    scene.store.sync([], ["Acme"], at(1))
    assert scene.store.claim_sources(at(2), LEASE, 1) == []
    assert scene.store.overview(at(2)).sources == []
    scene.store.sync([BLOG], ["Acme"], at(3))
    assert scene.claim_source(at(3)).cursor == "after 1"


def test_a_changed_fingerprint_starts_anew(scene: Scene) -> None:
    scene.poll(mention("1"))
    polling = scene.claim_source(at(1))
    scene.store.sync([SourceSpec("blog", "forum", "https://other.example/")], ["Acme"], at(1))
    assert scene.store.settle_poll(polling, NOTHING, [(mention("2"), False)], at(1), MINUTE) == 0
    state = scene.claim_source(at(1))
    assert (state.kind, state.cursor) == ("forum", "")
    assert (state.first_polled_at, state.since) == (NOON, NOON), "what is new there is news"


def test_the_same_configuration_again_changes_nothing(scene: Scene) -> None:
    scene.store.settle_poll(scene.claim_source(), NOTHING, [], NOON, 5 * MINUTE)
    before = scene.store.overview(NOON).sources
    scene.store.sync([BLOG], ["Acme"], at(1))
    assert scene.store.overview(NOON).sources == before
    assert scene.store.brand_since("Acme") == NOON


def test_a_gap_reaches_back_to_the_last_success(scene: Scene) -> None:
    scene.poll(gap=True)
    assert scene.claim_source(at(1)).gaps == 0, "nothing was promised before the first success"
    scene.poll(gap=True, now=at(60))
    assert scene.claim_source(at(61)).gaps == 1
    assert scene.store.gaps(at(30), at(45)) == [("blog", NOON, at(60))]
    assert scene.store.gaps(at(60), at(90)) == []
    assert scene.store.gaps(NOON - timedelta(days=1), NOON) == []


# -- hosts ---------------------------------------------------------------------------------------


def at_hosts(store: Store, **hosts: str) -> None:
    store.sync([SourceSpec(name, "feed", name, host) for name, host in hosts.items()], [], NOON)


def claimed(store: Store, limit: int = 9, avoid: Collection[str] = (), minutes: float = 0) -> str:
    return " ".join(s.source for s in store.claim_sources(at(minutes), LEASE, limit, avoid))


def test_of_one_host_one_source_is_claimed_at_a_time(store: Store) -> None:
    at_hosts(store, a="x.example", b="x.example", c="y.example", d="", e="")
    assert claimed(store) == "a c d e"
    assert claimed(store) == "b"


def test_a_host_that_is_being_asked_is_passed_over(store: Store) -> None:
    at_hosts(store, a="x.example", b="y.example")
    assert claimed(store, avoid={"x.example"}) == "b"
    assert claimed(store) == "a"


def test_no_more_than_the_limit(store: Store) -> None:
    at_hosts(store, a="x.example", b="y.example", c="z.example")
    assert claimed(store, 2) == "a b"


def test_all_that_is_read_from_a_host_rests_when_it_asks_for_a_pause(store: Store) -> None:
    at_hosts(store, a="x.example", b="x.example", c="y.example")
    (state,) = store.claim_sources(NOON, LEASE, 1)
    slow = SourceError("come less often", blocked=True, retry_after=30 * MINUTE)
    store.settle_poll_failed(state, slow, NOON, 45 * MINUTE)
    assert claimed(store, minutes=29) == "c"
    assert claimed(store, minutes=30) == "b"


def test_a_pause_brings_nothing_forward(store: Store) -> None:
    at_hosts(store, a="x.example", b="x.example")
    for name in "ab":
        (state,) = store.claim_sources(NOON, LEASE, 1)
        assert state.source == name
        store.settle_poll(state, NOTHING, [], NOON, (10 if name == "a" else 100) * MINUTE)
    (state,) = store.claim_sources(at(10), LEASE, 1)
    asked = SourceError("wait", retry_after=MINUTE)
    store.settle_poll_failed(state, asked, at(10), 200 * MINUTE)
    assert claimed(store, minutes=99) == ""
    assert claimed(store, minutes=100) == "b"


# -- followed comments ---------------------------------------------------------------------------

COMMENTS = Followed("blog: comments 1f", "https://blog.example/p/feed", "blog.example", "On Acme")


def test_the_comments_of_a_post_are_followed_once(scene: Scene) -> None:
    for minute in (0, 10):
        state = scene.claim_source(at(minute))
        scene.store.settle_poll(
            state, NOTHING, [], at(minute), 10 * MINUTE, followed=[COMMENTS, COMMENTS]
        )
        if minute == 0:
            (comments,) = scene.store.claim_sources(NOON, LEASE, 9)
            scene.store.settle_poll(comments, NOTHING, [], NOON, timedelta(days=1))
    assert (comments.source, comments.follows, comments.url) == (
        COMMENTS.name,
        "blog",
        COMMENTS.url,
    )
    assert comments.thread_title == "On Acme"
    seen = scene.store.overview(NOON)
    assert ([s.source for s in seen.sources], [s.source for s in seen.following]) == (
        ["blog"],
        [COMMENTS.name],
    )


def test_they_are_followed_while_their_source_is_configured(scene: Scene) -> None:
    scene.store.settle_poll(
        scene.claim_source(), NOTHING, [], NOON, 99 * MINUTE, followed=[COMMENTS]
    )
    scene.store.sync([BLOG], ["Acme"], NOON)
    assert claimed(scene.store) == COMMENTS.name
    scene.store.sync([], ["Acme"], NOON)
    assert scene.store.overview(NOON).following == []
    scene.store.sync([BLOG], ["Acme"], at(9))
    assert [s.source for s in scene.store.overview(NOON).following] == [COMMENTS.name]


def test_a_source_may_have_only_so_many_followed(scene: Scene) -> None:
    many = [replace(COMMENTS, name=f"c{n}", url=f"https://blog.example/{n}") for n in range(60)]
    scene.store.settle_poll(scene.claim_source(), NOTHING, [], NOON, MINUTE, followed=many[:40])
    scene.store.settle_poll(scene.claim_source(at(1)), NOTHING, [], NOON, MINUTE, followed=many)
    assert len(scene.store.overview(NOON).following) == MOST_FOLLOWED


def test_without_a_next_time_a_source_sleeps(scene: Scene) -> None:
    scene.store.settle_poll(scene.claim_source(), NOTHING, [], NOON, None)
    assert claimed(scene.store, minutes=99_999) == ""


def test_pace_and_wait_come_back(scene: Scene) -> None:
    pace = (1.5, 2.0, *[0.25] * 25)
    batch = replace(NOTHING, moved="https://new.example/feed")
    scene.store.settle_poll(scene.claim_source(), batch, [], NOON, 5 * MINUTE, pace)
    state = scene.claim_source(at(5))
    assert (state.pace, state.wait, state.moved) == (pace, 5 * MINUTE, batch.moved)


def test_what_fell_due_while_nobody_worked_is_spread(store: Store) -> None:
    specs = [SourceSpec(str(n), "feed", "", f"{n}.example") for n in range(61)]
    store.sync(specs[:60], [], NOON)
    store.sync(specs, [], at(100))  # the new one is due at once
    store.spread(at(100), 10 * MINUTE)
    taken = [len(store.claim_sources(at(100 + n / 60), 60 * MINUTE, 100)) for n in range(61)]
    assert sum(taken) == 61
    assert max(taken) <= 2, "one a second, and what was due anyway"


def test_however_much_was_late_it_is_not_spread_for_ever(store: Store) -> None:
    store.sync([SourceSpec(str(n), "feed", "") for n in range(200)], [], NOON)
    store.spread(at(100), MINUTE)
    assert len(store.claim_sources(at(101), 60 * MINUTE, 200)) == 200
