"""Web pages up to where they are made to hang parsers.

By the book an end tag looks through all that is open, so that a parser's time is tags times depth.
What is open is counted as the book has it (https://html.spec.whatwg.org/#parsing), never too low:
an end tag that may not end what it names ends nothing here.
"""

from __future__ import annotations

import re

MAX_PAGE = 3_000_000  #: bytes that are looked at
MAX_DEPTH = 400  #: elements inside one another
MAX_STRAY = 10_000  #: end tags that end nothing
SHALLOW = 20_000  #: so few tags take less than a second however deep they are
FEW = 3_000  #: so few tags make little of any formatting
MAX_REPEATED = 2_000_000  #: formatting elements that a page might come to hold
MAX_ATTRIBUTES = 2_000  #: words in one tag; the parser's time grows with their square

#: A comment; the mark of character data; what is taken for a comment; or a tag, its slash, its
#: name and the slash that ends it. Nothing is tried twice.
_TAG = re.compile(
    rb"<!--(?:>|->|(?>.*?--!?>|.*+))|(<!\[CDATA\[)|<(?:[!?]|/(?![a-z]))[^>]*+|<(/?)([a-z][^\s/>]*+)"
    rb"(?:[\s/]++(?=[^\s/>])|[^\s/>][^\s/>=]*+"
    rb"(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+)*+\s*+(/?)",
    re.IGNORECASE | re.DOTALL,
)
#: Text up to their end tags, whatever it looks like.
_RAW = frozenset(b"iframe noembed noframes script style textarea title xmp".split())
#: They hold nothing, or the next of their kind ends them wherever it stands.
_FLAT = frozenset(
    b"area base body br caption col colgroup embed head hr html img input link meta option p param"
    b" source tbody td tfoot th thead tr track wbr".split()
)
_SIBLINGS = {b"li": (b"li",), b"dd": (b"dd", b"dt"), b"dt": (b"dd", b"dt")}
#: Through these no end tag of another element reaches ...
_WALLS = frozenset(
    b"annotation-xml applet button desc foreignobject marquee mi mn mo ms mtext object select table"
    b" template title".split()
)
#: ... and through these only those of one another.
_BLOCKS = frozenset(
    b"address article aside blockquote center details dialog dir div dl fieldset figcaption figure"
    b" footer h1 h2 h3 h4 h5 h6 header hgroup iframe listing main menu nav noscript ol pre script"
    b" search section style summary textarea ul xmp".split()
)
_BARRED = _WALLS | _BLOCKS | {b"dd", b"dt", b"form", b"li"}
_FOREIGN = frozenset((b"math", b"svg"))  #: where a tag may end itself, and anything may hold more
#: They end what is foreign.
_NATIVE = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li"
    b" listing menu meta nobr ol p pre ruby s small span strike strong sub sup table tt u ul"
    b" var".split()
)
#: What is not closed is opened again in each block that follows, by the book and in memory.
_FORMAT = re.compile(
    rb"</?(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?:[\s/][^>]*+)?>", re.IGNORECASE
)
_START = re.compile(rb"<[a-zA-Z]")


def bounded(body: bytes) -> bytes:
    """The page up to where its size, its depth or one of its tags goes beyond all measure.

    Where its formatting (b, font and the like) could, that is left out.
    """
    body = body[:MAX_PAGE]
    tags = body.count(b"<")
    if tags > SHALLOW:
        body = body[: _too_deep(body)]
    if tags > FEW and tags * len(_FORMAT.findall(body)) > MAX_REPEATED:
        body = _FORMAT.sub(b" ", body)
    return body[: _too_wide(body)]


def _too_deep(body: bytes) -> int:
    """Where more is open than MAX_DEPTH, or more tags have ended nothing than MAX_STRAY."""
    opened: list[tuple[bytes, bool]] = []
    at = stray = 0
    while tag := _TAG.search(body, at):
        at, name = tag.end(), (tag[3] or b"").lower()
        if tag[2]:
            stray += not _end(name, opened)
        elif name:
            _begin(name, bool(tag[4]), opened)
        if len(opened) > MAX_DEPTH or stray > MAX_STRAY:
            return tag.start()
        if close := _text_until(tag[1] or name, opened):
            at = end.start() if (end := close.search(body, at)) else len(body)
    return len(body)


def _text_until(begun: bytes, opened: list[tuple[bytes, bool]]) -> re.Pattern[bytes] | None:
    """What ends the text that begins with this element or mark; None where markup follows."""
    holder, foreign = opened[-1] if opened else (b"", False)
    if begun.startswith(b"<"):
        return re.compile(rb"\]\]>") if foreign else None
    if begun != holder or begun not in _RAW or foreign or (b"select", False) in opened:
        return None
    return re.compile(b"</" + begun + rb"(?=[\s/>])", re.IGNORECASE)


def _begin(name: bytes, ends_itself: bool, opened: list[tuple[bytes, bool]]) -> None:
    """Note an element as open, by its name and whether what it holds is foreign."""
    while name in _NATIVE and opened and opened[-1][1]:
        opened.pop()
    foreign = bool(opened and opened[-1][1]) or name in _FOREIGN
    if ends_itself if foreign else name in _FLAT:
        return
    if opened and opened[-1][0] in _SIBLINGS.get(name, ()):
        opened.pop()
    opened.append((name, foreign and name not in _WALLS))


def _end(name: bytes, opened: list[tuple[bytes, bool]]) -> bool:
    """Whether an end tag of this name ends anything; that is open no longer then."""
    walls = _WALLS if name in _BLOCKS or name in _WALLS else _BARRED
    for at in range(len(opened) - 1, -1, -1):
        if opened[at][0] == name:
            del opened[at:]
            return True
        if opened[at][0] in walls:
            return False
    return name in _FLAT


def _too_wide(body: bytes) -> int:
    """Where a tag with too many attributes begins; only a long way without ">" can hold one."""
    at, step = 0, 2 * MAX_ATTRIBUTES
    while at + step < len(body):
        end = body.rfind(b">", at, at + step)
        if end < 0:
            end = body.find(b">", at) % (len(body) + 1)  # at the end if there is none
            tag = _START.search(body, at, end)
            if tag and len(body[tag.start() : end].split(None, MAX_ATTRIBUTES)) > MAX_ATTRIBUTES:
                return tag.start()
        at = end + 1
    return len(body)
