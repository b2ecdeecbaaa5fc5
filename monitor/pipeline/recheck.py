"""Recheck: what is deleted where it was written is deleted here."""

from __future__ import annotations

import structlog

from monitor.pipeline.stage import Stage
from monitor.seams import Recheckable, SourceError

log = structlog.get_logger()


class Recheck(Stage):
    def recheck(self) -> int:
        """Blank what is gone at its source, or was held as long as may be; return how many.

        Nothing is claimed: to do it twice does no harm. While a source cannot be asked its texts
        are held no longer for it.
        """
        now = self.now()
        blanked = self.store.blank_old("reddit", now - self.policy.reddit_text, now)
        for name, source in self.sources.items():
            if isinstance(source, Recheckable):
                blanked += self._recheck(name, source)
        if blanked:
            log.info("blanked", mentions=blanked)
        return blanked

    def _recheck(self, name: str, source: Recheckable) -> int:
        held = self.store.held(name)
        if not held:
            return 0
        try:
            gone = source.recheck(held).gone
        except SourceError as e:
            log.warning("not_rechecked", source=name, why=str(e))
            return 0
        except Exception:  # of one collector must not keep the others' words alive
            log.exception("recheck_fault", source=name)
            return 0
        return self.store.blank(name, gone, self.now())
