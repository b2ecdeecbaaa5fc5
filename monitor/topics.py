"""What a complaint is about: words and phrases of a list that its operator can read and edit.

A phrase counts as many points as it has words, once a text, however often it occurs; the topic
with the most points wins, the one listed first where two are even. No phrase, no topic: "other".
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

OTHER = "other"

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_PART = re.compile(rf"\.\.|{_WORD.pattern}\*?")
_GAP = ".."
_GAP_WORDS = 3
_HINT = 0.5


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. How ``words`` are written is described in config/topics.toml."""

    name: str
    title: str  #: as people read it on a card
    stage: str  #: of the customer's journey: looking, buying, waiting, using or returning
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    shown: str
    words: tuple[str, ...]  #: "refund", a stem "refund*", or ".." for up to three words
    topic: str
    points: float


class Topics:
    """All topics, compiled once."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self.topics = tuple(topics)
        self._by_word: dict[str, list[_Phrase]] = defaultdict(list)
        self._by_stem: dict[str, list[_Phrase]] = defaultdict(list)
        for topic in topics:
            for phrase in filter(None, (_phrase(shown, topic.name) for shown in topic.words)):
                first = phrase.words[0]
                index = self._by_stem if first.endswith("*") else self._by_word
                index[first.rstrip("*")].append(phrase)
        self._stem_sizes = sorted({len(stem) for stem in self._by_stem})

    def of(self, text: str) -> str:
        """The name of the topic of ``text``, or "other"."""
        points = self.points(text)
        order = [topic.name for topic in self.topics if points.get(topic.name, 0) >= 1]
        return max(order, key=lambda name: points[name], default=OTHER)

    def title(self, name: str) -> str:
        """A topic as people read it; "" for "other" and for what the list no longer has."""
        return next((topic.title for topic in self.topics if topic.name == name), "")

    def points(self, text: str) -> dict[str, float]:
        """Points by topic name."""
        points: dict[str, float] = defaultdict(float)
        for phrase in self._found(text):
            points[phrase.topic] += phrase.points
        return dict(points)

    def why(self, text: str) -> tuple[str, ...]:
        """The phrases that decided, as the list has them, the longest first."""
        name = self.of(text)
        found = [phrase for phrase in self._found(text) if phrase.topic == name]
        return tuple(p.shown for p in sorted(found, key=lambda p: (-p.points, p.shown)))

    def _found(self, text: str) -> set[_Phrase]:
        words = _words(text)
        found: set[_Phrase] = set()
        for at, word in enumerate(words):
            candidates = list(self._by_word.get(word, ()))
            for size in self._stem_sizes:
                candidates += self._by_stem.get(word[:size], ()) if len(word) >= size else ()
            found.update(p for p in candidates if p not in found and _follows(p.words, words, at))
        return found


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text.replace("’", "'")).casefold()
    return _WORD.findall(folded)


def _phrase(shown: str, topic: str) -> _Phrase | None:
    written = unicodedata.normalize("NFKC", shown.replace("’", "'")).casefold().strip()
    parts = _PART.findall(written)
    literal = [at for at, part in enumerate(parts) if part != _GAP]
    if not literal:
        return None
    points = _HINT if written.endswith("?") else float(len(literal))
    return _Phrase(shown, tuple(parts[literal[0] : literal[-1] + 1]), topic, points)


def _follows(phrase: tuple[str, ...], words: list[str], at: int) -> bool:
    """Whether ``phrase`` stands in ``words`` from ``at`` on."""
    ends = {at}
    gap = 0
    for wanted in phrase:
        if wanted == _GAP:
            gap = _GAP_WORDS
            continue
        reach = {end + skip for end in ends for skip in range(gap + 1)}
        ends = {end + 1 for end in reach if end < len(words) and _is(words[end], wanted)}
        gap = 0
    return bool(ends)


def _is(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted
