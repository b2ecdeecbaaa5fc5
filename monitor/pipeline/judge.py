"""Judge: mentions are scored, and it is decided who hears of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from monitor import alerting, incidents
from monitor.domain import Mention, Score, Verdict
from monitor.pipeline.stage import Stage
from monitor.reading.copies import Telling
from monitor.sentiment.layers import Adapted
from monitor.store import Claimed, StoreError

log = structlog.get_logger()

JUDGE_AGAIN = timedelta(minutes=1)  #: after a failure, which may have been the machine's


class Judge(Stage):
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
                _telling(mention, verdict),
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


def _telling(mention: Mention, verdict: Verdict) -> Telling | None:
    """A mention as it is compared with others; None for the brand's own words."""
    telling = Telling(mention.post)
    return telling if verdict.action != "ignored" and telling.sketch else None
