"""Builds the shipped model: `python models/train.py DATA_FOLDER [OUT_FOLDER]`.

DATA_FOLDER holds sentiment/*.jsonl.gz, mentions/*.jsonl and lexicons/*.txt (models/README.md says
where each comes from, and under which licence); data/ and soft_labels.npz beside this file are read
as well. The same data and the same lock file give the same bytes on one machine. Settings were
chosen on the val splits and on the mentions held out by file; models/README.md tells the whole way.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import languages
import numpy as np
import soft
from corpus import (
    MIT,
    THIRDS,
    Row,
    collected,
    documents,
    matrix,
    mentions,
    sources,
    teaches_complaints,
    without_meta,
    word_lists,
)
from heads import Column, Known, all_logits, calibration, columns, felt, line, mixed, odds
from joblib import Parallel, delayed
from measure import (
    complaint_figures,
    complaint_thresholds,
    figures,
    hard_kinds,
    negative_thresholds,
)
from rich.console import Console
from rich.progress import track
from scipy.special import expit, softmax
from target import Aimed, cross_fitted, fit_target, held_out, targeted, views

from monitor.domain import Mention, Post
from monitor.reading.jsonl import mention_of
from monitor.sentiment import Multilingual, features, load
from monitor.sentiment import target as aim
from monitor.sentiment.files import AIM, FORMAT
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import HEADS, Weights

PARTS = {  #: of the mentions' folds: what is in them, from which to which
    "01 to 07": (0, 6),
    "08 to 12, chosen by errors": (7, 11),
    "13 to 15, whole streams": (12, 14),
    "16, plain": (15, 15),
    "17 to 19, whole streams": (16, 18),
}
#: Folds whose share of complaints was not raised on purpose.
USUAL = (*range(7), *range(12, 15), *range(16, 19))

err = Console(stderr=True)


def known(rows: Sequence[Row], lexicon: Lexicon, what: str) -> Known:
    """Rows with their features and what the teacher holds of them."""
    return Known(rows, soft.opinions(rows), matrix(rows, lexicon, what))


def training_rows(data: Path) -> list[Row]:
    """Every row that may be learnt from; mentions twice, with and without stars and kind."""
    written = mentions(data)
    kept = [row for row in collected(data) if row.split == "train"]
    return [*kept, *written, *without_meta(written), *documents(data)]


def fitted(learnt: Known, val: Known) -> list[list[Column]]:
    """The document model without each third of the folds, and last by all rows.

    Each in a process of its own: liblinear has one source of chance a process.
    """
    thirds = np.array([row.fold % THIRDS for row in learnt.rows])
    parts = [np.flatnonzero(thirds != third) for third in range(THIRDS + 1)]
    tasks = (delayed(columns)(learnt.of(part), val) for part in parts)
    found = Parallel(n_jobs=-1, return_as="generator")(tasks)
    return list(track(found, "document models", total=len(parts), console=err))


def held_out_logits(learnt: Known, without: Sequence[Sequence[Column]]) -> np.ndarray:
    """(n, heads): logits of each row by columns that have not seen its third."""
    thirds = np.array([row.fold % THIRDS for row in learnt.rows])
    logits = np.zeros((len(learnt.rows), len(HEADS)))
    for third, heads in enumerate(without):
        here = np.flatnonzero(thirds == third)
        logits[here] = all_logits(heads, learnt.x.of(here))
    return logits


# -- finishing -------------------------------------------------------------------------


def folded(
    heads: Sequence[Column],
    shares: np.ndarray,
    lines: np.ndarray,
    last: np.ndarray,
    words: int = features.WORDS,
) -> Weights:
    """All heads in one int8 matrix, each column and half with its own scale."""
    hashed = np.stack([head.hashed for head in heads], axis=1)
    halves = np.split(hashed, [words])
    scale = np.stack([np.abs(half).max(axis=0) / 127.0 for half in halves])
    scale[scale == 0.0] = 1.0
    whole = (np.rint(half / unit).astype(np.int8) for half, unit in zip(halves, scale, strict=True))
    dense = np.stack([head.dense for head in heads], axis=1)
    return Weights(*whole, scale, dense, np.array([h.bias for h in heads]), shares, lines, last)


# -- the whole -------------------------------------------------------------------------


def train(data: Path, out: Path) -> None:
    """Read data, fit and measure everything, write the files."""
    write(out / "lexicon.json", word_lists(data))
    lexicon = Lexicon.parse((out / "lexicon.json").read_bytes())
    sets = collected(data)
    learnt = known(training_rows(data), lexicon, "training rows")
    val = known([row for row in sets if row.split == "val"], lexicon, "val rows")
    *without, heads = fitted(learnt, val)
    logits = held_out_logits(learnt, without)
    told = [i for i, row in enumerate(learnt.rows) if teaches_complaints(row)]
    lines = odds(logits[told], [learnt.rows[i] for i in told])
    aimed = targeted(data)
    seen = views(aimed, lexicon)
    crossed = cross_fitted(aimed, seen, without)
    answers = held_out(aimed, seen, crossed)
    turned = calibration(heads, val)
    log_odds = mixed(lines, crossed[:, 0], answers[:, aim.REPORT])
    usual = [i for i, row in enumerate(aimed) if usual_mention(row)]
    last = line(log_odds[usual], np.array([aimed[i].complaint for i in usual]))
    found = {
        **measure_documents(learnt.rows, logits, lines),
        **measure_mentions(
            aimed, felt(turned, crossed[:, 0], answers), log_odds * last[0] + last[1]
        ),
    }
    save(folded(heads, turned, lines, last), fit_target(aimed, seen, crossed), data, out)
    found["other languages, brands held out"] = save_small(languages.train(data, lexicon), out)
    report(load(out), sets, aimed, found, out)


def measure_documents(rows: Sequence[Row], logits: np.ndarray, lines: np.ndarray) -> dict[str, Any]:
    """Complaints by the document model alone, each row by columns that have not seen its third."""
    shown = [i for i, row in enumerate(rows) if teaches_complaints(row) and not row.bare]
    those = [rows[i] for i in shown]
    return {
        "complaint, document alone, held out": complaint_figures(those, mixed(lines, logits[shown]))
    }


def usual_mention(row: Aimed) -> bool:
    """Whether a mention is of a file with about as many complaints as there are in life."""
    return row.name == "mentions" and not row.bare and row.fold in USUAL


def measure_mentions(
    aimed: Sequence[Aimed], log_shares: np.ndarray, log_odds: np.ndarray
) -> dict[str, Any]:
    """Mentions towards their brands as they stand in the data, held out in the same way."""
    shares = softmax(log_shares, axis=1)
    own = [i for i, row in enumerate(aimed) if row.name == "mentions" and not row.bare]
    usual = [i for i in own if usual_mention(aimed[i])]
    kept = [aimed[i] for i in usual]
    found: dict[str, Any] = {}
    for what, (first, last) in PARTS.items():
        part = [i for i in own if first <= aimed[i].fold <= last]
        rows = [aimed[i] for i in part]
        if not rows:
            continue
        told = complaint_figures(rows, log_odds[part])["mentions"]
        found[f"mentions {what}, held out"] = {**figures(rows, shares[part]), "complaint_ap": told}
    return found | {
        "thresholds of complaint": complaint_thresholds(kept, log_odds[usual]),
        "thresholds of negative": negative_thresholds(kept, shares[usual, 0]),
        "hard kinds, held out": hard_kinds([aimed[i] for i in own], expit(log_odds[own])),
    }


def save(trained: Weights, towards: aim.Weights, data: Path, out: Path) -> None:
    """Write model.npz, and model.json that describes it."""
    aimed = {AIM + name: array for name, array in asdict(towards).items()}
    (out / "model.npz").write_bytes(_packed(asdict(trained) | aimed))
    about = {
        "format": FORMAT,
        "features": features.VERSION,
        "hash": "crc32 of UTF-8, low bits",
        "bits": features.BITS,
        "heads": HEADS,
        "calibration": "shares: multinomial logistic; complaint: Platt, mixed; all in model.npz",
        "sha256": _sha256(out / "model.npz"),
        "lexicon_sha256": _sha256(out / "lexicon.json"),
        "languages": {},
        "licence": "MIT; lexicon.json: MIT and CC BY 4.0",
        "data": {
            name: {"sha256": _sha256(path), "licence": licence}
            for name, path, licence in [*sources(data), (soft.PATH.name, soft.PATH, MIT)]
        },
    }
    write(out / "model.json", about, indent=1)


def save_small(made: Mapping[str, languages.Small], out: Path) -> dict[str, Any]:
    """Write model-LANG.npz for each other language, and put into model.json what they are."""
    about = json.loads((out / "model.json").read_text("utf-8"))
    for lang, small in made.items():
        path, source = out / f"model-{lang}.npz", languages.source_of(lang)
        arrays = folded(small.heads, small.shares, small.odds, small.last, languages.WORDS)
        path.write_bytes(_packed(asdict(arrays)))
        of = {"sha256": _sha256(source), "licence": MIT}
        about["languages"][lang] = {"sha256": _sha256(path), "data": of}
    write(out / "model.json", about, indent=1)
    return {lang: small.figures for lang, small in made.items()}


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def report(
    model: Multilingual,
    sets: Sequence[Row],
    aimed: Sequence[Aimed],
    found: dict[str, Any],
    out: Path,
) -> None:
    """Measure the files as written, print all figures, and keep them in two of the files."""
    reported = dict.fromkeys((row.name, row.split) for row in aimed if row.split != "train")
    for name, split in reported:
        those = [row for row in aimed if (row.name, row.split) == (name, split)]
        shares = _shares(model, [row.mention for row in those])
        found[f"towards the target: {name}, {split}"] = figures(those, shares)
    for name, split in product(("tweeteval", "goemotions"), ("val", "test")):
        rows = [row for row in sets if row.name.startswith(name) and row.split == split]
        found[f"sentiment of {name}, {split}"] = figures(rows, by(model, rows))
    write(out / "metrics.json", found, indent=1)
    about = json.loads((out / "model.json").read_text("utf-8"))
    write(out / "model.json", {**about, "metrics": found}, indent=1)
    err.print(found)


def by(model: Multilingual, rows: Sequence[Row]) -> np.ndarray:
    """The shipped model's shares for each row, from its text alone."""
    posts = [Post("", "", str(i), "", row.text) for i, row in enumerate(rows)]
    return _shares(model, [Mention(post, "", ()) for post in posts])


def _shares(model: Multilingual, mentions: Sequence[Mention]) -> np.ndarray:
    scores = model.score(mentions)
    return np.array([(score.negative, score.neutral, score.positive) for score in scores])


def refresh(golden: Path, model: Multilingual) -> None:
    """Write the new model's scores into the file that the tests hold them against."""
    rows = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    for row in rows:
        row.pop("score", None)
        row["score"] = asdict(model.score([mention_of(json.dumps(row))])[0])
        row["score"].pop("model")
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    golden.write_text("\n".join(lines) + "\n", "utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, data: object, indent: int | None = None) -> None:
    """Write JSON, the same bytes for the same data."""
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
