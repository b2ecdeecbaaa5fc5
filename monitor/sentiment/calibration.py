"""What share of a brand's mentions complain, found without labels, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

TRAINED = 0.36  #: share of complaints among the mentions that the model is calibrated on
RECENT = 300  #: mentions of a brand that are looked at
FEWEST = 50  #: below which nothing is learnt from them
HELD_BY = 100  #: mentions that the share in training counts for
_ROUNDS = 100
_SETTLED = 1e-5


def prior_shift(complaints: Sequence[float], trained: float = TRAINED) -> float:
    """What to add to the log odds of a complaint, for a brand whose share of them is its own.

    Expectation maximisation over unlabelled scores (Saerens, Latinne and Decaestecker 2002,
    doi.org/10.1162/089976602753284446), held back by HELD_BY mentions of the trained share.

    Args:
        complaints: the model's probabilities for the brand's recent mentions.
        trained: share of complaints, 0..1, among the texts the model was calibrated on.

    Returns:
        0.0 where there are fewer than FEWEST.
    """
    if len(complaints) < FEWEST:
        return 0.0
    odds = [_odds(min(max(p, 1e-6), 1.0 - 1e-6)) / _odds(trained) for p in complaints]
    share = trained
    for _ in range(_ROUNDS):
        before, ratio = share, _odds(share)
        found = sum(ratio * each / (1.0 + ratio * each) for each in odds)
        share = (found + HELD_BY * trained) / (len(odds) + HELD_BY)
        if abs(share - before) < _SETTLED:
            break
    return math.log(_odds(share) / _odds(trained))


def _odds(p: float) -> float:
    return p / (1.0 - p)
