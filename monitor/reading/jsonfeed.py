"""JSON Feed, versions 1.0 and 1.1 (https://jsonfeed.org/version/1.1): bytes in, items out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from monitor.reading.items import (
    Feed,
    FeedError,
    Item,
    address,
    as_html,
    collect,
    identity,
    is_teaser,
    rfc3339,
)

_VERSION = re.compile(r"jsonfeed\.org/version/|^1(\.\d)?$")


def read(body: bytes, base_url: str) -> Feed:
    """Read a JSON Feed; relative links are resolved against ``base_url``.

    Raises:
        FeedError
    """
    try:
        feed = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise FeedError("JSON that cannot be read") from None
    if not isinstance(feed.get("items"), list) or not _VERSION.search(_text(feed, "version")):
        raise FeedError("JSON that is no JSON Feed")
    author = _author(feed)
    items, rejected = collect(lambda item: _item(item, base_url, author), feed["items"])
    hub, topic = _hub(feed), _text(feed, "feed_url")
    return Feed(
        items,
        as_html(_text(feed, "title")),
        hub=address(base_url, hub),
        topic=address(base_url, topic) if hub else "",
        rejected=rejected,
    )


def _item(item: Mapping[str, Any], base_url: str, feed_author: str) -> Item:
    link = _text(item, "url") or _text(item, "external_url")
    text = _text(item, "content_html") or as_html(
        _text(item, "content_text") or _text(item, "summary")
    )
    title = as_html(_text(item, "title"))
    date = _text(item, "date_published") or _text(item, "date_modified")
    return Item(
        id=identity(_text(item, "id"), link, title, date or text),
        link=address(base_url, link),
        title=title,
        author=_author(item) or feed_author,
        published=rfc3339(_text(item, "date_published")) or rfc3339(_text(item, "date_modified")),
        html=text,
        teaser=is_teaser(text),
    )


def _hub(feed: Mapping[str, Any]) -> str:
    hubs = feed.get("hubs")
    first = hubs[0] if isinstance(hubs, list) and hubs else None
    return _text(first, "url") if isinstance(first, Mapping) else ""


def _author(holder: Mapping[str, Any]) -> str:
    """Version 1.1 has ``authors``, version 1.0 had ``author``."""
    authors = holder.get("authors") or [holder.get("author")]
    first = authors[0] if isinstance(authors, list) else None
    return _text(first, "name") if isinstance(first, Mapping) else ""


def _text(holder: Mapping[str, Any], key: str) -> str:
    """A value as text: the standard asks to coerce ids that are numbers."""
    value = holder.get(key)
    return str(value) if isinstance(value, str | int | float) else ""
