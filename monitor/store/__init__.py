"""The store: all SQL, every transaction. The rest of the house sees ``Store`` and its records."""

from monitor.store.engine import StoreError
from monitor.store.opening import Store, open_store
from monitor.store.records import (
    Claimed,
    DigestRow,
    Followed,
    Judged,
    Labelled,
    OutboxState,
    Overview,
    SourceSpec,
    Subscription,
    Unread,
)

__all__ = [
    "Claimed",
    "DigestRow",
    "Followed",
    "Judged",
    "Labelled",
    "OutboxState",
    "Overview",
    "SourceSpec",
    "Store",
    "StoreError",
    "Subscription",
    "Unread",
    "open_store",
]
