"""The data the model learns from, and its features. models/README.md says where each is from."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from rich.console import Console
from rich.progress import track
from vaderSentiment import vaderSentiment

from monitor.sentiment import features
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import HEADS
from monitor.sentiment.style import style

LABELS = HEADS[:3]
CC_BY, MIT, TWEETS = "CC BY 4.0", "MIT", "CC BY 3.0 as stated by tweet_eval, and Twitter's terms"
SETS = {  #: name: licence; where a text stands in two sets, the first one named has it
    "vader_tweets": MIT,
    "vader_amazon": MIT,
    "vader_movie": MIT,
    "vader_nyt": MIT,
    "cesamard_reviews": MIT,
    "uci_sls": CC_BY,
    "huliu_products": CC_BY,
    "semeval_tweets_2013_2016": TWEETS,
    "goemotions": "Apache-2.0, data CC BY 4.0",
    "pros_cons_6k": CC_BY,
    "sentence_polarity": CC_BY,
    "tweeteval_val": TWEETS,
    "tweeteval_test": TWEETS,
}
TARGETED = {  #: the same of texts that are labelled towards a target in them
    "mams_train": "Apache-2.0",
    "mams_val": "Apache-2.0",
    "mams_test": "Apache-2.0",
    "newsmtsc_train": MIT,
    "newsmtsc_test_rw": MIT,
    "newsmtsc_test_mt": MIT,
    "huliu_products_target": CC_BY,
    "semeval_topic_2016": TWEETS,
}
VALENCE_FROM = {
    "source": "vaderSentiment 3.3.2, https://github.com/cjhutto/vaderSentiment",
    "licence": "MIT, Copyright (c) 2016 C.J. Hutto",
}
OPINION_FROM = {
    "source": "Opinion Lexicon, Minqing Hu and Bing Liu, KDD 2004, as in nltk/nltk_data @ 5db857e6",
    "licence": "CC BY 4.0; sorted, comment lines removed",
}
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
UNKNOWN = -1  #: label of a text that only the teacher judges
THIRDS = 3  #: the folds in three parts: a fold is in the part of its number modulo 3
FOLDS = 11  #: of the collected texts; a mention's fold is its file
HERE = Path(__file__).parent
KINDS = {"blog": "feed", "comment": "comments", "tweet": "social"}  #: as mentions name them


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    name: str  #: of its set; "mentions" for the written ones
    split: str
    domain: str
    text: str
    label: int  #: index in LABELS, or UNKNOWN
    complaint: bool
    fold: int
    rating: float | None = None
    kind: str = ""
    bare: bool = False  #: a second copy, whose rating and kind were taken away
    target: str = ""  #: whom the label is about, where it is not the author's mood
    trait: str = ""  #: of a mention: why it was written


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features of some rows: hashed, and dense (style, then rating and kind)."""

    hashed: sp.csr_matrix
    dense: np.ndarray

    def of(self, index: Sequence[int] | np.ndarray) -> Matrix:
        """The features of some of the rows."""
        return Matrix(self.hashed[index], self.dense[index])


def collected(data: Path) -> list[Row]:
    """All rows of SETS, less training rows whose text stands in a val or test split, or twice."""
    rows = [row for name in SETS for row in _collected(data, name)]
    seen = {plain(row.text) for row in rows if row.split != "train"}
    kept = []
    for row in rows:
        if row.split != "train" or plain(row.text) not in seen:
            kept.append(row)
        if row.split == "train":
            seen.add(plain(row.text))
    return kept


def _collected(data: Path, name: str) -> Iterator[Row]:
    for line in _lines(data, name):
        label, fold = LABELS.index(line["label"]), _fold(line["text"])
        yield Row(name, line["split"], line["domain"], line["text"], label, label == 0, fold)


def _lines(data: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(data / "sentiment" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _fold(text: str) -> int:
    return crc32(plain(text).encode()) % FOLDS


def targeted(data: Path) -> list[Row]:
    """Rows of TARGETED, each text towards each of its targets; none stands in a test split."""
    seen = {plain(row.text) for row in collected(data) if row.split != "train"}
    rows = []
    for name in TARGETED:
        for line in _lines(data, name):
            if line["split"] == "train" and plain(line["text"]) not in seen:
                label, fold = LABELS.index(line["label"]), _fold(line["text"])
                row = Row(name, "train", line["domain"], line["text"], label, False, fold)
                rows.append(replace(row, target=line["target"]))
    return rows


def documents(data: Path) -> list[Row]:
    """The texts of the targeted sets, each once and without its label: only the teacher judges."""
    found = {row.text: replace(row, target="", label=UNKNOWN) for row in targeted(data)}
    return list(found.values())


def written_files(data: Path) -> list[Path]:
    """The files of written mentions in English: those of the data folder, then our own."""
    return [
        *sorted((data / "mentions").glob("mentions-0?.jsonl")),
        *sorted((HERE / "data").glob("mentions-[01]?.jsonl")),
    ]


def mentions(data: Path) -> list[Row]:
    """The written mentions; the fold of a row is its file."""
    rows = []
    for fold, path in enumerate(written_files(data)):
        lines = map(json.loads, path.read_text("utf-8").splitlines())
        rows += [written_row(line, fold) for line in lines]
    return rows


def written_row(line: dict[str, Any], fold: int) -> Row:
    """A written mention."""
    text = f"{line['title']}\n{line['text']}" if line["title"] else line["text"]
    kind = KINDS.get(line["kind"], line["kind"])
    about = LABELS.index(line["label"]), line["alert"], fold, line["rating"], kind
    row = Row("mentions", "train", "mentions", text, *about)
    return replace(row, target=line["target"], trait=line["trait"])


def teaches_complaints(row: Row) -> bool:
    """Whether the complaint heads learn from a row."""
    if row.name == "semeval_tweets_2013_2016":
        return crc32(row.text.encode()) % TWEETS_KEPT == 0
    return row.split == "train" and (row.name == "mentions" or row.name in COMPLAINTS)


def plain(text: str) -> str:
    """What makes two texts the same: letters and digits, without links and names."""
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"https?\S+|@\w+", "", text.lower()))


def without_meta(rows: Sequence[Row]) -> list[Row]:
    """The same mentions with rating and kind unknown: the head must do without them, too."""
    return [replace(row, rating=None, kind="", bare=True) for row in rows]


def matrix(rows: Sequence[Row], lexicon: Lexicon, what: str) -> Matrix:
    """Compute the features exactly as the classifier does."""
    reader = features.Reader(lexicon)
    each = track(rows, f"features of {what}", console=Console(stderr=True))
    return matrix_of((reader.read(row.text), features.meta(row.rating, row.kind)) for row in each)


def matrix_of(documents: Iterable[tuple[features.Document, Sequence[float]]]) -> Matrix:
    """The features of documents that have been read, each with its rating and kind."""
    words, grams, dense = IdRows(features.WORDS), IdRows(features.GRAMS), []
    for document, meta in documents:
        words.add(np.fromiter(document.ids, np.int32))
        packed = b"".join(word.grams for word in document.words.values())
        grams.add(np.frombuffer(packed, np.int32))
        dense.append([*style(document), *meta])
    return Matrix(sp.hstack([words.csr(), grams.csr()]).tocsr(), np.array(dense))


class IdRows:
    """Collects rows of ids; an id counts as often as it is named, over the root of the length."""

    def __init__(self, space: int) -> None:
        self.space = space
        self.ids: list[np.ndarray] = []

    def add(self, ids: np.ndarray) -> None:
        self.ids.append(ids)

    def csr(self) -> sp.csr_matrix:
        lengths = np.array([len(ids) for ids in self.ids])
        values = np.repeat(1.0 / np.sqrt(np.maximum(lengths, 1)), lengths)
        where = np.append(0, np.cumsum(lengths))
        shape = (len(self.ids), self.space)
        found = sp.csr_matrix((values, np.concatenate(self.ids), where), shape)
        found.sum_duplicates()
        return found


def word_lists(data: Path) -> dict[str, dict[str, Any]]:
    """What models/lexicon.json holds: the words of VADER and of Hu and Liu."""
    valence = dict(_valences(Path(vaderSentiment.__file__).parent))
    boosters = {word: add for word, add in vaderSentiment.BOOSTER_DICT.items() if " " not in word}
    opinion = {sign: _opinions(data, sign) for sign in ("negative", "positive")}
    return {
        "valence": {**VALENCE_FROM, "words": valence, "boosters": boosters},
        "opinion": {**OPINION_FROM, **opinion},
    }


def _valences(folder: Path) -> Iterator[tuple[str, float]]:
    """VADER's words; and emoji of one code point, each worth the words of its description."""
    lines = (folder / "vader_lexicon.txt").read_text("utf-8").splitlines()
    words = {line.split("\t")[0].lower(): float(line.split("\t")[1]) for line in lines}
    yield from words.items()
    for line in (folder / "emoji_utf8_lexicon.txt").read_text("utf-8").splitlines():
        emoji, meaning = line.split("\t")
        felt = round(sum(words.get(word, 0.0) for word in meaning.lower().split()), 1)
        if len(emoji) == 1 and felt:
            yield emoji, felt


def _opinions(data: Path, sign: str) -> str:
    path = data / "lexicons" / f"opinion_lexicon_{sign}.txt"
    return " ".join(sorted(set(path.read_text("utf-8").split())))


def sources(data: Path) -> list[tuple[str, Path, str]]:
    """Every file that is read: its name below the folder of data or this one, path and licence."""
    named = (SETS | TARGETED).items()
    sets = [(data / "sentiment" / f"{name}.jsonl.gz", licence) for name, licence in named]
    written = [(path, MIT) for path in written_files(data)]
    lists = [(path, CC_BY) for path in sorted((data / "lexicons").glob("opinion_*.txt"))]
    return [(f"{p.parent.name}/{p.name}", p, licence) for p, licence in [*sets, *written, *lists]]
