"""Words with a known feeling, and the row of lexicon and style features made with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.sentiment.opinions import NEGATIONS, OPINIONS


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Lists of words, each in lower case."""

    valence: Mapping[str, float]  #: VADER: -4 (worst) .. 4 (best)
    opinion: Mapping[str, int]  #: Hu and Liu: -1 or 1
    boosters: Mapping[str, float]  #: VADER: what such a word adds to the next one's strength
    negations: frozenset[str] = frozenset()  #: beside the English ones, which are always known

    @classmethod
    def parse(cls, data: bytes) -> Lexicon:
        """Read what models/lexicon.json holds.

        Raises:
            ValueError, KeyError: it is not a lexicon.
        """
        lists = json.loads(data)
        opinion = dict.fromkeys(lists["opinion"]["negative"].split(), -1)
        opinion |= dict.fromkeys(lists["opinion"]["positive"].split(), 1)
        return cls(lists["valence"]["words"], opinion, lists["valence"]["boosters"])

    def symbols(self) -> Lexicon:
        """Only what every language shares: emoticons and emoji."""
        shared = {word: v for word, v in self.valence.items() if not any(map(str.isalnum, word))}
        return Lexicon(shared, {}, {})

    def of(self, lang: str) -> Lexicon:
        """What a small model is read with: symbols, and the words of its own language."""
        return replace(self.symbols(), opinion=OPINIONS[lang], negations=NEGATIONS[lang])
