"""A small world for store tests: one brand, one source, short words for the pipeline's steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from monitor.domain import (
    Action,
    Batch,
    Delivery,
    Incident,
    Match,
    Mention,
    Post,
    Receipt,
    Score,
    SourceState,
    Verdict,
)
from monitor.reading.copies import Telling
from monitor.seams import SourceError
from monitor.store import Claimed, SourceSpec, Store, Unread

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = 2 * MINUTE
SPACING = 10 * MINUTE
WINDOW = timedelta(hours=72)
BLOG = SourceSpec("blog", "feed", "https://blog.example/feed")
TARGETS = ("slack:#acme",)
BUSY = SourceError("come less often", 429, blocked=True, retry_after=10 * MINUTE)

BAD = Score(0.8, 0.15, 0.05, 0.91, "linear@0123456789ab", ("broken", "refund"))
GOOD = Score(0.1, 0.2, 0.7, 0.02, "linear@0123456789ab", ("love",))


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def mention(key: str, brand: str = "Acme", *, source: str = "blog", **post: object) -> Mention:
    values = {"url": f"https://blog.example/{key}", "text": f"Acme {key}", "kind": "feed"} | post
    return Mention(
        Post(source=source, external_id=key, **values),  # type: ignore[arg-type]
        brand,
        (Match("Acme", "text", 0, 4),),
    )


def unread(key: str, host: str = "blog.example", **post: object) -> Unread:
    """A teaser that names no brand."""
    one = mention(key, text="A long day", page=f"https://{host}/{key}", **post).post
    return Unread(one, host, ("Bolt",), NOON, NOON)


def verdict(
    action: Literal["tell", "digest", "ignored"] = "tell",
    score: Score = BAD,
    *,
    topic: str = "delivery",
    severity: Literal["critical", "high", "normal"] = "normal",
) -> Verdict:
    return Verdict(score, action, "complaint .91", topic, severity)


def newest(incidents: Sequence[Incident]) -> str | None:
    """Joins whatever is open."""
    return incidents[0].id if incidents else None


def none_of(_incidents: Sequence[Incident]) -> None:
    """Joins nothing."""


class Scene:
    """The pipeline's steps on one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.sync([BLOG], ["Acme"], NOON)

    def poll(
        self,
        *found: Mention,
        now: datetime = NOON,
        quiet: bool = False,
        gap: bool = False,
        rejected: tuple[str, ...] = (),
    ) -> int:
        """Claim the source, find these mentions, settle; the source is due again at once."""
        state = self.claim_source(now)
        posts = tuple(m.post for m in found)
        batch = Batch(posts, cursor=f"after {len(posts)}", gap=gap, rejected=rejected)
        return self.store.settle_poll(state, batch, [(m, quiet) for m in found], now, timedelta())

    def put_off(self, *keys: str, host: str = "blog.example", now: datetime = NOON) -> int:
        """Poll teasers that each name the brand."""
        batch = Batch((), cursor="c")
        teasers = [unread(key, host) for key in keys]
        found = [(mention(key), False) for key in keys]
        state = self.claim_source(now)
        return self.store.settle_poll(state, batch, found, now, timedelta(), unread=teasers)

    def claim_source(self, now: datetime = NOON) -> SourceState:
        (state,) = self.store.claim_sources(now, LEASE, 1)
        assert state is not None, "no source was due"
        return state

    def claim_one(self, now: datetime = NOON) -> Claimed:
        (claimed,) = self.store.claim_mentions(now, LEASE, 1)
        return claimed

    def settle(
        self,
        claimed: Claimed,
        said: Verdict | None = None,
        *,
        join: object = newest,
        telling: Telling | None = None,
        targets: Sequence[str] = TARGETS,
        now: datetime = NOON,
    ) -> Action:
        return self.store.settle_verdict(
            claimed,
            said or verdict(),
            join,  # type: ignore[arg-type]
            telling,
            targets,
            now,
            update_after=SPACING,
            window=WINDOW,
        )

    def tell(self, key: str, now: datetime = NOON, **settings: object) -> Action:
        """One mention all the way to the outbox."""
        said = settings.pop("said", None)
        self.poll(mention(key), now=now)
        return self.settle(self.claim_one(now), said, now=now, **settings)  # type: ignore[arg-type]

    def claim_delivery(self, now: datetime = NOON) -> Delivery:
        delivery = self.store.claim_delivery(now, LEASE)
        assert delivery is not None, "no delivery was due"
        return delivery

    def send(self, now: datetime = NOON, ts: str = "1.0") -> Delivery:
        """Claim what is due and have it accepted."""
        delivery = self.claim_delivery(now)
        self.store.settle_sent(delivery, Receipt("C1", ts), now)
        return delivery
