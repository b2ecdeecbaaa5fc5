"""Whether one post tells the story of another again: cut short, quoted, edited or reworded.

A sketch, 138 bytes kept with each mention, finds the few that may be meant: hashes of its
address and of its id, the number of content words and the low bytes of their MinHash. Then the
texts decide.
The bars below were chosen on tests/fixtures/copies and on real feeds; tests/bench/copies.py
tells what they reach.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import islice

import numpy as np
from rensa import RMinHash

from monitor.domain import Post
from monitor.matching.words import UNSPACED, fold
from monitor.reading.links import anchored, canonical

SHORTEST = 40  #: characters; less is never a copy by its words: "same here" is two people
MOST = 8  #: texts that are looked at for one post
_SLOTS, _SEED = 128, 20
_FORM = np.dtype(
    [("address", "<u4"), ("name", "<u4"), ("words", "<u2"), ("slots", "u1", (_SLOTS,))]
)
SIZE = _FORM.itemsize  #: bytes of a sketch

_PROMISING = 0.35  #: shared content words of the shorter text, as the sketches estimate it
_WITHIN = 0.6  #: shingles of one text that the other holds, where it is cut short or quoted
_OWN = 0.5  #: and the least of the quoting text that is quotation: who answers more has a say
_EDITED = 0.25  #: shingles of each text that the other holds, where it was edited
_RUN = 4  #: shingles in common, at least: less is a phrase
_TITLED = 0.3  #: content words in common of two posts with one address or id
_ENOUGH = 20  #: different content words from which rewording can be told
_REWORDED = 0.45  #: content words in common, plus pairs of neighbours in common
_SPUN, _KEPT, _ORDER = 0.25, 15, 0.65  #: or: their share, their number, how many are in order
_VOICES = frozenset(("", "feed", "news"))  #: kinds of which one site repeats its own phrases
_SHARED = frozenset(("comments", "forum", "review"))  #: kinds whose posts bear their page's address
_ANSWERS = frozenset(("comments", "forum", "reddit"))  #: kinds in which people quote each other
_UNIQUE = re.compile(r"(?i)https?://|tag:|urn:")  #: so begin ids that are nobody else's
_FULLNAME = re.compile(r"t\d_\w+")  #: Reddit's ids, which begin with what they are of

_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
_STEM = 6  #: characters kept of a content word: "deliver", "delivery" and "delivered" are one
#: English words of four letters and more that say nothing of what a text is about.
_EMPTY_WORDS = """
    about above after again also although always among another anybody anyone around because
    been before being below between both came cannot come could does doing done down during each
    either else even ever every everyone everything first from gets have having here hers
    himself however into itself just last least less like made make many might mine more most
    much must myself never next nobody none nothing once only onto other ours over people quite
    rather said same second shall should since some somebody someone something still such take
    than that their theirs them then there these they thing things third this those though
    through thus took under until upon used using very well went were what whatever when where
    which while whom whose will with within without would your yours
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


@dataclass(frozen=True)
class Telling:
    """One post, as it is compared with others."""

    post: Post

    @cached_property
    def sketch(self) -> bytes:
        """``SIZE`` bytes; b"" for what can be nobody's copy."""
        words = set(self.content) if len(self.body) >= SHORTEST else set()
        if not words and not self.address and not self.name:
            return b""
        hashes = RMinHash(_SLOTS, _SEED)
        hashes.update(sorted(words))
        row = np.zeros(1, _FORM)
        row["address"], row["name"] = _hash(self.address), _hash(self.name)
        row["words"] = min(len(words), 65_535)
        row["slots"] = np.array(hashes.digest(), "<u4") & 255
        return row.tobytes()

    def likely(self, sketches: Sequence[bytes]) -> list[int]:
        """Which of the sketches may be of the same story, at most ``MOST``.

        Those first that share most words: by share, a text of five words would come before a story.
        """
        mine = np.frombuffer(self.sketch, _FORM)
        others = np.frombuffer(b"".join(sketches), _FORM)
        alike = (others["slots"] == mine["slots"]).mean(1)
        sizes, size = others["words"].astype(float), float(mine["words"][0])
        shared = alike * (sizes + size) / (1 + alike)  # words, by the share of the union
        least = np.minimum(sizes, size)
        shared[(least == 0) | (shared < _PROMISING * least)] = 0
        for own in ("address", "name"):
            shared[(others[own] == mine[own]) & (mine[own] != 0)] = np.inf
        best = np.argsort(-shared, kind="stable")[:MOST]
        return [int(n) for n in best if shared[n] > 0]

    def retells(self, earlier: Post) -> bool:
        """Whether this post is a copy of an earlier one."""
        story = Telling(earlier)
        if self._same_post(story):
            return True
        if min(len(self.body), len(story.body)) < SHORTEST:
            return False
        return self.words == story.words or self._repeats(story) or self._rewords(story)

    def _same_post(self, story: Telling) -> bool:
        """Whether two sources show one post; who only links to it has words of their own."""
        address = self.address and self.address == story.address
        name = self.name and self.name == story.name
        if self.post.source == story.post.source or not (address or name):
            return False
        mine, theirs = (set(_content(_words(fold(p.whole)))) for p in (self.post, story.post))
        return len(mine & theirs) >= _TITLED * min(len(mine), len(theirs))

    def _one_voice(self, story: Telling) -> bool:
        """Whether one blog or paper wrote both: it repeats itself, and seldom copies itself.

        The site tells, not the source: a search or a planet shows many blogs as one feed.
        """
        return self.post.kind in _VOICES and _site(self.post) == _site(story.post)

    def _repeats(self, story: Telling) -> bool:
        """Word for word: cut short, quoted whole, continued, or edited here and there."""
        mine, theirs = set(_shingles(self.words)), set(_shingles(story.words))
        both = len(mine & theirs)
        if both < _RUN:
            return False
        here, there = both / len(mine), both / len(theirs)
        if self._one_voice(story):
            return min(here, there) >= _WITHIN
        if max(here, there) >= _WITHIN:
            return here >= _OWN or self._begins_with(theirs)
        return min(here, there) >= _EDITED and self._is_edited(theirs)

    def _begins_with(self, theirs: set[tuple[str, ...]]) -> bool:
        """Whether this is the whole article of what was first seen as its beginning."""
        if self.post.kind not in _VOICES:
            return False  # an answer, which may begin with a quotation
        head = set(islice(_shingles(self.words), 2 * len(theirs)))
        return len(head & theirs) >= _WITHIN * len(theirs)

    def _is_edited(self, theirs: set[tuple[str, ...]]) -> bool:
        """Whether both halves of this text hold what is theirs: a quotation stands in one place."""
        mine = list(_shingles(self.words))
        halves = (mine[: len(mine) // 2], mine[len(mine) // 2 :])
        return all(len(theirs.intersection(half)) >= _EDITED / 2 * len(half) for half in halves)

    def _rewords(self, story: Telling) -> bool:
        """In other words: names, numbers and rare words stayed, side by side or in their order."""
        mine, theirs = set(self.content), set(story.content)
        few, many = sorted((len(mine), len(theirs)))
        if few < _ENOUGH or many > 2 * few or self._one_voice(story):
            return False
        share, kept = _share(mine, theirs), len(mine & theirs)
        pairs = _share(set(_pairs(self.content)), set(_pairs(story.content)))
        spun = share >= _SPUN and kept >= _KEPT
        return share + pairs >= _REWORDED or (spun and self._in_order(story) >= _ORDER * kept)

    def _in_order(self, story: Telling) -> int:
        """How many of the content words in common first come in the same order in both.

        Who tells of one thing by himself takes another way through it: about twice the root of
        their number would be in order by chance.
        """
        places = {word: place for place, word in reversed(list(enumerate(story.content)))}
        ends: list[int] = []  # of the longest rising runs of each length (patience sorting)
        for word in dict.fromkeys(self.content):
            if (place := places.get(word)) is not None:
                at = bisect_left(ends, place)
                ends[at : at + 1] = [place]
        return len(ends)

    @cached_property
    def body(self) -> str:
        """The text, or the title where that is all: a reply's title is not its own.

        Without what an answer quotes, where it has more to say than "me too".
        """
        text = self.post.text or self.post.title
        if self.post.parent is not None or self.post.kind in _ANSWERS:
            own = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">"))
            text = own if len(own.strip()) >= SHORTEST else text
        return fold(text)

    @cached_property
    def words(self) -> list[str]:
        return _words(self.body)

    @cached_property
    def content(self) -> list[str]:
        return list(_content(self.words))

    @cached_property
    def address(self) -> str:
        """The address that is this post's alone, of its place on a page or of its page; else ""."""
        page = canonical(self.post.url)
        shared = self.post.kind in _SHARED or self.post.parent is not None
        if shared or page.count("/") < 3:  # a site's own address is no post's
            page = ""
        return anchored(self.post.url) or page

    @cached_property
    def name(self) -> str:
        """Its id where no other post of any source has it, as far as one can see; else ""."""
        given, host = self.post.external_id, _host(self.post)
        known = self.post.kind == "reddit" and _FULLNAME.fullmatch(given)
        return given if known or _UNIQUE.match(given) or (host and host in given) else ""


def _site(post: Post) -> str:
    """The host of a post's address, else the name of its source."""
    return _host(post) or post.source


def _host(post: Post) -> str:
    url = canonical(post.url)
    return url.split("/")[2].partition("?")[0] if url else ""


def _hash(text: str) -> int:
    """Of 32 bits; 0 for nothing."""
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest[4:]) if text else 0


def _words(folded: str) -> list[str]:
    return _WORD.findall(folded)


def _content(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if not word.isalpha() or (not word.isascii() and len(word) == 1):
            yield word
        elif len(word) > 3 and word not in _EMPTY:
            yield word[:_STEM]


def _shingles(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(words, words[1:], words[2:], strict=False)


def _pairs(content: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Neighbours up to three apart, in either order."""
    for apart in (1, 2, 3):
        for one, other in zip(content, content[apart:], strict=False):
            if one != other:
                yield min(one, other), max(one, other)


def _share(one: AbstractSet[object], other: AbstractSet[object]) -> float:
    """Of the larger set, the share that the smaller holds."""
    return len(one & other) / max(len(one), len(other), 1)
