"""Feeds: bytes in, items out, no network, and no bytes that break it.

RSS, Atom and RDF are read by feedparser, JSON Feed by ``jsonfeed``. Every item that feedparser
finds is an item here, in the feed's order; where it finds none or stumbles over bytes that are
well known to be wrong, a mended copy is read instead. Items that are known already are cut out
before it sees them (``slices``): the others come out as they do of the whole.
"""

from __future__ import annotations

import codecs
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from time import struct_time
from typing import Any

import feedparser

from monitor.reading import jsonfeed, slices, walls
from monitor.reading.items import (
    Feed,
    FeedError,
    Item,
    Pace,
    address,
    as_html,
    collect,
    identity,
    is_teaser,
    likely,
    short,
)
from monitor.reading.slices import Slices

_FEED = re.compile(rb"<(?:[\w-]+:)?(?:rss|feed|rdf|channel|item|entry)[\s>/]", re.IGNORECASE)
_ENTRY = re.compile(rb"<(?:([\w-]+):)?(?:item|entry)[\s>]", re.IGNORECASE)
_END = re.compile(rb"</(?:[\w-]+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_TEXT_TYPES = {"text/plain", "text/html", "application/xhtml+xml"}


def read(body: bytes, content_type: str, base_url: str, known: str = "") -> Feed:
    """Read a feed of any kind.

    Args:
        body: as sent, unpacked. feedparser takes about 0.25 s of CPU a MB, and minutes for
            some that are made to be slow.
        content_type: the header's value or ""; its charset counts.
        base_url: relative links are resolved against it. Ids are not, they must not change
            with the address that the feed is fetched by.
        known: ``Feed.marks`` of earlier. The feed's items are then those with other marks; all
            of them where it can only be read whole.

    Raises:
        FeedError
    """
    if not body.strip(b" \t\r\n\0"):
        raise FeedError("an empty page")
    if body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        return jsonfeed.read(body, base_url)
    whole = slices.cut(body, content_type)
    new = whole and _read_new(whole, content_type, base_url, known)
    return new or _read(body, content_type, base_url)[0]


def _read_new(whole: Slices, content_type: str, base_url: str, known: str) -> Feed | None:
    """The items that are not known; None where a part cannot be told from the whole."""
    part, left = whole.without(known)
    try:
        feed, found = _read(part, content_type, base_url)
    except FeedError:
        return None
    if found == left:
        return replace(feed, marks="".join(whole.marks), cut_off=False)
    return feed if part == whole.body else None


def _read(body: bytes, content_type: str, base_url: str) -> tuple[Feed, int]:
    """A feed in XML, and how many items feedparser found in it."""
    narrow = body.replace(b"\0", b"")  # so that patterns find their way in UTF-16 and UTF-32
    parsed = _parsed(body, narrow, content_type.lower()) if _FEED.search(narrow) else {}
    if not parsed.get("entries") and not parsed.get("version"):
        raise _no_feed(narrow)
    about, entries = parsed["feed"], parsed["entries"]
    author = _author(about) if parsed["version"].startswith("atom") else ""  # RFC 4287, 4.2.1
    items, rejected = collect(lambda entry: _item(entry, base_url, author), entries)
    hub = address(base_url, _linked(about, "hub"))
    feed = Feed(
        items,
        title=_html(about, "title"),
        pace=_pace(about, narrow),
        hub=hub,
        topic=address(base_url, _linked(about, "self")) if hub else "",
        rejected=rejected,
        cut_off=not _END.search(narrow),
    )
    return feed, len(entries)


def _no_feed(narrow: bytes) -> FeedError:
    page = walls.page(narrow)
    return FeedError(page or "something that is no feed", blocked=bool(page))


# -- parsing and mending -------------------------------------------------------------------------


def _parsed(body: bytes, narrow: bytes, content_type: str) -> Mapping[str, Any]:
    """What feedparser reads, of a mended copy where it reads nothing."""
    first = _feedparser(body, content_type)
    if first is not None and (first["entries"] or (first["version"] and not _ENTRY.search(narrow))):
        return first
    second = _feedparser(_mended(body), content_type.partition(";")[0])
    if second is not None and (first is None or second["entries"] or not first["version"]):
        return second
    if first is None:
        raise FeedError("XML that cannot be read")
    return first


def _feedparser(body: bytes, content_type: str) -> Mapping[str, Any] | None:
    """Parse bytes, never an address or a file name. None: feedparser broke on them."""
    try:
        parsed: Mapping[str, Any] = feedparser.parse(
            BytesIO(body),
            response_headers={"content-type": content_type},
            resolve_relative_uris=False,  # our texts keep no relative links; saves 40 % of CPU
            sanitize_html=True,
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it raises whatever its codecs and parsers do
        return None
    return parsed


_REFERENCE = re.compile(rb"&#(?:x([0-9a-f]{1,4000})|([0-9]{1,4000}));?", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?[^>]*?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")


def _mended(body: bytes) -> bytes:
    """The document with what feedparser cannot stand made good.

    That is: references to no character, all but a usable encoding before the root element, and
    a namespace prefix that is declared nowhere.
    """
    body = _REFERENCE.sub(_real_reference, body)
    root = _FEED.search(body)
    if root is None:
        return body
    prolog, rest = body[: root.start()], body[root.start() :]
    entry = _ENTRY.search(rest)
    prefix = entry[1] if entry else None
    if prefix and b"xmlns:" + prefix not in rest:
        rest = re.sub(rb"(</?|\s)" + prefix + rb":(?=\w)", rb"\1", rest)
    return b'<?xml version="1.0" encoding="' + _encoding(prolog[:4096]) + b'"?>\n' + rest


def _real_reference(found: re.Match[bytes]) -> bytes:
    code = int(found[1], 16) if found[1] else int(found[2])
    real = 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF
    return found[0] if real else b"&#xFFFD;"


def _encoding(prolog: bytes) -> bytes:
    """The declared encoding where Python knows it, else UTF-8."""
    found = _DECLARED.search(prolog)
    name = found[1] if found else b"utf-8"
    try:
        b"<rss>".decode(name.decode("ascii"))
    except (LookupError, ValueError):
        return b"utf-8"
    return name


# -- entries -------------------------------------------------------------------------------------


def _item(entry: Any, base_url: str, feed_author: str) -> Item:
    link, title, text = _link(entry), _html(entry, "title"), _text(entry)
    date = dict.get(entry, "published") or dict.get(entry, "updated") or ""
    return Item(
        id=identity(entry.get("id") or "", link, title, date or text),
        link=address(base_url, link),
        title=title,
        author=_author(entry) or feed_author,
        published=_when(entry),
        html=text,
        comment_feed=address(base_url, _comment_feed(entry)),
        comment_count=_comment_count(entry),
        in_reply_to=_in_reply_to(entry),
        teaser=is_teaser(text) or ("comments" in entry and not entry.get("content")),
    )


def _link(entry: Any) -> str:
    """Its permalink as written; where it has none, feedparser gives its id out as one."""
    alternates = [a.get("href") for a in entry.get("links") or () if a.get("rel") == "alternate"]
    link = entry.get("link") or next(filter(None, alternates), "")
    borrowed = link == entry.get("id") and link not in alternates
    return "" if borrowed and "://" not in link else str(link)


def _html(holder: Any, key: str) -> str:
    """A title or summary as HTML, whatever type it was declared to be."""
    detail = holder.get(f"{key}_detail") or {}
    return _as_typed(holder.get(key) or "", detail.get("type"))


def _text(entry: Any) -> str:
    contents = [c for c in entry.get("content") or () if c.get("type") in _TEXT_TYPES]
    found = [_as_typed(c.get("value") or "", c["type"]) for c in contents]
    return max([*found, _html(entry, "summary")], key=len)


_MARKUP = re.compile(r"</[a-zA-Z]+>|<[a-zA-Z]+\s[^<>]*=")  # a closing tag or an attribute


def _as_typed(value: str, media_type: str | None) -> str:
    """As HTML: "plain" text is taken at its word only where it looks so."""
    return as_html(value) if media_type == "text/plain" and not _MARKUP.search(value) else value


_MAILBOX = re.compile(r"\S+@\S+\s+\((.+)\)|([^(<]+)[(<]\S+@\S+[)>]", re.DOTALL)


def _author(holder: Any) -> str:
    """The name in "ana@blog.example (Ana)", "Ana (ana@blog.example)" or "Ana"."""
    author = (holder.get("author") or "")[:500].strip()
    if found := _MAILBOX.fullmatch(author):
        return str(found[1] or found[2]).strip()
    name = (holder.get("author_detail") or {}).get("name")  # without an address of another form
    return str(name or author)[:500].strip()


def _when(entry: Any) -> datetime | None:
    for key in ("published_parsed", "updated_parsed", "created_parsed"):
        stamp = dict.get(entry, key)  # its own get() takes one date for another, with a warning
        if stamp and (moment := _utc(stamp)):
            return moment
    return None


def _utc(stamp: struct_time) -> datetime | None:
    try:
        return likely(datetime.fromtimestamp(timegm(stamp), UTC))
    except (ValueError, OverflowError):
        return None


def _in_reply_to(entry: Any) -> str | None:
    """RFC 4685; feedparser keeps the element under the document's own prefix."""
    found = (v for k, v in entry.items() if k.endswith("_in-reply-to") and isinstance(v, Mapping))
    ref = next(found, {}).get("ref")
    return short(ref) if ref else None


def _comment_feed(entry: Any) -> str:
    """WordPress: wfw:commentRss; Atom and Blogger: a link to the replies (RFC 4685, 4)."""
    return entry.get("wfw_commentrss") or _linked(entry, "replies", _FEED_TYPES)


def _comment_count(entry: Any) -> int | None:
    """slash:comments, else thr:total or thr:count (RFC 4685, 5 and 4)."""
    counted = [link.get("thr:count") for link in entry.get("links") or ()]
    for given in (entry.get("slash_comments"), entry.get("thr_total"), *counted):
        if isinstance(given, str) and re.fullmatch(r"[0-9]{1,7}", given):
            return int(given)
    return None


_FEED_TYPES = ("application/atom+xml", "application/rss+xml")


def _linked(holder: Any, rel: str, types: tuple[str, ...] = ()) -> str:
    """Where its first link of this relation, and of one of these types, leads; "" if nowhere."""
    for link in holder.get("links") or ():
        if link.get("rel") == rel and (not types or link.get("type") in types):
            return link.get("href") or ""
    return ""


# -- the publisher's pace ------------------------------------------------------------------------

_PERIODS = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720, "yearly": 8760}  # in hours
_WORDPRESS = ("hourly", "1")  # said by each of its feeds, whatever the site publishes
_DAYS = (b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday")


def _pace(about: Any, narrow: bytes) -> Pace:
    ttl = about.get("ttl") or ""
    wait = timedelta(minutes=int(ttl)) if re.fullmatch(r"[0-9]{1,7}", ttl) else timedelta()
    hours = re.findall(rb">\s*([0-9]{1,2})\s*<", _skipped(b"hours", narrow))
    days = re.findall(rb">\s*([a-z]{6,9})\s*<", _skipped(b"days", narrow))
    return Pace(
        every=max(wait, _period(about)) or None,
        skip_hours=frozenset(int(hour) % 24 for hour in hours if int(hour) <= 24),
        skip_days=frozenset(_DAYS.index(day) for day in days if day in _DAYS),
    )


def _skipped(what: bytes, narrow: bytes) -> bytes:
    """feedparser keeps but the last of several hours or days."""
    found = re.search(b"<skip" + what + rb"\s*>", narrow, re.IGNORECASE)
    return narrow[found.end() :][:5000].lower().partition(b"</skip")[0] if found else b""


def _period(about: Any) -> timedelta:
    """Of the syndication module (web.resource.org/rss/1.0/modules/syndication/)."""
    said = (about.get("sy_updateperiod") or "").lower(), about.get("sy_updatefrequency") or "1"
    known = said[0] in _PERIODS and re.fullmatch(r"[1-9][0-9]{0,3}", said[1])
    if not known or said == _WORDPRESS:
        return timedelta()
    return timedelta(hours=_PERIODS[said[0]]) / int(said[1])
