"""What the tests of the Reddit source share."""

from __future__ import annotations

from typing import Any

from monitor.domain import Batch
from monitor.sources.reddit import Reddit
from tests.standins import reddit as standin
from tests.standins.reddit import CLIENT, SECRET
from tests.unit.fetching import fetcher

AGENT = "linux:mentions:0.1 (by /u/you)"


def source(site: standin.Reddit, **options: Any) -> Reddit:
    usual = {
        "fetch": fetcher(),
        "now": lambda: site.now,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "user_agent": AGENT,
        "reddit_oauth": site.web.url(""),
        "reddit_www": site.web.url(""),
    }
    if not options.keys() & {"query", "domain"}:
        usual["subreddits"] = ["kettles", "tea"]
    return Reddit("here", "reddit", **{**usual, **options})


def names(batch: Batch) -> set[str]:
    return {post.external_id for post in batch.posts}


def paths(site: standin.Reddit) -> list[str]:
    return [seen.target for seen in site.web.seen if "access_token" not in seen.target]
