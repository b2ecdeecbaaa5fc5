"""Reviews in web pages: schema.org Review as JSON-LD or microdata (https://schema.org/Review).

A page is read like a feed whose items are its reviews. JSON-LD may be a list, a @graph or nested,
with references by @id, and damaged in the ways that people damage it; microdata counts only where
there is no JSON-LD review, since pages that have both say the same thing twice.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.reading import pages
from monitor.reading.items import (
    Feed,
    FeedError,
    Item,
    address,
    as_html,
    collect,
    identity,
    likely,
    short,
)
from monitor.reading.links import canonical
from monitor.reading.walls import is_wall
from monitor.text import plain

MAX_NESTING = 10  #: microdata items inside one another
MAX_PROPERTIES = 20  #: of one

_REVIEWS = {"Review", "UserReview", "CriticReview", "EmployerReview"}
_REVIEWABLE = {"aggregateRating", "offers", "review", "reviews"}  #: properties of what can be
_UNDER = {"review", "reviews"}  #: where a review may stand that does not say what it is


def read(body: bytes, content_type: str, base_url: str, _known: str = "") -> Feed:
    """Read the reviews of a page, all of them each time.

    Args:
        body: as sent, unpacked.
        content_type: the header's value or "".
        base_url: the page's own address.

    Raises:
        FeedError: nothing is marked up there.
    """
    page = pages.tree(body, content_type)
    try:
        graph, found = _found(page, body)
    except RecursionError:
        raise FeedError("markup that is nested beyond all measure") from None
    if not found and not graph.reviewable:
        if is_wall(body):
            raise FeedError("a login or captcha page", blocked=True)
        raise FeedError("a page without review markup")
    base = pages.base(page, base_url)
    items, rejected = collect(lambda node: _item(graph, node, base), found)
    return Feed(_told_apart(items), _about(graph, found), rejected=rejected)


def _found(page: LexborHTMLParser, body: bytes) -> tuple[_Graph, list[dict[str, Any]]]:
    graph = _Graph()
    found = graph.reviews(_json_ld(page))
    if not found and b"itemscope" in body:
        found = graph.reviews(_microdata(page))
    return graph, found


# -- JSON-LD -------------------------------------------------------------------------------------


def _json_ld(page: LexborHTMLParser) -> list[Any]:
    scripts = page.css('script[type^="application/ld+json" i]')
    return [value for script in scripts for value in _values(script.text())]


def _values(text: str) -> Iterator[Any]:
    """The JSON values of a script: usually one; none of what cannot be mended."""
    with suppress(ValueError, RecursionError):
        yield json.loads(text, strict=False)
        return
    text, decoder = _mended(text), json.JSONDecoder(strict=False)
    at = 0
    with suppress(ValueError, RecursionError):
        while between := _BETWEEN.match(text, at):
            value, at = decoder.raw_decode(text, between.end())
            yield value


_BETWEEN = re.compile(r"[\s;,\ufeff]*+")


#: A string (kept), a comment, the marks that hide a script, or a comma that nothing follows.
_LOOSE = re.compile(
    r"(\"(?:\\.|[^\"\\])*+\"?)|/\*(?:(?!\*/).)*+(?:\*/)?|//[^\n]*+|<!--|-->|<!\[CDATA\[|\]\]>"
    r"|,(?=(?:\s|/\*(?:(?!\*/).)*+\*/|//[^\n]*+\n)*+[\]}])",
    re.DOTALL,
)


def _mended(text: str) -> str:
    return _LOOSE.sub(lambda found: found[1] or "", text)


# -- microdata -----------------------------------------------------------------------------------


def _microdata(page: LexborHTMLParser) -> list[Any]:
    """The outermost items, shaped as JSON-LD (https://html.spec.whatwg.org/#microdata)."""
    root = page.root
    return [_microdata_item(root, 0)] if root else []


def _microdata_item(element: LexborNode, nesting: int) -> dict[str, Any]:
    given = element.attributes
    item: dict[str, Any] = {"@type": (given.get("itemtype") or "").split()}
    if given.get("itemid"):
        item["@id"] = given["itemid"]
    if nesting > MAX_NESTING:
        return item
    waiting = [*element.iter()][::-1]
    while waiting:
        child = waiting.pop()
        attributes = child.attributes
        names, within = (attributes.get("itemprop") or "").split(), "itemscope" in attributes
        if within:
            inner = _microdata_item(child, nesting + 1)
            for name in names or ["@graph"]:
                item.setdefault(name, []).append(inner)
        else:
            if len(item) < MAX_PROPERTIES and not item.keys() >= {*names}:
                value = _microdata_value(child)
                item = {name: [value] for name in names} | item
            waiting.extend([*child.iter()][::-1])
    return item


_VALUES = ("content", "datetime", "href", "src", "value")


def _microdata_value(element: LexborNode) -> str:
    given = element.attributes
    value = next((v for name in _VALUES if (v := given.get(name))), None)
    return plain(element.html or "") if value is None else value


# -- what is said --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Graph:
    """All that a page marks up, and what its references refer to."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)  #: by @id
    reviewable: bool = False  #: something there could have reviews

    def reviews(self, values: list[Any]) -> list[dict[str, Any]]:
        """Its reviews in the page's order, each with what it is about where that is known."""
        walked = list(_walk(values))
        for node, _, _ in walked:
            self.reviewable = self.reviewable or not node.keys().isdisjoint(_REVIEWABLE)
            self._take(node)
        found: dict[int, dict[str, Any]] = {}
        for node, under, about in walked:
            whole = self._whole(node)
            if _is_review(whole, under):
                found.setdefault(id(whole), {"itemReviewed": about} | whole)
        return list(found.values())

    def _take(self, node: dict[str, Any]) -> None:
        """Nodes of one @id are one, unless they contradict each other."""
        if "@id" not in node:
            return
        known = self.nodes.setdefault(_text(node["@id"]), node)
        if all(known[key] == node[key] for key in known.keys() & node.keys()):
            known.update(node)

    def _whole(self, node: dict[str, Any]) -> dict[str, Any]:
        known = self.nodes[_text(node["@id"])] if "@id" in node else node
        return known if all(known.get(key) == value for key, value in node.items()) else node

    def value(self, node: Mapping[str, Any], *names: str) -> Any:
        """The first value of the first of these properties that has one, references followed."""
        for name in names:
            value = _first(node.get(name))
            if isinstance(value, dict) and value.keys() <= {"@id", "@type"}:
                value = self.nodes.get(_text(value.get("@id")), value)
            if value not in (None, "", {}):
                return value
        return None

    def text(self, node: Mapping[str, Any], *names: str) -> str:
        """Such a value as text: of a thing, its name."""
        value = self.value(node, *names)
        return _text(self.value(value, "name")) if isinstance(value, dict) else _text(value)


def _walk(values: Iterable[Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every node in the page's order, with the property and the name of what it stands under."""
    waiting = [(value, "", "") for value in values][::-1]
    while waiting:
        value, under, about = waiting.pop()
        if isinstance(value, list):
            waiting.extend([(each, under, about) for each in value][::-1])
        elif isinstance(value, dict):
            node = {_short(key): each for key, each in value.items()}
            yield node, under, about
            name = _text(_first(node.get("name")))
            waiting.extend([(each, key, name) for key, each in node.items()][::-1])


def _short(name: str) -> str:
    """A term of schema.org without its prefix or address."""
    return re.sub(r"^(?:schema:|https?://(?:www\.)?schema\.org/)", "", name)


def _types(node: Mapping[str, Any]) -> set[str]:
    given = node.get("@type")
    return {
        _short(t) for t in (given if isinstance(given, list) else [given]) if isinstance(t, str)
    }


def _is_review(node: Mapping[str, Any], under: str) -> bool:
    if types := _types(node):
        return not types.isdisjoint(_REVIEWS)
    return under in _UNDER and not node.keys().isdisjoint({"reviewBody", "reviewRating"})


def _first(value: Any) -> Any:
    while isinstance(value, list):
        value = next((each for each in value if each not in (None, "", [], {})), None)
    if isinstance(value, dict):
        value = {_short(key): each for key, each in value.items()}
        return value.get("@value", value)
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


_TAGS = re.compile(r"</[a-zA-Z]+>|<[a-zA-Z]+\s[^<>]*=|<(?:br|p)\s*/?>")


def _html(text: str) -> str:
    """As HTML: JSON-LD holds plain text by the book, and escaped or bare HTML as often as not."""
    text = html.unescape(text)
    return text if _TAGS.search(text) else as_html(text)


def _item(graph: _Graph, node: dict[str, Any], base: str) -> Item:
    own = _own(_text(node.get("@id")), base) or _own(graph.text(node, "url"), base)
    item = Item(
        id=own,
        link=address(base, graph.text(node, "url") or own) or base,
        title=_html(graph.text(node, "name", "headline")),
        author=graph.text(node, "author", "creator"),
        published=_date(graph.text(node, "datePublished", "dateCreated")),
        html=_html(graph.text(node, "reviewBody", "description", "text")),
        rating=_rating(graph, node),
    )
    if not item.title and not item.html and item.rating is None:
        raise ValueError("a review that says nothing")
    return replace(item, id=short(own) or _said(item))


def _own(given: str, base: str) -> str:
    """What a review alone is known by; neither the page's own address nor a blank node."""
    target, _, fragment = address(base, given).partition("#")
    same = not fragment and canonical(target) == canonical(base)
    return "" if given.startswith("_:") or same else given


def _said(item: Item) -> str:
    """The id of a review that has none: another one where it was edited."""
    return identity(
        "", "", item.author, f"{item.published}\n{item.html or item.title or item.rating}"
    )


def _told_apart(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Each review once, and under no id that is not its own.

    An id that several reviews have is none; nor are ids that count them from 0 on, as some plugins
    write them: the next review would be taken for one that is known.
    """
    named = {_said(item) for item in items if item.id != _said(item)}
    once = {
        (item.id, said): item
        for item in items
        if (said := _said(item)) != item.id or said not in named
    }
    number = Counter(own for own, _ in once)
    counted = all(re.search(rf"(?<!\d){n}$", own) for n, (own, _) in enumerate(once))
    return tuple(
        replace(item, id=said) if counted or number[own] > 1 else item
        for (own, said), item in once.items()
    )


def _about(graph: _Graph, found: list[dict[str, Any]]) -> str:
    """What the reviews are about, as HTML; "" where that is not one thing."""
    names = {graph.text(node, "itemReviewed") for node in found} - {""}
    return _html(names.pop()) if len(names) == 1 else ""


_MARK = re.compile(
    r"\s*(-?\d{1,6}(?:[.,]\d{1,6})?)\s*(?:(?:/|out of|of|von|sur|de|van|su)\s*(\d{1,6})|(%))?"
)


def _rating(graph: _Graph, node: dict[str, Any]) -> float | None:
    """0.0 (worst) to 1.0; schema.org takes 1 to 5 for granted. None outside of its own scale."""
    given = graph.value(node, "reviewRating")
    holder = given if isinstance(given, dict) else node
    found = _MARK.match(graph.text(holder, "ratingValue") or _text(given))
    if found is None:
        return None
    top = found[2] or ("100" if found[3] else "")
    best = _number(graph.text(holder, "bestRating") or top, 5.0)
    worst = _number(graph.text(holder, "worstRating"), 0.0 if found[3] or best <= 1 else 1.0)
    share = (_number(found[1], 0.0) - worst) / (best - worst) if best != worst else -1.0
    return share if 0 <= share <= 1 else None


def _number(text: str, usual: float) -> float:
    found = _MARK.match(text)
    return float(found[1].replace(",", ".")) if found else usual


_DATES = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%d.%m.%Y", "%Y/%m/%d")


def _date(text: str) -> datetime | None:
    forms = (partial(_in_form, form=form) for form in _DATES)
    readers: list[Callable[[str], datetime]]
    readers = [datetime.fromisoformat, parsedate_to_datetime, *forms]
    for reader in readers:
        with suppress(ValueError, OverflowError):
            moment = reader(text)
            return likely(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _in_form(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)
