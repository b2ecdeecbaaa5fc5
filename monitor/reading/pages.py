"""Web pages: bytes in, values out, no network, and no bytes that break or hang it.

Asking whether a page holds a name at all (``tree``, ``words``) costs well under a millisecond for
most; finding its article (``article``) costs twenty times that, so it is only for pages that do.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from monitor.reading.bounds import bounded
from monitor.reading.items import address
from monitor.text import clean

MAX_WORDS = 500_000  #: characters of a page's text
MAX_ARTICLE = 1_000_000  #: bytes that an article is looked for in
MAX_LINKS = 5_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta\s[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
#: What browsers read these as (https://encoding.spec.whatwg.org/#names-and-labels).
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}


def decode(body: bytes, content_type: str) -> str:
    """A page's markup by the charset that browsers would take; what it cannot hold is U+FFFD.

    Args:
        content_type: the header's value, or "".
    """
    body = bounded(body)
    return body.decode(_codec(body, content_type), "replace")


def tree(body: bytes, content_type: str) -> LexborHTMLParser:
    """The page's elements; arguments as for ``decode``."""
    body = bounded(body)
    codec = _codec(body, content_type)
    if codec != "utf-8":
        body = body.decode(codec, "replace").encode("utf-8", "replace")
    return LexborHTMLParser(body)


def _codec(body: bytes, content_type: str) -> str:
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return codec
    told = _CHARSET.search(content_type)
    declared = _META.search(body[:2048])
    name = told[1] if told else declared[1].decode("ascii", "replace") if declared else ""
    try:
        known = codecs.lookup(name).name
        "".encode(known)  # some codecs turn bytes into bytes
    except (LookupError, ValueError):
        return "utf-8" if _is_utf8(body) else "cp1252"
    if known.startswith(("utf-16", "utf-32")) and b"\0" not in body[:100]:
        return "utf-8"  # a declaration that can be read as ASCII is not true
    return _WIDER.get(known, known)


def _is_utf8(body: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # the cut may split a character
    except UnicodeDecodeError:
        return False
    return True


# -- text ----------------------------------------------------------------------------------------

_UNSEEN = ["script", "style", "template", "iframe"]


def words(page: LexborHTMLParser) -> str:
    """All that a person could read on it, its title first: NFC, blanks folded.

    A word that markup divides is two. Scripts and the like are taken out of ``page`` by this.
    """
    page.strip_tags(_UNSEEN, recursive=True)
    root = page.root
    return clean(" ".join(root.text(separator=" ").split()), MAX_WORDS) if root else ""


def article(body: bytes, content_type: str) -> str:
    """The main text of a page, without menus, comments and the like; "" where there is none."""
    from trafilatura import extract

    html = decode(body[:MAX_ARTICLE], content_type)
    try:
        found = extract(html, fast=True, include_comments=False)
    except Exception:  # noqa: BLE001 - it and lxml raise whatever a page makes them
        return ""
    return clean(found or "", MAX_WORDS)


_NO = {"noindex", "none"}
_ROBOTS = 'meta[name="robots" i][content]'


def noindex(page: LexborHTMLParser, header: str = "") -> bool:
    """Whether the page asks not to be kept.

    Args:
        header: value of X-Robots-Tag, "" if not sent; what it tells one robot by name ("googlebot:
            noindex") is not for us.
    """
    metas = (node.attributes.get("content") or "" for node in page.css(_ROBOTS))
    wishes = ",".join([header, *metas]).lower().split(",")
    return any(wish.strip() in _NO for wish in wishes)


@dataclass(frozen=True, slots=True)
class Link:
    """A ``link`` or ``a`` element."""

    url: str  #: absolute, http or https
    rel: frozenset[str]  #: in lower case
    type: str  #: media type it claims, or ""
    title: str  #: one line of plain text, at most 200 characters
    head: bool  #: a ``link`` element


def base(page: LexborHTMLParser, url: str) -> str:
    """What the page's relative links are resolved against; ``url`` is its own address."""
    node = page.css_first("base[href]")
    return address(url, node.attributes.get("href") or "") or url if node else url


def links(page: LexborHTMLParser, url: str) -> list[Link]:
    """The links of a page at ``url``, in its order, at most MAX_LINKS."""
    found, start = [], base(page, url)
    for node in page.css("link[href][rel], a[href]")[:MAX_LINKS]:
        given = {name: value or "" for name, value in node.attributes.items()}
        if target := address(start, given["href"]):
            rel = frozenset(given.get("rel", "").lower().split())
            media_type = given.get("type", "").partition(";")[0].strip().lower()
            title = " ".join(clean(given.get("title", ""), 200).split())
            found.append(Link(target, rel, media_type, title, node.tag == "link"))
    return found
