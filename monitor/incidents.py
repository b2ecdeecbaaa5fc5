"""Which open incident a complaint belongs to: explainable, and the same whenever it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.domain import Incident, Mention

OTHER = "other"  #: the topic of what no topic fits: no cause can be read from it
CLOSED = frozenset(("resolved", "auto-closed"))


def thread_key(mention: Mention) -> str:
    """Where a post stands: what it answers, or itself."""
    post = mention.post
    return f"{post.source}:{post.parent or post.external_id}"


def join(
    mention: Mention,
    topic: str,
    open_incidents: Sequence[Incident],
    now: datetime,
    window: timedelta,
) -> str | None:
    """The id of the incident that ``mention`` joins, or None where it begins a new one.

    It joins one of the same brand and topic whose newest member is at most ``window`` old; one
    with a member in the same thread first, then the newest. What has the topic "other" joins only
    in its own thread, whatever the topic there: "same here" says nothing by itself.
    """
    thread = thread_key(mention)
    fitting = [
        incident
        for incident in open_incidents
        if incident.brand == mention.brand
        and incident.state not in CLOSED
        and now - incident.last_at <= window
        and (thread in incident.threads if topic == OTHER else incident.topic == topic)
    ]
    best = max(fitting, key=lambda i: (thread in i.threads, i.last_at, i.id), default=None)
    return best.id if best else None
