"""The outbox: order, coalescing, every outcome of a send, and what a dead worker leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.domain import Receipt
from monitor.seams import DeliveryError, Outcome
from monitor.store import Store
from tests.store.scene import LEASE, MINUTE, NOON, SPACING, Scene, at, mention

SENT = Receipt("C1", "1.0")


def failed(outcome: Outcome, retry_after: timedelta | None = None) -> DeliveryError:
    return DeliveryError(f"said {outcome.value}", outcome, retry_after=retry_after)


# -- the order of things -----------------------------------------------------------------


def test_a_new_incident_owes_every_target_a_post_at_once(scene: Scene) -> None:
    scene.tell("1", targets=("slack:#acme", "console:", "console:"))
    first, second = scene.claim_delivery(), scene.claim_delivery()
    (incident,) = scene.store.incidents()
    assert {first.key, second.key} == {
        f"post:{incident.id}:console:",
        f"post:{incident.id}:slack:#acme",
    }
    assert (first.kind, first.state, first.tries, first.seq) == ("post", "pending", 1, 1)
    assert (first.started_at, first.remote, first.frozen) == (NOON, None, "")
    assert scene.store.claim_delivery(NOON, LEASE) is None


def test_a_post_shows_the_incident_as_it_is_when_it_is_sent(scene: Scene) -> None:
    scene.tell("1")
    scene.tell("2", at(1))
    card = scene.claim_delivery(at(2)).card
    assert card is not None
    assert card.incident.posts == 2
    assert [quote.text for quote in card.quotes] == ["Acme 1", "Acme 2"]


def test_a_post_that_waits_needs_no_update(scene: Scene) -> None:
    scene.tell("1")
    scene.tell("2", at(1))
    scene.send(at(2))
    assert scene.store.claim_delivery(at(9999), LEASE) is None


def test_an_update_waits_until_its_post_is_sent_and_names_its_message(scene: Scene) -> None:
    scene.tell("1")
    post = scene.store.claim_delivery(NOON, timedelta(days=1))
    assert post is not None
    scene.tell("2", at(1))
    assert scene.store.claim_delivery(at(60), LEASE) is None
    scene.store.settle_sent(post, Receipt("C7", "5.5"), at(90))
    update = scene.claim_delivery(at(90))
    assert (update.kind, update.remote) == ("update", Receipt("C7", "5.5"))
    assert update.id != post.id


def test_a_burst_costs_one_update_at_the_time_of_the_first(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    for minute in (1, 4, 8):
        scene.tell(f"late {minute}", at(minute))
    assert scene.store.claim_delivery(at(9.9), LEASE) is None
    update = scene.send(at(10))
    assert (update.seq, update.card and update.card.incident.posts) == (3, 4)
    assert scene.store.claim_delivery(at(9999), LEASE) is None


def test_the_first_update_after_a_silence_is_due_at_once_the_next_is_spaced(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    scene.tell("2", at(60))
    assert scene.send(at(60)).seq == 1
    scene.tell("3", at(61))
    assert scene.store.claim_delivery(at(69.9), LEASE) is None
    assert scene.send(at(70)).seq == 2


def test_an_update_asked_for_while_one_is_sent_follows_it(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    scene.tell("2", at(60))
    update = scene.claim_delivery(at(60))
    scene.tell("3", at(61))
    assert scene.store.claim_delivery(at(61), LEASE) is None, "the lease holds"
    scene.store.settle_sent(update, SENT, at(61))
    assert scene.store.claim_delivery(at(70.9), LEASE) is None
    again = scene.send(at(61) + SPACING)
    assert (again.seq, again.state) == (2, "pending")
    assert scene.store.claim_delivery(at(9999), LEASE) is None


def test_a_target_added_later_gets_a_post_of_its_own(scene: Scene) -> None:
    scene.tell("1", targets=("slack:#acme",))
    scene.send()
    scene.tell("2", at(60), targets=("slack:#acme", "slack:#second"))
    kinds = {(d.kind, d.target) for d in (scene.send(at(60)), scene.send(at(60)))}
    assert kinds == {("update", "slack:#acme"), ("post", "slack:#second")}


# -- the outcomes of a send --------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.LATER, Outcome.OPERATOR])
def test_what_is_refused_for_now_is_tried_for_ever(scene: Scene, outcome: Outcome) -> None:
    scene.tell("1")
    for attempt in range(1, 21):
        delivery = scene.claim_delivery(at(attempt))
        assert (delivery.tries, delivery.state) == (attempt, "pending")
        assert delivery.started_at == at(attempt)
        scene.store.settle_unsent(delivery, failed(outcome), at(attempt), MINUTE)
        assert scene.store.claim_delivery(at(attempt + 0.9), LEASE) is None
    owed = scene.store.overview(at(20)).outbox
    assert (owed.pending, owed.dead) == (1, 0)
    assert owed.errors == [("slack:#acme", f"said {outcome.value}")]
    scene.send(at(21))
    assert scene.store.overview(at(21)).outbox.errors == []


def test_a_channel_that_names_a_time_gets_nothing_before_it(scene: Scene) -> None:
    targets = ("slack:#acme", "slack:#other")
    scene.tell("1", targets=targets)
    scene.tell("2", targets=targets, join=lambda _open: None)
    first = scene.claim_delivery()
    busy = failed(Outcome.LATER, retry_after=5 * MINUTE)
    scene.store.settle_unsent(first, busy, NOON, 5 * MINUTE)
    others = [scene.send(at(1)), scene.send(at(1))]
    assert first.target not in {d.target for d in others}
    scene.tell("3", at(1), targets=(first.target,), join=lambda _open: None)
    assert scene.store.claim_delivery(at(4.9), LEASE) is None, "not even what is new"
    assert {scene.send(at(5)).target for _ in range(3)} == {first.target}


def test_a_shorter_pause_does_not_shorten_a_longer_one(scene: Scene) -> None:
    for key in "12":
        scene.tell(key, join=lambda _open: None)
    first, second = scene.claim_delivery(), scene.claim_delivery()
    for delivery, minutes in ((first, 9), (second, 3)):
        busy = failed(Outcome.LATER, retry_after=minutes * MINUTE)
        scene.store.settle_unsent(delivery, busy, NOON, MINUTE)
    assert scene.store.claim_delivery(at(8.9), LEASE) is None
    scene.claim_delivery(at(9))


def test_what_is_refused_for_good_is_dead_and_so_are_its_updates(scene: Scene) -> None:
    scene.tell("1")
    post = scene.claim_delivery()
    scene.tell("2", at(1))
    scene.store.settle_unsent(post, failed(Outcome.NEVER), at(1), MINUTE)
    assert scene.store.claim_delivery(at(9999), LEASE) is None
    owed = scene.store.overview(at(9)).outbox
    assert (owed.pending, owed.dead, owed.oldest_seconds) == (0, 2, 0)
    assert ("slack:#acme", "said never") in owed.errors


def test_a_dead_message_is_owed_anew_with_the_next_member(scene: Scene) -> None:
    scene.tell("1")
    scene.store.settle_unsent(scene.claim_delivery(), failed(Outcome.NEVER), NOON, MINUTE)
    scene.tell("2", at(60))
    again = scene.send(at(60) + SPACING)
    assert (again.kind, again.state, again.card.incident.posts) == ("post", "pending", 2)
    scene.tell("3", at(90))
    assert scene.send(at(90) + SPACING).kind == "update"


def test_a_message_that_a_person_deleted_is_posted_anew_with_the_next_member(scene: Scene) -> None:
    scene.tell("1")
    scene.send(ts="1.0")
    scene.tell("2", at(60))
    scene.store.settle_unsent(scene.claim_delivery(at(60)), failed(Outcome.NEVER), at(60), MINUTE)
    scene.tell("3", at(90))
    assert scene.send(at(90) + SPACING, ts="2.0").kind == "post"
    assert scene.store.claim_delivery(at(99), LEASE) is None, "one message is enough"
    scene.tell("4", at(120))
    update = scene.send(at(120) + SPACING)
    assert (update.kind, update.remote) == ("update", Receipt("C1", "2.0"))


def test_an_uncertain_send_is_looked_up_before_it_is_sent_again(scene: Scene) -> None:
    scene.tell("1")
    sending = scene.claim_delivery()
    scene.store.settle_unsent(sending, failed(Outcome.AMBIGUOUS), NOON, MINUTE)
    assert scene.store.overview(NOON).outbox.ambiguous == 1
    looked = scene.claim_delivery(at(1))
    assert (looked.state, looked.started_at, looked.id) == ("ambiguous", NOON, sending.id)
    scene.store.settle_unsent(looked, failed(Outcome.AMBIGUOUS), at(1), MINUTE)
    looked = scene.claim_delivery(at(2))
    assert (looked.state, looked.started_at) == ("ambiguous", NOON)
    scene.store.settle_absent(looked, at(2))
    again = scene.claim_delivery(at(2))
    assert (again.state, again.started_at, again.tries) == ("pending", at(2), 4)


def test_a_message_found_is_sent(scene: Scene) -> None:
    scene.tell("1")
    scene.store.settle_unsent(scene.claim_delivery(), failed(Outcome.AMBIGUOUS), NOON, MINUTE)
    scene.send(at(1))
    assert scene.store.claim_delivery(at(9999), LEASE) is None


def test_a_worker_that_died_while_sending_leaves_an_uncertain_send(scene: Scene) -> None:
    scene.tell("1")
    scene.claim_delivery()
    assert scene.store.claim_delivery(at(1.9), LEASE) is None
    looked = scene.claim_delivery(NOON + LEASE)
    assert (looked.state, looked.started_at, looked.tries) == ("ambiguous", NOON, 2)


@pytest.mark.parametrize("outcome", [Outcome.LATER, Outcome.OPERATOR])
def test_a_refusal_does_not_make_an_earlier_try_certain(scene: Scene, outcome: Outcome) -> None:
    scene.tell("1")
    scene.claim_delivery()
    looked = scene.claim_delivery(NOON + LEASE)
    scene.store.settle_unsent(looked, failed(outcome), at(2), MINUTE)
    looked = scene.claim_delivery(at(3))
    assert (looked.state, looked.started_at) == ("ambiguous", NOON)


def test_a_worker_whose_lease_ran_out_settles_nothing(scene: Scene) -> None:
    scene.tell("1")
    late = scene.claim_delivery()
    new = scene.claim_delivery(NOON + LEASE)
    scene.store.settle_sent(late, Receipt("C9", "9.9"), at(3))
    scene.store.settle_absent(late, at(3))
    scene.store.settle_unsent(late, failed(Outcome.NEVER), at(3), MINUTE)
    assert scene.store.overview(at(3)).outbox.ambiguous == 1
    scene.store.settle_sent(new, SENT, at(3))
    scene.store.settle_unsent(new, failed(Outcome.LATER), at(3), MINUTE)
    assert scene.store.claim_delivery(at(9999), LEASE) is None, "what is sent stays sent"


# -- digests -----------------------------------------------------------------------------


def test_a_digest_is_owed_once(scene: Scene) -> None:
    key, target = "digest:Acme:2026-W46:email:ana@acme.example", "email:ana@acme.example"
    assert not scene.store.has_delivery(key)
    assert scene.store.enqueue_digest(key, target, "Acme", '{"mentions": 4}', NOON)
    assert not scene.store.enqueue_digest(key, target, "Acme", "{}", NOON)
    assert scene.store.has_delivery(key)
    digest = scene.send()
    assert (digest.kind, digest.target, digest.frozen) == ("digest", target, '{"mentions": 4}')
    assert (digest.card, digest.remote) == (None, None)
    assert scene.store.overview(at(1)).last_digest == "2026-11-21T12:00:00+00:00"


def test_nothing_is_owed_in_an_empty_store(store: Store) -> None:
    assert store.claim_delivery(NOON, LEASE) is None
    assert not store.has_delivery("digest:Acme:2026-W46:email:ana@acme.example")


def test_a_member_without_any_target_owes_nothing(scene: Scene) -> None:
    scene.poll(mention("1"))
    assert scene.settle(scene.claim_one(), targets=()) == "alerted"
    assert scene.store.claim_delivery(at(9999), LEASE) is None
