"""The prior shift: a brand's own share of complaints, found without labels."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sentiment.calibration import FEWEST, TRAINED, prior_shift

CHANCE = st.floats(0.0, 1.0)


def brand(share: float, n: int = 300) -> tuple[list[float], list[bool]]:
    """Scores of a model that is right for a share of TRAINED, of a brand with its own share."""
    drawn = random.Random(7)
    told = [drawn.random() < share for _ in range(n)]
    odds = math.log(TRAINED / (1.0 - TRAINED))
    # Two bells a distance of d apart have log odds that are linear in x: d * x + prior.
    scores = [
        1.0 / (1.0 + math.exp(-(2.5 * drawn.gauss(1.25 if t else -1.25) + odds))) for t in told
    ]
    return scores, told


def turned(scores: list[float], shift: float) -> list[float]:
    return [1.0 / (1.0 + (1.0 - p) / max(p, 1e-9) * math.exp(-shift)) for p in scores]


@pytest.mark.parametrize("share", [0.05, 0.15, 0.6, 0.8])
def test_a_brands_mean_chance_comes_nearer_to_its_true_share(share: float) -> None:
    scores, told = brand(share)
    true = sum(told) / len(told)
    before, shift = sum(scores) / len(scores), prior_shift(scores)
    after = sum(turned(scores, shift)) / len(scores)
    assert abs(after - true) < abs(before - true)
    assert shift < 0.0 if share < TRAINED else shift > 0.0


def test_the_share_of_training_needs_no_shift() -> None:
    assert abs(prior_shift(brand(TRAINED, 2_000)[0])) < 0.25


def test_few_mentions_say_nothing() -> None:
    assert prior_shift([0.01] * (FEWEST - 1)) == 0.0
    assert prior_shift([]) == 0.0
    assert prior_shift([0.01] * FEWEST) < 0.0


@given(st.lists(CHANCE, min_size=FEWEST, max_size=400))
def test_any_scores_have_a_bounded_shift(scores: list[float]) -> None:
    shift = prior_shift(scores)
    assert math.isfinite(shift)
    assert abs(shift) < 4.0


@given(st.lists(CHANCE, min_size=FEWEST, max_size=100))
def test_the_order_of_mentions_does_not_matter(scores: list[float]) -> None:
    assert prior_shift(scores) == pytest.approx(prior_shift(scores[::-1]), abs=1e-6)
