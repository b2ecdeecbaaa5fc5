"""Deliver: every outcome of a send, and that each card is there once, in order, and up to date."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Card
from monitor.pipeline.collect import source_backoff
from monitor.pipeline.deliver import delivery_backoff
from monitor.seams import DeliveryError, Lookup, SourceError
from tests.standins.scripted import (
    TARGET,
    Lost,
    World,
    ambiguous,
    later,
    never,
    operator,
    post,
)

PLUG, LINK = "The Acme plug is broken", "The Acme link is broken"  # two causes, both grave
SLOW = "The Acme plug is slow"  # not grave
OTHER = "slack:#other"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.started()
        yield world


def the_cards(world: World, target: str = TARGET) -> list[tuple[str, Card]]:
    """What one target was sent about the only incident."""
    (incident,) = world.incidents()
    return world.notifier.cards()[target, incident.id]


def sends(world: World) -> list[datetime]:
    return [at for at, _ in world.notifier.tried]


# -- one living card -----------------------------------------------------------------------------


def test_thirty_mentions_of_one_cause_in_a_minute_are_one_post_and_few_edits(world: World) -> None:
    world.wish(every=dict.fromkeys(world.sources, timedelta(seconds=1)))
    for n in range(30):
        world.find(post(str(n), PLUG))
        world.turn()
        world.clock.passes(seconds=2)
    world.clock.passes(seconds=10)
    world.turn()
    kinds = [kind for kind, _ in the_cards(world)]
    assert kinds == ["post", *["update"] * (len(kinds) - 1)]
    assert 3 <= len(kinds) - 1 <= 10
    assert the_cards(world)[-1][1].incident.posts == 30
    edits = world.notifier.at[1:]
    assert all(b - a >= timedelta(seconds=10) for a, b in itertools.pairwise(edits))
    world.clock.passes(hours=1)
    world.turn()
    assert len(the_cards(world)) == len(kinds), "nothing more is owed"


def test_a_card_says_what_it_is_about_as_people_read_it(world: World) -> None:
    world.tell(post("1", PLUG))
    assert world.pipeline.deliver() == 1
    ((kind, card),) = the_cards(world)
    assert (kind, card.topic, card.incident.topic) == ("post", "Broken plug", "plug")
    assert [quote.text for quote in card.quotes] == [PLUG]


def test_an_edit_names_the_message_that_it_edits(world: World) -> None:
    world.tell(post("1", PLUG))
    world.pipeline.deliver()
    world.tell(post("2", PLUG))
    world.pipeline.deliver()
    first, second = world.notifier.accepted
    assert (second.kind, second.remote and second.remote.ts) == ("update", f"ts-{first.id}")


def test_every_target_gets_a_card_of_its_own(world: World) -> None:
    world.wish(card_targets={"Acme": (TARGET, OTHER)})
    world.tell(post("1", PLUG))
    assert world.pipeline.deliver() == 2
    assert sorted(d.target for d in world.notifier.accepted) == [TARGET, OTHER]


def test_it_stops_between_two_messages_when_told_to(world: World) -> None:
    world.tell(post("1", PLUG), post("2", LINK))
    assert world.pipeline.deliver(lambda: bool(world.notifier.accepted)) == 1
    assert world.pipeline.deliver(lambda: True) == 0
    assert world.pipeline.deliver() == 1


# -- later ---------------------------------------------------------------------------------------


def test_a_channel_that_names_a_time_is_left_alone_until_then(world: World) -> None:
    world.wish(card_targets={"Acme": (TARGET, OTHER)})
    world.notifier.says(later("429", retry_after=5 * MINUTE), target=TARGET)
    world.tell(post("1", PLUG), post("2", LINK))
    began = world.clock()
    world.pipeline.deliver()
    assert world.notifier.kinds(OTHER) == ["post", "post"]
    assert world.notifier.kinds(TARGET) == []
    assert len(world.notifier.tried) == 3, "after the refusal nothing more was tried there"
    world.clock.at = began + 5 * MINUTE - timedelta(seconds=1)
    assert world.pipeline.deliver() == 0
    world.clock.at = began + 5 * MINUTE
    assert world.pipeline.deliver() == 2
    assert len(world.notifier.tried) == 5


def test_what_is_refused_for_now_holds_up_no_other_message(world: World) -> None:
    world.notifier.says(later("503"))
    world.tell(post("1", PLUG), post("2", LINK))
    assert world.pipeline.deliver() == 1
    world.clock.passes(seconds=4.9)
    assert world.pipeline.deliver() == 0
    world.clock.passes(seconds=0.1)
    assert world.pipeline.deliver() == 1
    assert world.overview().outbox.errors == []


def test_no_number_of_refusals_loses_a_card(world: World) -> None:
    world.notifier.says(*[later("503") for _ in range(40)])
    world.tell(post("1", PLUG))
    world.turns(lambda: bool(world.notifier.accepted), most=timedelta(days=1), minutes=10)
    assert world.clock() - sends(world)[0] == 41 * 10 * MINUTE, "tried every ten minutes"
    assert len(the_cards(world)) == 1


# -- never, operator -----------------------------------------------------------------------------


def test_what_is_refused_for_good_is_dead_and_shown(world: World) -> None:
    world.notifier.says(never("msg_too_long"))
    world.tell(post("1", PLUG), post("2", LINK))
    assert world.pipeline.deliver() == 1
    assert world.overview().outbox.dead == 1
    assert world.overview().outbox.errors == [(TARGET, "msg_too_long")]
    world.clock.passes(days=1)
    world.pipeline.deliver()
    assert len(world.notifier.tried) == 2, "it is not tried again by itself"
    world.tell(post("3", PLUG))
    world.clock.passes(minutes=1)
    world.pipeline.deliver()
    assert world.notifier.kinds()[-1] == "post", "there is news: it is owed anew"


def test_what_waits_for_a_person_is_held_and_then_delivered_whole(world: World) -> None:
    world.notifier.says(*[operator()] * 1000)
    fixed = world.clock() + 5 * HOUR
    for n in range(20):
        world.tell(post(str(n), (PLUG, LINK)[n % 2]))
        world.pipeline.deliver()
    world.turns(lambda: world.clock() >= fixed, most=5 * HOUR, minutes=5)
    held = world.overview().outbox
    assert (held.pending, held.dead, held.errors) == (2, 0, [(TARGET, "invalid_auth")])
    assert held.oldest_seconds > 4 * 3600
    assert 50 < len(world.notifier.tried) < 80, "all the while, and the channel is not pestered"
    world.notifier.forget_script()
    world.clock.passes(minutes=10)
    world.turn()
    shown = list(world.notifier.cards().values())
    assert [[(kind, card.incident.posts) for kind, card in cards] for cards in shown] == [
        [("post", 10)],
        [("post", 10)],
    ]


def test_a_target_whose_notifier_is_gone_is_held_and_others_are_served(world: World) -> None:
    world.wish(card_targets={"Acme": ("telex:12", TARGET)})
    world.tell(post("1", PLUG))
    assert world.pipeline.deliver() == 1
    assert world.overview().outbox.errors == [("telex:12", "[telex] is no longer configured")]
    world.clock.passes(days=1)
    world.turn()
    assert (world.overview().outbox.pending, world.overview().outbox.dead) == (1, 0)
    world.pipeline = replace(world.pipeline, notifiers={"telex": world.notifier})
    world.clock.passes(minutes=10)
    assert world.pipeline.deliver() == 1
    assert world.notifier.kinds("telex:12") == ["post"]


# -- ambiguous -----------------------------------------------------------------------------------


def test_an_accepted_message_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    world.notifier.says(Lost())
    world.tell(post("1", PLUG))
    assert world.pipeline.deliver() == 0
    assert (world.overview().outbox.ambiguous, world.notifier.looked) == (1, [])
    world.clock.passes(seconds=5)
    assert world.pipeline.deliver() == 1
    assert len(world.notifier.accepted) == len(world.notifier.looked) == 1
    world.tell(post("2", PLUG))
    world.pipeline.deliver()
    posted, edit = world.notifier.accepted
    assert edit.remote is not None
    assert edit.remote.ts == f"ts-{posted.id}"


def test_a_message_that_did_not_arrive_is_sent_again(world: World) -> None:
    world.notifier.says(ambiguous())
    world.tell(post("1", PLUG))
    world.pipeline.deliver()
    world.clock.passes(seconds=5)
    assert world.pipeline.deliver() == 1
    (sent,) = world.notifier.accepted
    assert (sent.repeated, sent.id) == (False, world.notifier.looked[0].id)


def test_one_that_cannot_be_looked_up_waits(world: World) -> None:
    world.notifier.says(Lost())
    world.notifier.lookup = Lookup.UNKNOWN
    world.tell(post("1", SLOW))
    for _ in range(60):
        world.pipeline.deliver()
        world.clock.passes(minutes=1)
    assert len(world.notifier.tried) == 1
    assert world.overview().outbox.ambiguous == 1
    assert world.overview().outbox.errors[0][1] == "its channel does not say whether it arrived"
    world.notifier.lookup = None
    world.clock.passes(minutes=10)
    assert world.pipeline.deliver() == 1
    assert len(world.notifier.accepted) == 1


def test_a_grave_one_is_repeated_after_ten_minutes_and_says_so(world: World) -> None:
    world.notifier.says(ambiguous())
    world.notifier.lookup = Lookup.UNKNOWN
    world.tell(post("1", PLUG))
    began = world.clock()
    world.turns(lambda: bool(world.notifier.accepted), most=HOUR, seconds=5)
    (sent,) = world.notifier.accepted
    assert sent.repeated
    assert timedelta(minutes=10) < world.notifier.at[0] - began < timedelta(minutes=21)
    world.clock.passes(hours=9)
    world.turn()
    assert len(world.notifier.accepted) == 1


def test_a_repetition_that_is_refused_leaves_the_first_try_uncertain(world: World) -> None:
    world.notifier.says(Lost(), later())
    world.notifier.lookup = Lookup.UNKNOWN
    world.tell(post("1", PLUG))
    world.turns(lambda: len(world.notifier.tried) == 2, most=HOUR, seconds=30)
    assert world.overview().outbox.ambiguous == 1
    world.notifier.lookup = None
    world.clock.passes(minutes=10)
    world.turn()
    assert len(world.notifier.accepted) == 1, "it was found, not sent a third time"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_fault_in_the_notifier_is_an_uncertain_send(world: World, arrived: bool) -> None:
    fault = KeyError("xoxb-s3cret")
    world.notifier.says(Lost(fault) if arrived else fault)
    world.tell(post("1", PLUG))
    world.pipeline.deliver()
    assert world.overview().outbox.errors == [(TARGET, "fault in the notifier: KeyError")]
    world.clock.passes(seconds=29)
    assert world.pipeline.deliver() == 0, "a request on the wire may still arrive"
    world.clock.passes(seconds=1)
    assert world.pipeline.deliver() == 1
    assert len(world.notifier.accepted) == 1


def test_a_fault_in_the_lookup_sends_nothing_twice(world: World) -> None:
    world.notifier.says(Lost())
    world.notifier.lookup = ZeroDivisionError()
    world.tell(post("1", PLUG))
    for _ in range(30):
        world.pipeline.deliver()
        world.clock.passes(minutes=1)
    assert (len(world.notifier.tried), world.overview().outbox.ambiguous) == (1, 1)


def test_a_worker_that_died_while_sending_is_looked_up(world: World) -> None:
    world.tell(post("1", PLUG))
    claimed = world.store.claim_delivery(world.clock(), world.pipeline.leases.deliver)
    assert claimed is not None
    world.notifier.send(claimed)
    assert world.pipeline.deliver() == 0
    world.clock.at += world.pipeline.leases.deliver
    assert world.pipeline.deliver() == 1
    assert len(world.notifier.accepted) == 1


# -- all of it -----------------------------------------------------------------------------------


def test_no_edit_comes_before_its_post(world: World) -> None:
    world.notifier.says(later(), ambiguous(), Lost(), later())
    for n in range(10):
        world.tell(post(str(n), SLOW))
        world.pipeline.deliver()
    world.turns(lambda: len(the_cards(world)) > 1, most=HOUR, minutes=5)
    kinds = [kind for kind, _ in the_cards(world)]
    assert (kinds[0], set(kinds[1:])) == ("post", {"update"})
    assert the_cards(world)[-1][1].incident.posts == 10


@pytest.mark.parametrize("seed", range(5))
def test_whatever_a_channel_does_every_card_is_there_once_and_up_to_date(
    world: World, seed: int
) -> None:
    chance = random.Random(seed)
    world.wish(card_targets={"Acme": (TARGET, OTHER)})
    bad: list[Callable[[], Exception | Lost]] = [
        Lost, ambiguous, later, operator, lambda: KeyError("x"), lambda: Lost(OSError()),
        lambda: later(retry_after=timedelta(seconds=chance.randint(1, 900))),
    ]  # fmt: skip
    world.notifier.says(*(chance.choice(bad)() for _ in range(20)))
    for n in range(12):
        world.tell(post(str(n), chance.choice((PLUG, LINK, SLOW))))
        world.pipeline.deliver()
        world.notifier.lookup = chance.choice((None, None, ZeroDivisionError()))
        world.clock.passes(seconds=chance.randint(0, 200))
    world.notifier.lookup = None
    world.turns(lambda: world.owed() == 0, most=9 * HOUR, minutes=10)
    assert len(world.notifier.cards()) == 2 * len(world.incidents())
    for (_, incident), shown in world.notifier.cards().items():
        kinds = [kind for kind, _ in shown]
        assert (kinds[0], kinds.count("post")) == ("post", 1)
        assert shown[-1][1].incident.posts == world.store.card(incident).incident.posts


# -- back-off ------------------------------------------------------------------------------------

WAITS = st.none() | st.timedeltas(timedelta(0), timedelta(days=30))


@given(st.integers(1, 10_000), WAITS)
def test_nobody_is_asked_again_sooner_than_they_wish(tries: int, wish: timedelta | None) -> None:
    source = source_backoff(tries, SourceError("", retry_after=wish))
    delivery = delivery_backoff(tries, DeliveryError("", later().outcome, retry_after=wish))
    least = wish or timedelta()
    assert max(least, MINUTE) <= source <= max(least, 24 * HOUR)
    assert max(least, timedelta(seconds=5)) <= delivery <= max(least, 10 * MINUTE)


@given(st.integers(1, 10_000), WAITS)
def test_more_failures_never_shorten_the_wait(tries: int, wish: timedelta | None) -> None:
    why = SourceError("", retry_after=wish)
    assert source_backoff(tries, why) <= source_backoff(tries + 1, why)
    assert delivery_backoff(tries, why) <= delivery_backoff(tries + 1, why)
