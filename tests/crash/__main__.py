"""``make crash``: every line once, then forty random kills of the real daemon."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from tests.crash.daemon import kill_daemon
from tests.crash.lines import Result, count_lines, kill_at

CHUNK = 50
SEED = 7


def every_line() -> Result:
    """Kill at each line, on all cores."""
    lines = count_lines()
    chunks = [range(i, min(i + CHUNK, lines + 1)) for i in range(1, lines + 1, CHUNK)]
    total = Result()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for part in pool.map(kill_at, chunks):
            total.points += part.points
            total.lost += part.lost
            total.doubled += part.doubled
            print(f"{total.points} of {lines} lines", end="\r", file=sys.stderr, flush=True)
    return total


def main() -> int:
    began = time.monotonic()
    lines = every_line()
    seconds = time.monotonic() - began
    daemon = kill_daemon(kills=40, posts=1000, seed=SEED)
    table = Table("what", "kills", "lost", "duplicates", "seconds")
    table.add_row(
        "each executed line of pipeline, store, notifiers",
        *(str(n) for n in (lines.points, len(lines.lost), len(lines.doubled), round(seconds))),
    )
    table.add_row(
        f"the daemon, {daemon.mentions} mentions, {daemon.told} messages",
        *(str(n) for n in (daemon.kills, daemon.lost, daemon.doubled, round(daemon.seconds))),
    )
    Console().print(table)
    for line in (*lines.lost, *lines.doubled):
        print(line)
    return 1 if lines.lost or lines.doubled or daemon.lost or daemon.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
