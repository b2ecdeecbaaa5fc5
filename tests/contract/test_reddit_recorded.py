"""Reddit's own answers, as PRAW's source distribution carries them; they hold real people's words.

pip download praw==8.0.3 --no-deps --no-binary :all:
MONITOR_PRAW_SDIST=praw-8.0.3.tar.gz pytest tests/contract/test_reddit_recorded.py
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.sources.reddit.walk import removed
from tests.standins.web import Reply, Seen, Web
from tests.unit.fetching import NOW, fetcher
from tests.unit.redditing import AGENT, Reddit

Play = Callable[[str], "Recording"]


class Recording:
    """One cassette: its answers, and a source that will hear them in the recorded order."""

    def __init__(self, interactions: list[Mapping[str, Any]], web: Web) -> None:
        answers = [i["response"] for i in interactions]
        self.waiting = deque(Reply(a["body"]["string"], a["status"]["code"]) for a in answers)
        self.token = self.waiting.popleft()
        listings = [json.loads(a["body"]["string"])["data"]["children"] for a in answers[1:]]
        self.items = {child["data"]["name"]: child["data"] for page in listings for child in page}
        web.routes["*"] = self._answer
        base = web.url("").rstrip("/")
        keys = {"client_id": "id", "client_secret": "secret", "user_agent": AGENT}
        ways = {"reddit_oauth": base, "reddit_www": base, "fetch": fetcher(), "now": lambda: NOW}
        self.source = Reddit("here", "reddit", domain="shop.example", **keys, **ways)

    def _answer(self, seen: Seen) -> Reply:
        return self.token if "access_token" in seen.path else self.waiting.popleft()


@pytest.fixture
def play() -> Iterator[Play]:
    sdist = Path(os.environ.get("MONITOR_PRAW_SDIST", ""))
    if not sdist.is_file():
        pytest.skip("MONITOR_PRAW_SDIST is not set: this test needs praw-8.0.3.tar.gz of PyPI")
    folder = f"{sdist.name.removesuffix('.tar.gz')}/tests/integration/cassettes"
    with tarfile.open(sdist) as archive, Web() as web:

        def played(name: str) -> Recording:
            cassette = archive.extractfile(f"{folder}/{name}.json")
            assert cassette is not None
            return Recording(json.load(cassette)["interactions"], web)

        yield played


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("TestSubredditListings.test_comments", 100),
        ("TestSubredditListings.test_new", 100),
        ("TestDomainListing.test_new", 100),
        ("TestSubreddit.test_search", 6),
        ("TestListingGenerator.test_exhaust_items", 1000),
    ],
)
def test_every_item_is_read(play: Play, name: str, count: int) -> None:
    recording = play(name)
    if count == 100:  # the second page was not recorded
        recording.waiting.append(Reply('{"data": {"children": [], "after": null}}'))
        recording.waiting.extend(recording.waiting[-1] for _ in range(9))
    batch = recording.source.poll("")
    shown = {key for key, item in recording.items.items() if not removed(item)}
    assert len(recording.items) > 0.9 * count
    assert {post.external_id for post in batch.posts} == shown
    assert batch.rejected == ()
    for post in batch.posts:
        assert post.url.startswith("https://www.reddit.com/")
        assert post.text or post.title
        assert post.thread_title if post.external_id.startswith("t1_") else post.title
        assert post.published_at is not None
        assert post.reach is not None


def test_what_became_of_three_hundred(play: Play) -> None:
    recording = play("TestReddit.test_info")
    asked = [f"{kind}{n:02d}" for n in range(100) for kind in ("t1_d7ltv", "t3_5dec")]
    recording.waiting.append(Reply('{"data": {"children": []}}'))
    names = {name for name in recording.items if name in asked}
    nameless = {name for name in names if recording.items[name]["author"] in ("[deleted]", None)}
    again = recording.source.recheck(asked)
    assert len(nameless) > 5
    assert nameless <= again.gone
    assert again.alive.keys() | again.gone == set(asked)
    assert again.alive.keys() <= names
