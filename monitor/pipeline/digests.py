"""Digest: a week of mentions becomes one mail a recipient."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from monitor import digest
from monitor.digest import Figures, Praise, Week
from monitor.pipeline.stage import Stage

DIGEST_CATCH_UP = timedelta(days=3)  #: a digest later than this is no news


class Digests(Stage):
    def digest(self) -> int:
        """Queue what is due of the last two full weeks; idempotent by key.

        A digest that is due late in the week can still be caught up with in the next one.
        """
        now = self.now()
        last = digest.week_of(now, self.policy.timezone)
        return sum(
            self._queue_digest(brand, week, targets)
            for week in (_week_before(last), last)
            if timedelta() <= now - self.policy.digest_due(week) <= DIGEST_CATCH_UP
            for brand, targets in self.policy.digest_targets.items()
            if self.store.brand_since(brand) < week.until
        )

    def _queue_digest(self, brand: str, week: Week, targets: tuple[str, ...]) -> int:
        keys = {digest_key(brand, week.name, target): target for target in targets}
        missing = {key: t for key, t in keys.items() if not self.store.has_delivery(key)}
        if not missing:
            return 0
        frozen = digest.to_json(self.figures(brand, week))
        now = self.now()
        return sum(self.store.enqueue_digest(k, t, brand, frozen, now) for k, t in missing.items())

    def figures(self, brand: str, week: Week) -> Figures:
        """The numbers of one week of one brand, as they stand now."""
        now, earlier = self.now(), _week_before(week)
        known = self.store.brand_since(brand) < earlier.until
        before = self.store.digest_rows(brand, earlier.since, earlier.until) if known else None
        return digest.figures(
            brand,
            week,
            self.store.digest_rows(brand, week.since, week.until),
            before,
            [self._titled(c) for c in self.store.digest_incidents(brand, week.since, week.until)],
            self._praise(brand, week),
            {s.source: s.trouble(now) for s in self.store.overview(now).sources},
            self.store.gaps(week.since, week.until),
            now,
        )

    def _praise(self, brand: str, week: Week) -> list[Praise]:
        """The kindest of the newest that nobody was told of and the brand did not write itself."""
        found = self.store.mentions(brand, week.since, week.until, "positive")
        newest = islice((j for j in found if j.action == "digest" and j.copy_of is None), 20)
        best = sorted(newest, key=lambda judged: -judged.score.positive if judged.score else 0.0)
        posts = [judged.mention.post for judged in best]
        return [Praise(post.text or post.title, post.url, post.author) for post in posts]


def _week_before(week: Week) -> Week:
    return digest.week_of(week.since, week.timezone)


def digest_key(brand: str, week: str, target: str) -> str:
    """One digest for each brand, ISO week and recipient: the outbox holds each key once."""
    return f"digest:{brand}:{week}:{target}"
