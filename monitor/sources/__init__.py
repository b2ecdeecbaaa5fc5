"""Places to look at: one file a kind.

KINDS maps the ``kind`` of a configured source to its class. Every class takes ``name``, ``kind``
and ``fetch``; its other fields are the source's own configuration keys.
"""

from __future__ import annotations

from monitor.sources.feed import Feed

KINDS: dict[str, type[Feed]] = {
    "feed": Feed,
    "comments": Feed,
    "forum": Feed,
}
