"""A post's way through the system, top to bottom. Read this file first.

    collect   source  -> posts -> mentions      read    teaser -> page -> mentions
    judge     mention -> score -> incident      deliver outbox -> people
    digest    a week of mentions -> outbox      subscribe feed's hub -> its pings -> collect
    recheck   what is deleted at its source is blanked here

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

from dataclasses import dataclass

import structlog

from monitor.pipeline.collect import Collect
from monitor.pipeline.deliver import Deliver
from monitor.pipeline.digests import Digests
from monitor.pipeline.judge import Judge
from monitor.pipeline.read import Read
from monitor.pipeline.recheck import Recheck
from monitor.pipeline.stage import Leases, Policy, Push
from monitor.pipeline.subscribe import Subscribe
from monitor.sentiment import calibration
from monitor.store import StoreError

__all__ = ["Leases", "Pipeline", "Policy", "Push"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Pipeline(Collect, Read, Subscribe, Judge, Deliver, Digests, Recheck):
    """All stages, and the housekeeping between them."""

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
