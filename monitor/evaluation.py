"""Measures a classifier on labelled lines: as a whole, and each hard kind alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitor.config import AlertsTable
from monitor.domain import Score
from monitor.reading.jsonl import Example, LineError, example_of, text_of
from monitor.seams import Classifier, UserError
from monitor.sentiment import measures

Pair = tuple[Example, Score]


class EvaluationError(UserError):
    """There is nothing to measure."""

    status = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file of labelled lines."""

    examples: tuple[Example, ...]
    bad: tuple[str, ...]  #: one line each: where, and what is wrong


def read(path: Path) -> Labelled:
    """Read {text, label, alert?, target?, title?, rating?, kind?, competitors?, trait?} a line.

    Raises:
        EvaluationError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as e:
        raise EvaluationError(f"evaluate: {path}: cannot be read: {e.strerror}") from e
    examples, bad = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            examples.append(example_of(text_of(line)))
        except LineError as e:
            bad.append(f"{path}, line {number}: {e}")
    return Labelled(tuple(examples), tuple(bad))


def evaluate(
    examples: Sequence[Example], classifier: Classifier, alerts: AlertsTable
) -> dict[str, Any]:
    """Figures of all examples and, where they name one, of each trait.

    Raises:
        EvaluationError: no example is in a language that is scored.
    """
    scores = classifier.score([example.mention for example in examples])
    pairs = [(e, s) for e, s in zip(examples, scores, strict=True) if s.scored]
    if not pairs:
        raise EvaluationError("evaluate: no line that can be measured: see `monitor evaluate -h`")
    traits = sorted({example.trait for example, _ in pairs} - {""})
    return {
        **_figures(pairs, alerts),
        "not_scored": len(examples) - len(pairs),
        "traits": {
            trait: _figures([pair for pair in pairs if pair[0].trait == trait], alerts)
            for trait in traits
        },
    }


def _figures(pairs: Sequence[Pair], alerts: AlertsTable) -> dict[str, Any]:
    """Both heads; "complaint" is None where no line says whether the team should be told."""
    labels = np.array([measures.LABELS.index(example.label) for example, _ in pairs])
    shares = np.array([(s.negative, s.neutral, s.positive) for _, s in pairs])
    told = [
        (example.alert, score.complaint)
        for example, score in pairs
        if example.alert is not None and score.complaint is not None
    ]
    alert, complaint = np.array([a for a, _ in told], bool), np.array([c for _, c in told], float)
    return {
        "sentiment": measures.sentiment(labels, shares, alerts.negative),
        "complaint": measures.complaint(alert, complaint, alerts.complaint) if told else None,
    }
