"""Subscribe: the hub that a feed names tells us of new items at once (W3C WebSub).

A hub is asked (claim, POST, settle); its question "was it you?" comes in by the web server, and
our answer begins its lease, which is renewed at half of its length. The feed is polled at its own
pace all the same.

A ping only makes its source fall due. What is new is then read from the feed itself: there is one
way in for posts, with its cursor, gaps and limits, and nothing that a hub says is believed. So
a stolen secret or a repeated ping is worth no more than a conditional request a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from monitor.pipeline.stage import Push, Stage
from monitor.seams import SourceError
from monitor.store import Subscription

log = structlog.get_logger()

WANTED = timedelta(days=10)  #: the lease that we ask for, and the longest that we believe
SPACING = timedelta(minutes=1)  #: between two polls of a source, however often a hub pings
SOONEST, SELDOMEST = timedelta(minutes=5), timedelta(hours=24)  #: between two requests to a hub

_KEY = re.compile(r"([0-9]{1,9})-[0-9a-f]{64}")
_CHALLENGE = re.compile(r"[ -~]{1,500}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_SIGNATURE = re.compile(r"(sha1|sha256|sha384|sha512)=([0-9a-fA-F]{40,128})")


class Subscribe(Stage):
    def subscribe(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Ask hubs until none is due or ``stop()``; return how many took the request."""
        taken = 0
        while self.push and not stop():
            due = self.store.claim_subscription(self.now(), self.leases.subscribe)
            if due is None:
                break
            taken += self._ask(self.push, due)
        return taken

    def _ask(self, push: Push, due: Subscription) -> int:
        wait, taken = min(SOONEST * 2.0 ** min(due.tries - 1, 9), SELDOMEST), 1
        try:
            push.post(due.hub, _request(push, due))
        except SourceError as e:
            log.warning("hub_failed", source=due.source, why=str(e))
            wait, taken = max(wait, e.retry_after or wait), 0
        self.store.settle_asked(due, self.now() + wait)
        return taken

    def verified(self, key: str, query: Mapping[str, str]) -> str | None:
        """What to answer to a hub that asks back; None: we did not ask for this (5.2, 5.3).

        Args:
            key: the last part of the address that the hub was given.
        """
        asked = self._asked(key)
        mode, challenge = query.get("hub.mode"), query.get("hub.challenge", "")
        if asked is None or query.get("hub.topic") != asked.topic:
            return None
        if mode == "denied":
            log.warning("hub_denied", source=asked.source)
            self.store.settle_answer(asked, None, self.now() + SELDOMEST)
            return ""
        if mode != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return None
        now, lease = self.now(), _lease(query.get("hub.lease_seconds", ""))
        self.store.settle_answer(asked, now + lease, now + max(lease / 2, SOONEST))
        log.info("subscribed", source=asked.source, hours=round(lease / timedelta(hours=1), 1))
        return challenge

    def pinged(self, key: str, signature: str, body: bytes) -> bool:
        """Have the source polled, if the hub signed its word; False: we subscribed to no such.

        Args:
            key: see ``verified``.
            signature: "method=hex" (7.1); whoever gives a wrong one does not learn of it.
        """
        asked = self._asked(key)
        if self.push is None or asked is None:
            return False
        if not _signed(_derived(self.push, "secret", asked), signature, body):
            log.warning("ping_not_signed", source=asked.source)
            return True
        log.info("pinged", source=asked.source)
        self.store.hasten(asked.source, self.now(), SPACING)
        return True

    def _asked(self, key: str) -> Subscription | None:
        """The subscription whose address ends so; its number alone does not do."""
        number = _KEY.fullmatch(key)
        if self.push is None or number is None:
            return None
        asked = self.store.subscription(int(number[1]))
        if asked is None or not hmac.compare_digest(key, _key(self.push, asked)):
            return None
        return asked


def _request(push: Push, due: Subscription) -> dict[str, str]:
    """What a hub is asked (5.1)."""
    return {
        "hub.mode": "subscribe",
        "hub.topic": due.topic,
        "hub.callback": f"{push.url}/websub/{_key(push, due)}",
        "hub.lease_seconds": str(int(WANTED.total_seconds())),
        "hub.secret": _derived(push, "secret", due),
        "hub.verify": "async",  # hubs of PubSubHubbub 0.3, WordPress's PuSHPress too, insist on it
    }


def _key(push: Push, due: Subscription) -> str:
    return f"{due.id}-{_derived(push, 'address', due)}"


def _derived(push: Push, what: str, due: Subscription) -> str:
    """A secret that is kept nowhere; of another hub or topic it is another."""
    parts = "\0".join((what, due.source, due.hub, due.topic))
    return hmac.new(push.token.encode(), parts.encode(), "sha256").hexdigest()


def _signed(secret: str, signature: str, body: bytes) -> bool:
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        return False
    right = hmac.new(secret.encode(), body, getattr(hashlib, found[1])).hexdigest()
    return hmac.compare_digest(right, found[2].lower())


def _lease(seconds: str) -> timedelta:
    """How long the hub will tell us; hubs older than the recommendation do not say."""
    if not _SECONDS.fullmatch(seconds):
        return WANTED
    return min(timedelta(seconds=int(seconds)), WANTED)
