"""Small models of other languages: `python models/languages.py DATA_FOLDER` prints their figures.

They have the heads of the English one. ``report`` and the feelings learn from written mentions of
the language and, at a low weight, of English: what stars, dates, amounts, marks and lengths say is
the same in each. Written mentions are adversarial: alone they take plain praise for a complaint.
So plain feeling is learnt from English reviews, by nothing but the lexicon and style features,
which carry over: ``rant``, and a part of each feeling. ``mention`` tells which of the two a text
is like. All figures are of brands that the model had not seen.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from corpus import LABELS, Matrix, Row, collected, matrix, mentions, without_meta, written_row
from heads import COMPLAINT_COST, COST, Column, all_logits, fit, line, mixed, probabilities
from measure import complaint_figures, complaint_thresholds, figures
from rich.console import Console
from rich.progress import track
from scipy.special import logit, softmax
from sklearn.linear_model import LogisticRegression

from monitor.sentiment import features
from monitor.sentiment.calibration import TRAINED
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import HEADS
from monitor.sentiment.style import NAMES

HERE = Path(__file__).parent
LANGUAGES = ("de", "es", "fr")
REVIEWS = ("cesamard_reviews", "uci_sls", "vader_amazon")
OPINIONS = ("likes", "dislikes", "balance", "not_likes", "not_dislikes")  #: in style.NAMES
WORDS, GRAMS = 1 << 15, 1 << 14  #: ids of words and of character grams
FOLDS = 5  #: a brand stands in one
ENGLISH = -1  #: the fold of English rows, which are in all training and in no figure
ENGLISH_WEIGHT = 0.3  #: of an English mention beside one of the language
PLAIN = 0.5  #: part of the reviews' columns in each feeling
RANT_WORTH = 0.2  #: of the log odds that ``rant`` has in English reviews: it is less sure elsewhere

err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class English:
    """What all languages share. ``plain`` has a column a label, ``rant`` and ``mention``."""

    mentions: list[Row]
    x_mentions: Matrix
    reviews: list[Row]
    x_reviews: Matrix
    plain: dict[str, Column]
    odds: dict[str, np.ndarray]  #: of ``rant`` and ``mention``: slope and offset to log odds


@dataclass(frozen=True, slots=True)
class Small:
    """The model of one language before it is folded into int8."""

    columns: dict[str, Column]  #: the three labels, ``report``, ``rant`` and ``mention``
    shares: np.ndarray  #: (4, 3): the three sentiment logits and 1, to log shares
    odds: np.ndarray  #: (3, 2): slope and offset to log odds, of report, rant and mention
    last: np.ndarray  #: (2,): slope and offset of the mixed log odds
    figures: dict[str, Any]

    @property
    def heads(self) -> list[Column]:
        """The columns in the order of HEADS."""
        return [self.columns[name] for name in HEADS]

    def sentiment(self, x: Matrix) -> np.ndarray:
        """(n, 3) shares of negative, neutral and positive."""
        return probabilities(self.heads, self.shares, x)

    def complaint(self, x: Matrix) -> np.ndarray:
        """(n,) log odds that the team should be told."""
        found: np.ndarray = mixed(self.odds, all_logits(self.heads, x)) + self.last[1]
        return found


def train(data: Path, lexicon: Lexicon) -> dict[str, Small]:
    """The models of all languages.

    Args:
        data: the folder that models/train.py reads.
        lexicon: the whole English one.
    """
    english = learn_english(data, lexicon)
    return {lang: learn(lang, english, lexicon) for lang in LANGUAGES}


def learn_english(data: Path, lexicon: Lexicon) -> English:
    """Read the English rows, and fit what they alone teach."""
    known = replace(lexicon.symbols(), opinion=lexicon.opinion)  # as little as elsewhere is known
    taken = (row for row in collected(data) if row.name in REVIEWS and row.split == "train")
    reviews = [replace(row, fold=ENGLISH) for row in taken]
    shown = [replace(row, fold=ENGLISH) for row in mentions(data)]
    x_reviews = small(matrix(reviews, known, "English reviews"))
    x_shown = small(matrix(shown, known, "English mentions"))
    x = style_only(x_reviews)
    ones, told = np.ones(len(reviews)), np.array([row.complaint for row in reviews])
    labels = np.array([row.label for row in reviews])
    plain = {name: fit(x, (labels == at) * 1.0, ones, COST) for at, name in enumerate(LABELS)}
    plain["rant"] = fit(x, told * 1.0, ones, COMPLAINT_COST)
    both = style_only(joined(x_shown, x_reviews))
    written = np.repeat([True, False], [len(shown), len(reviews)])
    plain["mention"] = fit(both, written * 1.0, np.ones(len(written)), COMPLAINT_COST)
    odds = {
        "rant": RANT_WORTH * line(plain["rant"].logits(x), told),
        "mention": line(plain["mention"].logits(both), written, "balanced"),
    }
    return English(shown, x_shown, reviews, x_reviews, plain, odds)


def learn(lang: str, english: English, lexicon: Lexicon) -> Small:
    """Fit and measure the model of one language."""
    source = source_of(lang)
    shown = written(source)
    own = [*shown, *without_meta(shown)]
    x_own = small(matrix(own, lexicon.of(lang), source.name))
    x, rows = joined(x_own, english.x_mentions), [*own, *english.mentions]
    seen = held_out(x, rows, english)
    made = columns(x, rows, english)
    reviews = all_logits([made[name] for name in HEADS], english.x_reviews)
    told = np.array([row.complaint for row in shown])
    report = line(seen[:, HEADS.index("report")], told)
    odds = np.stack([report, english.odds["rant"], english.odds["mention"]])
    shares = calibrated(seen, shown, reviews, english.reviews)
    # Half of these mentions complain, which is more than in life.
    last = np.array([1.0, logit(TRAINED) - logit(told.mean())])
    found = measured(shown, seen, mixed(odds, seen) + last[1], reviews, english.reviews)
    return Small(made, shares, odds, last, found)


def source_of(lang: str) -> Path:
    """The file with the written mentions of a language."""
    return HERE / "data" / f"mentions-{lang}.jsonl"


def written(source: Path) -> list[Row]:
    """The mentions of one language; the fold of a row is that of its brand."""
    return [
        written_row(line, crc32(re.sub(r"\W", "", line["target"].lower()).encode()) % FOLDS)
        for line in map(json.loads, source.read_text("utf-8").splitlines())
    ]


# -- features --------------------------------------------------------------------------


def small(x: Matrix) -> Matrix:
    """The same features in smaller tables: an id counts modulo their size."""
    words, grams = x.hashed[:, : features.WORDS], x.hashed[:, features.WORDS :]
    return Matrix(sp.hstack([_modulo(words, WORDS), _modulo(grams, GRAMS)]).tocsr(), x.dense)


def _modulo(x: sp.csr_matrix, size: int) -> sp.csr_matrix:
    kept = sp.csr_matrix((x.data, x.indices % size, x.indptr), (x.shape[0], size))
    kept.sum_duplicates()
    return kept


def joined(first: Matrix, second: Matrix) -> Matrix:
    """The rows of both."""
    hashed = sp.vstack([first.hashed, second.hashed]).tocsr()
    return Matrix(hashed, np.vstack([first.dense, second.dense]))


def style_only(x: Matrix) -> Matrix:
    """No words, no rating, no kind: what means the same in every language."""
    dense = x.dense.copy()
    dense[:, len(NAMES) :] = 0.0
    return Matrix(sp.csr_matrix(x.hashed.shape), dense)


def without_opinions(x: Matrix) -> Matrix:
    """Adversarial mentions would teach that liked words are no sign of praise."""
    dense = x.dense.copy()
    dense[:, [NAMES.index(name) for name in OPINIONS]] = 0.0
    return Matrix(x.hashed, dense)


# -- fitting ---------------------------------------------------------------------------


def columns(x: Matrix, rows: Sequence[Row], english: English) -> dict[str, Column]:
    """The heads by name, from mentions and what English reviews taught."""
    weight = np.array([ENGLISH_WEIGHT if row.fold == ENGLISH else 1.0 for row in rows])
    labels = np.array([row.label for row in rows])
    told, x, plain = np.array([row.complaint for row in rows]), without_opinions(x), english.plain
    made = {
        name: _with_plain(fit(x, (labels == at) * 1.0, weight, COST), plain[name])
        for at, name in enumerate(LABELS)
    }
    made["report"] = fit(x, told * 1.0, weight, COMPLAINT_COST)
    return made | {name: plain[name] for name in ("rant", "mention")}


def _with_plain(column: Column, plain: Column) -> Column:
    dense, bias = column.dense + PLAIN * plain.dense, column.bias + PLAIN * plain.bias
    return Column(column.hashed, dense, bias)


def held_out(x: Matrix, rows: Sequence[Row], english: English) -> np.ndarray:
    """Logits of the language's own rows with their stars, by heads that have not seen the brand."""
    fold, bare = np.array([row.fold for row in rows]), np.array([row.bare for row in rows])
    logits = np.zeros((len(rows), len(HEADS)))
    for left in track(range(FOLDS), "leave one fifth of the brands out", console=err):
        seen, unseen = np.flatnonzero(fold != left), np.flatnonzero((fold == left) & ~bare)
        made = columns(x.of(seen), [rows[i] for i in seen], english)
        logits[unseen] = all_logits([made[name] for name in HEADS], x.of(unseen))
    return logits[(fold != ENGLISH) & ~bare]


# -- calibration and figures -----------------------------------------------------------


def calibrated(
    own: np.ndarray, rows: Sequence[Row], other: np.ndarray, reviews: Sequence[Row]
) -> np.ndarray:
    """From three logits and 1 to log shares; own rows and reviews weigh the same in sum."""
    labels = np.array([row.label for row in [*rows, *reviews]])
    weight = np.repeat([1.0, len(rows) / len(reviews)], [len(rows), len(reviews)])
    sums = np.bincount(labels, weight, len(LABELS))
    model = LogisticRegression(C=10.0, max_iter=500)
    given = np.vstack([own, other])[:, : len(LABELS)]
    model.fit(given, labels, weight * weight.sum() / len(LABELS) / sums[labels])
    return np.vstack([model.coef_.T, model.intercept_])


def measured(
    rows: Sequence[Row],
    logits: np.ndarray,
    told: np.ndarray,
    other: np.ndarray,
    reviews: Sequence[Row],
) -> dict[str, Any]:
    """Figures on unseen brands; the sentiment's calibration has not seen them either.

    Args:
        told: (n,) log odds of a complaint.
    """
    fold, found = np.array([row.fold for row in rows]), np.zeros((len(rows), len(LABELS)))
    for left in range(FOLDS):
        seen = np.flatnonzero(fold != left)
        turned = calibrated(logits[seen], [rows[i] for i in seen], other, reviews)
        at = logits[fold == left, : len(LABELS)]
        found[fold == left] = softmax(at @ turned[:-1] + turned[-1], axis=1)
    return {
        **figures(rows, found),
        "complaint_ap": complaint_figures(rows, told)["mentions"],
        "complaint_ap_by_chance": round(float(np.mean([row.complaint for row in rows])), 4),
        "thresholds of complaint": complaint_thresholds(rows, told),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python models/languages.py DATA_FOLDER")
    words = Lexicon.parse((HERE / "lexicon.json").read_bytes())
    found = train(Path(sys.argv[1]), words)
    err.print({lang: model.figures for lang, model in found.items()})
