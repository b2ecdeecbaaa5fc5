"""Where the items of a feed begin and end, so that only unseen ones need be parsed.

One pass of expat, the parser under feedparser's strict one, finds the outermost <item> and <entry>
elements. A document in which it meets any doubt is left whole: one that is not well-formed XML
(space before it and junk behind it apart), an encoding in which feedparser might take a part for
something else, a document type that declares anything, an item within an item.

A mark is what is remembered of an item: 36 bits of the SHA-256 of its bytes, as ``WIDTH``
characters. Marks are written one after the other, without anything between them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from xml.parsers import expat

WIDTH = 6  #: characters of a mark

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]*)", re.IGNORECASE)
_CLOSING = re.compile(rb"</(?:[^\s/:>]+:)?(?:item|entry)\s*>", re.IGNORECASE)
#: Declared or sent with a document that is UTF-8, these have each part of it decoded as the whole.
#: "UTF-16" is what some programs write over UTF-8; feedparser and we see through it.
_ENCODINGS = {"utf-8", "utf8", "us-ascii", "iso-8859-1", "utf-16"}
_JUNK = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]


@dataclass(frozen=True, slots=True)
class Slices:
    """The items of one document, in its order."""

    body: bytes
    spans: tuple[tuple[int, int], ...]  #: offsets of the first byte, and behind the last
    marks: tuple[str, ...]

    def without(self, known: str) -> tuple[bytes, int]:
        """The document without items whose marks are ``known``, and how many are left."""
        seen, kept, at, left = split(known), [], 0, 0
        for (start, end), mark in zip(self.spans, self.marks, strict=True):
            if mark in seen:
                kept.append(self.body[at:start])
                at = end
            else:
                left += 1
        return b"".join([*kept, self.body[at:]]), left


def split(marks: str) -> set[str]:
    return {marks[i : i + WIDTH] for i in range(0, len(marks), WIDTH)}


def _mark(item: bytes) -> str:
    return b64encode(sha256(item).digest()[:WIDTH])[:WIDTH].decode("ascii")


def cut(body: bytes, content_type: str) -> Slices | None:
    """Find the items of an RSS, Atom or RDF feed.

    Returns:
        None where there is none, or where a part might be read otherwise than the whole.
    """
    charset = _CHARSET.search(content_type)
    if (charset and charset[1].lower() not in _ENCODINGS) or b"\0" in body:
        return None
    text = body.lstrip()  # many write a line end before it, which is no doubt
    seeker = _Seeker(text, expat.ParserCreate("utf-8", " "))
    try:
        seeker.parser.Parse(text, True)
    except expat.ExpatError as e:
        if e.code != _JUNK:
            return None
    except _Doubt:
        return None
    finally:
        del seeker.parser  # which holds the seeker
    before = len(body) - len(text)
    spans = tuple((start + before, end + before) for start, end in seeker.spans)
    return Slices(body, spans, tuple(_mark(body[a:b]) for a, b in spans)) if spans else None


class _Doubt(Exception):  # noqa: N818 - it is no error
    """This document is not to be cut."""


@dataclass(slots=True)
class _Seeker:
    """What expat calls. Names come as "namespace local"."""

    body: bytes
    parser: expat.XMLParserType
    begun: int = -1  #: where the open item begins; -1 if none is open
    spans: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parser.ordered_attributes = True  # the cheaper shape
        self.parser.XmlDeclHandler = self.declaration
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise _Doubt

    def doctype(self, _name: str, system: str | None, _public: str | None, inside: int) -> None:
        if system or inside:
            raise _Doubt

    def start(self, name: str, _attributes: object) -> None:
        if _is_item(name):
            if self.begun >= 0:
                raise _Doubt
            self.begun = self.parser.CurrentByteIndex

    def end(self, name: str) -> None:
        if _is_item(name):
            at = self.parser.CurrentByteIndex  # of the closing tag, or behind an empty element
            closing = _CLOSING.match(self.body, at)
            self.spans.append((self.begun, closing.end() if closing else at))
            self.begun = -1


def _is_item(name: str) -> bool:
    return name.rpartition(" ")[2].lower() in ("item", "entry")
