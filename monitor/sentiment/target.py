"""Towards whom: what a document says of the one who is meant, and not of others it names.

A second stage over the document model. It sees that model's logits for the whole text and for the
clauses that name the target, the words around the target (with the names of target and rivals
hidden, so that no name decides), and where all this stands. 'Globex is terrible, so I bought the
Acme router' is good news for Acme and bad news for Globex.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from monitor.domain import Match, Mention
from monitor.sentiment.features import META, Document, hashed, part

BITS = 17
SIZE = 1 << BITS  #: how many ids there are of words as the target sees them
REACH = 5  #: words on each side of the target that make its window
NEAR = 3  #: words on each side whose exact place is told
MOST_PLACES = 3  #: of the target, whose surroundings are read word by word
#: Of ids; each counts as much as the others.
GROUPS = ("clause", "window", "place", "about", "others")
HEADS = ("negative", "neutral", "positive", "report", "rant", "mention")  #: of the document
FACTS = ("placed", "rivals", "length", "before", "after", "share")
INPUTS = (
    *(f"{part}_{head}" for part in ("about", "clause") for head in HEADS),
    *FACTS,
    *META,
)
#: Shares towards a brand and log odds of a report, learnt from mentions; shares towards anything
#: else that has a name, learnt from news and reviews; and which of the two a text is like.
OUTPUTS = (
    *("negative", "neutral", "positive", "report"),
    *("else_negative", "else_neutral", "else_positive", "mention"),
)
MOST_ALIKE = 0.9  #: what is said of anything else counts for a tenth at least: plain words
_ELSE = slice(4, 7)
REPORT, _LIKE = OUTPUTS.index("report"), OUTPUTS.index("mention")

Row = NDArray[np.float64]
_MIX = np.uint64(0x9E3779B97F4A7C15)  #: 2^64 over the golden ratio (Knuth, TAOCP 6.4)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)  #: an odd number, so that a pair has an order (xxHash's)
_SHIFT = np.uint64(64 - BITS)
_TARGET, _RIVAL, _EDGE = map(hashed, ("<target>", "<rival>", "<edge>"))
_NEGATED = np.uint64(1 << 20)


@dataclass(frozen=True, slots=True)
class View:
    """One target, as a document speaks of it."""

    about: Document  #: all but the clauses that name a rival and not the target
    clause: Document  #: the clauses that name it; the whole document where none does
    ids: tuple[NDArray[np.intp], ...]  #: one row a name of GROUPS
    facts: tuple[float, ...]  #: as named by FACTS


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays target_* of model.npz, a column a name of OUTPUTS."""

    words: NDArray[np.int8]  #: (SIZE, 8)
    scale: Row  #: (8,): the worth of one unit in ``words``
    dense: Row  #: (len(INPUTS), 8)
    bias: Row  #: (8,)

    def shapes(self) -> Iterator[tuple[str, bool]]:
        """Name each array, and say whether its shape and type are as above."""
        heads = len(OUTPUTS)
        wanted = [(SIZE, heads), (heads,), (len(INPUTS), heads), (heads,)]
        for field, shape in zip(fields(self), wanted, strict=True):
            array = getattr(self, field.name)
            kind = np.int8 if field.name == "words" else np.float64
            yield field.name, array.shape == shape and array.dtype == kind


def view(document: Document, mention: Mention) -> View:
    """Look at a document, read from the mention's title and text, from its target's place.

    Places outside what was read are left out. A target that only the title names, or nothing in
    the text, has no place: all of the text is about it.
    """
    count = len(document.tokens)
    heading = len(mention.post.title) + 1 if mention.post.title else 0
    places = list(_places(document, mention.matches, heading))
    rivals = list(_places(document, mention.rivals, heading))
    inside = [span for span in places if document.starts[span.start] >= heading]
    clause = _clauses(document, inside)
    others = _clauses(document, rivals) - (clause or _clauses(document, places))
    about = set(range(count)) - others or set(range(count))
    words = _words(document, places, rivals)
    return View(
        _of(document, about),
        _of(document, clause or about),
        tuple(_ids(words, clause or about, inside, about, others)),
        _facts(inside, len(clause), len(rivals), count),
    )


def _of(document: Document, tokens: set[int]) -> Document:
    whole = len(tokens) == len(document.tokens)
    return document if whole else part(document, sorted(tokens))


def inputs(view: View, about: Row, clause: Row, meta: Sequence[float]) -> Row:
    """The dense row of one target, as named by INPUTS; ``about`` and ``clause`` are logits."""
    return np.array([*about, *clause, *view.facts, *meta])


def logits(weights: Weights, view: View, dense: Row) -> Row:
    """One number a name of OUTPUTS."""
    found: Row = dense @ weights.dense + weights.bias
    for ids in filter(len, view.ids):
        units = np.add.reduce(weights.words.take(ids, axis=0), axis=0, dtype=np.int64)
        found += units * weights.scale / math.sqrt(len(ids))
    return found


def shares(found: Row) -> Row:
    """(..., 3) log shares before the softmax, from the (..., 8) numbers of ``logits``."""
    like = 1.0 / (1.0 + np.exp(-np.maximum(found[..., _LIKE, None], -60.0)))
    like = np.minimum(like, MOST_ALIKE)
    mixed: Row = like * found[..., :3] + (1.0 - like) * found[..., _ELSE]
    return mixed


def _places(document: Document, matches: Sequence[Match], heading: int) -> Iterator[range]:
    """Tokens that a match touches, where it has a place and was read."""
    for match in matches:
        if match.end <= match.start or match.where in ("thread", "source"):
            continue
        shift = 0 if match.where == "title" else heading
        first, last = (
            bisect_right(document.starts, at + shift) - 1 for at in (match.start, match.end - 1)
        )
        if 0 <= first < len(document.tokens):
            yield range(first, min(last + 1, len(document.tokens)))


def _clauses(document: Document, spans: Sequence[range]) -> set[int]:
    """The tokens around some places, up to punctuation or a word such as "but"."""
    tokens, found = document.tokens, set[int]()
    for span in spans:
        first, end = span.start, span.stop
        while first > 0 and tokens[first - 1].kind not in ("end", "but"):
            first -= 1
        while end < len(tokens) and tokens[end].kind not in ("end", "but"):
            end += 1
        found.update(range(first, end))
    return found


def _words(
    document: Document, target: Sequence[range], rivals: Sequence[range]
) -> NDArray[np.uint64]:
    """A number a token, between two edges; the same for every target, and for every rival."""
    words = [word.plain for word in document.tokens]
    for name, spans in ((_RIVAL, rivals), (_TARGET, target)):
        for span in spans:
            words[span.start : span.stop] = [name] * len(span)
    found = np.array([_EDGE, *words, _EDGE], np.uint64)
    negated = [at for at, negation in enumerate(document.negated, 1) if negation]
    found[negated] |= _NEGATED
    return found


def _ids(
    words: NDArray[np.uint64],
    clause: set[int],
    places: Sequence[range],
    about: set[int],
    others: set[int],
) -> Iterator[NDArray[np.intp]]:
    """Ids of single words and of pairs, in the order of GROUPS."""
    count = len(words) - 2
    reached = (range(max(s.start - REACH, 0), min(s.stop + REACH, count)) for s in places)
    window = {at for reach in reached for at in reach}
    pairs = words[:-1] * _PAIR + words[1:]
    for group, tokens in ((0, clause), (1, window), (3, about), (4, others)):
        if group == 3:
            yield _placed(words, places[:MOST_PLACES])
        at = np.array(sorted(tokens), np.intp)
        yield _hash(np.concatenate((words[at + 1], pairs[at], pairs[at[-1:] + 1])), group)


def _placed(words: NDArray[np.uint64], places: Sequence[range]) -> NDArray[np.intp]:
    """Ids of the words beside some places, and how far from them."""
    beside = [pair for span in places for pair in _beside(span, len(words) - 2)]
    steps, at = np.array(beside, np.intp).reshape(-1, 2).T
    return _hash(words[at] + (steps.astype(np.uint64) << np.uint64(24)), 2)


def _beside(span: range, count: int) -> Iterator[tuple[int, int]]:
    """How far a word stands from a place, and which one it is; between the edges of the text."""
    for step in range(1, NEAR + 1):
        if span.start + 1 - step >= 0:
            yield NEAR - step, span.start + 1 - step
        if span.stop + step <= count + 1:
            yield NEAR + step, span.stop + step


def _hash(numbers: NDArray[np.uint64], group: int) -> NDArray[np.intp]:
    """Spread over SIZE ids, differently in each group: the high bits of a product."""
    return (((numbers + np.uint64(group << 32)) * _MIX) >> _SHIFT).astype(np.intp)


def _facts(
    places: Sequence[range], clause: int, rivals: int, count: int
) -> tuple[float, float, float, float, float, float]:
    before = places[0].start if places else 0
    after = count - places[0].stop if places else 0
    return (
        float(bool(places)),
        math.log1p(rivals),
        math.log1p(count),
        math.log1p(before),
        math.log1p(after),
        clause / count if places else 1.0,
    )
