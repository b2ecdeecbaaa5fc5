"""``make bench``: what it costs and how good it is, beside what one would pick instead."""

from __future__ import annotations

import sys

from tests.bench import feeds, sentiment, team

if __name__ == "__main__":
    sentiment.main()
    team.main()
    sys.exit(feeds.main())
