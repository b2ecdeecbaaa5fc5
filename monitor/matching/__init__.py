"""Which brands a post names, and where.

A term matches whole words in any script, whatever its case, width or apostrophes, with or without
a plural or possessive "s", its words apart, hyphenated or run together ("#AcmeBikes"). In writing
without spaces (Chinese, Japanese, Thai, Khmer, Lao, Burmese) it matches inside a run of letters;
in Korean it may carry a particle. Names of eight letters or more match with one letter wrong,
missing, extra or swapped, unless that makes the name of someone else.

A miss costs one pass over the words, however many brands there are: words are looked up in one
index, and only a post that holds a brand's rarest words is looked at closely.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from monitor.domain import Match, Mention, Post
from monitor.matching.terms import (
    MISSPELT_FROM,
    Span,
    Term,
    compiled,
    find,
    host_pattern,
    named_in,
    one_letter_off,
)
from monitor.matching.words import Page, fold, word_pattern

__all__ = ["MAX_MATCHES", "Alias", "Brand", "Matcher", "named"]

MAX_MATCHES = 20  #: places kept for one mention


@dataclass(frozen=True, slots=True)
class Alias:
    """Another way to write a brand. With ``require`` it counts only where the post (title, text
    or thread title) also holds one of these words, and none of the brand's ``exclude``."""

    term: str
    require: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brand:
    """What names a brand, and what does not.

    An alias equal to the name replaces it: that is how a name that is also a word gets context.
    An occurrence that overlaps a phrase of ``exclude`` never counts.
    """

    name: str
    aliases: tuple[Alias, ...] = ()
    exclude: tuple[str, ...] = ()
    own_authors: tuple[str, ...] = ()  #: without "@" or "u/"; case does not matter
    site: str = ""  #: host; posts on it are left out, posts elsewhere that show it match
    competitors: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  #: every post of these is about the brand, wherever it stands


class _Compiled:
    """One brand, ready to be looked for."""

    def __init__(self, brand: Brand, others: frozenset[str]) -> None:
        self.brand = brand
        name, given = fold(brand.name).strip(), {fold(a.term).strip() for a in brand.aliases}
        aliases = brand.aliases if name in given else (Alias(brand.name), *brand.aliases)
        others |= _names((*brand.competitors, *brand.exclude))
        terms = (
            compiled(
                alias.term,
                forgiving=True,
                is_name=fold(alias.term).strip() == name,
                others=others,
                require=alias.require,
            )
            for alias in aliases
        )
        self.terms = [term for term in terms if term]
        self.exclude = [term for phrase in brand.exclude if (term := compiled(phrase))]
        self.own = {_author(author) for author in brand.own_authors} - {""}
        self.hosts = _hosts(brand.site)
        self.links = [(host, host_pattern(host)) for host in self.hosts]
        self.sources = frozenset(brand.sources)


def _names(phrases: Iterable[str]) -> frozenset[str]:
    """Each word of these names, and each name run together."""
    found = [word_pattern(folded).findall(folded) for folded in map(fold, phrases)]
    return frozenset(word for words in found for word in (*words, "".join(words)))


def _author(name: str) -> str:
    return fold(name).strip().removeprefix("/").removeprefix("u/").lstrip("@")


def _hosts(site: str) -> tuple[str, ...]:
    """A site's host as people write it and as it stands in links (Punycode)."""
    host = _host(site if "://" in site else f"http://{site}").removeprefix("www.")
    if not host or host.isascii():
        return (host,) if host else ()
    try:
        return host, host.encode("idna").decode()
    except UnicodeError:
        return (host,)


_URL_HOST = re.compile(r"https?://(?:[^/?#@\\]*@)?([^/?#:@\\]+)")


def _host(url: str) -> str:
    found = _URL_HOST.match(fold(url).strip())
    return found[1].strip(". ") if found else ""


class Matcher:
    """All brands, compiled once; afterwards it can be used by several threads."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        self._brands = [_Compiled(brand, self._others(brand, brands)) for brand in brands]
        self._anchors: dict[str, set[int]] = defaultdict(set)
        self._patterns: list[tuple[str, int]] = []
        self._heads: dict[str, list[Term]] = defaultdict(list)
        self._tails: dict[str, list[Term]] = defaultdict(list)
        self._hints: set[str] = set()  #: one of these letters is in every text that names a brand
        for number, brand in enumerate(self._brands):
            for term in brand.terms:
                self._index(term, number)
        self._rivals = {brand.name: brand.competitors for brand in brands}
        self._owners = {t: n for n, brand in enumerate(self._brands) for t in brand.terms}

    @staticmethod
    def _others(brand: Brand, brands: Sequence[Brand]) -> frozenset[str]:
        others = [b for b in brands if b is not brand]
        return _names(name for b in others for name in (b.name, *(a.term for a in b.aliases)))

    def _index(self, term: Term, number: int) -> None:
        if term.pattern is not None:
            self._patterns.append((term.probe, number))
            self._hints.add(term.probe)
            return
        for anchor in term.anchors:
            self._anchors[anchor].add(number)
        self._hints |= term.anchors
        if term.misspelt_run:
            self._hints |= _spared(term.joined)
            # One slip leaves the first three letters or the last three as they are.
            self._heads[term.joined[:3]].append(term)
            self._tails[term.joined[-3:]].append(term)

    def mentions(self, post: Post) -> list[Mention]:
        """One mention for each brand that ``post`` names, in the order of the brands."""
        page, host, author = Page(post), _host(post.url), _author(post.author)
        hinted = any(hint in page.whole for hint in self._hints)  # most pages name nobody
        near = self._misspelt(page) if hinted else {}
        named = self._named(page, near) if hinted else set()
        found = []
        for number, brand in enumerate(self._brands):
            of_source = post.source in brand.sources
            if not of_source and any(host == h or host.endswith("." + h) for h in brand.hosts):
                continue
            own = author in brand.own
            matches = _occurrences(brand, page, near) if number in named else []
            if any(h in page.whole for h in brand.hosts):
                matches += _linked(brand, page)
            if of_source or own:
                matches.append(Match(post.source if of_source else brand.brand.name, "source"))
            if matches:
                kept = tuple(matches[:MAX_MATCHES])
                found.append(Mention(post, brand.brand.name, kept, own=own))
        return found

    def with_rivals(self, mention: Mention) -> Mention:
        """The same mention, and where its post names a competitor of the brand."""
        rivals = self._rivals.get(mention.brand, ())
        found = [match for rival in rivals for match in named(rival, mention.post)]
        return replace(mention, rivals=tuple(found[:MAX_MATCHES]))

    def _named(self, page: Page, near: dict[Term, set[str]]) -> set[int]:
        """Brands that may be named, by number."""
        named = {self._owners[term] for term in near}
        for word in page.known & self._anchors.keys():
            named |= self._anchors[word]
        named.update(number for probe, number in self._patterns if probe in page.whole)
        return named

    def _misspelt(self, page: Page) -> dict[Term, set[str]]:
        """Words one letter off a whole term."""
        near: dict[Term, set[str]] = defaultdict(set)
        heads, tails = self._heads, self._tails
        for word in page.known:
            if len(word) < MISSPELT_FROM - 1 or not (word[:3] in heads or word[-3:] in tails):
                continue
            for term in (*heads.get(word[:3], ()), *tails.get(word[-3:], ())):
                if one_letter_off(word, term.joined) and word not in term.others:
                    near[term].add(word)
        return near


def _spared(name: str) -> set[str]:
    """Letters of which one slip leaves some as they are; many names end in a common word."""
    at = max(4, len(name) * 2 // 5)
    swapped = name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :]
    return {name[:at], name[at:], swapped}


def named(name: str, post: Post) -> list[Match]:
    """Where title and text show ``name`` or a handle or tag that begins with it (@AcmeHelp)."""
    return [
        Match(name, "title" if at == 0 else "text", *span)
        for at, part in enumerate((post.title, post.text))
        for span in islice(named_in(name, part), MAX_MATCHES)
    ]


def _occurrences(brand: _Compiled, page: Page, near: dict[Term, set[str]]) -> list[Match]:
    """Where the brand's terms stand, title first; the longest where several overlap."""
    excluded = _Excluded(span for phrase in brand.exclude for span in find(phrase, page))
    spans: dict[Span, str] = {}
    for term in brand.terms:
        if term.require and (excluded.ends or not _in_context(term, page)):
            continue
        for span in find(term, page, frozenset(near.get(term, ()))):
            if not excluded.touches(span):
                spans.setdefault(span, term.shown)
            if len(spans) > 5 * MAX_MATCHES:
                break
    return [Match(spans[span], *page.place(*span)) for span in _apart(spans)]


class _Excluded:
    """The places of excluded phrases; asked once for every place of a term."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted(spans):
            self.starts.append(start)
            self.ends.append(max([end, *self.ends[-1:]]))

    def touches(self, span: Span) -> bool:
        before = bisect_left(self.starts, span[1])
        return before > 0 and self.ends[before - 1] > span[0]


def _in_context(term: Term, page: Page) -> bool:
    return any(True for word in term.require for _ in find(word, page))


def _apart(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s[0], -s[1])):
        if not kept or kept[-1][1] <= span[0]:
            kept.append(span)
    return kept


def _linked(brand: _Compiled, page: Page) -> list[Match]:
    """The brand's host, where a post shows or links it; offsets only where it is in the text."""
    for host, pattern in brand.links:
        if found := pattern.search(page.whole):
            place, start, end = page.place(*found.span())
            return [Match(host, "link", start, end) if place == "text" else Match(host, "link")]
    return []
