"""What a brand's labels taught, laid over the scores of the shipped model.

A layer is a row of weights a class, over NUMBERS of one score; what they give is added to the log
of the shipped shares, so that zeros change nothing. It knows no words: it can be learnt from few
labels, and holds nothing of any text. refit.py makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from monitor.domain import Head, Layer, Mention, Score
from monitor.seams import Classifier
from monitor.sentiment.features import META, meta

#: Of each head, in the order of a layer's rows; the first is the one that is looked for.
CLASSES: dict[Head, tuple[str, ...]] = {
    "complaint": ("complaint", "no-complaint"),
    "sentiment": ("negative", "neutral", "positive"),
}
NUMBERS = ("one", "complaint", "negative", "positive", *META)  #: what a layer turns
LEAST = 1e-4  #: a share under this counts as this
_UNIT = 0.5  #: of log odds beside rating and kind, which are 0 or 1: the more, the freer


class Adapted:
    """Scores as ``base`` does, then as the layers of a mention's brand turn it.

    Implements seams.Classifier. A layer turns only scores of the model that it was made for. Where
    none turns the complaint, the brand's prior shift does.

    Args:
        layers: at most one a brand and head.
        shifts: by brand, what calibration.prior_shift found.
    """

    def __init__(
        self, base: Classifier, layers: Iterable[Layer], shifts: Mapping[str, float]
    ) -> None:
        self._base = base
        self._layers = {(layer.brand, layer.head): layer for layer in layers}
        self._shifts = shifts

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        """One score per mention, in order; ``model`` names the layers that turned it."""
        scores = self._base.score(mentions)
        return [self._turned(m, score) for m, score in zip(mentions, scores, strict=True)]

    def threshold(self, mention: Mention, score: Score) -> float | None:
        """The complaint from which the team is told, where the layer of ``score`` learnt one."""
        layer = self._layers.get((mention.brand, "complaint"))
        made_it = layer is not None and layer.name in score.model.split("+")
        return layer.threshold if layer is not None and made_it else None

    def _turned(self, mention: Mention, score: Score) -> Score:
        numbers = numbers_of(mention, score)
        if numbers is None:
            return score
        turned = score if self._knows(mention, score) else self._shifted(mention, score)
        for layer in (self._layers.get((mention.brand, head)) for head in CLASSES):
            if layer and layer.base == score.model:
                shares = turned_shares(shipped_shares(layer.head, score), layer.weights, numbers)
                named = replace(turned, model=f"{turned.model}+{layer.name}")
                turned = _laid_over(named, layer.head, shares)
        return turned

    def _knows(self, mention: Mention, score: Score) -> bool:
        layer = self._layers.get((mention.brand, "complaint"))
        return layer is not None and layer.base == score.model

    def _shifted(self, mention: Mention, score: Score) -> Score:
        shift = self._shifts.get(mention.brand, 0.0)
        if not shift:
            return score
        told, quiet = shipped_shares("complaint", score)
        return replace(score, complaint=1.0 / (1.0 + quiet / told * math.exp(-shift)))


def _laid_over(score: Score, head: Head, found: Sequence[float]) -> Score:
    if head == "complaint":
        return replace(score, complaint=found[0])
    negative, neutral, positive = found
    return replace(score, negative=negative, neutral=neutral, positive=positive)


def numbers_of(mention: Mention, score: Score) -> list[float] | None:
    """What a layer sees of a mention, as NUMBERS names it; None of what was not scored."""
    if not score.scored or score.complaint is None:
        return None
    told = min(max(score.complaint, LEAST), 1.0 - LEAST)
    logs = [math.log(max(s, LEAST)) for s in (score.negative, score.neutral, score.positive)]
    mean = sum(logs) / len(logs)
    odds = math.log(told / (1.0 - told)), logs[0] - mean, logs[2] - mean
    return [1.0, *(_UNIT * o for o in odds), *meta(mention.post.rating, mention.post.kind)]


def shipped_shares(head: Head, score: Score) -> tuple[float, ...]:
    """What the shipped model says, in the order of CLASSES; none under LEAST."""
    told = score.complaint or 0.0
    shares = {
        "complaint": (told, 1.0 - told),
        "sentiment": (score.negative, score.neutral, score.positive),
    }
    return tuple(max(share, LEAST) for share in shares[head])


def turned_shares(
    shipped: Sequence[float], weights: Sequence[Sequence[float]], numbers: Sequence[float]
) -> list[float]:
    """The shares with a layer over them; they sum to 1."""
    sums = [sum(w * n for w, n in zip(row, numbers, strict=True)) for row in weights]
    logs = [math.log(share) + s for share, s in zip(shipped, sums, strict=True)]
    powers = [math.exp(log - max(logs)) for log in logs]
    return [power / sum(powers) for power in powers]
