"""What sites send becomes plain text: NFC, no markup, nothing invisible that could mislead.

Every function takes any ``str`` (lone surrogates, 1 MB of "<", marks piled on marks) in time
linear in its length. There is no HTML parser here: ``html.parser`` is quadratic on broken
markup, and of markup we need only where text, blocks, quotations and links begin and end.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata

MAX_TEXT = 20_000  #: characters of a post that are kept
MAX_HTML = 1_000_000  #: characters of markup that are looked at

_BREAKS_OFF = re.compile(
    r"(?:(?:…|\.\.\.)\s*\]?|\b(?:read more|continue reading)\b[^\n]{0,120})\W*\Z", re.IGNORECASE
)


def breaks_off(text: str) -> bool:
    """Whether a text ends in "…", "[...]", "Read more" or "Continue reading", not cut by us."""
    return len(text) < MAX_TEXT and bool(_BREAKS_OFF.search(text[-200:]))


# -- plain text ----------------------------------------------------------------------------------

#: C0 and C1 controls but tab and newline, soft hyphen, grapheme joiner, bidi marks, embeddings,
#: overrides and isolates, zero-width space, no-break and word joiner, invisible operators,
#: Hangul fillers, annotation marks, plane-14 tags and selectors, non-characters, surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]+"
)
#: (Non-)joiners shape emoji, Arabic and Indic writing; beside anything older they only hide words.
_SHAPED = r"[\u0590-\u1fff\u2190-\u2bff\u3000-\ufe0f\ufe70-\U0010ffff]"
_JOINERS = re.compile(rf"(?<!{_SHAPED})[\u200c\u200d]+|[\u200c\u200d]+(?!{_SHAPED}|[\u200c\u200d])")
_BREAKS = re.compile("\r\n?|[\u2028\u2029\x85]")
_PILES = re.compile(r"[^\w\s!-~]{17,}")  # where marks can pile up: they are no word characters
_MARKS = 16  #: marks kept on one letter; no writing needs more, and normalising is quadratic


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """NFC text without control, bidi and zero-width characters, at most ``limit`` characters.

    Tab and newline stay; other line ends become newlines. A joiner (ZWJ, ZWNJ) stays between two
    emoji or two letters of a script that is shaped by it, and goes elsewhere. Idempotent.
    """
    if text.isprintable() and _western(text):
        return cut(text.strip(), limit)
    text = text[:MAX_HTML]
    if not text.isprintable():  # as no line end is
        text = _BREAKS.sub("\n", text)
    text = _UNSEEN.sub("", text)
    if not text.isascii():
        text = _nfc(text)
        if "\u200c" in text or "\u200d" in text:
            text = _nfc(_JOINERS.sub("", text))
    return cut(text.strip(), limit)


def _western(text: str) -> bool:
    """Whether nothing in a printable text could need cleaning, told fast."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _nfc(text: str) -> str:
    thin = _PILES.sub(lambda pile: _thinned(pile[0]), text)
    return unicodedata.normalize("NFC", thin)


def _thinned(pile: str) -> str:
    kept, marks = [], 0
    for char in pile:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MARKS:
            kept.append(char)
    return "".join(kept)


# -- cutting -------------------------------------------------------------------------------------

_LOOK_BACK = 40  #: characters; no sign that people read as one is longer


def cut(text: str, n: int) -> str:
    """At most ``n`` characters of ``text``, the last one "…" where something was left out.

    What is read as one sign (a letter and its marks, an emoji sequence, a flag) stays whole.
    """
    if len(text) <= n:
        return text
    if n <= 0:
        return ""
    at = n - 1
    floor = max(0, at - _LOOK_BACK)
    while at > floor and _inside(text, at):
        at -= 1
    return text[:at].rstrip() + "…"


def around(text: str, passage: str, n: int) -> str:
    """At most ``n`` characters of ``text``; they begin at ``passage`` if it would be cut off."""
    start = text.replace("’", "'").find(passage.removesuffix("…"))  # as a model read it
    if start <= 0 or len(text) <= n or start + len(passage) < n:
        return cut(text, n)
    return cut("… " + text[start:], n)


def _inside(text: str, at: int) -> bool:
    """Whether the gap before ``text[at]`` lies within one sign."""
    before, after = text[at - 1], text[at]
    if before == "\u200d" or after in "\u200c\u200d\ufe0e\ufe0f\u20e3":
        return True
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        return _flag_halves(text, at) % 2 == 1
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    skin_tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    return skin_tone or unicodedata.category(after) in ("Mn", "Me", "Mc")


def _flag_halves(text: str, at: int) -> int:
    """Regional indicators in a row just before ``at``, as far as we look back."""
    count = 0
    while count < min(_LOOK_BACK, at) and "\U0001f1e6" <= text[at - 1 - count] <= "\U0001f1ff":
        count += 1
    return count


# -- markup --------------------------------------------------------------------------------------

_BLOCK_NAMES = (
    "address article aside body br caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main "
    "menu nav ol optgroup option p pre section select summary table tbody tfoot thead title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CELLS = frozenset(("td", "th", "button", "input", "img", "video", "audio", "canvas"))
#: What a browser never shows as text, with the end of each.
_HIDDEN = {
    name: re.compile(f"</{name}", re.IGNORECASE)
    for name in ("script", "style", "template", "iframe", "noembed", "noframes", "svg", "math")
}
_OPENING = re.compile(r"<(?=/?[a-zA-Z]|!--|![a-zA-Z\[]|\?[a-zA-Z])")
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)((?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+)>")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>")  # quotes do not match up: ignore them
_HREF = re.compile(r"""(?i)\bhref\s*+=\s*+["']?\s*+https?://([^\s/?#"'<>\\]++)""")
_EMOJI_ALT = re.compile(r"""(?i)\balt\s*+=\s*+["']([^"'<>]{1,20})["']""")
_ADDRESS = re.compile(r"(?i)https?:$|[^@]+@[^@]+$")
_LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")  # int() refuses thousands of digits
_HOST = re.compile(r"[\w.-]{4,253}")
_MAX_DEPTH = 5  #: quotation levels told apart


def plain(html: str, limit: int = MAX_TEXT, *, links: bool = True) -> str:
    """HTML as NFC text of at most ``limit`` characters, white space folded, one line a block.

    Scripts, styles, templates and comments are dropped, entities decoded, quoted lines begin with
    "> ", an emoji drawn as a picture gives its sign. A link's host follows its words in
    brackets, "see here (shop.example)", unless they show it or ``links`` is False.
    Broken markup loses no more than a browser would. Text without markup keeps its lines.
    """
    if "<" not in html and "&" not in html:
        return clean(_folded(html[:MAX_HTML]), limit)
    writer = _Writer(limit, links=links)
    html = html[:MAX_HTML]
    if "<![CDATA[" in html:
        html = html.replace("<![CDATA[", "").replace("]]>", "")
    _read(html, writer)
    return clean(writer.text(), limit)


_ODD_BLANKS = re.compile(r"  |[^\S\n ]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")


def _folded(text: str) -> str:
    if "\r" in text:
        text = _BREAKS.sub("\n", text)
    if _ODD_BLANKS.search(text):
        text = _BLANKS.sub(" ", text)
    if "\n" in text:
        text = _EMPTY_LINES.sub("\n\n", _LINES.sub("\n", text))
    return text.strip()


def _read(html: str, writer: _Writer) -> None:
    at, tag = 0, _TAG
    while not writer.full and (opening := _OPENING.search(html, at)):
        start = opening.start()
        writer.words(html[at:start])
        if html[start + 1] in "!?":
            at = _after_declaration(html, start)
            continue
        found = tag.match(html, start)
        if found is None and tag is _TAG:
            tag = _LOOSE_TAG  # for good: looking twice at every tag would be quadratic
            found = tag.match(html, start)
        if found is None:
            writer.words(_unclosed(html[start:]))
            return
        at = _tag(html, found, writer)
    writer.words(html[at:])


def _after_declaration(html: str, start: int) -> int:
    """Where a comment, doctype or processing instruction ends; at the end if never."""
    if html.startswith(("<!-->", "<!--->"), start):
        return html.index(">", start) + 1
    end = "-->" if html.startswith("<!--", start) else ">"
    found = html.find(end, start + 2)
    return len(html) if found < 0 else found + len(end)


def _unclosed(rest: str) -> str:
    """A tag that never ends: the stump of one is dropped, words after a "<" are kept."""
    head = rest[:200]
    return "" if "=" in head or " " not in head.strip() else rest


def _tag(html: str, found: re.Match[str], writer: _Writer) -> int:
    """Write one tag's effect; return where reading goes on."""
    closing, name, attributes = found[1] == "/", found[2].lower(), found[3]
    if name in _HIDDEN and not closing:
        end = _HIDDEN[name].search(html, found.end())
        return len(html) if end is None else end.start()
    if name == "a":
        writer.link("" if closing else attributes)
    elif name == "blockquote":
        writer.quote(-1 if closing else 1)
    elif name in _BLOCKS:
        writer.end_line()
    elif name in _CELLS:
        alt = _EMOJI_ALT.search(attributes) if "emoji" in attributes else None
        writer.words(alt[1] if alt else " ")
    elif not closing and _ADDRESS.match(name):
        writer.words(f" {found[0][1:-1]} ")
    return found.end()


class _Writer:
    """Collects lines of words; stops taking more when there is enough."""

    def __init__(self, limit: int, *, links: bool) -> None:
        self.room = 2 * limit + 1000  # what is cleaned away later must not eat the limit
        self.links = links
        self.lines: list[str] = []
        self.parts: list[str] = []
        self.depth = 0
        self.host = ""
        self.link_from = 0

    @property
    def full(self) -> bool:
        return self.room <= 0

    def words(self, raw: str) -> None:
        if not raw or self.full:
            return
        if "&" in raw:
            raw = entities.unescape(_LONG_NUMBER.sub("\ufffd", raw))
        self.parts.append(raw)
        self.room -= len(raw) if not raw.isspace() else 1

    def end_line(self) -> None:
        line = " ".join("".join(self.parts).split())
        self.parts.clear()
        self.link_from = 0
        if line:
            self.lines.append("> " * min(self.depth, _MAX_DEPTH) + line)

    def quote(self, step: int) -> None:
        self.end_line()
        self.depth = max(0, self.depth + step)

    def link(self, attributes: str) -> None:
        """A link begins, or ends where ``attributes`` is empty: then its host is written."""
        shown = "".join(self.parts[self.link_from :]).casefold()
        if self.host and self.host not in shown:
            self.words(f" ({self.host})")
        self.host, self.link_from = self._host(attributes), len(self.parts)

    def _host(self, attributes: str) -> str:
        found = _HREF.search(attributes) if self.links else None
        host = found[1].rpartition("@")[2].partition(":")[0].casefold() if found else ""
        host = host.removeprefix("www.")
        return host if _HOST.fullmatch(host) and "." in host else ""

    def text(self) -> str:
        self.end_line()
        return "\n".join(self.lines)
