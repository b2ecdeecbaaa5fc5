"""Why a text got its score: the words that decided, and the sentence they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.sentiment.features import Document
from monitor.sentiment.vocabulary import SMALL
from monitor.text import cut

MOST_WORDS = 5
LONGEST = 300  #: characters of a sentence
_STOPS = frozenset(".!?\n…")
_FIRST_STOP = re.compile(r"(?<=[.!?…])(?=\s)|\n")

Row = NDArray[np.float64]


def worth(document: Document, words: Row, grams: Row) -> dict[str, float]:
    """What each word, with its characters, and each pair of words adds to the answer.

    Args:
        words: one number for each of ``document.ids``.
        grams: one for each character gram of ``document.words``, in their order.
    """
    found = dict.fromkeys(document.ids.values(), 0.0)
    for name, more in zip(document.ids.values(), words.tolist(), strict=True):
        found[name] += more
    spelt = [word for word in document.words.values() if word.grams]
    starts = list(accumulate((len(word.grams) // 4 for word in spelt[:-1]), initial=0))
    sums = np.add.reduceat(grams, starts).tolist() if spelt else []
    for word, more in zip(spelt, sums, strict=True):
        found[word.text] = found.get(word.text, 0.0) + more
    return found


def strongest(worth: dict[str, float], lang: str) -> tuple[str, ...]:
    """At most MOST_WORDS names with a positive worth that say something new to a person."""
    return tuple(_strongest(worth, SMALL.get(lang, frozenset())))


def _strongest(worth: dict[str, float], small: frozenset[str]) -> Iterator[str]:
    told: set[str] = set()
    left = MOST_WORDS
    speaking = [name for name, more in worth.items() if more > 0.0]
    for name in sorted(speaking, key=worth.__getitem__, reverse=True):
        if not left:
            return
        words = set(name.replace("… ", "").split())
        if not words - small <= told and all(word[0].isalnum() for word in words):
            yield name
            told |= words
            left -= 1


def sentence(document: Document, worth: dict[str, float]) -> str:
    """The sentence whose words add most, cut where it is very long; "" where no word stands."""
    parts = [part for part in _sentences(document) if any(_said(document, part))]
    if not parts:
        return ""
    best = max(parts, key=lambda part: _sum(document, part, worth))
    found = document.text[document.starts[best.start] : document.starts[best.stop]].lstrip(",;: ")
    return cut(_FIRST_STOP.split(found + "\n", maxsplit=1)[0].strip(), LONGEST)


def _said(document: Document, part: Sequence[int]) -> Iterator[bool]:
    return (document.tokens[at].kind != "end" for at in part)


def _sentences(document: Document) -> Iterator[range]:
    """Runs of tokens up to a full stop or its like."""
    first = 0
    for at, word in enumerate(document.tokens, 1):
        if word.text[0] in _STOPS:
            yield range(first, at)
            first = at
    if first < len(document.tokens):
        yield range(first, len(document.tokens))


def _sum(document: Document, part: Sequence[int], worth: dict[str, float]) -> float:
    words = [document.tokens[at].text for at in part]
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return sum([worth.get(name, 0.0) for name in words + pairs])
