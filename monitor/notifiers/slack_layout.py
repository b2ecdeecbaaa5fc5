"""A card as a Slack message: pure, within every limit, and deaf to what the quoted text orders.

The customer's words stand in ``rich_text`` text elements, which Slack does not parse. What else
comes from outside is cleaned, cut, then escaped, in this order, so that no entity is cut apart.
A link is only ever the ``url`` of a button. Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor import text
from monitor.domain import Card, Quote

Body = dict[str, Any]  #: the arguments ``text`` and ``blocks`` of chat.postMessage and chat.update

TEXT = 900  #: characters of the top-level text; Slack's own limit for chat.update is 4,000
WHOLE = 12_000  #: characters of text and blocks as JSON; Slack refuses near 13,200, unpublished
SHOWN = 3  #: quotes on a card: the first and the newest
_HEADER, _NAME, _WORDS, _ALONE, _AMONG = 140, 120, 200, 1_200, 420

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LINK = re.compile(r'https?://[^\s<>|"]{1,2990}')
_LIGHTS = {"open": "🔴", "acknowledged": "🟠", "resolved": "🟢"}
_GRADES = {"critical": "Critical complaint", "high": "High complaint", "normal": "Complaint"}


def message(card: Card, *, repeated: bool = False) -> Body:
    """The card in full. ``repeated``: an earlier copy of it may already stand in the channel."""
    blocks = [_header(card), _quotes(card), _facts(card), _links(card), _status(card, repeated)]
    return {"text": _summary(card, repeated), "blocks": [b for b in blocks if b]}


def plain(card: Card, *, repeated: bool = False) -> Body:
    """The same in the simplest blocks there are, for a Slack that refused ``message``."""
    said = {"type": "plain_text", "text": _summary(card, repeated), "emoji": False}
    blocks = [_header(card), {"type": "section", "block_id": "said", "text": said}, _links(card)]
    return {"text": _summary(card, repeated), "blocks": [b for b in blocks if b]}


def escape(raw: str) -> str:
    """Slack's three control characters as entities: no ping, no link, no date comes of it."""
    return "".join(_ESCAPES.get(c, c) for c in raw)


def fit(raw: str, most: int) -> str:
    """One cleaned and escaped line of at most ``most`` characters, escapes counted."""
    line, shown = _line(raw), most
    while len(escaped := escape(text.cut(line, shown))) > most:
        shown -= max(1, (len(escaped) - most) // 5)  # "&amp;" is the longest escape
    return escaped


def link(url: str) -> str:
    """``url`` if a button may carry it, else ""."""
    return url if _LINK.fullmatch(url) and text.clean(url) == url else ""


def counted(card: Card) -> str:
    """``3 posts · 2 sources``"""
    sources = len(card.sources)
    several = f" · {sources} sources" if sources > 1 else ""
    return f"{_posts(card.incident.posts)}{several}"


def _posts(number: int) -> str:
    return "1 post" if number == 1 else f"{number} posts"


def _line(raw: str) -> str:
    return " ".join(text.clean(raw).split())


def _title(card: Card) -> str:
    """``High complaint · Acme · broken link · 3 posts · 2 sources``"""
    incident = card.incident
    parts = [_GRADES[incident.severity], incident.brand, card.topic]
    return " · ".join([*(_line(p) for p in parts if p), counted(card)])


def _state(card: Card) -> str:
    incident = card.incident
    if incident.state == "open":
        return "⏳ Nobody is on it yet"
    if incident.state == "auto-closed":
        return "⚪ Closed: nothing new was said"
    owner = f": {incident.owner}" if incident.owner else ""
    return f"{_LIGHTS.get(incident.state, '⚪')} {incident.state.capitalize()}{owner}"


def _summary(card: Card, repeated: bool) -> str:
    """All of it in one line: what notifications show and screen readers read."""
    again = "(possibly repeated) " if repeated else ""
    ends = f" {_state(card)}. {card.incident.id}"
    newest = card.quotes[-1] if card.quotes else None
    if newest is None:
        return fit(f"{again}{_title(card)}.{ends}", TEXT)
    head = fit(f"{again}{_title(card)}. {_signed(newest)}:", TEXT // 3)
    tail = fit(ends, TEXT // 6)
    said = fit(f"{newest.title} {newest.text}", TEXT - len(head) - len(tail) - 6)
    return f"{head} “{said or '(no text)'}” {tail}"


def _signed(quote: Quote) -> str:
    author = text.cut(_line(quote.author), _NAME) or "Somebody"
    return f"{author} on {text.cut(_line(quote.source), _NAME)}"


def _header(card: Card) -> Body:
    light = _LIGHTS.get(card.incident.state, "⚪")
    title = {"type": "plain_text", "text": fit(f"{light} {_title(card)}", _HEADER), "emoji": True}
    return {"type": "header", "block_id": "head", "text": title}


def _quotes(card: Card) -> Body | None:
    shown = [*card.quotes[:1], *card.quotes[1:][-(SHOWN - 1) :]]
    if not shown:
        return None
    most = _ALONE if len(shown) == 1 else _AMONG
    parts: list[Body] = []
    for number, quote in enumerate(shown):
        if len(shown) > 1:
            label = ("First: " if number == 0 else "New: ") + _signed(quote)
            parts.append({"type": "rich_text_section", "elements": [_words(label)]})
        parts.append({"type": "rich_text_quote", "elements": _said(quote, most)})
    return {"type": "rich_text", "block_id": "quotes", "elements": parts}


def _said(quote: Quote, most: int) -> list[Body]:
    title = text.cut(_line(quote.title), _WORDS)
    said = text.around(text.clean(quote.text), quote.sentence, most)
    bold = [_words(title + "\n", bold=True)] if title and not said.startswith(title) else []
    return [*bold, _words(said.strip() or "(no text)")]


def _words(literal: str, *, bold: bool = False) -> Body:
    style = {"style": {"bold": True}} if bold else {}
    return {"type": "text", "text": literal, **style}


def _facts(card: Card) -> Body:
    incident, only = card.incident, card.quotes[0] if len(card.quotes) == 1 else None
    why = [incident.reason, *dict.fromkeys(w for q in card.quotes for w in q.why)]
    told = {"Why flagged": fit(" · ".join(why), _WORDS)}
    if only and incident.posts == 1:
        told["Author"] = fit(only.author, _NAME) or "not named"
        told["Posted"] = _date(only.published_at) or "no date given"
    else:
        told["First post"] = _date(card.first_published_at) or _date(incident.opened_at)
        told["Newest post seen"] = _date(incident.last_at)
    told["Sources"] = fit(", ".join(_per_source(card.sources)), _WORDS) or "none"
    if card.also:
        told["Also on"] = fit(", ".join(card.also), _WORDS)
    fields = [_mrkdwn(f"*{name}*\n{value}") for name, value in told.items()]
    return {"type": "section", "block_id": "facts", "fields": fields}


def _per_source(sources: Sequence[tuple[str, int]]) -> Iterator[str]:
    for name, posts in sources:
        yield f"{text.cut(_line(name), _NAME)} {posts}" if len(sources) > 1 else name


def _date(at: datetime | None) -> str:
    """Shown in each reader's own time zone; the fallback is UTC."""
    if at is None:
        return ""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def _links(card: Card) -> Body | None:
    """Only doors to the posts themselves; ``Newest post`` once there is more than one."""
    doors = {"open": ("Open post", link(card.quotes[0].url) if card.quotes else "")}
    if len(card.quotes) > 1:
        doors["open_newest"] = ("Newest post", link(card.quotes[-1].url))
    buttons: list[Body] = [
        {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": label},
            "url": url,
        }
        for action, (label, url) in doors.items()
        if url
    ]
    return {"type": "actions", "block_id": "links", "elements": buttons} if buttons else None


def _status(card: Card, repeated: bool) -> Body:
    parts = [_state(card), card.incident.id]
    more = card.incident.posts - min(len(card.quotes), SHOWN)
    if more > 0:
        parts.insert(1, f"and {_posts(more)} more")
    if repeated:
        parts.append("possibly repeated: Slack did not say whether the first copy arrived")
    line = fit(" · ".join(parts), 2 * _WORDS)
    return {"type": "context", "block_id": "status", "elements": [_mrkdwn(line)]}


def _mrkdwn(escaped: str) -> Body:
    """``verbatim``: bare addresses and names in it do not become links."""
    return {"type": "mrkdwn", "text": escaped, "verbatim": True}


# -- the one validator ---------------------------------------------------------------

_LIMITS: Mapping[str, int] = {  #: characters of a text object, by where it stands
    "header.text": 150,
    "section.text": 3_000,
    "section.fields": 2_000,
    "context.elements": 3_000,
    "rich_text.text": 3_000,
    "actions.text": 75,
}
_COUNTS: Mapping[str, int] = {"section.fields": 10, "context.elements": 10, "actions.elements": 25}
_NAMES: Mapping[str, int] = {"block_id": 255, "action_id": 255, "value": 2_000, "url": 3_000}


def problems(body: Body) -> list[str]:
    """Every limit of Slack that ``body`` breaks, as ``place: what``; [] if none."""
    blocks = body["blocks"]
    found = [*_length("text", body["text"], TEXT), *_number("blocks", blocks, 50)]
    for number, block in enumerate(blocks):
        found += (f"blocks/{number}/{p}" for p in _block(block))
    ids = [b["block_id"] for b in blocks]
    if len(set(ids)) != len(ids):
        found.append("blocks: a block_id stands twice")
    whole = len(json.dumps(body, ensure_ascii=False))
    return found if whole <= WHOLE else [*found, f"whole: {whole} characters, {WHOLE} allowed"]


def _block(block: Body) -> Iterator[str]:
    kind = block["type"]
    for name in ("fields", "elements"):
        if name in block:
            yield from _number(name, block[name], _COUNTS.get(f"{kind}.{name}", 50))
    for part in (block, *_parts(block)):
        for name, most in _NAMES.items():
            if name in part:
                yield from _length(name, part[name], most)
    for place, said in _texts(block, kind):
        yield from _length(place, said, _LIMITS[place])


def _parts(block: Body) -> Iterator[Body]:
    for part in (*block.get("fields", ()), *block.get("elements", ())):
        yield part
        yield from part.get("elements", ())


def _texts(block: Body, kind: str) -> Iterator[tuple[str, str]]:
    if "text" in block:
        yield f"{kind}.text", block["text"]["text"]
    for part in _parts(block):
        said = part.get("text")
        if isinstance(said, dict):
            yield f"{kind}.text", said["text"]
        elif isinstance(said, str):
            place = "text" if kind == "rich_text" else "fields" if kind == "section" else "elements"
            yield f"{kind}.{place}", said


def _length(place: str, said: str, most: int) -> Iterator[str]:
    if not 0 < len(said) <= most:
        yield f"{place}: {len(said)} characters, 1 to {most} allowed"


def _number(place: str, things: Sequence[object], most: int) -> Iterator[str]:
    if not 0 < len(things) <= most:
        yield f"{place}: {len(things)} items, 1 to {most} allowed"
