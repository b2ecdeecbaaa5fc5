"""Learns a brand's layers from its team's labels, and lets in only what is surely better.

The gate: enough labels of both sides, better than what is in force on labels it has not seen, by
more than chance, and never the reverse of the shipped model. Imports scikit-learn and scipy;
nothing that scores imports this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve
from sklearn.model_selection import RepeatedStratifiedKFold

from monitor.domain import Head, Layer, Mention, Score
from monitor.sentiment.layers import CLASSES, numbers_of, shipped_shares

FEWEST = 10  #: labels of what is looked for, and as many others; also mentions over a threshold
#: On the squares of the weights. The labels that are asked for are doubtful in complaint: a biased
#: sample for the sentiment, which therefore moves less.
PENALTY: dict[Head, float] = {"complaint": 3.0, "sentiment": 30.0}
MARGIN = 0.01  #: of average precision, by which a layer must be better
FOLDS, REPEATS = 5, 4  #: of the cross-validation
DRAWS = 1000  #: of the bootstrap
SURE = 0.99  #: share of the draws in which the new layer must be better: teams try again and again

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Click:
    """The last word on one mention."""

    mention: Mention
    score: Score  #: of the shipped model; ``numbers_of`` must know it
    value: str  #: one of CLASSES[head]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Labels:
    """n labels of one head, which has k classes; the first class is the one looked for."""

    head: Head
    numbers: Array  #: (n, NUMBERS)
    shipped: Array  #: (n, k): the shipped model's shares
    truth: Places  #: (n,): index of the class
    known: Array  #: (n,): 1 where the layer in force learnt from it, else 0

    def of(self, rows: Places) -> _Labels:
        mine = self.numbers[rows], self.shipped[rows], self.truth[rows], self.known[rows]
        return _Labels(self.head, *mine)

    def precision(self, shares: Array) -> float:
        """Average precision of what is looked for."""
        return float(average_precision_score(self.truth == 0, shares[:, 0]))

    def f1(self, shares: Array) -> float:
        return float(f1_score(self.truth, shares.argmax(axis=1), average="macro"))


def refit(
    brand: str,
    head: Head,
    clicks: Sequence[Click],
    current: Layer | None,
    now: datetime,
    precision: float | None = None,
) -> Layer:
    """The layer that a brand's labels make of one head, promoted or refused.

    Args:
        clicks: scored by one model.
        current: the layer in force, if it was made for that model.
        precision: wanted of what is told; sets the threshold of a complaint layer.
    """
    base = clicks[0].score.model if clicks else ""
    found, n = sum(click.value == CLASSES[head][0] for click in clicks), len(clicks)
    why = _unready(head, found, clicks, current)
    receipt = Layer(brand, head, base, (), None, n, found, None, None, "refused", why, now)
    return receipt if why else _gated(receipt, _labels(head, clicks, current), precision)


def _unready(head: Head, found: int, clicks: Sequence[Click], current: Layer | None) -> str:
    """Why there is nothing to try; "" if there is."""
    others = len(clicks) - found
    if min(found, others) < FEWEST:
        wanted = CLASSES[head][0]
        return f"{found} labels {wanted}, {others} others: at least {FEWEST} of each are needed"
    if current and all(click.at <= current.made_at for click in clicks):
        return f"no new label since {current.made_at:%d %b %Y}"
    return ""


def _gated(receipt: Layer, labels: _Labels, precision: float | None) -> Layer:
    """The receipt filled in: promoted if held-out labels speak surely for it."""
    everything = np.ones(len(labels.truth))
    weights = _fit(labels, everything)
    after = _held_out(labels, everything)
    before = _held_out(labels, labels.known)
    why = _objection(receipt.head, labels, weights, before, after)
    return replace(
        receipt,
        weights=tuple(tuple(round(float(w), 4) for w in row) for row in weights),
        threshold=_threshold(receipt.head, labels, after, precision),
        before=round(labels.precision(before), 4),
        after=round(labels.precision(after), 4),
        state="refused" if why else "promoted",
        reason=why or "better on labels it had not seen",
    )


def _labels(head: Head, clicks: Sequence[Click], current: Layer | None) -> _Labels:
    return _Labels(
        head,
        np.array([numbers_of(click.mention, click.score) for click in clicks], np.float64),
        np.array([shipped_shares(head, click.score) for click in clicks], np.float64),
        np.array([CLASSES[head].index(click.value) for click in clicks], np.intp),
        np.array([current is not None and c.at <= current.made_at for c in clicks], np.float64),
    )


def _fit(labels: _Labels, counted: Array) -> Array:
    """(k, NUMBERS) weights of a logistic regression over the shipped model's log shares.

    The penalty draws all weights to zero, which is the shipped model itself. scikit-learn's own
    regressions know no such offset; this is theirs with one (L2, L-BFGS).

    Args:
        counted: (n,) weights of the labels; where all are 0, so are the weights found.
    """
    penalty = PENALTY[labels.head]
    logs, wanted = np.log(labels.shipped), np.eye(labels.shipped.shape[1])[labels.truth]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(wanted.shape[1], -1)
        found = log_softmax(logs + labels.numbers @ weights.T, axis=1)
        miss = -(counted * (found * wanted).sum(axis=1)).sum()
        slope = ((np.exp(found) - wanted) * counted[:, None]).T @ labels.numbers
        return miss + penalty / 2.0 * (flat @ flat), (slope + penalty * weights).ravel()

    start = np.zeros(wanted.shape[1] * labels.numbers.shape[1])
    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found.reshape(wanted.shape[1], -1)


def _turned(labels: _Labels, weights: Array) -> Array:
    """(n, k) shares with a layer over them, as ``layers.turned_shares`` gives them."""
    found: Array = softmax(np.log(labels.shipped) + labels.numbers @ weights.T, axis=1)
    return found


def _held_out(labels: _Labels, counted: Array) -> Array:
    """Shares of each mention by layers learnt without it; ``counted`` as in ``_fit``."""
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    found = np.zeros_like(labels.shipped)
    for train, held in folds.split(labels.numbers, labels.truth == 0):
        weights = _fit(labels.of(train), counted[train])
        found[held] += _turned(labels.of(held), weights) / REPEATS
    return found


def _objection(head: Head, labels: _Labels, weights: Array, before: Array, after: Array) -> str:
    """Why the layer is not let in; "" if it is."""
    turned = _turned(labels, weights)[:, 0]
    if np.cov(turned, labels.shipped[:, 0])[0, 1] < 0.0:
        return "it would reverse the shipped model: were labels mixed up?"
    if head == "sentiment" and labels.f1(after) < labels.f1(before):
        return f"macro-F1 would fall from {labels.f1(before):.3f} to {labels.f1(after):.3f}"
    gain = labels.precision(after) - labels.precision(before)
    if gain < MARGIN:
        return f"average precision would change by {gain:+.3f}, {MARGIN:+.2f} is needed"
    sure = _surely_better(labels, before, after)
    return "" if sure >= SURE else f"better in {sure:.0%} of samples only, {SURE:.0%} are needed"


def _surely_better(labels: _Labels, before: Array, after: Array) -> float:
    """Share of bootstrap samples of the labels in which ``after`` has the better precision."""
    n = len(labels.truth)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1.0 / n), DRAWS)
    mine, other = (_precisions(labels.truth == 0, s[:, 0], drawn) for s in (after, before))
    return float(np.mean(mine > other))


def _precisions(found: NDArray[np.bool_], scores: Array, drawn: Places) -> Array:
    """Average precision in each sample; ``drawn`` is (samples, n): how often each label is in it.

    The same sum as scikit-learn's, of all samples at once.
    """
    order = np.argsort(-scores, kind="stable")
    hits = drawn[:, order] * found[order]
    so_far = np.cumsum(hits, axis=1)
    precision = so_far / np.maximum(np.cumsum(drawn[:, order], axis=1), 1)
    sums: Array = (precision * hits).sum(axis=1) / np.maximum(so_far[:, -1], 1)
    return sums


def _threshold(head: Head, labels: _Labels, shares: Array, precision: float | None) -> float | None:
    """The lowest complaint share from which on the wanted precision is reached, if one is."""
    if head != "complaint" or precision is None:
        return None
    reached, _, thresholds = precision_recall_curve(labels.truth == 0, shares[:, 0])
    told = (shares[:, 0] >= thresholds[:, None]).sum(axis=1)
    good = np.flatnonzero((reached[:-1] >= precision) & (told >= FEWEST))
    return round(float(thresholds[good[0]]), 4) if len(good) else None
