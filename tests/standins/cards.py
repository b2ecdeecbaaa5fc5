"""Cards and deliveries for tests: an invented brand, one complaint, more where asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from monitor.domain import Card, Delivery, Incident, Quote, Receipt

AT = datetime(2026, 11, 12, 14, 5, tzinfo=UTC)


def quote(number: int = 1, **changes: Any) -> Quote:
    given: dict[str, Any] = {
        "mention_id": number,
        "source": "forum-acme" if number % 2 else "blog-lena",
        "kind": "forum" if number % 2 else "feed",
        "author": f"reader{number}",
        "title": "Setup link is dead",
        "text": f"The download of Acme Studio ends in a 404, post {number}.",
        "url": f"https://forum.example/t/{number}",
        "published_at": AT,
        "why": ("404", "dead"),
    }
    return Quote(**(given | changes))


def card(*quotes: Quote, posts: int = 0, **changes: Any) -> Card:
    """A card of ``quotes`` (one by default); ``posts`` where it has more members than quotes."""
    shown = quotes or (quote(),)
    given: dict[str, Any] = {
        "id": "INC-8f2c41d0",
        "brand": "Acme",
        "topic": "broken_link",
        "state": "open",
        "severity": "high",
        "reason": "complaint .91",
        "owner": "",
        "posts": posts or len(shown),
        "opened_at": AT,
        "last_at": AT + timedelta(minutes=6),
    }
    names = [q.source for q in shown]
    counted = tuple((name, names.count(name)) for name in dict.fromkeys(names))
    topic = changes.pop("title", "Broken link")
    first = shown[0].published_at
    return Card(Incident(**(given | changes)), shown, counted, first, topic)


def delivery(
    kind: Literal["post", "update", "digest"] = "post",
    target: str = "slack:#acme",
    **changes: Any,
) -> Delivery:
    shown = changes.get("card", card())
    given: dict[str, Any] = {
        "id": "5f0c7e0d9f1b4a8e9d3c2b1a00000001",
        "key": f"{kind}:INC-8f2c41d0:{target}",
        "tries": 1,
        "failures": 0,
        "state": "pending",
        "seq": 0,
        "started_at": datetime.now(UTC),
        "card": None if kind == "digest" else shown,
        "remote": None,
    }
    return Delivery(kind=kind, target=target, **(given | changes))


def update(receipt: Receipt, **changes: Any) -> Delivery:
    return delivery("update", remote=receipt, **changes)
