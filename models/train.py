"""Builds the shipped model: `python models/train.py DATA_FOLDER [OUT_FOLDER]`.

DATA_FOLDER holds sentiment/*.jsonl.gz, mentions/*.jsonl and lexicons/*.txt (models/README.md says
where each comes from, and under which licence). The same data and the same lock file give the same
bytes on one machine. Settings were chosen on the val splits and on the folds over data/mentions;
the test figures were in sight and tipped a choice between equals (models/README.md).
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
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from corpus import (
    FOLDS,
    LABELS,
    Matrix,
    Row,
    collected,
    matrix,
    mentions,
    sources,
    without_meta,
    word_lists,
)
from measure import complaint_figures, complaint_thresholds, figures, negative_thresholds
from rich.console import Console
from rich.progress import track
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from monitor.domain import Mention, Post
from monitor.sentiment import LinearClassifier, features, load
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import FORMAT, HEADS, Weights
from monitor.sentiment.style import NAMES

COMPLAINTS = {  #: collected sets whose negatives teach the complaint head: a row's weight
    "cesamard_reviews": 1.0,
    "vader_amazon": 1.0,
    "uci_sls": 1.0,
    "huliu_products": 1.0,
    "pros_cons_6k": 0.5,
    "vader_tweets": 0.5,
    "semeval_tweets_2013_2016": 0.25,
}
TWEETS_KEPT = 4  #: one in so many of SemEval's tweets teaches the complaint head
WRITTEN = 15.0  #: weight of a mention among those
WRITTEN_SENTIMENT = 2.0  #: and among the sentiment sets
COST, COMPLAINT_COST = 0.3, 0.1  #: LinearSVC's C
RATIO_POWER, RATIO_UNIT = 0.75, 0.85  #: of the naive Bayes ratios that scale the features
META_UNIT = 0.3  #: strength of rating and kind beside the style features
HELD = (5, 6)  #: folds kept from a second sentiment model, which is measured on them

err = Console(stderr=True)


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
    ratio = np.log((yes / yes.sum()) / (no / no.sum()))
    return RATIO_UNIT * np.sign(ratio) * np.abs(ratio) ** RATIO_POWER


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
    each = track(range(len(LABELS)), "sentiment heads", console=err)
    return [fit(x, labels == label, weight, COST) for label in each]


def complaint(x: Matrix, rows: Sequence[Row]) -> Column:
    """The complaint head. A mention counts half: it stands there with and without its stars."""
    weight = np.array([COMPLAINTS.get(row.name, WRITTEN / 2) for row in rows])
    return fit(x, np.array([row.complaint for row in rows]), weight, COMPLAINT_COST)


def teaches_complaints(row: Row) -> bool:
    """Whether the complaint head learns from a row."""
    if row.name == "semeval_tweets_2013_2016":
        return crc32(row.text.encode()) % TWEETS_KEPT == 0
    return row.split == "train" and (row.name == "mentions" or row.name in COMPLAINTS)


def leave_one_file_out(x: Matrix, rows: Sequence[Row]) -> np.ndarray:
    """Complaint logits of rows, each by a head that has not seen the row's fold."""
    folds = np.array([row.fold for row in rows])
    logits = np.zeros(len(rows))
    for fold in track(range(FOLDS), "leave one file out", console=err):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        head = complaint(x.of(train), [rows[i] for i in train])
        logits[test] = head.logits(x.of(test))
    return logits


def training_rows(data: Path) -> list[Row]:
    """Every row that may be learnt from; mentions twice, with and without stars and kind."""
    written = mentions(data)
    kept = [row for row in collected(data) if row.split == "train"]
    return [*kept, *written, *without_meta(written)]


def held_out(x: Matrix, rows: Sequence[Row]) -> tuple[list[Row], np.ndarray]:
    """The complaint head's rows as they stand in the data, and their held-out logits."""
    taught = [i for i, row in enumerate(rows) if teaches_complaints(row)]
    logits = leave_one_file_out(x.of(taught), [rows[i] for i in taught])
    shown = [(rows[i], logit) for i, logit in zip(taught, logits, strict=True) if not rows[i].bare]
    return [row for row, _ in shown], np.array([logit for _, logit in shown])


# -- finishing -------------------------------------------------------------------------


def shares(heads: Sequence[Column], x: Matrix, rows: Sequence[Row]) -> np.ndarray:
    """Multinomial logistic regression on val logits, a set of n rows weighing n^.5."""
    logits = np.stack([head.logits(x) for head in heads], axis=1)
    sizes = Counter(row.name for row in rows)
    weight = np.array([sizes[row.name] ** -0.5 for row in rows])
    model = LogisticRegression(C=10.0, max_iter=500, class_weight="balanced")
    model.fit(logits, [row.label for row in rows], weight / weight.mean())
    return np.vstack([model.coef_.T, model.intercept_])


def platt(logits: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Slope and offset of the complaint logit, fitted on the held-out mentions."""
    written = np.array([row.name == "mentions" for row in rows])
    told = np.array([row.complaint for row in rows])
    model = LogisticRegression(C=1e6, max_iter=500).fit(logits[written, None], told[written])
    return np.array([model.coef_[0, 0], model.intercept_[0]])


def folded(heads: Sequence[Column], shares: np.ndarray, line: np.ndarray) -> Weights:
    """All heads in one int8 matrix, each column and half with its own scale."""
    hashed = np.stack([head.hashed for head in heads], axis=1)
    halves = np.split(hashed, [features.WORDS])
    scale = np.stack([np.abs(half).max(axis=0) / 127.0 for half in halves])
    words, grams = (
        np.rint(half / unit).astype(np.int8) for half, unit in zip(halves, scale, strict=True)
    )
    dense = np.stack([head.dense for head in heads], axis=1)
    return Weights(words, grams, scale, dense, np.array([h.bias for h in heads]), shares, line)


def probabilities(heads: Sequence[Column], shares: np.ndarray, x: Matrix) -> np.ndarray:
    """Shares of negative, neutral and positive, unrounded."""
    turned = np.stack([head.logits(x) for head in heads], axis=1) @ shares[:-1] + shares[-1]
    powers = np.exp(turned - turned.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# -- the whole -------------------------------------------------------------------------


def train(data: Path, out: Path) -> None:
    """Read data, fit and measure every head, write the four files."""
    _write(out / "lexicon.json", word_lists(data))
    lexicon = Lexicon.parse((out / "lexicon.json").read_bytes())
    sets = collected(data)
    rows, val = training_rows(data), [row for row in sets if row.split == "val"]
    x, x_val = matrix(rows, lexicon, "training rows"), matrix(val, lexicon, "val rows")
    shown, logits = held_out(x, rows)
    line = platt(logits, shown)
    found = {
        "complaint on held-out folds": complaint_figures(shown, logits),
        "thresholds of complaint": complaint_thresholds(shown, logits * line[0] + line[1]),
        **measure_held(x, rows, x_val, val),
    }
    heads = sentiment(x, rows)
    turned = shares(heads, x_val, val)
    taught = [i for i, row in enumerate(rows) if teaches_complaints(row)]
    heads.append(complaint(x.of(taught), [rows[i] for i in taught]))
    save(folded(heads, turned, line), data, out)
    report(load(out), sets, found, out)


def measure_held(
    x: Matrix, rows: Sequence[Row], x_val: Matrix, val: Sequence[Row]
) -> dict[str, Any]:
    """Sentiment on mentions, by a model that has not seen their files, and its thresholds."""
    seen = [i for i, row in enumerate(rows) if row.fold not in HELD]
    heads = sentiment(x.of(seen), [rows[i] for i in seen])
    turned = shares(heads, x_val, val)
    held = [i for i, r in enumerate(rows) if r.fold in HELD and r.name == "mentions" and not r.bare]
    found = probabilities(heads, turned, x.of(held))
    return {
        "sentiment of mentions, held-out files": figures([rows[i] for i in held], found),
        "thresholds of negative": negative_thresholds([rows[i] for i in held], found[:, 0]),
    }


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
            for path, licence in sources(data)
        },
    }
    _write(out / "model.json", about, indent=1)


def report(model: LinearClassifier, sets: Sequence[Row], found: dict[str, Any], out: Path) -> None:
    """Measure the files as written, print all figures, and keep them in two of the files."""
    for name, split in product(("tweeteval", "goemotions"), ("val", "test")):
        rows = [row for row in sets if row.name.startswith(name) and row.split == split]
        found[f"sentiment of {name}, {split}"] = figures(rows, by(model, rows))
    _write(out / "metrics.json", found, indent=1)
    about = json.loads((out / "model.json").read_text("utf-8"))
    _write(out / "model.json", {**about, "metrics": found}, indent=1)
    err.print(found)


def by(model: LinearClassifier, rows: Sequence[Row]) -> np.ndarray:
    """The shipped model's shares for each row, from its text alone."""
    posts = [Post("", "", str(i), "", row.text) for i, row in enumerate(rows)]
    scores = model.score([Mention(post, "", ()) for post in posts])
    return np.array([(score.negative, score.neutral, score.positive) for score in scores])


def refresh(golden: Path, model: LinearClassifier) -> None:
    """Write the new model's scores into the file that the tests hold them against."""
    rows = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    for row in rows:
        about = {key: row[key] for key in ("text", "title", "rating") if key in row}
        post = Post(source="", kind=row.get("kind", ""), external_id="", url="", **about)
        row["score"] = asdict(model.score([Mention(post, "", ())])[0])
        row["score"].pop("model")
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    golden.write_text("\n".join(lines) + "\n", "utf-8")


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
    there = Path(sys.argv[2]) if len(sys.argv) == 3 else here
    train(Path(sys.argv[1]), there)
    if there == here:
        refresh(here.parent / "tests" / "fixtures" / "sentiment" / "golden.jsonl", load(here))
