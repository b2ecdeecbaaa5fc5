"""Columns of the document model that have not seen some of the texts, fitted as the recipe does.

Texts without a label, which the recipe adds for the sentiment, are left out to save time. Opinions
of the teacher are used as they are shipped: the teacher of a row's opinion has not seen that row,
but it has seen the other thirds of the folds, and with them rows that are held out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track

from monitor.sentiment.lexicon import Lexicon
from tests.bench.recipe import MODELS, recipe

ALWAYS = -1  #: group of a row that is in all training

Fit = Callable[[Any], Sequence[Any]]  #: columns, of rows with their features


def lexicon() -> Lexicon:
    return Lexicon.parse((MODELS / "lexicon.json").read_bytes())


def labelled(data: Path) -> Any:
    """Every labelled row that the recipe may learn from, with its features."""
    corpus, train = recipe("corpus"), recipe("train")
    rows = [row for row in train.training_rows(data) if row.label != corpus.UNKNOWN]
    return train.known(rows, lexicon(), "labelled rows")


def without(learnt: Any, groups: np.ndarray, fit: Fit, what: str) -> list[Sequence[Any]]:
    """What ``fit`` learns without each group, in a process of its own.

    Args:
        learnt: n rows.
        groups: (n,) from 0 on, or ALWAYS.
    """
    numbers = range(groups.max() + 1)
    tasks = (delayed(fit)(learnt.of(np.flatnonzero(groups != number))) for number in numbers)
    found = Parallel(n_jobs=-1, return_as="generator")(tasks)
    return list(track(found, what, total=len(numbers), console=Console(stderr=True)))


def left_out(learnt: Any, groups: np.ndarray, fit: Fit, what: str) -> np.ndarray:
    """(n, columns): logits of each row by columns that have not seen its group; of ALWAYS, 0."""
    fitted = without(learnt, groups, fit, what)
    logits = np.zeros((len(groups), len(fitted[0])))
    for number, columns in enumerate(fitted):
        here = np.flatnonzero(groups == number)
        logits[here] = recipe("heads").all_logits(columns, learnt.x.of(here))
    return logits
