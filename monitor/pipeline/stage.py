"""What every stage works with, and what the operator wishes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor import alerting, topics
from monitor.digest import Week
from monitor.domain import Card, SourceState
from monitor.matching import Matcher
from monitor.seams import Classifier, Clock, Notifier, Source, SourceError
from monitor.store import Store


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a claim holds before another worker may take the row."""

    poll: timedelta = timedelta(minutes=15)  #: outlasts the slowest honest poll
    judge: timedelta = timedelta(minutes=2)  #: outlasts one scoring batch
    deliver: timedelta = timedelta(seconds=30)  #: 10 s for the answer, 20 s until it can be found
    subscribe: timedelta = timedelta(minutes=2)  #: outlasts one request to a hub


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's wishes, as the pipeline needs them."""

    every: Mapping[str, timedelta | None]  #: by source name; None: by its own pace
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


@dataclass(frozen=True, slots=True)
class Push:
    """How we and the hubs that sites name reach each other (WebSub)."""

    url: str  #: of our web server, from outside; no slash at its end
    token: str = field(repr=False)  #: what addresses and secrets are made of; never stored
    post: Callable[[str, Mapping[str, str]], object]  #: sends a form; raises SourceError


def _nobody(state: SourceState) -> Source:
    raise SourceError(f"{state.source}: nobody reads comments here")


@dataclass(frozen=True)
class Stage:
    """A part of the pipeline."""

    store: Store
    now: Clock
    sources: Mapping[str, Source]  #: by configured name
    matcher: Matcher
    topics: topics.Topics
    classifier: Classifier
    notifiers: Mapping[str, Notifier]  #: by the word before the colon of a target
    policy: Policy
    leases: Leases = Leases()
    follow: Callable[[SourceState], Source] = _nobody  #: reads the comments of one post
    push: Push | None = None  #: None: hubs are not asked
    busy: Callable[[], Collection[str]] = frozenset  #: hosts that are not to be asked now

    def _titled(self, card: Card) -> Card:
        return replace(card, topic=self.topics.title(card.incident.topic))
