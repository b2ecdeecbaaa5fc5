"""Places to look at: one file a kind.

KINDS maps the ``kind`` of a configured source to its class. Every class takes ``name``, ``kind``,
``fetch`` and, if it has the field, what else ``app.Tools`` holds; its other fields are the source's
own configuration keys, a secret where the field's metadata says so. ``pace`` is how often a kind is
polled where the operator has no wish; None: by the source's own rhythm.
"""

from __future__ import annotations

from monitor.domain import SourceState
from monitor.seams import Fetcher, Source
from monitor.sources.api import Api
from monitor.sources.discourse import Discourse
from monitor.sources.feed import Feed, Reader
from monitor.sources.github import GitHub
from monitor.sources.hackernews import HackerNews
from monitor.sources.lemmy import Lemmy
from monitor.sources.mastodon import Mastodon
from monitor.sources.reddit import Reddit
from monitor.sources.review import Review
from monitor.sources.stackexchange import StackExchange

KINDS: dict[str, type[Feed | Api | Reddit]] = {
    "feed": Feed,
    "comments": Feed,
    "forum": Feed,
    "review": Review,
    "hackernews": HackerNews,
    "stackexchange": StackExchange,
    "discourse": Discourse,
    "lemmy": Lemmy,
    "mastodon": Mastodon,
    "github": GitHub,
    "reddit": Reddit,
}


def comments(state: SourceState, fetch: Fetcher, read: Reader) -> Source:
    """Reads the comments of one post that names a brand."""
    return Feed(state.source, "comments", fetch, state.url, state.thread_title, read)
