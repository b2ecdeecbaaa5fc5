"""Reddit is read whole, and nothing of it twice."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import app
from monitor.config import ConfigError, parse
from monitor.seams import SourceError
from monitor.sources.reddit import Reddit
from monitor.sources.reddit.walk import Known
from tests.standins import reddit as standin
from tests.standins.reddit import CLIENT, NOW, SECRET, said
from tests.standins.web import Reply
from tests.unit.redditing import AGENT, names, paths, source


@pytest.fixture
def site() -> Iterator[standin.Reddit]:
    with standin.Reddit() as served:
        yield served


# -- posts ---------------------------------------------------------------------------------------


def test_a_comment_and_a_post_as_posts(site: standin.Reddit) -> None:
    site.post("Acme kettle leaks", "It leaks & <hisses>", num_comments=80, score=-3)
    site.comment("Mine too", parent_id="t1_k3u4rtt", score=7)
    comment, post = source(site).poll("").posts
    assert (post.title, post.text) == ("Acme kettle leaks", "It leaks & <hisses>")
    assert (post.reach, post.parent, post.thread_title) == (80, None, "")
    assert post.url.startswith("https://www.reddit.com/r/kettles/comments/")
    assert (comment.title, comment.text) == ("", "Mine too")
    assert (comment.reach, comment.parent, comment.thread_title) == (
        7,
        "t1_k3u4rtt",
        "Which kettle?",
    )
    for each in (comment, post):
        assert (each.source, each.kind, each.author) == ("here", "reddit", "some_user")
        assert each.published_at == NOW


def test_a_link_is_part_of_the_text_and_a_deleted_account_has_no_name(
    site: standin.Reddit,
) -> None:
    site.post("See this", url="https://acme.example/kettle", author=None)
    site.post("And this", author="[deleted]")
    later, first = source(site).poll("").posts
    assert (first.text, first.author, later.author) == ("https://acme.example/kettle", "", "")


def test_an_item_without_a_path_has_a_link_all_the_same(site: standin.Reddit) -> None:
    post = site.post("Acme", permalink=None)
    comment = site.comment("Mine too", permalink="")
    site.comment("Nowhere", permalink="//evil.example", link_id=None)
    nowhere, below, above = (each.url for each in source(site).poll("").posts)
    assert above == f"https://www.reddit.com/comments/{post.name[3:]}/"
    assert below == f"https://www.reddit.com/comments/agi5zf/_/{comment.name[3:]}/"
    assert nowhere == "https://www.reddit.com//evil.example"


def test_what_is_removed_is_left_out_until_it_is_back(site: standin.Reddit) -> None:
    site.post("Kept")
    hidden = site.post("Hidden", removed_by_category="moderator")
    site.comment("[removed]")
    site.comment("[deleted]", author="[deleted]")
    reddit = source(site)
    first = reddit.poll("")
    assert [post.title for post in first.posts] == ["Kept"]
    hidden.data["removed_by_category"] = None
    assert [post.title for post in reddit.poll(first.cursor).posts] == ["Hidden"]


@pytest.mark.parametrize(
    "broken",
    [
        {"name": None},
        {"name": "t5_x"},
        {"name": "t3_UP"},
        {"created_utc": "x"},
        {"created_utc": 9e99},
    ],
)
def test_a_broken_item_spoils_only_itself(site: standin.Reddit, broken: dict[str, Any]) -> None:
    site.post("Before")
    site.post("Broken", **broken)
    site.post("After")
    site.answer = said(
        standin.listing([t.data | {"name": str(t.data["name"])} for t in site.things])
    )
    batch = source(site, domain="acme.example").poll("")
    assert {post.title for post in batch.posts} == {"Before", "After"}
    assert len(batch.rejected) == 1


def test_the_requests_are_those_of_praw(site: standin.Reddit) -> None:
    site.post("Acme", url="https://acme.example/")
    source(site, subreddits=["a", "b"], query='"Acme Co"', domain="acme.example").poll("")
    search = "/r/all/search/?limit=100&q=%22Acme+Co%22&restrict_sr=False&sort=new&syntax=lucene"
    assert paths(site) == [
        "/r/a+b/comments/?limit=100&raw_json=1",
        "/r/a+b/new?limit=100&raw_json=1",
        f"{search}&t=day&raw_json=1",
        f"{search}&t=week&raw_json=1",
        "/domain/acme.example/new?limit=100&raw_json=1",
    ]
    assert all(seen.headers["user-agent"].startswith(f"{AGENT} PRAW/") for seen in site.web.seen)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"subreddits": "kettles"}, "subreddits"),
        ({"subreddits": ["r/kettles"]}, "subreddits"),
        ({"subreddits": []}, "subreddits, query or domain"),
        ({"domain": "https://acme.example/"}, "domain"),
        ({"user_agent": "Mozilla/5.0"}, "user_agent"),
        ({"query": ["acme"]}, "query"),
        ({"reddit_oauth": "http://oauth.reddit.com"}, "https://"),
        ({"reddit_www": "http://127.0.0.1.evil.example"}, "https://"),
    ],
)
def test_wrong_keys_are_named(site: standin.Reddit, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        source(site, **wrong)


# -- nothing is lost -----------------------------------------------------------------------------


def test_what_is_known_brings_nothing(site: standin.Reddit) -> None:
    site.burst(250)
    reddit = source(site)
    first = reddit.poll("")
    assert len(first.posts) == 250
    assert reddit.poll("") == first
    again = reddit.poll(first.cursor)
    assert (again.posts, again.cursor) == ((), first.cursor)


def test_a_burst_is_found_whole_and_no_page_too_many_is_read(site: standin.Reddit) -> None:
    site.burst(300)
    reddit = source(site)
    cursor = reddit.poll("").cursor
    made = site.burst(250)
    before = len(site.web.seen)
    assert names(reddit.poll(cursor)) == set(made)
    assert len(site.web.seen) - before == 4 + 1  # 250 new and 100 known; the other listing


def test_deletions_at_the_top_lose_nothing(site: standin.Reddit) -> None:
    """Where PRAW's stream loses all but a page: its anchor is gone."""
    site.burst(300)
    reddit = source(site)
    cursor = reddit.poll("").cursor
    for thing in site.things[-40:]:
        thing.gone = "[deleted]"
    assert names(reddit.poll(cursor)) == set()
    assert names(reddit.poll(cursor)) | set(made := site.burst(250)) == set(made)
    batch = reddit.poll(cursor)
    assert (names(batch), batch.gap) == (set(made), False)


def test_an_anchor_that_vanishes_between_two_pages_does_not_end_the_walk(
    site: standin.Reddit,
) -> None:
    made = site.burst(300)
    serve = site.web.routes["*"]
    assert callable(serve)

    def route(seen: Any) -> Any:
        anchor = seen.query.get("after")
        if anchor and all(not thing.gone for thing in site.things):
            site.of(anchor).gone = "[deleted]"
        return serve(seen)

    site.web.routes["*"] = route
    assert names(source(site).poll("")) == set(made)


@pytest.mark.parametrize(("burst", "found", "gap"), [(999, 999, False), (1500, 1000, True)])
def test_more_than_a_listing_holds_is_a_gap(
    site: standin.Reddit, burst: int, found: int, *, gap: bool
) -> None:
    site.burst(50)
    reddit = source(site)
    first = reddit.poll("")
    assert not first.gap
    site.burst(burst)
    batch = reddit.poll(first.cursor)
    assert (len(batch.posts), batch.gap) == (found, gap)
    assert not reddit.poll(batch.cursor).gap


def test_an_empty_answer_forgets_nothing(site: standin.Reddit) -> None:
    site.burst(20)
    reddit = source(site)
    first = reddit.poll("")
    site.answer = said(standin.listing([]))
    empty = reddit.poll(first.cursor)
    assert (empty.posts, empty.cursor, empty.gap) == ((), first.cursor, False)


def test_search_finds_what_is_indexed_late(site: standin.Reddit) -> None:
    late = site.post("Acme is late")
    late.indexed = False
    site.now += timedelta(hours=20)
    site.post("Acme is on time")
    reddit = source(site, query="acme")
    cursor = reddit.poll("").cursor
    late.indexed = True
    assert [post.title for post in reddit.poll(cursor).posts] == ["Acme is late"]


def test_search_is_read_beyond_what_is_known(site: standin.Reddit) -> None:
    late = site.post("Acme is late")
    late.indexed = False
    for number in range(150):
        site.post(f"Acme {number}")
    reddit = source(site, query="acme")
    cursor = reddit.poll("").cursor
    late.indexed = True
    assert [post.title for post in reddit.poll(cursor).posts] == ["Acme is late"]


def test_what_is_removed_is_no_sign_of_what_follows(site: standin.Reddit) -> None:
    for number in range(900):
        site.post("Acme", removed_by_category=None if number % 60 else "moderator")
    reddit = source(site, domain="reddit.com")
    cursor = reddit.poll("").cursor
    before = len(paths(site))
    assert reddit.poll(cursor).posts == ()
    assert len(paths(site)) - before == 2


def test_a_week_is_searched_once_a_day(site: standin.Reddit) -> None:
    late = site.post("Acme is very late")
    late.indexed = False
    reddit = source(site, query="acme")
    cursor = reddit.poll("").cursor
    site.now += timedelta(days=3)
    late.indexed = True
    found = reddit.poll(cursor)
    assert [post.title for post in found.posts] == ["Acme is very late"]
    before = len(paths(site))
    site.now += timedelta(hours=23)
    reddit.poll(found.cursor)
    assert [path.count("t=day") for path in paths(site)[before:]] == [1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), polls=st.integers(2, 6))
def test_nothing_is_lost_and_nothing_comes_twice(seed: int, polls: int) -> None:
    """Bursts up to 800, deletions anywhere, items that are listed late, faults in between."""
    chance = random.Random(seed)
    with standin.Reddit() as site:
        site.burst(chance.randrange(300))
        reddit = source(site)
        batch = reddit.poll("")
        told = [post.external_id for post in batch.posts]
        for _ in range(polls):
            site.burst(chance.choice([0, 3, 40, 130, 800]))
            for thing in chance.sample(site.things[-150:], min(len(site.things), 5)):
                thing.gone = "[deleted]"
            if chance.random() < 0.5 and len(site.things) > 30:
                site.things.insert(-chance.randrange(1, 30), site.things.pop())
            if chance.random() < 0.3:
                site.answer = Reply("oh", 500)
                with pytest.raises(SourceError):
                    reddit.poll(batch.cursor)
                site.answer = None
            batch = reddit.poll(batch.cursor)
            assert not batch.gap
            told += [post.external_id for post in batch.posts]
    alive = {thing.name for thing in site.things if not thing.gone}
    assert alive <= set(told)
    assert len(told) == len(set(told))


@given(
    numbers=st.sets(st.integers(1, 36**9), max_size=2000),
    room=st.integers(20, 9000),
)
def test_the_newest_known_are_remembered(numbers: set[int], room: int) -> None:
    written = Known(frozenset(numbers)).written(room)
    read = Known.of(written)
    assert len(written) <= room
    kept = sorted(numbers, reverse=True)[: len(read.numbers)]
    assert sorted(read.numbers, reverse=True) == kept
    assert read.holds("t1_0") == (read.floor > 0)
    assert (read.floor > 0) == (len(kept) < len(numbers)) or not kept


def test_a_cursor_is_small_and_holds_enough_of_each_listing(site: standin.Reddit) -> None:
    for number in range(1100):
        site.now += timedelta(seconds=number)
        site._made += 5000
        site.comment("c")
        site.post("Acme", url="https://acme.example/")
    reddit = source(site, subreddits=["kettles"], query="acme", domain="acme.example")
    cursor = reddit.poll("").cursor
    assert len(cursor.encode()) <= 8192
    again = reddit.poll(cursor)
    assert not again.gap
    known = {
        name: len(Known.of(text).numbers)
        for name, text in json.loads(cursor).items()
        if name != "week"
    }
    assert min(known.values()) > 250


@pytest.mark.parametrize(
    "cursor", ["no json", "[]", "3", '{"comments": 3}', '{"new": "zz"}', '{"week": 1e99}']
)
def test_a_cursor_of_another_version_is_as_good_as_none(site: standin.Reddit, cursor: str) -> None:
    site.burst(3)
    assert len(source(site).poll(cursor).posts) == 3


# -- set-up --------------------------------------------------------------------------------------

SET_UP = """
{more}
[[brand]]
name = "Acme"
[[source]]
name = "here"
kind = "reddit"
client_id = "file:{folder}/id"
client_secret = "{secret}"
user_agent = "linux:mentions:0.1 (by /u/you)"
subreddits = ["kettles"]
"""


def build(folder: Path, secret: str = "", more: str = "") -> tuple[Reddit, str]:
    (folder / "id").write_text(CLIENT)
    (folder / "secret").write_text(SECRET)
    secret = secret or f"file:{folder}/secret"
    config = parse(SET_UP.format(folder=folder, secret=secret, more=more), "m.toml")
    built = app.source(config.source[0], app.tools(config))
    assert isinstance(built, Reddit)
    return built, app.fingerprint(config.source[0], config)


def test_keys_are_read_from_where_they_are_and_shown_nowhere(tmp_path: Path) -> None:
    reddit, _ = build(tmp_path)
    assert (reddit.client_id, reddit.client_secret) == (CLIENT, SECRET)
    assert CLIENT not in repr(reddit)
    assert SECRET not in repr(reddit)
    assert reddit.url == "https://oauth.reddit.com"
    with pytest.raises(ConfigError, match="never write a secret into the file"):
        build(tmp_path, secret="hush")


def test_both_addresses_can_be_moved(tmp_path: Path) -> None:
    moved = """[endpoints]
    reddit_oauth = "http://127.0.0.1:9"
    reddit_www = "http://127.0.0.1:8"
    """
    (usual, one), (reddit, other) = build(tmp_path), build(tmp_path, more=moved)
    assert (reddit.reddit_oauth, reddit.reddit_www) == ("http://127.0.0.1:9", "http://127.0.0.1:8")
    assert usual.reddit_www == "https://www.reddit.com"
    assert one != other
