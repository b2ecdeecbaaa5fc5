"""``make bench``: what it costs and how good it is, beside what one would pick instead."""

from __future__ import annotations

import sys

from tests.bench import feeds, sentiment

if __name__ == "__main__":
    sentiment.main()
    sys.exit(feeds.main())
