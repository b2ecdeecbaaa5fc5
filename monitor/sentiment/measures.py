"""How good scores are, held against what people said. Imports scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
)

BINS = 10  #: of equal width, of the calibration error
LABELS = ("negative", "neutral", "positive")

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]


def sentiment(labels: NDArray[np.intp], shares: Array, negative: float) -> dict[str, Any]:
    """Figures of the three shares of n mentions.

    Args:
        labels: (n,), indices in LABELS.
        shares: (n, 3), as LABELS; the largest is the label given.
        negative: threshold of the negative share.
    """
    given = shares.argmax(axis=1)
    table = confusion_matrix(labels, given, labels=range(len(LABELS)))
    return {
        "rows": len(labels),
        "macro_f1": short(f1_score(labels, given, average="macro", zero_division=0.0)),
        "macro_recall": short(recall_score(labels, given, average="macro", zero_division=0.0)),
        "negative_ap": _precision(labels == 0, shares[:, 0]),
        "calibration_error": calibration_error(given == labels, shares.max(axis=1)),
        "at_threshold": at(labels == 0, shares[:, 0], negative),
        "confusion": {
            said: dict(zip(LABELS, row, strict=True))
            for said, row in zip(LABELS, table.tolist(), strict=True)
        },
    }


def complaint(told: Truth, scores: Array, threshold: float) -> dict[str, Any]:
    """Figures of the complaint scores of n mentions; ``told`` is what people say."""
    return {
        "rows": len(told),
        "complaints": int(told.sum()),
        "ap": _precision(told, scores),
        "calibration_error": calibration_error(told, scores),
        "at_threshold": at(told, scores, threshold),
    }


def at(truth: Truth, scores: Array, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of saying yes from a threshold on."""
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, scores >= threshold, average="binary", zero_division=0.0
    )
    found = {"threshold": threshold, "precision": precision, "recall": recall, "f1": f1}
    return {name: short(figure) for name, figure in found.items()}


def calibration_error(right: Truth, sure: Array) -> float:
    """Expected calibration error (Guo et al. 2017, arxiv.org/abs/1706.04599), 0 (best) .. 1."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right, BINS) - np.bincount(bins, sure, BINS)
    return short(np.abs(gaps).sum() / max(len(sure), 1))


def short(figure: float) -> float:
    return round(float(figure), 4)


def _precision(truth: Truth, scores: Array) -> float | None:
    """Average precision; None where there is nothing to find."""
    return short(average_precision_score(truth, scores)) if truth.any() else None
