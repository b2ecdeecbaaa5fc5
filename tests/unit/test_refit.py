"""Layers: learnt from a team's labels, let in only where they help, and applied to their brand."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Head, Layer, Mention, Post, Score
from monitor.feedback import in_turn
from monitor.sentiment.layers import CLASSES, NUMBERS, Adapted, numbers_of, turned_shares
from monitor.sentiment.refit import FEWEST, Click, refit

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BASE = "linear@0123456789ab"
SHARES = st.floats(0, 1)


class Known:
    """A classifier that says of each mention what its text says: the complaint share."""

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        return [scored(float(mention.post.text)) for mention in mentions]


def scored(complaint: float) -> Score:
    return Score(complaint, (1 - complaint) / 2, (1 - complaint) / 2, complaint, BASE, ("late",))


def mention(complaint: float, kind: str = "forum", brand: str = "Acme") -> Mention:
    return Mention(Post("s", kind, "1", "", str(complaint)), brand, ())


def team(
    n: int, truth: Callable[[float, str], float], *, seed: int = 0, at: datetime = NOW
) -> list[Click]:
    """Labels of a brand: ``truth`` gives the chance that a mention is a complaint."""
    chance = np.random.default_rng(seed)
    clicks = []
    for _ in range(n):
        complaint, kind = float(chance.uniform(0.02, 0.98)), str(chance.choice(["news", "forum"]))
        told = chance.random() < truth(complaint, kind)
        clicks.append(
            Click(mention(complaint, kind), scored(complaint), CLASSES["complaint"][not told], at)
        )
    return clicks


def as_shipped(complaint: float, _kind: str) -> float:
    return complaint


def never_in_news(complaint: float, kind: str) -> float:
    """This brand's news never complain, whatever the shipped model thinks of them."""
    return 0.02 if kind == "news" else complaint


def learn(clicks: Sequence[Click], current: Layer | None = None, **wish: float) -> Layer:
    return replace(refit("Acme", "complaint", clicks, current, NOW, **wish), id=7)


def complaint_of(model: Adapted, one: Mention) -> float:
    (score,) = model.score([one])
    assert score.complaint is not None
    return score.complaint


def test_what_the_shipped_model_cannot_know_is_learnt() -> None:
    layer = learn(team(120, never_in_news))
    assert (layer.state, layer.base, layer.n) == ("promoted", BASE, 120)
    assert layer.before is not None
    assert layer.after is not None
    assert layer.after > layer.before + 0.05
    model = Adapted(Known(), [layer], {})
    assert complaint_of(model, mention(0.6, "news")) < 0.2
    assert complaint_of(model, mention(0.6, "forum")) > 0.35


def test_labels_that_say_what_the_model_says_change_nothing() -> None:
    layer = learn(team(120, as_shipped))
    assert (layer.state, layer.weights != ()) == ("refused", True)
    assert " is needed" in layer.reason


@pytest.mark.parametrize("seed", range(4))
def test_labels_at_random_are_refused(seed: int) -> None:
    assert learn(team(100, lambda *_: 0.5, seed=seed)).state == "refused"


def test_mixed_up_labels_are_refused_though_a_layer_could_follow_them() -> None:
    layer = learn(team(300, lambda complaint, _: 1.0 - complaint))
    assert layer.after is not None
    assert layer.before is not None
    assert layer.after > layer.before
    assert (layer.state, layer.reason) == (
        "refused",
        "it would reverse the shipped model: were labels mixed up?",
    )


def test_few_labels_of_one_side_are_not_even_tried() -> None:
    few = team(100, lambda *_: 0.06)
    layer = learn(few)
    found = sum(click.value == "complaint" for click in few)
    assert 0 < found < FEWEST
    assert (layer.state, layer.weights, layer.before) == ("refused", (), None)
    assert layer.reason == (
        f"{found} labels complaint, {100 - found} others: at least {FEWEST} of each are needed"
    )
    assert learn([]).state == "refused"


def test_a_layer_in_force_gives_way_only_to_a_better_one() -> None:
    old = team(120, never_in_news, at=NOW - timedelta(days=2))
    current = replace(learn(old), made_at=NOW - timedelta(days=1))
    assert current.state == "promoted"
    assert learn(old, current).reason == "no new label since 20 Nov 2026"
    more = team(4, never_in_news, seed=1)
    layer = learn([*old, *more], current)
    assert layer.state == "refused"
    assert layer.before == pytest.approx(layer.after, abs=0.05)


def test_sentiment_is_learnt_by_its_negatives() -> None:
    clicks = [
        replace(click, value="negative" if click.value == "complaint" else "positive")
        for click in team(150, never_in_news)
    ]
    layer = replace(refit("Acme", "sentiment", clicks, None, NOW), id=3)
    assert (layer.head, layer.state) == ("sentiment", "promoted")
    (score,) = Adapted(Known(), [layer], {}).score([mention(0.6, "news")])
    assert (score.complaint, score.label, score.why) == (0.6, "positive", ("late",))
    assert score.model == f"{BASE}+sentiment#3"
    assert score.negative + score.neutral + score.positive == pytest.approx(1.0)


def test_a_wanted_precision_sets_the_threshold() -> None:
    clicks = team(400, never_in_news)
    assert learn(clicks).threshold is None
    low, high = (learn(clicks, precision=wanted).threshold for wanted in (0.6, 0.85))
    assert low is not None
    assert high is not None
    assert 0.0 < low < high < 1.0
    assert learn(team(120, never_in_news), precision=1.0).threshold is None, "it is not reached"


def layer(head: Head = "complaint", **other: object) -> Layer:
    rows = tuple((1.0 * row,) + (0.0,) * (len(NUMBERS) - 1) for row in range(len(CLASSES[head])))
    made = Layer("Acme", head, BASE, rows, 0.4, 9, 9, 0.5, 0.6, "promoted", "", NOW, 7)
    return replace(made, **other)  # type: ignore[arg-type]


def test_a_layer_counts_for_its_brand_and_its_model_only() -> None:
    for other in (layer(brand="Bolt"), layer(base="linear@ffffffffffff")):
        assert Adapted(Known(), [other], {}).score([mention(0.6)]) == Known().score([mention(0.6)])
    model = Adapted(Known(), [layer(), layer("sentiment", id=8)], {})
    (score,) = model.score([mention(0.6)])
    assert score.model == f"{BASE}+complaint#7+sentiment#8"
    assert score.complaint == pytest.approx(0.6 / (0.6 + 0.4 * math.e))
    assert model.threshold(mention(0.6), score) == 0.4
    assert model.threshold(mention(0.6), scored(0.6)) is None, "a score without the layer"
    assert model.threshold(mention(0.6, brand="Bolt"), score) is None


def test_what_is_not_scored_stays_so() -> None:
    class Foreign:
        def score(self, mentions: Sequence[Mention]) -> list[Score]:
            return [Score(0, 1, 0, None, BASE, ("not scored: Polish",), False, "pl")] * len(
                mentions
            )

    model = Adapted(Foreign(), [layer(), layer("sentiment", id=8)], {})
    assert model.score([mention(0.6)]) == Foreign().score([mention(0.6)])


@given(SHARES, st.lists(st.floats(-30, 30), min_size=2 * len(NUMBERS), max_size=2 * len(NUMBERS)))
def test_shares_sum_to_one_whatever_the_weights(complaint: float, weights: list[float]) -> None:
    numbers = numbers_of(mention(complaint), scored(complaint))
    assert numbers is not None
    rows = weights[: len(NUMBERS)], weights[len(NUMBERS) :]
    found = turned_shares((max(complaint, 1e-4), max(1 - complaint, 1e-4)), rows, numbers)
    assert all(0.0 <= share <= 1.0 for share in found)
    assert sum(found) == pytest.approx(1.0)


def test_what_is_to_be_labelled_is_the_least_sure_and_some_drawn() -> None:
    doubts = [place / 100 for place in range(100)]
    order = list(in_turn(doubts))
    assert sorted(order) == list(range(100))
    assert set(order[:10]) > set(range(4))
    assert max(order[:10]) > 30
    assert list(in_turn(doubts)) == order
    assert list(in_turn([])) == []


def test_scoring_never_imports_what_training_needs() -> None:
    program = (
        "import sys, monitor.app, monitor.pipeline; print({'sklearn', 'scipy'} & {*sys.modules})"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "set()"
