"""The row of lexicon and style features of a text: what single words do not say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from monitor.sentiment.features import Document, Word

_COUNTED = (
    *("not", "but", "first", "we", "you", "they", "asks", "waits", "long", "end"),
    *("url", "user", "tag", "money", "percent", "time", "date", "number", "code"),
    *("smile", "frown", "emoji"),
)
_MARKS = ("!", "!!", "?", "??", "...", '"')
NAMES: tuple[str, ...] = (
    *("sum", "compound", "mean", "good", "bad", "goods", "bads", "best", "worst", "first", "last"),
    *("after_but", "before_but"),
    *("likes", "dislikes", "balance", "not_likes", "not_dislikes"),
    *("length", "caps", "asks_last"),
    *(f"n_{name}" for name in (*_COUNTED, *_MARKS)),
)
_PLACE = {name: at for at, name in enumerate((*_COUNTED, *_MARKS))}
_FLIP = -0.74  #: what a negation makes of a valence (VADER's N_SCALAR)
_FADE = 0.9  #: how a booster fades with each word (VADER: .95, then .9)


def style(document: Document) -> list[float]:
    """Return one number a name of NAMES; all zero for a text without tokens."""
    tokens = document.tokens
    if not tokens:
        return [0.0] * len(NAMES)
    kinds = [word.kind for word in tokens]
    turn = kinds.index("but") if "but" in kinds else None
    felt = list(_felt(document))
    return [
        *_valences([v for _, v in felt], len(tokens)),
        *_turned(felt, turn),
        *_opinions(tokens, document.negated),
        math.log1p(len(tokens)),
        document.caps / len(tokens),
        float(tokens[-1].text.startswith("?")),
        *_counts(tokens),
    ]


def _counts(tokens: Sequence[Word]) -> list[float]:
    """How often each kind and each mark occurs, as log(1 + n)."""
    row = [0] * len(_PLACE)
    for word in tokens:
        if word.kind in _PLACE:
            row[_PLACE[word.kind]] += 1
        if word.text in _MARKS:
            row[_PLACE[word.text]] += 1
    return [math.log1p(count) if count else 0.0 for count in row]


def _felt(document: Document) -> Iterator[tuple[int, float]]:
    """Place and valence of each word with a feeling, as boosted and negated."""
    boost = 0.0
    for at, (word, negated) in enumerate(zip(document.tokens, document.negated, strict=True)):
        if word.valence:
            strength = word.valence + math.copysign(boost, word.valence) * (1 if boost >= 0 else -1)
            yield at, strength * _FLIP if negated else strength
        boost = word.boost or boost * _FADE if word.kind != "end" else 0.0


def _valences(felt: Sequence[float], tokens: int) -> list[float]:
    if not felt:
        return [0.0] * 11
    good = sum(v for v in felt if v > 0)
    bad = sum(v for v in felt if v < 0)
    total = good + bad
    return [
        math.copysign(math.log1p(abs(total)), total),
        total / math.sqrt(total * total + 15.0),
        total / tokens,
        math.log1p(good),
        math.log1p(-bad),
        math.log1p(sum(v > 0 for v in felt)),
        math.log1p(sum(v < 0 for v in felt)),
        max(felt),
        min(felt),
        felt[0],
        felt[-1],
    ]


def _turned(felt: Sequence[tuple[int, float]], turn: int | None) -> list[float]:
    """Feeling after and before the first "but"."""
    if turn is None:
        return [0.0, 0.0]
    late = sum(v for at, v in felt if at > turn)
    soon = sum(v for at, v in felt if at < turn)
    return [late / math.sqrt(late * late + 15.0), soon / math.sqrt(soon * soon + 15.0)]


def _opinions(tokens: Sequence[Word], negated: Sequence[str]) -> list[float]:
    """Counts of liked and disliked words: plain, their balance, and under a negation."""
    known = [(w.opinion, n) for w, n in zip(tokens, negated, strict=True) if w.opinion]
    plain = [sign for sign, negation in known if not negation]
    turned = [sign for sign, negation in known if negation]
    likes, dislikes = plain.count(1), plain.count(-1)
    return [
        math.log1p(likes),
        math.log1p(dislikes),
        (likes - dislikes) / (1.0 + likes + dislikes),
        math.log1p(turned.count(1)),
        math.log1p(turned.count(-1)),
    ]
