"""What every stage works with, and what the operator wishes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from monitor import alerting, topics
from monitor.digest import Week
from monitor.domain import Card, Mention, SourceState
from monitor.http import site
from monitor.matching import Matcher
from monitor.reading import pages
from monitor.seams import Classifier, Clock, Fetcher, Notifier, Page, Source, SourceError
from monitor.store import Followed, Store

Found = Sequence[tuple[Mention, bool]]
"""Each mention, and whether it is quiet: kept, but never told."""


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a claim holds before another worker may take the row."""

    poll: timedelta = timedelta(minutes=15)  #: outlasts the slowest honest poll
    read: timedelta = timedelta(minutes=5)  #: outlasts a page, its robots.txt and crawl-delay
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
    teasers: Collection[str] = frozenset()  #: sources of which no page is read
    reddit_text: timedelta = timedelta(hours=48)  #: how long words from Reddit are held


@dataclass(frozen=True, slots=True)
class Push:
    """How we and the hubs that sites name reach each other (WebSub)."""

    url: str  #: of our web server, from outside; no slash at its end
    token: str = field(repr=False)  #: what addresses and secrets are made of; never stored
    post: Callable[[str, Mapping[str, str]], object]  #: sends a form; raises SourceError


def _nobody(state: SourceState) -> Source:
    raise SourceError(f"{state.source}: nobody reads comments here")


def _no_page(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Page:  # noqa: ARG001 - a Fetcher
    raise SourceError("nobody reads pages here")


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
    fetch_page: Fetcher = _no_page  #: obeys robots.txt
    article: Callable[[bytes, str], str] = pages.article  #: of a page's bytes and Content-Type
    push: Push | None = None  #: None: hubs are not asked
    busy: Callable[[], Collection[str]] = frozenset  #: hosts that are not to be asked now

    def followed(self, found: Sequence[tuple[Mention, bool]]) -> list[Followed]:
        """The comment feeds of posts that are news and name a brand, on the post's own site.

        A feed is known by its address alone, whichever sources name it; one that is configured is
        read already.
        """
        posts = {m.post.replies: m.post for m, quiet in found if not quiet}
        read = {getattr(source, "url", "") for source in self.sources.values()}
        return [
            Followed(f"{site(url)}: comments {_short(url)}", url, site(url), post.title)
            for url, post in posts.items()
            if url and url not in read and _home(url) == _home(post.url)
        ]

    def _titled(self, card: Card) -> Card:
        return replace(card, topic=self.topics.title(card.incident.topic))


def _home(url: str) -> str:
    return site(url).removeprefix("www.")


def _short(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:8]
