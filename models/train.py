"""Builds the shipped model: `python models/train.py DATA_FOLDER [OUT_FOLDER]`.

DATA_FOLDER holds sentiment/*.jsonl.gz, mentions/*.jsonl and lexicons/*.txt (models/README.md says
where each comes from, and under which licence). The same data and the same lock file give the same
bytes on one machine. Settings were chosen on the val splits and on the folds over data/mentions;
the test splits are only reported.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from corpus import (
    CC_BY,
    FOLDS,
    LABELS,
    SETS,
    Matrix,
    Row,
    collected,
    matrix,
    mentions,
    without_meta,
    word_lists,
)
from rich.console import Console
from rich.progress import track
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_recall_curve,
    recall_score,
)
from sklearn.svm import LinearSVC

from monitor.domain import Mention, Post, Score
from monitor.sentiment import LinearClassifier, features, load
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import FORMAT, HEADS, Weights
from monitor.sentiment.style import NAMES

COMPLAINTS = {  #: collected sets whose negatives teach the complaint head, and a row's weight
    "cesamard_reviews": 1.0,
    "vader_amazon": 1.0,
    "uci_sls": 1.0,
    "huliu_products": 1.0,
    "pros_cons_6k": 0.5,
    "vader_tweets": 0.5,
    "semeval_tweets_2013_2016": 0.25,
}
WRITTEN = 15.0  #: weight of a row of mentions among those
WRITTEN_SENTIMENT = 3.0  #: and beside the sentiment sets
TWEETS_KEPT = 4  #: one in so many tweets of SemEval teaches the complaint head
COST = 0.3  #: LinearSVC's C for sentiment
COMPLAINT_COST = 0.1
WANTED = 0.8  #: precision of the proposed alert thresholds, on held-out folds of mentions
META_UNIT = 0.3  #: strength of rating and kind beside the style features

TESTS = (
    ("tweeteval_val", "val"),
    ("goemotions", "val"),
    ("tweeteval_test", "test"),
    ("goemotions", "test"),
)

say = Console(stderr=True).print


@dataclass(frozen=True, slots=True)
class Column:
    """What one head learnt: a weight a feature, and a bias."""

    hashed: np.ndarray
    dense: np.ndarray
    bias: float

    def logits(self, matrix: Matrix) -> np.ndarray:
        return matrix.hashed @ self.hashed + matrix.dense @ self.dense + self.bias


# -- fitting ---------------------------------------------------------------------------


def fit(x: Matrix, target: np.ndarray, weight: np.ndarray, cost: float) -> Column:
    """A linear SVM on naive Bayes ratios (Wang and Manning 2012, aclanthology.org/P12-2018)."""
    weight = weight / weight.mean()
    share = np.average(target, weights=weight)
    weight = weight * np.where(target, 0.5 / share, 0.5 / (1.0 - share))
    ratio = _ratios(x.hashed, target, weight)
    centre, unit = _units(x.dense)
    scaled = sp.csr_matrix((x.dense - centre) / unit)
    svm = LinearSVC(C=cost, tol=0.1, max_iter=300, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm.fit(sp.hstack([x.hashed @ sp.diags(ratio), scaled]).tocsr(), target, weight)
    hashed, dense = np.split(svm.coef_.ravel(), [len(ratio)])
    bias = float(svm.intercept_[0] - (dense * centre / unit).sum())
    return Column(hashed * ratio, dense / unit, bias)


def _ratios(x: sp.csr_matrix, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    yes = 1.0 + x.T @ (weight * target)
    no = 1.0 + x.T @ (weight * ~target)
    return np.log((yes / yes.sum()) / (no / no.sum()))


def _units(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and unit: style features are standardised, rating and kind are left where they are."""
    meta = len(features.META)
    centre = np.append(dense.mean(axis=0)[:-meta], np.zeros(meta))
    spread = (dense.std(axis=0)[:-meta] + 1e-6) * np.sqrt(len(NAMES))
    return centre, np.append(spread, np.full(meta, 1.0 / META_UNIT))


def sentiment(x: Matrix, rows: Sequence[Row]) -> list[Column]:
    """One column a label, one against the rest."""
    weight = np.array([WRITTEN_SENTIMENT / 2 if row.name == "mentions" else 1.0 for row in rows])
    labels = np.array([row.label for row in rows])
    each = track(range(3), "sentiment heads", console=Console(stderr=True))
    return [fit(x, labels == label, weight, COST) for label in each]


def complaint(x: Matrix, rows: Sequence[Row]) -> Column:
    """The complaint head."""
    weight = np.array([COMPLAINTS.get(row.name, WRITTEN / 2) for row in rows])
    return fit(x, np.array([row.complaint for row in rows]), weight, COMPLAINT_COST)


def complaint_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows of ``collected`` that the complaint head learns from."""
    return [
        row
        for row in rows
        if row.name in COMPLAINTS
        and (row.domain != "tweet" or row.name == "vader_tweets" or _kept(row))
    ]


def _kept(row: Row) -> bool:
    return crc32(row.text.encode()) % TWEETS_KEPT == 0


def leave_one_file_out(data: Path, lexicon: Lexicon) -> tuple[list[Row], np.ndarray]:
    """Complaint logits of rows the head has not seen: each fold by the head of the others."""
    written, others = mentions(data), complaint_rows(collected(data))
    shown = [*written, *others]
    rows = [*shown, *without_meta(written)]
    x = matrix(rows, lexicon, "the complaint rows")
    folds = np.array([row.fold for row in rows])
    logits = np.zeros(len(shown))
    for fold in track(range(FOLDS), "leave one file out", console=Console(stderr=True)):
        train = np.flatnonzero(folds != fold)
        test = np.flatnonzero(folds[: len(shown)] == fold)
        head = complaint(x.of(train), [rows[i] for i in train])
        logits[test] = head.logits(x.of(test))
    return shown, logits


# -- finishing -------------------------------------------------------------------------


def shares(logits: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Multinomial logistic regression on val logits, each domain weighing n^.5, labels balanced."""
    sizes = Counter(row.domain for row in rows)
    weight = np.array([sizes[row.domain] ** -0.5 for row in rows])
    model = LogisticRegression(C=10.0, max_iter=500, class_weight="balanced")
    model.fit(logits, [row.label for row in rows], weight / weight.mean())
    return np.vstack([model.coef_.T, model.intercept_])


def platt(logits: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Slope and offset of the complaint logit, fitted on the held-out folds of mentions."""
    written = np.array([row.name == "mentions" for row in rows])
    told = np.array([row.complaint for row in rows])
    model = LogisticRegression(C=1e6, max_iter=500).fit(logits[written, None], told[written])
    return np.array([model.coef_[0, 0], model.intercept_[0]])


def weights(heads: Sequence[Column], shares: np.ndarray, complaint: np.ndarray) -> Weights:
    """Fold all heads into one int8 matrix, each column and half with its own scale."""
    hashed = np.stack([head.hashed for head in heads], axis=1)
    halves = hashed.reshape(2, features.SPACE, len(heads))
    scale = np.abs(halves).max(axis=1) / 127.0
    words, grams = np.rint(halves / scale[:, None, :]).astype(np.int8)
    dense = np.stack([head.dense for head in heads], axis=1)
    bias = np.array([head.bias for head in heads])
    return Weights(words, grams, scale, dense, bias, shares, complaint)


# -- reporting -------------------------------------------------------------------------


def scores(model: LinearClassifier, rows: Sequence[Row]) -> list[Score]:
    """Score rows by their text alone."""
    posts = [Post("", "", str(i), "", row.text) for i, row in enumerate(rows)]
    return model.score([Mention(post, "", ()) for post in posts])


def figures(found: Sequence[Score], rows: Sequence[Row]) -> dict[str, float]:
    """Macro-F1, macro-recall and average precision of the negatives."""
    labels = [row.label for row in rows]
    given = [LABELS.index(score.label) for score in found]
    negative = [label == 0 for label in labels]
    return {
        "rows": len(rows),
        "macro_f1": round(f1_score(labels, given, average="macro"), 4),
        "macro_recall": round(recall_score(labels, given, average="macro"), 4),
        "negative_ap": round(average_precision_score(negative, [s.negative for s in found]), 4),
    }


def complaint_figures(logits: np.ndarray, rows: Sequence[Row]) -> dict[str, float]:
    """Average precision of held-out complaint logits, in each set."""
    names = np.array([row.name for row in rows])
    told = np.array([row.complaint for row in rows])
    return {
        name: round(average_precision_score(told[names == name], logits[names == name]), 4)
        for name in ("mentions", *COMPLAINTS)
    }


def threshold(told: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """The lowest threshold from which precision stays at WANTED or above, and its recall."""
    precision, recall, at = precision_recall_curve(told, score)
    first = int(np.flatnonzero(precision[:-1] < WANTED).max(initial=-1)) + 1
    first = min(first, len(at) - 1)
    found = {"at": at[first], "precision": precision[first], "recall": recall[first]}
    return {name: round(float(value), 3) for name, value in found.items()}


# -- the whole -------------------------------------------------------------------------


def train(data: Path, out: Path) -> None:
    """Read data, fit every head, write model.npz, model.json, lexicon.json and metrics.json."""
    _write(out / "lexicon.json", word_lists(data))
    words = Lexicon.parse((out / "lexicon.json").read_bytes())
    shown, held = leave_one_file_out(data, words)
    sets = collected(data)
    written = mentions(data)
    written = [*written, *without_meta(written)]
    rows = [*(row for row in sets if row.split == "train"), *written]
    x = matrix(rows, words, "the training rows")
    heads = sentiment(x, rows)
    of_complaints = {id(row) for row in complaint_rows(rows)} | {id(row) for row in written}
    index = np.array([i for i, row in enumerate(rows) if id(row) in of_complaints])
    heads.append(complaint(x.of(index), [rows[i] for i in index]))
    val = [row for row in sets if row.split == "val"]
    logits = matrix(val, words, "the val rows")
    turned = shares(np.stack([head.logits(logits) for head in heads[:3]], axis=1), val)
    line = platt(held, shown)
    save(weights(heads, turned, line), data, out)
    report(load(out), sets, shown, held * line[0] + line[1], out)


def save(trained: Weights, data: Path, out: Path) -> None:
    """Write model.npz, and model.json that describes it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **asdict(trained))
    (out / "model.npz").write_bytes(buffer.getvalue())
    about = {
        "format": FORMAT,
        "features": features.VERSION,
        "hash": "crc32 of UTF-8, low bits",
        "bits": features.BITS,
        "heads": HEADS,
        "calibration": "shares: multinomial logistic; complaint: Platt; both in model.npz",
        "sha256": _sha256(out / "model.npz"),
        "lexicon_sha256": _sha256(out / "lexicon.json"),
        "licence": "MIT; lexicon.json: MIT and CC BY 4.0",
        "data": {
            path.relative_to(data).as_posix(): {"sha256": _sha256(path), "licence": licence}
            for path, licence in _sources(data)
        },
    }
    _write(out / "model.json", about, indent=1)


def _sources(data: Path) -> list[tuple[Path, str]]:
    sets = [(data / "sentiment" / f"{name}.jsonl.gz", licence) for name, licence in SETS.items()]
    written = [(path, "MIT") for path in sorted((data / "mentions").glob("mentions-*.jsonl"))]
    lists = [(path, CC_BY) for path in sorted((data / "lexicons").glob("opinion_*.txt"))]
    return [*sets, *written, *lists]


def report(
    model: LinearClassifier, sets: Sequence[Row], shown: Sequence[Row], held: np.ndarray, out: Path
) -> None:
    """Measure the files as written, print the figures, and keep them in two of the files."""
    found: dict[str, Any] = {}
    for name, split in TESTS:
        rows = [row for row in sets if (row.name, row.split) == (name, split)]
        found[f"{name} ({split})"] = figures(scores(model, rows), rows)
    written = np.array([row.name == "mentions" for row in shown])
    told = np.array([row.complaint for row in shown])
    found["complaint, held-out folds"] = complaint_figures(held, shown)
    found["threshold, complaint"] = threshold(told[written], 1.0 / (1.0 + np.exp(-held[written])))
    _write(out / "metrics.json", found, indent=1)
    about = json.loads((out / "model.json").read_text("utf-8"))
    _write(out / "model.json", {**about, "metrics": found}, indent=1)
    say(found)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, data: object, indent: int | None = None) -> None:
    separators = (",", ": " if indent else ":")
    text = json.dumps(data, ensure_ascii=False, indent=indent, separators=separators)
    path.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python models/train.py DATA_FOLDER [OUT_FOLDER]")
    here = Path(__file__).parent
    train(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else here)
