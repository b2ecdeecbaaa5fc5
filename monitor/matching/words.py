"""A post folded to what matters when names are compared, and cut into words of any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from monitor.domain import Post

UNSPACED = (  # Thai, Lao, Burmese, Khmer, Han, kana, bopomofo, Hangul
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3040-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = (  # signs within words that \w does not count as word characters
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0900-\u0963\u0966-\u0dff"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_WESTERN_WORD = re.compile(r"[^\W_]+")
_WORD = re.compile(rf"(?:[^\W_{UNSPACED}]++|[{_MARKS}]++)++")
_NEEDS_CARE = re.compile("[\u0300-\u1fff\u2e80-\uffff\U00020000-\U0003ffff]")
HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_IGNORED = "\u200b\u200c\u200d\xad"
_BLANK = "™℠…"  # NFKC would spell them out


def fold(text: str) -> str:
    """What is left of ``text`` when case, width and ligatures do not matter."""
    if text.isascii():
        return text.lower()
    for char in _BLANK:
        text = text.replace(char, " ")
    for char in _IGNORED:
        text = text.replace(char, "")
    text = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", text).replace("i\u0307", "i")


def word_pattern(folded: str) -> re.Pattern[str]:
    """What a word is in ``folded``; three patterns, as the general one takes twice the time."""
    if folded.isascii():
        return _ASCII_WORD
    return _WORD if _NEEDS_CARE.search(folded) else _WESTERN_WORD


_Place = Literal["title", "text", "thread"]
_PLACES: tuple[_Place, ...] = ("title", "text", "thread")


class Page:
    """One post, folded; places are offsets in ``whole``."""

    def __init__(self, post: Post) -> None:
        self.raw = (post.title, post.text, post.thread_title)
        self.parts = [fold(part) for part in self.raw]
        self.whole = "\0".join(self.parts)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return word_pattern(self.whole)

    @cached_property
    def tokens(self) -> list[str]:
        return self.pattern.findall(self.whole)

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.tokens)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        return [found.span() for found in self.pattern.finditer(self.whole)]

    def place(self, start: int, end: int) -> tuple[_Place, int, int]:
        """The field that holds an occurrence, and its offsets in the unfolded field."""
        field = 0
        while start > len(self.parts[field]):
            start, end = start - len(self.parts[field]) - 1, end - len(self.parts[field]) - 1
            field += 1
        raw = self.raw[field]
        if len(raw) != len(self.parts[field]):
            start, end = _unfolded(raw, start, end)
        return _PLACES[field], start, end


def _unfolded(raw: str, start: int, end: int) -> tuple[int, int]:
    """Offsets in ``raw`` for offsets in its folded form, where folding changed its length."""
    first, length = None, 0
    for at, size in _fold_sizes(raw):
        length += size
        if first is None and length > start:
            first = at
        if first is not None and length >= end:
            return first, _sign_end(raw, at)
    return first or 0, len(raw)


def _fold_sizes(raw: str) -> Iterator[tuple[int, int]]:
    """Each sign of ``raw`` (a character and what composes with it) and its folded length."""
    at = 0
    while at < len(raw):
        end = _sign_end(raw, at)
        yield at, len(fold(raw[at:end]))
        at = end


def _sign_end(raw: str, at: int) -> int:
    at += 1
    while at < len(raw) and (unicodedata.combining(raw[at]) or raw[at] in "ﾞﾟ"):
        at += 1
    return at
