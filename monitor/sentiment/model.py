"""The shipped classifier: a hashed linear model in three small files, numpy only.

One int8 matrix has a column for each head and a row for each hashed word and character gram.
The sums over a text's rows are whole numbers, so no score depends on what was scored before.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.domain import Mention, Score
from monitor.seams import UserError
from monitor.sentiment import features
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.style import NAMES, style

FORMAT = 1
HEADS = ("negative", "neutral", "positive", "complaint")
COMPLAINT = HEADS.index("complaint")
MOST_WORDS = 5  #: in ``Score.why``
_STARS = 0.8  #: how sure the best or worst stars are without a word
_SMALL_WORDS = (  #: they tell a person nothing where they stand alone
    "a about after all also am an and any are as at be been before but by can could did do does "
    "for from get go got had has have he her him his how i i'd i'm i've if in into is it it's its "
    "just me my of on or our she so some than that that's the their them then there they this to "
    "up us was we were what when where which who why will with would you your"
)
_SMALL = frozenset(_SMALL_WORDS.split())

Row = NDArray[np.float64]
Units = NDArray[np.int8]


class ModelError(UserError):
    """The model cannot be used: one line that says which file, why, and what helps."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of model.npz. H = len(HEADS)."""

    words: Units  #: (features.WORDS, H)
    grams: Units  #: (features.GRAMS, H)
    scale: Row  #: (2, H): the worth of one unit in ``words`` and in ``grams``
    dense: Row  #: (style and meta features, H)
    bias: Row  #: (H,)
    shares: Row  #: (4, 3): the three sentiment logits and 1, to log shares before the softmax
    complaint: Row  #: (2,): slope and offset, from the complaint logit to log odds

    def shapes(self) -> Iterator[tuple[str, bool]]:
        """Name each array, and say whether its shape and type are as above."""
        heads, rows = len(HEADS), len(NAMES) + len(features.META)
        hashed = [(features.WORDS, heads), (features.GRAMS, heads)]
        wanted = [*hashed, (2, heads), (rows, heads), (heads,), (COMPLAINT + 1, COMPLAINT), (2,)]
        for field, shape in zip(fields(self), wanted, strict=True):
            array = getattr(self, field.name)
            kind = np.int8 if field.name in ("words", "grams") else np.float64
            yield field.name, array.shape == shape and array.dtype == kind


class LinearClassifier:
    """Scores mentions by their title, text, rating and kind; implements seams.Classifier.

    Not for several threads at once: it remembers the words it has read.
    """

    def __init__(self, weights: Weights, lexicon: Lexicon, name: str) -> None:
        self._weights = weights
        self._reader = features.Reader(lexicon)
        self.name = name

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        """One score per mention, in order. Any text has one. Pure: same mentions, same scores."""
        return [self._score(mention) for mention in mentions]

    def logits(self, document: features.Document, meta: Sequence[float]) -> Row:
        """One number a head, as the linear model gives it, uncalibrated."""
        return self._logits(document, self._rows(document), meta)

    def _rows(self, document: features.Document) -> tuple[Units, Units]:
        """The rows of both matrices that a text adds up."""
        ids = np.fromiter(document.ids, np.intp, len(document.ids))
        packed = b"".join([word.grams for word in document.words.values()])
        grams = np.frombuffer(packed, np.int32)
        return self._weights.words.take(ids, axis=0), self._weights.grams.take(grams, axis=0)

    def _logits(
        self, document: features.Document, rows: tuple[Units, Units], meta: Sequence[float]
    ) -> Row:
        w = self._weights
        words, grams = (np.add.reduce(half, axis=0, dtype=np.int64) / _root(half) for half in rows)
        dense = np.array([*style(document), *meta])
        logits: Row = words * w.scale[0] + grams * w.scale[1] + dense @ w.dense + w.bias
        return logits

    def _score(self, mention: Mention) -> Score:
        post = mention.post
        document = self._reader.read(f"{post.title}\n{post.text}" if post.title else post.text)
        if not document.tokens:
            return _wordless(post.rating, self.name)
        rows = self._rows(document)
        logits = self._logits(document, rows, features.meta(post.rating, post.kind))
        negative, neutral, positive = shares = self._shares(logits[:COMPLAINT])
        slope, offset = self._weights.complaint
        complaint = _sigmoid(float(slope * logits[COMPLAINT] + offset))
        head = COMPLAINT if complaint >= 0.5 else shares.index(max(shares))
        why = tuple(_strongest(self._worth(document, rows, head)))
        return Score(negative, neutral, positive, complaint, self.name, why)

    def _shares(self, logits: Row) -> list[float]:
        """Probabilities of negative, neutral and positive; they sum to 1."""
        turned = logits @ self._weights.shares[:-1] + self._weights.shares[-1]
        powers = np.exp(turned - turned.max())
        shares: list[float] = (powers / powers.sum()).tolist()
        return shares

    def _worth(
        self, document: features.Document, rows: tuple[Units, Units], head: int
    ) -> dict[str, float]:
        """What each word, with its characters, and each pair of words adds to one head's logit."""
        words, grams = (half[:, head].astype(np.int64) for half in rows)
        scale = self._weights.scale[:, head].tolist()
        of_word, of_gram = (unit / _root(half) for unit, half in zip(scale, rows, strict=True))
        worth = dict.fromkeys(document.ids.values(), 0.0)
        for name, units in zip(document.ids.values(), words.tolist(), strict=True):
            worth[name] += units * of_word
        spelt = [word for word in document.words.values() if word.grams]
        starts = list(accumulate((len(word.grams) // 4 for word in spelt[:-1]), initial=0))
        sums = np.add.reduceat(grams, starts).tolist() if spelt else []
        for word, units in zip(spelt, sums, strict=True):
            worth[word.text] = worth.get(word.text, 0.0) + units * of_gram
        return worth


def load(folder: Path) -> LinearClassifier:
    """Load model.json, model.npz and lexicon.json from one folder.

    Raises:
        ModelError: a file is missing, or is not the one that model.json describes.
    """
    about = _about(folder / "model.json")
    blob = _checked(folder / "model.npz", about["sha256"])
    lexicon = _checked(folder / "lexicon.json", about["lexicon_sha256"])
    name = f"linear@{about['sha256'][:12]}"
    return LinearClassifier(_weights(blob, folder / "model.npz"), Lexicon.parse(lexicon), name)


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(_bytes(path))
        found = (about["format"], about["features"], tuple(about["bits"]), tuple(about["heads"]))
        str(about["sha256"] + about["lexicon_sha256"])
    except (ValueError, KeyError, TypeError) as e:
        raise ModelError(f"{path} does not describe a model ({e!r}): {_HELP}") from None
    wanted = FORMAT, features.VERSION, features.BITS, HEADS
    if found != wanted:
        raise ModelError(f"{path} is of version {found}, this program needs {wanted}: {_HELP}")
    return dict(about)


def _checked(path: Path, sha256: str) -> bytes:
    blob = _bytes(path)
    if hashlib.sha256(blob).hexdigest() != sha256:
        raise ModelError(f"{path} is damaged or not of this model (SHA-256 differs): {_HELP}")
    return blob


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path} cannot be read ({e.strerror}): {_HELP}") from None


def _weights(blob: bytes, path: Path) -> Weights:
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            weights = Weights(**arrays)
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ModelError(f"{path} is not a model ({e}): {_HELP}") from None
    for name, right in weights.shapes():
        if not right:
            raise ModelError(f"{path} has the wrong shape or type of {name!r}: {_HELP}")
    return weights


_HELP = "install the program again, or build the model with `make model`"


def _root(rows: Units) -> float:
    return math.sqrt(max(len(rows), 1))


def _wordless(rating: float | None, name: str) -> Score:
    """A text without a word complains of nothing; its stars, if it has any, are its feeling."""
    stars = 0.5 if rating is None or math.isnan(rating) else min(max(rating, 0.0), 1.0)
    feeling = _STARS * (2.0 * stars - 1.0)
    negative, positive = max(0.0, -feeling), max(0.0, feeling)
    return Score(negative, 1.0 - negative - positive, positive, 0.0, name)


def _strongest(worth: dict[str, float]) -> Iterator[str]:
    """At most MOST_WORDS names with a positive worth that say something new to a person."""
    told: set[str] = set()
    left = MOST_WORDS
    for name in sorted(worth, key=worth.__getitem__, reverse=True):
        if worth[name] <= 0.0 or not left:
            return
        words = set(name.replace("… ", "").split())
        if not words - _SMALL <= told and all(word[0].isalnum() for word in words):
            yield name
            told |= words
            left -= 1


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -60.0), 60.0)))
