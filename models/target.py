"""Fits the second stage of the model: what a text says of one target (monitor/sentiment/target.py).

It learns from the logits of document models that have not seen the row's fold, so that it trusts
them as far as they can be trusted on new texts.
"""

from __future__ import annotations

import gzip
import json
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from corpus import (
    FOLDS,
    KINDS,
    LABELS,
    TARGETED,
    THIRDS,
    IdRows,
    Matrix,
    matrix_of,
    plain,
    written_files,
)
from heads import usual
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from monitor.domain import Mention, Post
from monitor.reading import jsonl
from monitor.sentiment import features, target
from monitor.sentiment.lexicon import Lexicon

WEIGHTS = {  #: of a row of each set that teaches
    "mams_train": 0.7,
    "newsmtsc_train": 1.0,
    "huliu_products_target": 0.5,
    "semeval_topic_2016": 0.2,
    "mentions": 1.0,
}
WORD_UNIT, ELSE_UNIT, DENSE_UNIT = 1.0, 2.0, 0.5  #: strength of words and of the dense features
STEPS = 80  #: of the solver; more change nothing on val
NEWS_VAL = 10  #: one in so many texts of newsmtsc_train is kept for val


class Column(Protocol):
    """One head of a document model."""

    def logits(self, matrix: Matrix) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class Aimed:
    """One labelled text and its target."""

    name: str  #: of its set; "mentions" for the written ones
    split: str
    mention: Mention
    label: int  #: index in LABELS
    complaint: bool
    fold: int
    bare: bool = False  #: a second copy, whose rating and kind were taken away
    trait: str = ""  #: of a mention: why it was written

    @property
    def text(self) -> str:
        return self.mention.post.whole

    @property
    def rating(self) -> float | None:
        return self.mention.post.rating


@dataclass(frozen=True, slots=True)
class Views:
    """Features of n targets."""

    about: Matrix  #: of the documents, less what is said of rivals
    clause: Matrix  #: of the clauses that name the target
    words: sp.csr_matrix  #: (n, target.SIZE)
    facts: np.ndarray  #: (n, facts and meta)

    def of(self, index: Sequence[int] | np.ndarray) -> Views:
        """The features of some of the targets."""
        return Views(
            self.about.of(index), self.clause.of(index), self.words[index], self.facts[index]
        )


def targeted(data: Path) -> list[Aimed]:
    """Rows of every targeted set; no training row has a text of a val or test split."""
    rows = [*_collected(data), *_written(data)]
    seen = {plain(row.mention.post.text) for row in rows if row.split != "train"}
    return [r for r in rows if r.split != "train" or plain(r.mention.post.text) not in seen]


def _collected(data: Path) -> Iterator[Aimed]:
    for name in TARGETED:
        path = data / "sentiment" / f"{name}.jsonl.gz"
        rows = list(map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines()))
        for row, mention in zip(rows, _mentions(rows), strict=True):
            place = crc32(plain(row["text"]).encode())
            kept = name == "newsmtsc_train" and place % NEWS_VAL == 0
            split = "val" if kept else row["split"]
            label = LABELS.index(row["label"])
            yield Aimed(name, split, mention, label, False, place % FOLDS)


def _written(data: Path) -> Iterator[Aimed]:
    for fold, path in enumerate(written_files(data)):
        rows = list(map(json.loads, path.read_text("utf-8").splitlines()))
        for row, mention in zip(rows, _mentions(rows), strict=True):
            label = LABELS.index(row["label"])
            aimed = Aimed(
                "mentions", "train", mention, label, row["alert"], fold, trait=row["trait"]
            )
            yield aimed
            yield replace(aimed, mention=_bare(mention), bare=True)


def _mentions(rows: Sequence[dict[str, str]]) -> Iterator[Mention]:
    """What each row is about; the targets of its text's other rows are its rivals."""
    targets = defaultdict(set)
    for row in rows:
        targets[row["text"]].add(row["target"])
    for row in rows:
        kind = KINDS.get(row.get("kind", ""), row.get("kind", ""))
        rating = row.get("rating")
        post = Post("", kind, "", "", row["text"], row.get("title", ""), rating=rating)
        rivals = sorted(targets[row["text"]] - {row["target"]})
        yield jsonl.mention(post, row["target"], rivals)


def _bare(mention: Mention) -> Mention:
    return replace(mention, post=replace(mention.post, rating=None, kind=""))


def views(rows: Sequence[Aimed], lexicon: Lexicon) -> Views:
    """Look at each row exactly as the classifier does."""
    reader = features.Reader(lexicon)
    groups = [IdRows(target.SIZE) for _ in target.GROUPS]
    about, clause, facts = [], [], []
    for row in rows:
        post = row.mention.post
        meta = features.meta(post.rating, post.kind)
        document = reader.read(post.whole)
        seen = target.view(document, row.mention)
        about.append((seen.about, meta))
        clause.append((seen.clause, meta))
        facts.append([*seen.facts, *meta])
        for group, ids in zip(groups, seen.ids, strict=True):
            group.add(ids.astype(np.int32))
    words = sum((group.csr() for group in groups[1:]), start=groups[0].csr())
    return Views(matrix_of(about), matrix_of(clause), words, np.array(facts))


def cross_fitted(
    rows: Sequence[Aimed], seen: Views, without: Sequence[Sequence[Column]]
) -> np.ndarray:
    """Logits (n, 2, heads) of documents and clauses, by heads that have not seen the row's third.

    Args:
        rows: n targets.
        seen: their features.
        without: the document model's columns, trained without each third.
    """
    thirds = np.array([row.fold % THIRDS for row in rows])
    found = np.zeros((len(rows), 2, len(without[0])))
    for third, heads in enumerate(without):
        here = np.flatnonzero(thirds == third)
        for at, matrix in enumerate((seen.about.of(here), seen.clause.of(here))):
            found[here, at] = np.stack([head.logits(matrix) for head in heads], axis=1)
    return found


def fit_target(rows: Sequence[Aimed], seen: Views, logits: np.ndarray) -> target.Weights:
    """Fit all outputs: those towards a brand on the written mentions, the rest on all other sets.

    Args:
        rows: n targets; those of val and test splits are left out here.
        seen: their features.
        logits: (n, 2, heads), as cross_fitted gives them.
    """
    dense = np.hstack([logits.reshape(len(rows), -1), seen.facts])
    unrated = dense.copy()  # only mentions have rating and kind: these must not tell them apart
    unrated[:, -len(features.META) :] = 0.0
    labels = np.array([row.label for row in rows])
    told = np.array([row.complaint for row in rows])
    mention = np.array([row.name == "mentions" for row in rows])
    weight = np.array(
        [WEIGHTS.get(r.name, 0.0) * (r.split == "train") * usual(r.trait) for r in rows]
    )
    all_of = np.flatnonzero(weight)
    own, others = all_of[mention[all_of]], all_of[~mention[all_of]]
    even = np.where(mention, 1.0 / len(own), 1.0 / len(others)) * len(all_of)
    columns = [
        _fit(dense[own], seen.words[own], labels[own], weight[own], WORD_UNIT),
        _fit(dense[own], seen.words[own], told[own], weight[own], WORD_UNIT),
        _fit(dense[others], seen.words[others], labels[others], weight[others], ELSE_UNIT),
        _fit(unrated[all_of], seen.words[all_of], mention[all_of], even[all_of], WORD_UNIT),
    ]
    hashed, slopes, bias = (np.concatenate(part, axis=-1) for part in zip(*columns, strict=True))
    scale = np.abs(hashed).max(axis=0) / 127.0
    return target.Weights(np.rint(hashed / scale).astype(np.int8), scale, slopes, bias)


def _fit(
    dense: np.ndarray,
    words: sp.csr_matrix,
    answer: np.ndarray,
    weight: np.ndarray,
    word_unit: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logistic regression: weights of words and of dense features, and biases, a column a class.

    Two classes have one column. Dense features are standardised, rating and kind left alone.
    """
    meta = len(features.META)
    centre = np.append(dense.mean(axis=0)[:-meta], np.zeros(meta))
    unit = np.append(dense.std(axis=0)[:-meta] + 1e-6, np.ones(meta)) / DENSE_UNIT
    x = sp.hstack([sp.csr_matrix((dense - centre) / unit), words * word_unit]).tocsr()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=STEPS, tol=1e-3).fit(x, answer, weight)
    slopes, hashed = np.split(model.coef_.T, [dense.shape[1]])
    slopes = slopes / unit[:, None]
    return hashed * word_unit, slopes, model.intercept_ - centre @ slopes


def answers(weights: target.Weights, seen: Views, logits: np.ndarray) -> np.ndarray:
    """(n, 8) numbers, as target.logits gives them."""
    dense = np.hstack([logits.reshape(len(seen.facts), -1), seen.facts])
    return dense @ weights.dense + weights.bias + seen.words @ (weights.words * weights.scale)


def held_out(rows: Sequence[Aimed], seen: Views, logits: np.ndarray) -> np.ndarray:
    """Answers (n, 8) on each row by a stage that has not seen its third."""
    found = np.zeros((len(rows), len(target.OUTPUTS)))
    thirds = np.array([row.fold % THIRDS for row in rows])
    for third in range(THIRDS):
        taught, held = np.flatnonzero(thirds != third), np.flatnonzero(thirds == third)
        weights = fit_target([rows[i] for i in taught], seen.of(taught), logits[taught])
        found[held] = answers(weights, seen.of(held), logits[held])
    return found
