"""How good a model is: the figures that the recipe keeps and `make bench` prints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from corpus import Row
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
)


def figures(rows: Sequence[Row], shares: np.ndarray) -> dict[str, float]:
    """Macro-F1, macro-recall and average precision of the negatives.

    Args:
        rows: n labelled texts.
        shares: (n, 3), of negative, neutral and positive; the largest is the label given.
    """
    labels = np.array([row.label for row in rows])
    given = shares.argmax(axis=1)
    return {
        "rows": len(rows),
        "macro_f1": _short(f1_score(labels, given, average="macro")),
        "macro_recall": _short(recall_score(labels, given, average="macro")),
        "negative_ap": _short(average_precision_score(labels == 0, shares[:, 0])),
    }


def complaint_figures(rows: Sequence[Row], scores: np.ndarray) -> dict[str, float]:
    """Average precision of complaint scores, in each set."""
    names = np.array([row.name for row in rows])
    told = np.array([row.complaint for row in rows])
    return {
        str(name): _short(average_precision_score(told[names == name], scores[names == name]))
        for name in dict.fromkeys(names)
    }


def complaint_thresholds(rows: Sequence[Row], log_odds: np.ndarray) -> dict[str, dict[str, float]]:
    """What `[alerts] complaint` does at each of some settings, on held-out mentions."""
    written = np.array([row.name == "mentions" for row in rows])
    told = np.array([row.complaint for row in rows])
    return _at(told[written], 1.0 / (1.0 + np.exp(-log_odds[written])), (0.4, 0.5, 0.6, 0.7))


def negative_thresholds(rows: Sequence[Row], negative: np.ndarray) -> dict[str, dict[str, float]]:
    """What `[alerts] negative` does: being negative alone must mean that the team wants to know."""
    return _at(np.array([row.complaint for row in rows]), negative, (0.8, 0.85, 0.9, 0.95))


def _at(
    told: np.ndarray, score: np.ndarray, thresholds: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Precision and recall of telling the team from each threshold on."""
    return {
        str(threshold): {
            "precision": _short(precision_score(told, score >= threshold, zero_division=0.0)),
            "recall": _short(recall_score(told, score >= threshold)),
        }
        for threshold in thresholds
    }


def _short(figure: float) -> float:
    return round(float(figure), 4)
