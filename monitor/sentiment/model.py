"""The shipped classifier of one language: a hashed linear model, numpy only.

The document model is one int8 matrix with a column for each head and a row for each hashed word and
character gram. Where a mention says who is meant, the second stage of target.py has a say in it.
Calm reports of a failure and plain bad feeling are two kinds of complaint with a column each; a
third column says which kind of text this is, and mixes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from monitor.domain import Mention, Score
from monitor.sentiment import features, target, why
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.style import NAMES, style
from monitor.sentiment.vocabulary import ENGLISH

HEADS = target.HEADS
FEELINGS = 3  #: the first heads; the others make the complaint
REPORT, RANT, MENTION = range(FEELINGS, len(HEADS))
TOLD = 0.47  #: from this complaint on, ``why`` says what made it one: config's default
STAGE = 0.25  #: part of the target's stage in the log odds of a report
TOWARDS = 0.8  #: the same in the log shares of the feelings
MOST_ALIKE = 0.85  #: no text is so like a mention that plain words in it count for nothing
NAMED = 2.0  #: log odds that a text which names a brand is like a mention, beyond its style
_STARS = 0.8  #: how sure the best or worst stars are without a word

Row = NDArray[np.float64]
Units = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of a model. H = len(HEADS); a smaller table than English has is read modulo."""

    words: Units  #: (features.WORDS or a power of two under it, H)
    grams: Units  #: (features.GRAMS or a power of two under it, H)
    scale: Row  #: (2, H): the worth of one unit in ``words`` and in ``grams``
    dense: Row  #: (style and meta features, H)
    bias: Row  #: (H,)
    shares: Row  #: (4, 3): the three sentiment logits and 1, to log shares before the softmax
    odds: Row  #: (3, 2): slope and offset, from the logits of report, rant, mention to log odds
    complaint: Row  #: (2,): slope and offset, from the mixed log odds to those of a complaint

    def shapes(self) -> Iterator[tuple[str, bool]]:
        """Name each array, and say whether its shape and type are as above."""
        heads, rows = len(HEADS), len(NAMES) + len(features.META)
        hashed = [
            (math.gcd(half.size // heads, full), heads)
            for half, full in ((self.words, features.WORDS), (self.grams, features.GRAMS))
        ]
        rest = [(2, heads), (rows, heads), (heads,), (FEELINGS + 1, FEELINGS), (3, 2), (2,)]
        for field, shape in zip(fields(self), [*hashed, *rest], strict=True):
            array = getattr(self, field.name)
            kind = np.int8 if field.name in ("words", "grams") else np.float64
            yield field.name, array.shape == shape and array.dtype == kind

    def calibrated(self, logits: Row) -> tuple[Row, Row]:
        """Three log shares before the softmax; log odds of report, rant and mention."""
        shares: Row = logits[:FEELINGS] @ self.shares[:-1] + self.shares[-1]
        return shares, self.odds[:, 0] * logits[FEELINGS:] + self.odds[:, 1]


class LinearClassifier:
    """Scores mentions by title, text, target, rating and kind; implements seams.Classifier.

    Reads one language. Threads may share it: words it remembers are only added and looked up.
    """

    def __init__(
        self,
        weights: Weights,
        aim: target.Weights | None,
        lexicon: Lexicon,
        name: str,
        lang: str = ENGLISH,
    ) -> None:
        self._weights, self._aim = weights, aim
        self._reader = features.Reader(lexicon)
        self._lang = lang
        self.name = name

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        """One score per mention, in order. Any text has one. Pure: same mentions, same scores."""
        return [self._score(mention) for mention in mentions]

    def logits(self, document: features.Document, meta: Sequence[float]) -> Row:
        """One number a head, as the document model gives it, uncalibrated."""
        return self._logits(document, self._rows(document), meta)

    def _rows(self, document: features.Document) -> tuple[Units, Units]:
        """The rows of both matrices that a text adds up."""
        ids = np.fromiter(document.ids, np.intp, len(document.ids))
        packed = b"".join([word.grams for word in document.words.values()])
        letters = np.frombuffer(packed, np.int32)
        words, grams = self._weights.words, self._weights.grams
        return words.take(ids % len(words), axis=0), grams.take(letters % len(grams), axis=0)

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
        document = self._reader.read(post.whole)
        if not document.tokens:
            return Score(*by_stars(post.rating), 0.0, self.name, lang=self._lang)
        meta = features.meta(post.rating, post.kind)
        seen = target.view(document, mention) if self._aim and mention.matches else None
        about = seen.about if seen else document
        rows = self._rows(about)
        logits = self._logits(about, rows, meta)
        turned, odds = self._weights.calibrated(logits)
        if self._aim and seen:
            towards, stage = self._aimed(self._aim, seen, logits, meta)
            turned += TOWARDS * (towards - turned)
            odds[0] += STAGE * (stage - odds[0])
            odds[2] += NAMED
        report, rant, alike = odds.tolist()
        negative, neutral, positive = shares = _softmax(turned)
        alike = min(_sigmoid(alike), MOST_ALIKE)
        slope, offset = self._weights.complaint.tolist()
        complaint = _sigmoid(slope * (alike * report + (1.0 - alike) * rant) + offset)
        decided = self._decided(shares, complaint, alike)
        words = why.worth(about, *self._worth(rows, decided))
        return Score(
            *(negative, neutral, positive, complaint, self.name),
            why=why.strongest(words, self._lang),
            lang=self._lang,
            sentence=why.sentence(about, words),
        )

    def _aimed(
        self, aim: target.Weights, seen: target.View, about: Row, meta: Sequence[float]
    ) -> tuple[Row, float]:
        """Log shares, and log odds of a report, as seen from where the mention's target stands."""
        clause = about if seen.clause is seen.about else self.logits(seen.clause, meta)
        found = target.logits(aim, seen, target.inputs(seen, about, clause, meta))
        return target.shares(found), float(found[target.REPORT])

    def _decided(self, shares: Sequence[float], complaint: float, alike: float) -> Row:
        """How much each head has to do with the answer: the complaint, or the feeling."""
        part = np.zeros(len(HEADS))
        if complaint >= TOLD:
            slopes = self._weights.odds[:, 0]
            part[REPORT], part[RANT] = alike * slopes[0], (1.0 - alike) * slopes[1]
        else:
            part[np.argmax(shares)] = 1.0
        return part

    def _worth(self, rows: tuple[Units, Units], part: Row) -> Iterator[Row]:
        """What each word or pair, and what each character gram, adds to the heads that count."""
        for half, scale in zip(rows, self._weights.scale, strict=True):
            yield half @ (scale * part) / _root(half)


def by_stars(rating: float | None) -> tuple[float, float, float]:
    """Shares of negative, neutral and positive, known from nothing but stars (0..1)."""
    stars = 0.5 if rating is None or math.isnan(rating) else min(max(rating, 0.0), 1.0)
    feeling = _STARS * (2.0 * stars - 1.0)
    negative, positive = max(0.0, -feeling), max(0.0, feeling)
    return negative, 1.0 - negative - positive, positive


def _root(rows: Units) -> float:
    return math.sqrt(max(len(rows), 1))


def _softmax(turned: Row) -> list[float]:
    powers = np.exp(turned - turned.max())
    shares: list[float] = (powers / powers.sum()).tolist()
    return shares


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(float(logit), -60.0), 60.0)))
