"""How good the complaint heads are on texts that they have not seen, fitted again for each fold.

The files that ship have seen every written mention, so their recipe is measured: the document model
here, and what the recipe itself found of mentions towards their brands, in models/metrics.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from rich.table import Table
from sklearn.metrics import average_precision_score

from monitor.sentiment.model import FEELINGS
from tests.bench.bars import Bar, console, show_bars
from tests.bench.held_out import ALWAYS, labelled, left_out
from tests.bench.recipe import MODELS, recipe

FIFTHS = 5  #: of the distinct texts of the collected sets, and of our own files of mentions
REVIEWS = ("vader_amazon", "uci_sls", "huliu_products")  #: their negatives are complaints
MOODS = ("vader_tweets", "semeval_tweets_2013_2016", "pros_cons_6k")  #: theirs may be mere mood
CLOSE = -0.03  #: how much worse than the sentiment head the complaint head may rank negatives


def main(data: Path) -> None:
    """Fit, measure, print the promises and one row a hard kind."""
    files = len(list((data / "mentions").glob("mentions-0?.jsonl")))
    found = json.loads((MODELS / "metrics.json").read_text("utf-8"))
    learnt = labelled(data)
    teaches = recipe("corpus").teaches_complaints
    taught = np.array([i for i, row in enumerate(learnt.rows) if teaches(row)])
    told = learnt.of(taught)
    complaint = log_odds(told, files)
    mood = left_out(learnt, fifths(learnt.rows, files), negative, "sentiment without each fifth")
    show_bars(
        "Complaints: what was promised",
        [
            *written(told.rows, complaint, files),
            *collected(told.rows, complaint, mood[taught, 0]),
            *towards(found),
        ],
    )
    show_hard(found["hard kinds, held out"])


def log_odds(told: Any, files: int) -> np.ndarray:
    """(n,) of a complaint: the data folder's files are left out one by one, all else by fifths."""
    heads = recipe("heads")
    one = np.array([r.fold if in_files(r, files) else ALWAYS for r in told.rows])
    by_file = left_out(told, one, heads.complaints, "complaints without each file")
    by_fifth = left_out(
        told, fifths(told.rows, files), heads.complaints, "complaints without each fifth"
    )
    logits = np.where(one[:, None] == ALWAYS, by_fifth, by_file)
    logits = np.hstack([np.zeros((len(logits), FEELINGS)), logits])
    found: np.ndarray = heads.mixed(heads.odds(logits, told.rows), logits)
    return found


def in_files(row: Any, files: int) -> bool:
    """Whether it is one of the mentions of the data folder, whose folds come first."""
    return row.name == "mentions" and row.fold < files


def fifths(rows: Sequence[Any], files: int) -> np.ndarray:
    """The group of each row: by its text, a mention of our own by its file."""
    return np.array([_fifth(row, files) for row in rows])


def _fifth(row: Any, files: int) -> int:
    corpus = recipe("corpus")
    if row.name in corpus.COMPLAINTS:
        return crc32(corpus.plain(row.text).encode()) % FIFTHS
    return row.fold % FIFTHS if row.name == "mentions" and row.fold >= files else ALWAYS


def negative(learnt: Any) -> list[Any]:
    """The sentiment's column of negatives alone, as the recipe first fits it."""
    heads = recipe("heads")
    bad = np.array([float(row.label == 0) for row in learnt.rows])
    return [heads.fit(learnt.x, bad, np.ones(len(bad)), heads.COST)]


def written(rows: Sequence[Any], score: np.ndarray, files: int) -> Iterator[Bar]:
    """Mentions as they stand in the data; the bar is for the files of the data folder."""
    kept = [i for i, row in enumerate(rows) if row.name == "mentions" and not row.bare]
    given = [i for i in kept if in_files(rows[i], files)]
    own = [i for i in kept if not in_files(rows[i], files)]
    yield Bar(f"complaint AP, leave one of {files} files out", _ap(rows, score, given), 0.85)
    yield Bar("complaint AP, files of models/data, by fifths", _ap(rows, score, own))


def collected(rows: Sequence[Any], score: np.ndarray, mood: np.ndarray) -> Iterator[Bar]:
    """Cross-validated over distinct texts, beside ``mood``, how the sentiment ranks negatives."""
    for name in ("cesamard_reviews", *REVIEWS, *MOODS):
        kept = [i for i, row in enumerate(rows) if row.name == name]
        found, other = _ap(rows, score, kept), _ap(rows, mood, kept)
        yield Bar(f"{name}, complaint AP", found, 0.945 if name == "cesamard_reviews" else None)
        if name != "cesamard_reviews":
            bar = CLOSE if name in REVIEWS else None
            yield Bar(f"{name}, over the sentiment head's AP of {other:.3f}", found - other, bar)


def _ap(rows: Sequence[Any], score: np.ndarray, kept: Sequence[int]) -> float:
    return float(average_precision_score([rows[i].complaint for i in kept], score[kept]))


def towards(found: dict[str, Any]) -> Iterator[Bar]:
    """What the recipe measured of both stages, each third by models that have not seen it."""
    for part in (part for part in found if part.startswith("mentions ")):
        for figure in ("complaint_ap", "macro_f1", "negative_ap"):
            yield Bar(f"{part}, towards the brand: {figure}", found[part][figure])


def show_hard(found: dict[str, dict[str, Any]]) -> None:
    """Print one row a hard kind, towards the brand, each text scored by a model without its third.

    The recipe measured them.
    """
    title = "Hard kinds: what is told at complaint ≥ .47, held out"
    table = Table("kind", "texts", "complaints", "recall", "false alarms", title=title)
    for kind, told in found.items():
        recall = "" if told["recall"] is None else f"{told['recall']:.2f}"
        quiet = told["rows"] - told["complaints"]
        alarms = f"{told['false_alarms']} of {quiet}" if quiet else ""
        table.add_row(kind, str(told["rows"]), str(told["complaints"]), recall, alarms)
    console.print(table)
