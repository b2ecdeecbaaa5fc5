"""Judge: verdicts become incidents, and what cannot be judged harms nothing but itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting import Rules
from monitor.domain import Action, Layer, Mention, Score
from monitor.matching import Brand
from monitor.sentiment import calibration
from monitor.sentiment.layers import NUMBERS
from monitor.store import Claimed
from monitor.topics import Topics
from tests.standins.scripted import ACME, SCORES, START, TARGET, TOPICS, World, post

BROKEN = "The Acme plug is broken"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.started()
        yield world


# -- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "author", "action", "reason", "severity"),
    [
        ("Acme is broken", "lena", "alerted", "complaint .95", "high"),
        ("Acme is slow", "lena", "alerted", "complaint .70", "normal"),
        ("I love Acme", "lena", "digest", "complaint .02 is under .50", "normal"),
        ("Acme", "lena", "digest", "complaint .05 is under .50", "normal"),
        ("Acme is broken", "AcmeHelp", "ignored", "own author", "normal"),
        ("my broken Acme caught fire", "", "alerted", 'safety: "caught fire"', "critical"),
    ],
)
def test_a_verdict_is_kept_with_its_reason(
    world: World, text: str, author: str, action: str, reason: str, severity: str
) -> None:
    world.tell(post("1", text, author=author))
    judged = world.judged()["1"]
    assert (judged.action, judged.severity) == (action, severity)
    assert reason in judged.reason
    assert judged.score == next(score for word, score in SCORES.items() if word in text)


def test_the_topic_is_read_from_title_and_text(world: World) -> None:
    world.tell(post("1", "Acme is broken", title="That link"), post("2", BROKEN))
    assert [judged.topic for judged in world.judged().values()] == ["link", "plug"]
    assert [incident.topic for incident in world.incidents()] == ["link", "plug"]


def test_one_cause_is_one_incident_and_another_is_another(world: World) -> None:
    world.tell(post("1", BROKEN), post("2", BROKEN), post("3", "Acme link broken: 404"))
    world.tell(post("4", "Acme plugs are slow", "forum"))
    assert [(j.action, j.incident) for j in world.judged().values()] == [
        ("alerted", (plug := world.incidents()[0].id)),
        ("attached", plug),
        ("alerted", world.incidents()[1].id),
        ("attached", plug),
    ]
    assert [incident.posts for incident in world.incidents()] == [3, 1]


def test_a_cause_that_was_quiet_for_the_window_begins_anew(world: World) -> None:
    world.wish(window=timedelta(hours=1))
    world.tell(post("1", BROKEN))
    world.clock.passes(minutes=59)
    world.tell(post("2", BROKEN))
    world.clock.passes(minutes=60)
    world.tell(post("3", BROKEN))
    assert [j.action for j in world.judged().values()] == ["alerted", "attached", "alerted"]


def test_more_than_one_batch_is_judged_in_one_go(world: World) -> None:
    world.find(*(post(str(n), "Acme") for n in range(5)))
    world.collect()
    assert world.pipeline.judge(limit=2) == 5
    assert world.overview().waiting == 0


def test_two_brands_in_one_post_are_judged_apart(tmp_path: Path) -> None:
    with World(tmp_path, ACME, Brand("Velora", own_authors=("lena",))) as world:
        world.started()
        world.tell(post("1", "Acme and Velora are broken", author="lena"))
        actions = {j.mention.brand: j.action for j in world.store.mentions()}
    assert actions == {"Acme": "alerted", "Velora": "ignored"}


def test_what_a_worker_left_undone_is_judged_when_its_lease_runs_out(world: World) -> None:
    world.find(post("1", BROKEN))
    world.collect()
    world.store.claim_mentions(world.clock(), world.pipeline.leases.judge, 9)
    assert world.pipeline.judge() == 0
    world.clock.at += world.pipeline.leases.judge
    assert world.pipeline.judge() == 1
    assert world.judged()["1"].action == "alerted"


# -- what cannot be judged -----------------------------------------------------------------------


def test_a_poisonous_text_spoils_its_own_score_only(world: World) -> None:
    world.tell(post("1", "Acme"), post("2", "Acme poison"), post("3", BROKEN))
    assert [j.action for j in world.judged().values()] == ["digest", None, "alerted"]
    assert (world.overview().waiting, world.overview().dead) == (1, 0)


def test_it_is_tried_five_times_a_minute_apart_and_then_dead(world: World) -> None:
    world.tell(post("1", "Acme poison"))
    for tries in range(2, 6):
        world.clock.passes(seconds=59)
        assert world.pipeline.judge() == 0
        world.clock.passes(seconds=1)
        assert (world.pipeline.judge(), world.overview().dead) == (1, int(tries == 5))
    world.clock.passes(days=9)
    assert world.pipeline.judge() == 0
    assert (world.overview().waiting, world.overview().dead) == (0, 1)
    assert world.judged()["1"].error == "ValueError"  # and nothing of the text


def test_a_rule_that_breaks_on_a_text_spoils_its_own_verdict_only(world: World) -> None:
    class Brittle(Topics):
        def of(self, text: str) -> str:
            if "odd" in text:
                raise RecursionError
            return super().of(text)

    world.pipeline = replace(world.pipeline, topics=Brittle(TOPICS.topics))
    world.tell(post("1", "Acme odd"), post("2", BROKEN))
    assert [j.action for j in world.judged().values()] == [None, "alerted"]
    assert world.judged()["1"].error == "RecursionError"


def test_a_classifier_that_fails_for_a_while_loses_nothing(world: World) -> None:
    world.classifier.failures.extend([MemoryError(), MemoryError(), MemoryError()])
    world.tell(post("1", BROKEN), post("2", "Acme"))
    assert [j.action for j in world.judged().values()] == [None, None]
    world.clock.passes(minutes=1)
    world.turn()
    assert [j.action for j in world.judged().values()] == ["alerted", "digest"]
    assert world.judged()["1"].error == ""
    assert world.notifier.kinds() == ["post"]


def test_a_classifier_that_gives_too_few_scores_gives_nobody_another_ones(world: World) -> None:
    class Short:
        def score(self, mentions: Sequence[Mention]) -> list[Score]:
            return [SCORES["broken"]] * (1 if len(mentions) == 3 else len(mentions))

    world.pipeline = replace(world.pipeline, classifier=Short())
    world.tell(*(post(str(n), "Acme plug") for n in range(3)))
    assert [j.action for j in world.judged().values()] == ["alerted", "attached", "attached"]


def test_mentions_of_a_brand_no_longer_configured_hold_up_no_other(tmp_path: Path) -> None:
    with World(tmp_path, Brand("Velora"), ACME) as world:
        world.started()
        world.find(post("1", "Velora plug broken"), post("2", BROKEN))
        world.collect()
        world.wish(card_targets={"Acme": (TARGET,)})
        world.turn()
        assert [j.action for j in world.judged().values()] == ["alerted", "alerted"]
        (sent,) = world.notifier.accepted
        assert sent.card is not None
        assert sent.card.incident.brand == "Acme"


def test_the_verdict_alone_touches_nothing(world: World) -> None:
    mention = Mention(post("1", BROKEN, published_at=START), "Acme", ())
    verdict = world.pipeline.verdict(mention, SCORES["broken"])
    assert (verdict.action, verdict.topic, verdict.severity) == ("tell", "plug", "high")
    assert world.overview().mentions == 0


def test_a_mention_that_cannot_be_kept_spoils_only_itself(world: World) -> None:
    """Whatever the store makes of one verdict, those behind it are judged."""
    store = world.store
    real = store.settle_verdict

    def settle(claimed: Claimed, *rest: Any, **more: Any) -> Action:
        if claimed.mention.post.external_id == "2":
            raise ValueError("no such thing")
        return real(claimed, *rest, **more)

    store.settle_verdict = settle  # type: ignore[method-assign]
    world.find(*(post(key, "The Acme plug is broken") for key in "123"))
    world.turn()
    judged = world.judged()
    assert (judged["1"].action, judged["3"].action) == ("alerted", "attached")
    assert (judged["2"].action, judged["2"].error) == (None, "ValueError")


# -- what a team taught --------------------------------------------------------------------------


def layer(world: World, first: float, threshold: float | None = None) -> Layer:
    """A complaint layer in force: ``first`` is added to the log of each complaint share."""
    rest = (0.0,) * (len(NUMBERS) - 1)
    weights = ((first, *rest), (0.0, *rest))
    base = SCORES["slow"].model
    found = (40, 12, 0.7, 0.8, "promoted", "better", world.clock())
    return world.store.keep_layer(Layer("Acme", "complaint", base, weights, threshold, *found))


def test_a_layer_counts_from_the_next_mention_on_and_no_more_once_it_is_undone(
    world: World,
) -> None:
    world.tell(post("1", "Acme is slow"))
    kept = layer(world, -5.0)
    world.tell(post("2", "Acme is slow"))
    world.store.undo_training("Acme")
    world.tell(post("3", "Acme is slow"))
    judged = world.judged().values()
    assert [j.action for j in judged] == ["alerted", "digest", "alerted"]
    base = SCORES["slow"].model
    assert [j.score and j.score.model for j in judged] == [base, f"{base}+{kept.name}", base]


def test_a_learnt_threshold_counts_where_a_precision_is_wanted(world: World) -> None:
    layer(world, 0.0, threshold=0.75)
    world.tell(post("1", "Acme is slow"))
    world.wish(rules=Rules(complaint=0.5, negative=0.9, precision=0.8))
    world.tell(post("2", "Acme is slow"), post("3", BROKEN))
    reasons = [judged.reason for judged in world.judged().values()]
    assert reasons[0] == "complaint .70"
    assert reasons[1].startswith("complaint .70 is under .75 learnt from labels,")
    assert reasons[2] == "complaint .95, over .75 learnt from labels"


# -- calibration ---------------------------------------------------------------------------------


def test_a_brand_of_whom_few_complain_is_told_less_easily(world: World) -> None:
    quiet = [post(str(i), "I love Acme") for i in range(calibration.FEWEST)]
    world.tell(*quiet)
    world.pipeline.tidy()
    shift = world.store.shifts(["Acme"])["Acme"]
    assert shift < -0.3
    world.tell(post("slow", "Acme is slow"))
    complaint = (world.judged()["slow"].score or SCORES["slow"]).complaint or 0.0
    assert logit(complaint) == pytest.approx(logit(0.7) + shift)


def test_a_shift_is_not_counted_twice(world: World) -> None:
    world.tell(*(post(str(i), "I love Acme") for i in range(calibration.FEWEST)))
    world.pipeline.tidy()
    once = world.store.shifts(["Acme"])
    world.pipeline.tidy()
    assert world.store.shifts(["Acme"]) == once


def logit(share: float) -> float:
    return math.log(share / (1.0 - share))
