"""Subscriptions: kept with the poll that named a hub, asked by one worker, and what a ping does."""

from __future__ import annotations

import pytest

from monitor.domain import Batch
from monitor.seams import SourceError
from monitor.store import SourceSpec, Store, Subscription
from tests.store.scene import LEASE, MINUTE, NOON, Scene, at

HUB, TOPIC = "https://hub.example/", "https://blog.example/feed"
HOUR = 60 * MINUTE


def named(scene: Scene, now: float = 0, hub: str = HUB, topic: str = TOPIC) -> None:
    """A poll that names a hub; the source is polled again an hour later."""
    state = scene.claim_source(at(now))
    batch = Batch((), cursor="c", hub=hub, topic=topic)
    scene.store.settle_poll(state, batch, [], at(now), HOUR)


def claimed(store: Store, now: float = 0) -> Subscription:
    found = store.claim_subscription(at(now), LEASE)
    assert found is not None, "none was due"
    return found


def pushed(store: Store, now: float = 0) -> frozenset[str]:
    return store.overview(at(now)).pushed


def due(store: Store, now: float = 0) -> float:
    """Minutes until the blog is polled."""
    (state, *_) = store.overview(at(now)).sources
    assert state.due_at is not None
    return (state.due_at - at(now)) / MINUTE


def test_a_hub_that_a_poll_named_is_asked_by_one_worker(scene: Scene) -> None:
    assert scene.store.claim_subscription(NOON, LEASE) is None
    named(scene)
    asked = claimed(scene.store)
    assert (asked.source, asked.hub, asked.topic, asked.tries) == ("blog", HUB, TOPIC, 1)
    assert scene.store.claim_subscription(at(1), LEASE) is None
    assert claimed(scene.store, 2).tries == 2  # the first worker died


def test_its_answer_counts_and_not_that_it_took_the_request(scene: Scene) -> None:
    named(scene)
    asked = claimed(scene.store)
    scene.store.settle_answer(asked, at(600), at(300))
    scene.store.settle_asked(asked, at(5))
    assert scene.store.claim_subscription(at(299), LEASE) is None
    assert pushed(scene.store, 599) == {"blog"}
    assert pushed(scene.store, 600) == frozenset()
    assert claimed(scene.store, 300).tries == 1


def test_a_worker_whose_lease_ran_out_settles_nothing(scene: Scene) -> None:
    named(scene)
    late = claimed(scene.store)
    claimed(scene.store, 2)
    scene.store.settle_asked(late, at(2))
    assert scene.store.claim_subscription(at(3), LEASE) is None


@pytest.mark.parametrize("changed", [{"hub": HUB + "2"}, {"topic": TOPIC + "2"}])
def test_another_hub_or_topic_begins_anew(scene: Scene, changed: dict[str, str]) -> None:
    named(scene)
    old = claimed(scene.store)
    scene.store.settle_answer(old, at(600), at(300))
    named(scene, 60)
    assert pushed(scene.store, 60) == {"blog"}
    named(scene, 120, **changed)
    assert pushed(scene.store, 120) == frozenset()
    scene.store.settle_answer(old, at(600), at(300))
    assert pushed(scene.store, 120) == frozenset()
    new = claimed(scene.store, 120)
    assert (new.id, new.tries) == (old.id, 1)
    assert {"hub": new.hub, "topic": new.topic} == {"hub": HUB, "topic": TOPIC} | changed
    assert scene.store.subscription(old.id) == new


def test_of_a_source_that_is_not_polled_nothing_is_wanted(scene: Scene) -> None:
    named(scene)
    number = claimed(scene.store).id
    scene.store.park("blog")
    assert scene.store.subscription(number) is None
    assert scene.store.claim_subscription(at(99), LEASE) is None
    scene.store.resume("blog", NOON)
    assert scene.store.subscription(number) is not None
    assert scene.store.subscription(number + 1) is None


def test_what_an_old_address_named_is_forgotten_at_the_first_poll_of_the_new(scene: Scene) -> None:
    named(scene)
    scene.store.sync([SourceSpec("blog", "feed", "new")], ["Acme"], at(1))
    number = claimed(scene.store, 1).id
    named(scene, 1, hub="")
    assert scene.store.subscription(number) is None


@pytest.mark.parametrize(("minutes", "left"), [(0.25, 0.75), (1, 0), (30, 0)])
def test_a_ping_hastens_a_source_to_a_minute_after_its_last_poll(
    scene: Scene, minutes: float, left: float
) -> None:
    named(scene)
    for _ in range(3):
        scene.store.hasten("blog", at(minutes), MINUTE)
        assert due(scene.store, minutes) == left


def test_a_ping_delays_nothing(scene: Scene) -> None:
    state = scene.claim_source()
    scene.store.settle_poll(state, Batch((), "c"), [], NOON, MINUTE / 6)
    scene.store.hasten("blog", at(0.1), MINUTE)
    assert due(scene.store) == 1 / 6


def test_a_ping_to_a_worker_on_its_way_counts_after_it(scene: Scene) -> None:
    named(scene)
    state = scene.claim_source(at(60))
    scene.store.hasten("blog", at(60.5), MINUTE)
    assert due(scene.store, 61) == 0
    scene.store.settle_poll(state, Batch((), "c"), [], at(60.6), HOUR)
    assert due(scene.store, 61) == 0
    again = scene.claim_source(at(61))
    scene.store.settle_poll(again, Batch((), "c"), [], at(61), HOUR)
    assert due(scene.store, 61) == 60


def test_a_ping_wakes_nobody_who_is_parked_or_unknown(scene: Scene) -> None:
    named(scene)
    scene.store.park("blog")
    scene.store.hasten("blog", at(30), MINUTE)
    scene.store.hasten("nobody", at(30), MINUTE)
    assert scene.store.claim_sources(at(999), LEASE, 9) == []


def test_a_ping_does_not_shorten_the_wait_of_who_fails(scene: Scene) -> None:
    scene.store.settle_poll_failed(scene.claim_source(), SourceError("500"), NOON, HOUR)
    scene.store.hasten("blog", at(30), MINUTE)
    assert due(scene.store, 30) == 30


def test_nor_does_it_break_the_rest_of_a_host(store: Store) -> None:
    store.sync([SourceSpec(name, "feed", "", "example") for name in "ab"], ["Acme"], NOON)
    (a,) = store.claim_sources(NOON, LEASE, 1)
    store.settle_poll(a, Batch((), "c"), [], NOON, HOUR)
    (b,) = store.claim_sources(NOON, LEASE, 1)
    store.settle_poll_failed(b, SourceError("wait", status=503, retry_after=HOUR), NOON, 2 * HOUR)
    store.hasten(a.source, at(30), MINUTE)
    assert store.claim_sources(at(59), LEASE, 9) == []
    assert [s.source for s in store.claim_sources(at(60), LEASE, 9)] == ["a"]
