"""What is lost of Reddit's comments: PRAW's stream beside our walk, on the same small Reddit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from ipaddress import ip_network

import praw

from monitor.http import PoliteFetcher
from monitor.sources.reddit import Reddit
from tests.bench.bars import Bar, show_bars
from tests.standins import reddit as standin

AGENT = "linux:bench:0.1 (by /u/bench)"
Poll = Callable[[], Iterable[str]]


def stream(site: standin.Reddit) -> Poll:
    """PRAW's own way, drained at each poll until an answer brings nothing."""
    base = site.web.url("").rstrip("/")
    reddit = praw.Reddit(
        client_id=standin.CLIENT,
        client_secret=standin.SECRET,
        user_agent=AGENT,
        oauth_url=base,
        reddit_url=base,
        check_for_updates=False,
    )
    comments = reddit.subreddit("kettles").stream.comments(pause_after=0)

    def poll() -> Iterable[str]:
        for comment in comments:
            if comment is None:
                return
            yield comment.name

    return poll


def walk(site: standin.Reddit) -> Poll:
    fetch = PoliteFetcher(AGENT, lambda: site.now, [ip_network("127.0.0.0/8")], min_gap=timedelta())
    reddit = Reddit(
        name="here",
        kind="reddit",
        fetch=fetch,
        now=lambda: site.now,
        client_id=standin.CLIENT,
        client_secret=standin.SECRET,
        user_agent=AGENT,
        subreddits=["kettles"],
        reddit_oauth=site.web.url(""),
        reddit_www=site.web.url(""),
    )
    cursor = ""

    def poll() -> Iterable[str]:
        nonlocal cursor
        batch = reddit.poll(cursor)
        cursor = batch.cursor
        return [post.external_id for post in batch.posts]

    return poll


def lost(way: Callable[[standin.Reddit], Poll], bursts: Sequence[int], *, delete: bool) -> int:
    """How many comments made after the first poll, and not deleted, were never told."""
    with standin.Reddit() as site:
        site.reset = 0  # or PRAW sleeps
        site.burst(150)
        poll = way(site)
        found = set(poll())
        made: list[str] = []
        for burst in bursts:
            if delete and made:
                site.of(made[-1]).gone = "[deleted]"
            made += site.burst(burst)
            found |= set(poll())
        for _ in range(3):
            found |= set(poll())
        alive = {name for name in made if not site.of(name).gone}
        return len(alive - found)


SCENES = (
    ("40 a poll, ten times", [40] * 10, False),
    ("a quiet poll, then 250", [0, 250], False),
    ("the newest one deleted, then 250", [30, 250], True),
    ("1,500, more than a listing holds", [0, 1500], False),
)


def main() -> list[str]:
    """Print the figures. Returns the promises that do not hold."""
    bars = []
    for name, bursts, delete in SCENES:
        bars.append(Bar(f"{name}: PRAW's stream", lost(stream, bursts, delete=delete)))
        bar = 1 if sum(bursts) <= standin.WINDOW else None
        bars.append(Bar(f"{name}: ours", lost(walk, bursts, delete=delete), bar, most=True))
    show_bars("Reddit: comments lost", bars)
    return [bar.name for bar in bars if not bar.holds]


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
