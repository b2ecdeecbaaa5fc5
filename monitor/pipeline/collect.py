"""Collect: sources are polled, what names a brand is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor import pacing
from monitor.domain import Batch, Mention, Post, SourceState
from monitor.http import site
from monitor.pipeline.stage import Stage
from monitor.seams import SourceError
from monitor.store import Followed, StoreError

log = structlog.get_logger()

LATE_ITEMS = timedelta(days=2)  #: a feed may date an item of today by its day, or yesterday
FOLLOWED_FAILURES = 6  #: in a row, then comments are followed no more


class Collect(Stage):
    def claim_sources(
        self, limit: int, avoid: Collection[str] = (), due: datetime | None = None
    ) -> list[SourceState]:
        """Up to ``limit`` sources that were due at ``due`` (default: now), for this worker alone.

        Args:
            avoid: hosts that are not to be asked now.
        """
        return self.store.claim_sources(due or self.now(), self.leases.poll, limit, avoid)

    def poll(self, state: SourceState) -> int:
        """Poll a claimed source and keep what names a brand; return the number of new mentions."""
        try:
            source = self.follow(state) if state.follows else self.sources[state.source]
            batch, now = source.poll(state.cursor), self.now()
            if self.push is None:
                batch = replace(batch, hub="")
            found = self._found(batch.posts, state)
            pace = pacing.learnt(state.pace, _times(batch.posts), now)
            new = self.store.settle_poll(
                state, batch, found, now, self._wait(state, batch, pace), pace, _followed(found)
            )
        except StoreError:
            raise
        except SourceError as e:
            return self._not_polled(state, e)
        except Exception as e:
            log.exception("source_fault", source=state.source)
            return self._not_polled(
                state, SourceError(f"fault in the collector: {type(e).__name__}")
            )
        log.info("polled", source=state.source, posts=len(batch.posts), new=new, gap=batch.gap)
        return new

    def _wait(self, state: SourceState, batch: Batch, pace: pacing.Pace) -> timedelta | None:
        """Until the next poll: the operator's wish or the source's pace, never before it asks."""
        now = self.now()
        every = self.policy.every.get(state.source)
        if state.follows:
            heard = max(pace[1], (state.since or now).timestamp())
            every = pacing.comments_wait(timedelta(seconds=now.timestamp() - heard))
            if every is None:
                return None
        asked = batch.poll_after or timedelta()
        if every is None:
            own = pacing.wait(pace, now, conditional=batch.conditional)
            every = pacing.jittered(max(own, asked), state.source, state.tries)
        due = now + max(every, asked)
        return pacing.allowed(due, batch.skip_hours, batch.skip_days) - now

    def _not_polled(self, state: SourceState, why: SourceError) -> int:
        log.warning("source_failed", source=state.source, why=str(why), blocked=why.blocked)
        failures = state.failures + 1
        over = state.follows and (why.permanent or failures > FOLLOWED_FAILURES)
        wait = None if over else source_backoff(failures, why)
        if wait and not (why.unasked or state.follows):  # what answers is not asked oftener for it
            wait = max(wait, self.policy.every.get(state.source) or pacing.SOONEST)
        self.store.settle_poll_failed(state, why, self.now(), wait)
        return 0

    def _found(self, posts: Sequence[Post], state: SourceState) -> list[tuple[Mention, bool]]:
        """What names a brand, and whether it is quiet; without authors where that is wished.

        What is older than the operator keeps is left out: once forgotten, it would be news again.
        """
        oldest = self.now() - self.policy.keep
        kept = [p for p in posts if p.published_at is None or p.published_at >= oldest]
        found = [(m, self._quiet(m, state)) for p in kept for m in self.matcher.mentions(p)]
        if self.policy.store_authors:
            return found
        return [(replace(m, post=replace(m.post, author="")), quiet) for m, quiet in found]

    def _quiet(self, mention: Mention, state: SourceState) -> bool:
        """True for what was written before this source was first polled for this brand.

        It is stored and never told. Later a new item is news unless its date is days before.
        """
        published, now = mention.post.published_at, self.now()
        since = max(state.first_polled_at or now, self.store.brand_since(mention.brand))
        if state.last_success_at is None or state.last_success_at < since:
            return published is None or published < since - self.policy.backlog
        return published is not None and published < since - max(self.policy.backlog, LATE_ITEMS)


def _times(posts: Sequence[Post]) -> Iterator[datetime]:
    return (post.published_at for post in posts if post.published_at)


def _followed(found: Sequence[tuple[Mention, bool]]) -> list[Followed]:
    """The comment feeds of posts that are news and name a brand."""
    posts = {m.post.external_id: m.post for m, quiet in found if m.post.replies and not quiet}
    return [
        Followed(
            f"{post.source}: comments {_short(post.replies)}",
            post.replies,
            site(post.replies),
            post.title,
        )
        for post in posts.values()
    ]


def _short(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:8]


def source_backoff(failures: int, why: SourceError) -> timedelta:
    """1 min, or 15 where it refuses us, doubling to 24 h; never sooner than it asked."""
    first = 15 if why.blocked else 1
    own = min(timedelta(minutes=first * 2.0 ** min(failures - 1, 11)), timedelta(hours=24))
    return max(own, why.retry_after or timedelta())
