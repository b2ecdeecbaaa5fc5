"""One configured name or phrase, compiled, and where it stands in a post."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitor.matching.words import HAS_UNSPACED, UNSPACED, Page, fold, word_pattern

MISSPELT_FROM = 8  #: letters; shorter names are too near to other words

Span = tuple[int, int]
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_BETWEEN = frozenset(" \t\n-_‐–")  #: may stand between two words of any name
_APOSTROPHES = frozenset("'’‘ʼ`")
_MINOR = re.compile(r"[\s\-_‐–—.,:;!?'’‘ʼ`\"“”()\[\]]+")  #: punctuation that people leave out
_GOES_ON = re.compile(r"[_-]?\w")
_LETTER = re.compile(rf"[^\W_{UNSPACED}]")  #: of writing with spaces
_NAME_WORD = re.compile(r"[^\W_]+")
_SHORTEST_RUN = 6  #: letters of a name whose words are also found run together
_SHORTEST_MISSPELT_RUN = 12  #: letters; "steakhouse" is not a Steam House
_SHORTEST_DAMAGED = 4  #: letters of the word of a longer name that may be misspelt
_SHORTEST_REPLACED = 6  #: the same, where one letter stands for another


@dataclass(frozen=True, eq=False, slots=True)
class Term:
    """One compiled term: words to look up, or a pattern where words do not help."""

    shown: str
    pattern: re.Pattern[str] | None
    probe: str  #: a text without it cannot hold the pattern
    words: tuple[str, ...]
    gaps: tuple[str, ...]  #: punctuation that matters: before, between and after the words
    between: frozenset[str]  #: characters that may stand between two words, besides
    anchors: frozenset[str]  #: one of these words is in every text that holds the term
    joined: str
    misspelt: bool  #: one letter of one word may be wrong
    misspelt_run: bool  #: the same, where the words are run together
    split: bool  #: a word may be split by a space
    others: frozenset[str]  #: names of someone else, which are no misspellings
    require: tuple[Term, ...]

    @property
    def plain(self) -> bool:
        return not any(self.gaps)


def compiled(
    shown: str,
    *,
    forgiving: bool = False,
    is_name: bool = False,
    others: frozenset[str] = frozenset(),
    require: Sequence[str] = (),
) -> Term | None:
    """Compile one configured term; None if it holds nothing to look for."""
    folded = fold(shown).strip()
    pattern = _pattern(folded)
    found = list(word_pattern(folded).finditer(folded))
    if not folded or not (found or pattern):
        return None
    words = tuple(w[0] for w in found)
    edges = [0, *(e for w in found for e in w.span()), len(folded)]
    gaps = tuple(_MINOR.sub("", folded[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True))
    joined = "".join(words)
    plain = pattern is None and not any(gaps)
    misspelt = forgiving and plain and sum(c.isalpha() for c in joined) >= MISSPELT_FROM
    return Term(
        shown=shown,
        pattern=pattern,
        probe=folded.split()[0],
        words=words,
        gaps=gaps,
        between=_between(folded),
        anchors=_anchors(words, joined, plain=plain),
        joined=joined,
        misspelt=misspelt,
        misspelt_run=misspelt and (len(words) == 1 or len(joined) >= _SHORTEST_MISSPELT_RUN),
        split=is_name and plain and len(words) > 1,
        others=others - {joined, *words},
        require=tuple(t for r in require if (t := compiled(r))),
    )


def _pattern(folded: str) -> re.Pattern[str] | None:
    """For hosts ("acme.example") and for writing without spaces; otherwise words are faster."""
    if _DOMAIN.fullmatch(folded):
        return host_pattern(folded)
    if not HAS_UNSPACED.search(folded):
        return None
    body = r"\s*".join(map(re.escape, folded.split()))
    return re.compile(_border(folded[0], "<!") + body + _border(folded[-1], "!"))


def _border(edge: str, side: str) -> str:
    """A look-around against the letters that would make ``edge`` part of another word."""
    if "\uac00" <= edge <= "\ud7af":  # Hangul: particles follow a name, nothing precedes it
        return "(?<![\uac00-\ud7af])" if side == "<!" else ""
    if HAS_UNSPACED.match(edge) or not edge.isalnum():
        return ""
    return rf"(?{side}[^\W_{UNSPACED}])"


def host_pattern(host: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(host)}(?![\w-]|\.\w)")


def named_in(name: str, text: str) -> Iterator[Span]:
    """Where ``text`` shows a name as given, whatever its case, or a handle that begins with it."""
    pattern = _name_pattern(name)
    for found in pattern.finditer(text) if pattern else ():
        start, end = found.span()
        if not (_cuts(text, start) or (_cuts(text, end) and text[start] not in "@#")):
            yield start, end


@lru_cache(maxsize=1024)
def _name_pattern(name: str) -> re.Pattern[str] | None:
    words = [re.escape(word) for word in _NAME_WORD.findall(name)]
    if not words:
        return None
    spelt = r"[\W_]{0,3}".join(words)
    return re.compile(rf"[@#]{''.join(words)}\w*|{spelt}(?:['’]?s)?", re.IGNORECASE)


def _cuts(text: str, at: int) -> bool:
    """Whether a word goes on from one side of ``at`` to the other; never without spaces."""
    return 0 < at < len(text) and all(_LETTER.match(side) for side in text[at - 1 : at + 1])


def _between(folded: str) -> frozenset[str]:
    own = {char for char in folded if not char.isalnum()}
    return _BETWEEN | own | (_APOSTROPHES if own & _APOSTROPHES else set())


def _anchors(words: tuple[str, ...], joined: str, *, plain: bool) -> frozenset[str]:
    """The two longest words, as one may be misspelt or split; and all of them run together."""
    longest = sorted(words, key=len, reverse=True)[:2]
    runs = {joined, joined + "s"} if plain and len(joined) >= _SHORTEST_RUN else set()
    return frozenset({*longest, *(w + "s" for w in words[-1:] if w in longest), *runs})


def one_letter_off(typed: str, right: str) -> bool:
    """Whether one letter is wrong, missing, extra, or swapped with the next; digits never are."""
    if typed == right or abs(len(typed) - len(right)) > 1:
        return False
    at, shorter = 0, min(len(typed), len(right))
    while at < shorter and typed[at] == right[at]:
        at += 1
    if not (typed[at : at + 1] + right[at : at + 1]).isalpha():
        return False
    if len(typed) > len(right):
        return typed[at + 1 :] == right[at:]
    if len(typed) < len(right):
        return typed[at:] == right[at + 1 :]
    if typed[at + 1 :] == right[at + 1 :]:
        return True
    swapped = typed[at] + typed[at + 1 : at + 2] == right[at + 1 : at + 2] + right[at]
    return swapped and typed[at + 2 :] == right[at + 2 :]


# -- finding one term ----------------------------------------------------------------------------


def find(term: Term, page: Page, near: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Where ``term`` stands. ``near``: words that are a misspelling of the whole term."""
    if term.pattern is not None:
        if term.probe in page.whole:
            yield from (found.span() for found in term.pattern.finditer(page.whole))
        return
    wanted = term.anchors | near
    if wanted.isdisjoint(page.known):
        return
    for at, token in enumerate(page.tokens):
        if token not in wanted:
            continue
        for first, last in _windows(term, page.tokens, at, near):
            if _stands(term, page, first, last):
                start, end = page.spans[first][0], page.spans[last][1]
                yield start - len(term.gaps[0]), end + len(term.gaps[-1])


def _windows(
    term: Term, tokens: list[str], at: int, near: frozenset[str]
) -> Iterator[tuple[int, int]]:
    """Words (first, last) around the anchor ``at`` that read as ``term``."""
    size = len(term.words)
    for index, word in enumerate(term.words):
        first = at - index
        if first >= 0 and tokens[at] in (word, word + "s") and _reads(term, tokens, first):
            yield first, first + size - 1
    if tokens[at] in near or (size > 1 and term.plain and _is_run(tokens[at], term)):
        yield at, at
    if term.split:
        for first in range(max(0, at - size), min(at + 1, len(tokens) - size)):
            if _is_run("".join(tokens[first : first + size + 1]), term):
                yield first, first + size


def _is_run(typed: str, term: Term) -> bool:
    return len(term.joined) >= _SHORTEST_RUN and typed in (term.joined, term.joined + "s")


def _reads(term: Term, tokens: list[str], first: int) -> bool:
    """Whether the words from ``first`` on are the term's, at most one of them misspelt."""
    typed = tokens[first : first + len(term.words)]
    if len(typed) < len(term.words):
        return False
    if typed[-1] == term.words[-1] + "s" and not term.gaps[0]:  # "@acmes" is not "@acme"
        typed[-1] = term.words[-1]
    wrong = [(t, w) for t, w in zip(typed, term.words, strict=True) if t != w]
    if not wrong:
        return True
    return term.misspelt and len(wrong) == 1 and _slip(*wrong[0], term)


def _slip(typed: str, word: str, term: Term) -> bool:
    """Whether one word of a longer name is misspelt, and no other word ("ride", "side")."""
    if len(word) < _SHORTEST_DAMAGED or not one_letter_off(typed, word):
        return False
    if len(word) < _SHORTEST_REPLACED and len(typed) == len(word) and sorted(typed) != sorted(word):
        return False
    return typed not in term.others or typed + "s" == word


def _stands(term: Term, page: Page, first: int, last: int) -> bool:
    """Whether the right punctuation, and nothing else, stands around and between these words."""
    edges = [edge for span in page.spans[first : last + 1] for edge in span]
    between = [page.whole[a:b] for a, b in zip(edges[1:-1:2], edges[2:-1:2], strict=True)]
    if term.plain:
        return all(len(gap) <= 3 and term.between.issuperset(gap) for gap in between)
    lead, *inner, trail = term.gaps
    start, end = edges[0] - len(lead), edges[-1] + len(trail)
    if [_MINOR.sub("", gap) for gap in between] != inner or max(map(len, between), default=0) > 5:
        return False
    if start < 0 or page.whole[start : edges[0]] != lead or page.whole[edges[-1] : end] != trail:
        return False
    before = page.whole[start - 1 : start]
    joined_on = bool(lead) and (before.isalnum() or before in {"_", lead[0]})
    return not joined_on and not ((lead or trail) and _GOES_ON.match(page.whole, end))
