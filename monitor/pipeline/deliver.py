"""Deliver: what is owed to people is sent, or looked up where it may have arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from monitor.domain import Delivery, Receipt
from monitor.pipeline.stage import Stage
from monitor.seams import DeliveryError, Failure, Lookup, Notifier, Outcome

log = structlog.get_logger()

TELL_ANYWAY = timedelta(minutes=10)  #: a grave card of unknown fate is repeated after this


class Deliver(Stage):
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


def delivery_backoff(failures: int, why: Failure) -> timedelta:
    """5 s, doubling to 10 min, and never sooner than the other side asked."""
    own = min(timedelta(seconds=5 * 2.0 ** min(failures - 1, 7)), timedelta(minutes=10))
    return max(own, why.retry_after or timedelta())
