"""A post's way through the system, top to bottom. Read this file first.

    collect   source  -> posts -> mentions      judge   mention -> score -> incident
    deliver   outbox  -> people                 digest  a week of mentions -> outbox

Every stage has one shape:

    claim    one transaction: take due rows, count the try, and write when they fall
             due again should we die.
    work     no transaction open: network, model, rules.
    settle   one transaction: the result, and with it the next stage's rows.

The database is the only queue; memory holds nothing it does not hold too. So a kill at
any line loses nothing: what was claimed and not settled falls due again. A message whose
fate is unknown is looked up where it would be, before it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog

from monitor import alerting, digest, incidents, topics
from monitor.digest import Figures, Praise, Week
from monitor.domain import Card, Delivery, Mention, Post, Receipt, Score, SourceState, Verdict
from monitor.matching import Matcher
from monitor.seams import (
    Classifier,
    Clock,
    DeliveryError,
    Failure,
    Lookup,
    Notifier,
    Outcome,
    Source,
    SourceError,
)
from monitor.sentiment import calibration
from monitor.sentiment.layers import Adapted
from monitor.store import Claimed, Store, StoreError

log = structlog.get_logger()

JUDGE_AGAIN = timedelta(minutes=1)  #: after a failure, which may have been the machine's
LATE_ITEMS = timedelta(days=2)  #: a feed may date an item of today by its day, or yesterday
TELL_ANYWAY = timedelta(minutes=10)  #: a grave card of unknown fate is repeated after this
DIGEST_CATCH_UP = timedelta(days=3)  #: a digest later than this is no news


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a claim holds before another worker may take the row."""

    poll: timedelta = timedelta(minutes=15)  #: outlasts the slowest honest poll
    judge: timedelta = timedelta(minutes=2)  #: outlasts one scoring batch
    deliver: timedelta = timedelta(seconds=30)  #: 10 s for the answer, 20 s until it can be found


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's wishes, as the pipeline needs them."""

    every: Mapping[str, timedelta]  #: by source name
    rules: alerting.Rules
    card_targets: Mapping[str, tuple[str, ...]]  #: by brand
    digest_targets: Mapping[str, tuple[str, ...]]  #: by brand
    digest_due: Callable[[Week], datetime]
    timezone: str
    backlog: timedelta = timedelta()
    update_after: timedelta = timedelta(seconds=10)
    window: timedelta = timedelta(hours=72)
    keep: timedelta = timedelta(days=365)
    store_authors: bool = True


@dataclass(frozen=True)
class Pipeline:
    store: Store
    now: Clock
    sources: Mapping[str, Source]  #: by configured name
    matcher: Matcher
    topics: topics.Topics
    classifier: Classifier
    notifiers: Mapping[str, Notifier]  #: by the word before the colon of a target
    policy: Policy
    leases: Leases = Leases()

    # -- collect ---------------------------------------------------------------------

    def claim_source(self, due: datetime | None = None) -> SourceState | None:
        """A source that was due at ``due`` (default: now), for this worker alone."""
        return self.store.claim_source(due or self.now(), self.leases.poll)

    def poll(self, state: SourceState) -> int:
        """Poll a claimed source and keep what names a brand; return the number of new mentions."""
        try:
            batch = self.sources[state.source].poll(state.cursor)
            found = self._found(batch.posts, state)
            wait = max(self.policy.every[state.source], batch.poll_after or timedelta())
            new = self.store.settle_poll(state, batch, found, self.now(), wait)
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

    def _not_polled(self, state: SourceState, why: SourceError) -> int:
        log.warning("source_failed", source=state.source, why=str(why), blocked=why.blocked)
        self.store.settle_poll_failed(
            state, why, self.now(), source_backoff(state.failures + 1, why)
        )
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

    # -- judge -----------------------------------------------------------------------

    def judge(self, limit: int = 32, stop: Callable[[], bool] = lambda: False) -> int:
        """Score what waits, decide who is told, until ``stop()``; return how many were judged."""
        judged = 0
        while not stop() and (waiting := self._claim_mentions(limit)):
            # Asked for each time, so that what was trained or undone counts at once.
            brands = {claimed.mention.brand for claimed in waiting}
            layers, shifts = self.store.layers(brands), self.store.shifts(brands)
            verdicts = self._verdicts(waiting, Adapted(self.classifier, layers, shifts))
            for claimed, verdict in zip(waiting, verdicts, strict=True):
                spoilt = self._settle(claimed, verdict) if isinstance(verdict, Verdict) else verdict
                if spoilt is not None:
                    why = type(spoilt).__name__
                    self.store.settle_unjudged(claimed, why, self.now(), JUDGE_AGAIN)
            judged += len(waiting)
        return judged

    def _claim_mentions(self, limit: int) -> list[Claimed]:
        return self.store.claim_mentions(self.now(), self.leases.judge, limit)

    def _verdicts(self, waiting: Sequence[Claimed], model: Adapted) -> list[Verdict | Exception]:
        """One each; a text that breaks the model or a rule spoils its own verdict only."""
        try:
            mentions = [self.matcher.with_rivals(claimed.mention) for claimed in waiting]
            scores = zip(mentions, model.score(mentions), strict=True)
            return [self.verdict(m, score, model.threshold(m, score)) for m, score in scores]
        except Exception as e:
            if len(waiting) == 1:
                log.exception("not_judged", mention=waiting[0].id)
                return [e]
            return [verdict for claimed in waiting for verdict in self._verdicts([claimed], model)]

    def _settle(self, claimed: Claimed, verdict: Verdict) -> Exception | None:
        """Keep a verdict; what went wrong, where only this mention can be the reason."""
        mention, now = claimed.mention, self.now()
        try:
            action = self.store.settle_verdict(
                claimed,
                verdict,
                lambda still_open: incidents.join(
                    mention, verdict.topic, still_open, now, self.policy.window
                ),
                self.policy.card_targets.get(mention.brand, ()),  # () if it is watched no more
                now,
                update_after=self.policy.update_after,
                window=self.policy.window,
            )
        except StoreError:
            raise
        except Exception as e:
            log.exception("not_judged", mention=claimed.id)
            return e
        log.info("judged", mention=claimed.id, brand=mention.brand, action=action)
        return None

    def verdict(self, mention: Mention, score: Score, learnt: float | None = None) -> Verdict:
        """Who should hear of this, and why; ``learnt`` is its brand's own threshold. Pure."""
        rules = self.policy.rules.of(learnt)
        action, reason, severity = alerting.decide(mention, score, rules)
        topic = self.topics.of(f"{mention.post.title}\n{mention.post.text}")
        return Verdict(score, action, reason, topic, severity)

    # -- deliver ---------------------------------------------------------------------

    def deliver(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Send until nothing is due or ``stop()``; return how many were accepted."""
        sent = 0
        while not stop() and (due := self.store.claim_delivery(self.now(), self.leases.deliver)):
            sent += self._deliver(due)
        return sent

    def _deliver(self, due: Delivery) -> int:
        if due.card:
            due = replace(due, card=self._titled(due.card))
        try:
            notifier = self._notifier(due.target)
            receipt = self._look_up(notifier, due) if due.state != "pending" else notifier.send(due)
        except DeliveryError as e:
            return self._not_sent(due, e)
        except Exception as e:
            log.exception("notifier_fault", delivery=due.id)
            why = f"fault in the notifier: {type(e).__name__}"
            fault = DeliveryError(why, Outcome.AMBIGUOUS, retry_after=self.leases.deliver)
            return self._not_sent(due, fault)
        if receipt is None:
            self.store.settle_absent(due, self.now())
            return 0
        self.store.settle_sent(due, receipt, self.now())
        log.info("delivered", delivery=due.id, kind=due.kind, tries=due.tries)
        return 1

    def _titled(self, card: Card) -> Card:
        return replace(card, topic=self.topics.title(card.incident.topic))

    def _notifier(self, target: str) -> Notifier:
        kind = target.partition(":")[0]
        if kind not in self.notifiers:
            raise DeliveryError(f"[{kind}] is no longer configured", Outcome.OPERATOR)
        return self.notifiers[kind]

    def _look_up(self, notifier: Notifier, due: Delivery) -> Receipt | None:
        """The message of an earlier try, or None if it certainly was not accepted.

        Raises:
            DeliveryError: it cannot be told yet.
        """
        found = notifier.find(due)
        if isinstance(found, Receipt):
            return found
        if found is Lookup.ABSENT:
            return None
        if self._too_grave_to_wait(due):
            return notifier.send(replace(due, repeated=True))
        raise DeliveryError("its channel does not say whether it arrived", Outcome.AMBIGUOUS)

    def _too_grave_to_wait(self, due: Delivery) -> bool:
        grave = due.card is not None and due.card.incident.severity != "normal"
        return grave and due.started_at is not None and self.now() - due.started_at > TELL_ANYWAY

    def _not_sent(self, due: Delivery, why: DeliveryError) -> int:
        log.warning("not_delivered", delivery=due.id, outcome=why.outcome.value, why=str(why))
        self.store.settle_unsent(due, why, self.now(), delivery_backoff(due.failures + 1, why))
        return 0

    # -- digest ----------------------------------------------------------------------

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
        newest = islice((judged for judged in found if judged.action == "digest"), 20)
        best = sorted(newest, key=lambda judged: -judged.score.positive if judged.score else 0.0)
        posts = [judged.mention.post for judged in best]
        return [Praise(post.text or post.title, post.url, post.author) for post in posts]

    # -- housekeeping ----------------------------------------------------------------

    def tidy(self) -> None:
        """Close quiet incidents, forget what is older than is kept, count complaints anew."""
        now = self.now()
        self.store.close_quiet(now - self.policy.window, now)
        self.store.prune(now - self.policy.keep)
        for brand in self.policy.card_targets:
            try:
                self.store.set_shift(brand, self._shift(brand))
            except StoreError:
                raise
            except Exception:  # a text that breaks the model must not keep the rest from tidying
                log.exception("no_shift", brand=brand)

    def _shift(self, brand: str) -> float:
        """What the brand's own share of complaints adds to their log odds."""
        recent = self.store.recent(brand, calibration.RECENT)
        scores = self.classifier.score([self.matcher.with_rivals(m) for m in recent])
        shares = [s.complaint for s in scores if s.scored and s.complaint is not None]
        return calibration.prior_shift(shares)


def _week_before(week: Week) -> Week:
    return digest.week_of(week.since, week.timezone)


def digest_key(brand: str, week: str, target: str) -> str:
    """One digest for each brand, ISO week and recipient: the outbox holds each key once."""
    return f"digest:{brand}:{week}:{target}"


def source_backoff(failures: int, why: Failure) -> timedelta:
    """1 min, doubling to 6 h, and never sooner than the other side asked."""
    own = min(timedelta(minutes=2.0 ** min(failures - 1, 9)), timedelta(hours=6))
    return max(own, why.retry_after or timedelta())


def delivery_backoff(failures: int, why: Failure) -> timedelta:
    """5 s, doubling to 10 min, and never sooner than the other side asked."""
    own = min(timedelta(seconds=5 * 2.0 ** min(failures - 1, 7)), timedelta(minutes=10))
    return max(own, why.retry_after or timedelta())
