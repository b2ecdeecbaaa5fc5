"""How good a model is: the figures that the recipe keeps and `make bench` prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from corpus import LABELS, Row
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
)


class Labelled(Protocol):
    """A labelled row of any kind."""

    @property
    def name(self) -> str: ...  # of its set
    @property
    def label(self) -> int: ...
    @property
    def complaint(self) -> bool: ...


def figures(rows: Sequence[Labelled], shares: np.ndarray) -> dict[str, float]:
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


def complaint_figures(rows: Sequence[Labelled], scores: np.ndarray) -> dict[str, float]:
    """Average precision of complaint scores, in each set."""
    names = np.array([row.name for row in rows])
    told = np.array([row.complaint for row in rows])
    return {
        str(name): _short(average_precision_score(told[names == name], scores[names == name]))
        for name in dict.fromkeys(names)
    }


def complaint_thresholds(
    rows: Sequence[Labelled], log_odds: np.ndarray
) -> dict[str, dict[str, float]]:
    """What `[alerts] complaint` does at each of some settings, on held-out mentions."""
    written = np.array([row.name == "mentions" for row in rows])
    told = np.array([row.complaint for row in rows])
    return _at(told[written], 1.0 / (1.0 + np.exp(-log_odds[written])), (0.4, 0.47, 0.5, 0.6, 0.7))


def negative_thresholds(
    rows: Sequence[Labelled], negative: np.ndarray
) -> dict[str, dict[str, float]]:
    """What `[alerts] negative` does: being negative alone must mean that the team wants to know."""
    return _at(np.array([row.complaint for row in rows]), negative, (0.8, 0.85, 0.9, 0.95))


def hard_kinds(rows: Sequence[Row], chances: np.ndarray, threshold: float = 0.47) -> dict[str, Any]:
    """What is told of the mentions of each hard kind.

    Args:
        rows: n labelled texts, with their stars.
        chances: (n,), probability of each that the team should be told.
        threshold: from when on it is told; `[alerts] complaint` as shipped.

    Returns:
        By kind: rows, complaints among them, the share of those that is told (None where there
        is none), and the number of false alarms.
    """
    written = [at for at, row in enumerate(rows) if row.name == "mentions"]
    return {
        kind: _told([at for at in written if belongs(rows[at])], rows, chances >= threshold)
        for kind, belongs in HARD.items()
    }


def _told(index: Sequence[int], rows: Sequence[Row], told: np.ndarray) -> dict[str, Any]:
    complaints = [at for at in index if rows[at].complaint]
    found = sum(bool(told[at]) for at in complaints)
    return {
        "rows": len(index),
        "complaints": len(complaints),
        "recall": _short(found / len(complaints)) if complaints else None,
        "false_alarms": sum(bool(told[at]) for at in index) - found,
    }


def _written_as(trait: str) -> Callable[[Row], bool]:
    return lambda row: row.trait == trait


def _no_trouble(row: Row) -> bool:
    return row.trait == "no_trouble" or (not row.complaint and bool(_NO_TROUBLE.search(row.text)))


def _stars_contradict(row: Row) -> bool:
    if row.trait == "stars_contradict":
        return True
    if row.rating is None:
        return False
    return row.complaint if row.rating >= 0.75 else row.rating <= 0.25 and row.label == _POSITIVE


def _quotes(row: Row) -> bool:
    return row.trait == "quoting" or bool(_QUOTE.search(row.text))


_POSITIVE = LABELS.index("positive")
_NO_TROUBLE = re.compile(
    r"\b(?:no|zero|not an?(?: single)?|never an?|without (?:a|any)) (?:\w+ )?"
    r"(?:problems?|issues?|troubles?|complaints?|faults?|bother)\b|\bnever (?:fails|failed)\b",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^\s*>|[\"“][^\"“”\n]{15,}[\"”]", re.MULTILINE)
HARD: Mapping[str, Callable[[Row], bool]] = {  #: kinds of mentions that mislead a classifier
    "factual complaints": _written_as("factual_complaint"),
    "questions that hide a failure": _written_as("question_with_trouble"),
    "sarcasm": _written_as("sarcasm"),
    "understatement": _written_as("understatement"),
    "resolved complaints": _written_as("resolved"),
    "praise with violent words": _written_as("praise_with_bad_words"),
    "'no problems at all'": _no_trouble,
    "'great, another delay'": _written_as("looks_positive_is_not"),
    "anger at others": _written_as("third_party_anger"),
    "stars that contradict the text": _stars_contradict,
    "quoting others": _quotes,
    "hypotheticals": _written_as("hypothetical_or_joke"),
}


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
