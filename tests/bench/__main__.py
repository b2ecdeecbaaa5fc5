"""``make bench``: what it costs and how good it is, beside what one would pick instead."""

from __future__ import annotations

import sys

from tests.bench import copies, feeds, pages, parsing, polls, reddit, rounds, sentiment, team

if __name__ == "__main__":
    sentiment.main()
    team.main()
    fell_short = [m.main() for m in (parsing, pages, copies, polls, rounds, reddit)]
    feeds.main()
    sys.exit(1 if any(fell_short) else 0)
