"""How the columns of the document model are fitted, and how two of them become one complaint.

Calm reports of a failure and plain bad feeling are two kinds of complaint that want opposite
weights of the same words, so each has its own column: ``report`` learns from the written mentions,
``rant`` from the negatives of collected reviews and tweets. ``mention`` tells which of the two a
text is like, and mixes them (Jacobs et al. 1991, Adaptive Mixtures of Local Experts).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from corpus import COMPLAINTS, LABELS, UNKNOWN, Matrix, Row, teaches_complaints
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from monitor.sentiment import features, target
from monitor.sentiment.model import FEELINGS, MOST_ALIKE, NAMED, STAGE, TOWARDS
from monitor.sentiment.style import NAMES

UNLABELLED = 0.5  #: weight of a text without a label
PLAIN = 4.0  #: times that a mention of trait "plain" counts: in life it is the usual one
WRITTEN = 100.0  #: weight of a mention among what ``report`` learns from
TAUGHT = 0.3  #: share of the teacher's opinion in what a labelled row teaches
COST, COMPLAINT_COST = 0.3, 0.1  #: LinearSVC's C
RATIO_POWER, RATIO_UNIT = 0.75, 0.85  #: of the naive Bayes ratios that scale the features
FAINT = 0.02  #: weight under which a row does not stand on a side
META_UNIT = 0.3  #: strength of rating and kind beside the style features


@dataclass(frozen=True, slots=True)
class Column:
    """What one head learnt: a weight a feature, and a bias."""

    hashed: np.ndarray
    dense: np.ndarray
    bias: float

    def logits(self, matrix: Matrix) -> np.ndarray:
        return matrix.hashed @ self.hashed + matrix.dense @ self.dense + self.bias


def fit(x: Matrix, target: np.ndarray, weight: np.ndarray, cost: float) -> Column:
    """A linear SVM on naive Bayes ratios (Wang and Manning 2012, aclanthology.org/P12-2018).

    Args:
        target: (n,) 0..1: how much of each row is a yes. A row in between stands on both sides.
        weight: (n,) of each row; both sides together weigh the same.
    """
    weight = weight / weight.mean()
    share = np.average(target, weights=weight)
    yes, no = weight * target * (0.5 / share), weight * (1.0 - target) * (0.5 / (1.0 - share))
    ratio = _ratios(x.hashed, yes, no)
    centre, unit = _units(x.dense)
    scaled = sp.hstack([x.hashed @ sp.diags(ratio), sp.csr_matrix((x.dense - centre) / unit)])
    sides = [np.flatnonzero(side > FAINT) for side in (yes, no)]
    svm = LinearSVC(C=cost, tol=0.1, max_iter=300, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm.fit(
            scaled.tocsr()[np.concatenate(sides)],
            np.repeat([True, False], [len(side) for side in sides]),
            np.concatenate([yes[sides[0]], no[sides[1]]]),
        )
    hashed, dense = np.split(svm.coef_.ravel(), [len(ratio)])
    bias = float(svm.intercept_[0] - (dense * centre / unit).sum())
    return Column(hashed * ratio, dense / unit, bias)


def _ratios(x: sp.csr_matrix, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    yes, no = 1.0 + x.T @ yes, 1.0 + x.T @ no
    ratio = np.log((yes / yes.sum()) / (no / no.sum()))
    return RATIO_UNIT * np.sign(ratio) * np.abs(ratio) ** RATIO_POWER


def _units(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and unit: style features are standardised, rating and kind are left where they are."""
    meta = len(features.META)
    centre = np.append(dense.mean(axis=0)[:-meta], np.zeros(meta))
    spread = (dense.std(axis=0)[:-meta] + 1e-6) * np.sqrt(len(NAMES))
    return centre, np.append(spread, np.full(meta, 1.0 / META_UNIT))


@dataclass(frozen=True, slots=True)
class Known:
    """Training rows, what the teacher holds of them, and their features."""

    rows: Sequence[Row]
    soft: np.ndarray  #: (n, 4): three shares and a complaint; NaN where it was not asked
    x: Matrix

    def of(self, index: Sequence[int] | np.ndarray) -> Known:
        """A part of them."""
        return Known([self.rows[i] for i in index], self.soft[index], self.x.of(index))


def columns(learnt: Known, val: Known) -> list[Column]:
    """One column for each of HEADS; ``val`` only calibrates."""
    return [*feelings(learnt, val), *complaints(learnt)]


def feelings(learnt: Known, val: Known) -> list[Column]:
    """Negative, neutral and positive, each against the rest.

    Learnt twice: first from what is labelled; then also from texts without a label, taken for the
    mean of what the first columns and the teacher hold of them.
    """
    labels = np.array([row.label for row in learnt.rows])
    shares = np.eye(len(LABELS))[labels]
    weight = np.array([usual(row.trait) for row in learnt.rows])
    judged = (labels == UNKNOWN) & ~np.isnan(learnt.soft[:, 0])
    labelled, rest = np.flatnonzero(labels != UNKNOWN), np.flatnonzero(judged)
    first = _against(learnt.x.of(labelled), shares[labelled], weight[labelled])
    if not len(rest):
        return first
    guess = probabilities(first, calibration(first, val), learnt.x.of(rest))
    shares[rest] = (guess + learnt.soft[rest, :FEELINGS]) / 2.0
    weight[rest] = UNLABELLED
    some = np.sort(np.concatenate([labelled, rest]))
    return _against(learnt.x.of(some), shares[some], weight[some])


def _against(x: Matrix, shares: np.ndarray, weight: np.ndarray) -> list[Column]:
    return [fit(x, share, weight, COST) for share in shares.T]


def calibration(heads: Sequence[Column], val: Known) -> np.ndarray:
    """(4, 3): from the logits of feelings and 1 to log shares; a set of n val rows weighs n^.5."""
    sizes = Counter(row.name for row in val.rows)
    weight = np.array([sizes[row.name] ** -0.5 for row in val.rows])
    model = LogisticRegression(C=10.0, max_iter=500, class_weight="balanced")
    labels = [row.label for row in val.rows]
    model.fit(all_logits(heads[:FEELINGS], val.x), labels, weight / weight.mean())
    return np.vstack([model.coef_.T, model.intercept_])


def probabilities(heads: Sequence[Column], turned: np.ndarray, x: Matrix) -> np.ndarray:
    """(n, 3): shares of negative, neutral and positive; ``turned`` as calibration gives it."""
    found: np.ndarray = softmax(felt(turned, all_logits(heads[:FEELINGS], x)), axis=1)
    return found


def all_logits(heads: Sequence[Column], x: Matrix) -> np.ndarray:
    """(n, heads), one column of numbers a head."""
    return np.stack([head.logits(x) for head in heads], axis=1)


def usual(trait: str) -> float:
    """How often a row counts. A mention stands there twice, with and without its stars."""
    return PLAIN if trait == "plain" else 1.0


def complaints(learnt: Known) -> list[Column]:
    """Report, rant and mention. A mention counts half: it is there with and without its stars."""
    taught = learnt.of([i for i, row in enumerate(learnt.rows) if teaches_complaints(row)])
    told = np.array([float(row.complaint) for row in taught.rows])
    opinion = np.where(np.isnan(taught.soft[:, -1]), told, taught.soft[:, -1])
    told += TAUGHT * (opinion - told)
    weight = np.array(
        [COMPLAINTS.get(row.name, WRITTEN / 2) * usual(row.trait) for row in taught.rows]
    )
    written = np.array([row.name == "mentions" for row in taught.rows])
    x, collected = taught.x, np.flatnonzero(~written)
    return [
        fit(x, told, weight, COMPLAINT_COST),
        fit(x.of(collected), told[collected], weight[collected], COMPLAINT_COST),
        fit(without_meta_columns(x), written * 1.0, np.ones(len(told)), COMPLAINT_COST),
    ]


def without_meta_columns(x: Matrix) -> Matrix:
    """The same texts with rating and kind unknown: collected ones never have them."""
    dense = x.dense.copy()
    dense[:, -len(features.META) :] = 0.0
    return Matrix(x.hashed, dense)


def odds(logits: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """(3, 2): from the held-out logits of report, rant and mention to log odds (Platt's lines).

    Report is judged on the mentions, rant on what was collected, and mention on both alike.
    """
    told = np.array([row.complaint for row in rows])
    written = np.array([row.name == "mentions" for row in rows])
    parts = ((told, written), (told, ~written), (written, np.ones(len(rows), bool)))
    balance = (None, None, "balanced")
    each = zip(parts, balance, strict=True)
    return np.array(
        [
            line(logits[part, head], answer[part], even)
            for head, ((answer, part), even) in enumerate(each, FEELINGS)
        ]
    )


def line(logits: np.ndarray, told: np.ndarray, balance: str | None = None) -> np.ndarray:
    """Slope and offset from a logit to log odds (Platt)."""
    model = LogisticRegression(C=1e6, max_iter=500, class_weight=balance)
    model.fit(logits[:, None], told)
    return np.array([model.coef_[0, 0], model.intercept_[0]])


def mixed(lines: np.ndarray, logits: np.ndarray, report: np.ndarray | None = None) -> np.ndarray:
    """Log odds of a complaint, as the classifier mixes them.

    Args:
        lines: (3, 2), as ``odds`` gives them.
        logits: (n, heads), of the document.
        report: (n,) log odds of a report, where the target's stage gives them.
    """
    own, rant, alike = (logits[:, FEELINGS:] * lines[:, 0] + lines[:, 1]).T
    if report is not None:
        own, alike = own + STAGE * (report - own), alike + NAMED
    share = np.minimum(expit(alike), MOST_ALIKE)
    found: np.ndarray = share * own + (1.0 - share) * rant
    return found


def felt(turned: np.ndarray, logits: np.ndarray, found: np.ndarray | None = None) -> np.ndarray:
    """(..., 3) log shares of the feelings, as the classifier mixes them.

    Args:
        turned: (4, 3), as ``calibration`` gives it.
        logits: (..., heads), of the document.
        found: (..., 8) answers of the target's stage, where there is one.
    """
    document: np.ndarray = logits[..., :FEELINGS] @ turned[:-1] + turned[-1]
    return document if found is None else document + TOWARDS * (target.shares(found) - document)
