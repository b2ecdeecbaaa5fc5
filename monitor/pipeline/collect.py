"""Collect: sources are polled, what names a brand is kept, teasers wait for their pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor import pacing
from monitor.domain import Batch, Post, SourceState
from monitor.http import site
from monitor.pipeline.stage import Found, Stage
from monitor.seams import SourceError
from monitor.store import StoreError, Unread
from monitor.text import breaks_off

log = structlog.get_logger()

LATE_ITEMS = timedelta(days=2)  #: a feed may date an item of today by its day, or yesterday
PAGES = 30  #: read for one poll; of a feed whose items are all new the rest stay teasers


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
            posts = self._kept(batch.posts)
            found = self._found(posts, state)
            pace = pacing.learnt(state.pace, _times(batch.posts), now)
            new = self.store.settle_poll(
                state,
                batch,
                found,
                now,
                self._wait(state, batch, pace),
                pace,
                self.followed(found),
                self._unread(posts, found, state),
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
            every = _comments_wait(state, pace, now)
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
        now, wait = self.now(), source_backoff(failures, why)
        usual = self.policy.every.get(state.source) or pacing.SOONEST
        if state.follows:
            usual = _comments_wait(state, state.pace, now) or timedelta()
        if not why.unasked:  # what answers is not asked oftener for failing
            wait = max(wait, usual)
        over = state.follows and (why.permanent or not usual)
        self.store.settle_poll_failed(state, why, now, None if over else wait)
        return 0

    def _kept(self, posts: Sequence[Post]) -> list[Post]:
        """Without what is older than the operator keeps: once forgotten, it would be news again."""
        oldest = self.now() - self.policy.keep
        return [p for p in posts if p.published_at is None or p.published_at >= oldest]

    def _found(self, posts: Sequence[Post], state: SourceState) -> Found:
        """What names a brand; without authors where that is wished."""
        return [
            (replace(m, post=self._public(post)), self._quiet(post, m.brand, state))
            for post in posts
            for m in self.matcher.mentions(post)
        ]

    def _public(self, post: Post) -> Post:
        return post if self.policy.store_authors else replace(post, author="")

    def _unread(self, posts: Sequence[Post], found: Found, state: SourceState) -> list[Unread]:
        """Teasers: the pages of those that are news are read.

        What breaks off is judged when its page was read; what names a brand and is merely short,
        at once. What is no news is noted, so that it is none either when the source shows it again.
        What a brand's own author writes is never told, however it goes on.
        """
        if state.source in self.policy.teasers:
            return []
        own = {mention.post.external_id for mention, _ in found if mention.own}
        named = {(mention.post.external_id, mention.brand) for mention, _ in found}
        brands, now, room = self.policy.card_targets, self.now(), PAGES
        unread = []
        for post in posts:
            holds = breaks_off(post.text)
            enough = not holds and all((post.external_id, brand) in named for brand in brands)
            if (host := site(post.page)) and post.external_id not in own and not enough:
                quiet = tuple(brand for brand in brands if self._quiet(post, brand, state))
                news = room > 0 and len(quiet) < len(brands)
                room -= news
                due_at = now if news else None
                page = Unread(self._public(post), host, quiet, now, due_at, holds=holds)
                unread.append(page)
        return unread

    def _quiet(self, post: Post, brand: str, state: SourceState) -> bool:
        """True for what was written before this source was first polled for this brand.

        It is stored and never told. Later a new item is news unless its date is days before.
        """
        published, now = post.published_at, self.now()
        if state.follows:  # comments on news are news, however old it was when we found it
            begun = state.since or now
            return published is not None and published < begun - LATE_ITEMS
        since = max(state.first_polled_at or now, self.store.brand_since(brand))
        if state.last_success_at is None or state.last_success_at < since:
            return published is None or published < since - self.policy.backlog
        return published is not None and published < since - max(self.policy.backlog, LATE_ITEMS)


def _times(posts: Sequence[Post]) -> Iterator[datetime]:
    return (post.published_at for post in posts if post.published_at)


def _comments_wait(state: SourceState, pace: Sequence[float], now: datetime) -> timedelta | None:
    """Until a followed comment feed is read again; None: no more, it was quiet for too long."""
    begun = (state.since or now).timestamp()
    heard = max(begun, pace[1]) if pace else begun
    return pacing.comments_wait(timedelta(seconds=max(now.timestamp() - heard, 0)))


def source_backoff(failures: int, why: SourceError) -> timedelta:
    """1 min, or 15 where it refuses us, doubling to 24 h; never sooner than it asked."""
    first = 15 if why.blocked else 1
    own = min(timedelta(minutes=first * 2.0 ** min(failures - 1, 11)), timedelta(hours=24))
    return max(own, why.retry_after or timedelta())
