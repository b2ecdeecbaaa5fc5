"""Places to look at: one file a kind.

KINDS maps the ``kind`` of a configured source to its class. Every class takes ``name``, ``kind``,
``fetch`` and, if it has the field, what else ``app.Tools`` holds; its other fields are the source's
own configuration keys.
"""

from __future__ import annotations

from monitor.domain import SourceState
from monitor.seams import Fetcher, Source
from monitor.sources.feed import Feed, Reader
from monitor.sources.review import Review

KINDS: dict[str, type[Feed]] = {
    "feed": Feed,
    "comments": Feed,
    "forum": Feed,
    "review": Review,
}


def comments(state: SourceState, fetch: Fetcher, read: Reader) -> Source:
    """Reads the comments of one post that names a brand."""
    return Feed(state.source, "comments", fetch, state.url, state.thread_title, read)
