"""The demo's stand-in sites speak HTTP and feeds as real ones do, and its stories are sound."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import pytest

from monitor import config
from monitor.demo import stories
from monitor.demo.backstage import Street, config_text
from monitor.demo.show import Outcome, problem
from monitor.demo.sites import Dialect, Entry, Feed, Site

NOON = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)
ENTRY = Entry(
    id="post-1",
    link="https://blog.example/a?b=1&c=2",
    title="Pins & needles < thread",
    author="Ana & Bo",
    html="<p>A <b>link</b> &amp; a pin</p>",
    published=NOON,
)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/feed/": Feed("blog", "Blog", "https://blog.example/", [ENTRY])}) as running:
        yield running


def get(url: str, **headers: str) -> tuple[int, Message, bytes]:
    """Status, headers and body, whatever the status."""
    asked = urllib.request.Request(
        url, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, refused.read()


def test_an_unchanged_feed_answers_304_without_a_body(site: Site) -> None:
    status, headers, body = get(site.url("/feed/"))
    assert (status, len(body)) == (200, int(headers["Content-Length"]))

    for known in (headers["ETag"], f'"other", W/{headers["ETag"]}'):
        again, validators, nothing = get(site.url("/feed/"), If_None_Match=known)
        assert (again, nothing) == (304, b"")
        assert validators["ETag"] == headers["ETag"]
    assert site.feeds["/feed/"].unchanged == 2
    assert site.polls("/feed/") == 3


def test_a_new_post_changes_the_etag_and_comes_first(site: Site) -> None:
    _, before, _ = get(site.url("/feed/"))
    assert site.read("/feed/") == {"post-1"}
    site.publish("/feed/", Entry("post-2", "https://blog.example/2", "Two", "Ana", "2", NOON))
    assert site.read("/feed/") == {"post-1"}

    status, after, body = get(site.url("/feed/"), If_None_Match=before["ETag"])
    assert status == 200
    assert after["ETag"] != before["ETag"]
    assert [e.id for e in feedparser.parse(body).entries] == ["post-2", "post-1"]
    assert site.read("/feed/") == {"post-1", "post-2"}


def test_what_is_not_there_is_404(site: Site) -> None:
    status, headers, _ = get(site.url("/robots.txt"))
    assert status == 404
    assert headers["ETag"] is None


@pytest.mark.parametrize(
    ("dialect", "version", "title"),
    [
        ("blog", "rss20", "Pins & needles < thread"),
        ("comments", "rss20", "Comment on Pins & needles < thread by Ana & Bo"),
        ("forum", "atom10", "Pins &amp; needles &lt; thread"),  # type="html": still markup
    ],
)
def test_each_dialect_is_a_well_formed_feed(dialect: Dialect, version: str, title: str) -> None:
    feed = feedparser.parse(Feed(dialect, "Blog", "https://blog.example/", [ENTRY]).body())
    (entry,) = feed.entries
    assert not feed.bozo
    assert feed.version == version
    assert (entry.title, entry.author, entry.id) == (title, "Ana & Bo", "post-1")
    assert entry.link == ENTRY.link
    assert entry.content[0].value == ENTRY.html
    assert entry.published_parsed[:6] == NOON.timetuple()[:6]


@pytest.mark.parametrize("dialect", ["blog", "comments", "forum"])
def test_an_empty_feed_is_a_feed(dialect: Dialect) -> None:
    feed = feedparser.parse(Feed(dialect, "Blog", "https://blog.example/").body())
    assert not feed.bozo
    assert feed.entries == []


def test_sites_do_not_share_a_port(site: Site) -> None:
    with Site({"/": Feed("blog", "Other", "https://other.example/")}, host="127.0.0.1") as other:
        assert urlsplit(other.url("/")).port != urlsplit(site.url("/")).port


def test_every_story_can_be_told_apart_and_points_to_no_real_place() -> None:
    assert len({s.id for s in stories.STORIES}) == len(stories.STORIES)
    for story in stories.STORIES:
        assert (urlsplit(story.link).hostname or "").endswith(".example")
        assert bool(story.why) == (story.fate == "left out"), story.id


def test_the_link_spreads_from_one_blog_over_every_kind_of_place() -> None:
    told = [s for s in stories.STORIES if s.fate == "told"]
    assert told[0].place == "blog"
    assert {s.place for s in told} == {"blog", "comments", "diary", "forum"}
    assert not any(s.age for s in told)
    assert Counter(s.why for s in stories.STORIES)[stories.HOMONYM] == 1


def test_the_demos_configuration_is_one_that_the_monitor_takes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        street = Street(stack, lambda: NOON)
        read = config.parse(config_text(tmp_path / "monitor.db", street.url), "demo")
        assert [b.name for b in read.brand] == [stories.BRAND]
        assert len({s.options["url"] for s in read.source}) == len(stories.SHELVES)


@pytest.mark.allow_hosts([f"127.0.0.{n}" for n in range(1, 6)])
def test_stories_of_before_are_there_from_the_start_and_the_others_when_published() -> None:
    with ExitStack() as stack:
        street = Street(stack, lambda: NOON)
        old = {s.id for s in stories.STORIES if s.age}
        assert read_all(street) == old
        for story in stories.STORIES:
            if not story.age:
                street.publish(story)
        assert read_all(street) == {s.id for s in stories.STORIES}
        assert street.read() == {s.id for s in stories.STORIES}


def read_all(street: Street) -> set[str]:
    """Ids of what every feed of the street says now, newest first in each."""
    ids: set[str] = set()
    for place in stories.SHELVES:
        entries = feedparser.parse(get(street.url(place))[2]).entries
        times = [e.published_parsed for e in entries]
        assert times == sorted(times, reverse=True)
        ids.update(e.id for e in entries)
    return ids


@pytest.fixture
def good(tmp_path: Path) -> Outcome:
    """Everything as the stories expect it."""
    digest = tmp_path / "digest.html"
    digest.write_text("<html></html>")
    mentions = {
        s.id: {"incident": "INC-1" if s.fate == "told" else None}
        for s in stories.STORIES
        if s.fate != "left out"
    }
    read = frozenset(s.id for s in stories.STORIES)
    shown = "a card INC-1\nGrown: INC-1 now 2 posts\n"
    return Outcome([{"id": "INC-1"}], mentions, read, shown, digest, status=0)


def test_what_was_expected_is_no_problem(good: Outcome) -> None:
    assert problem(good) == ""


def test_each_thing_that_may_go_wrong_is_said(good: Outcome, tmp_path: Path) -> None:
    homonym = next(s.id for s in stories.STORIES if s.why == stories.HOMONYM)
    praise = next(s.id for s in stories.STORIES if s.fate == "kept" and s.place == "diary")
    forum = {s.id for s in stories.STORIES if s.fate == "told" and s.place == "forum"}
    grown_less = {k: v for k, v in good.mentions.items() if k not in forum}
    for wrong, said in (
        (replace(good, status=-9), "ended with -9"),
        (replace(good, digest=tmp_path / "none.html"), "was not written"),
        (replace(good, read=good.read - {homonym}), f"not read: {homonym}"),
        (replace(good, mentions={**good.mentions, homonym: {"incident": None}}), homonym),
        (replace(good, mentions=grown_less), "not seen as mentions"),
        (replace(good, incidents=[]), "0 cards"),
        (replace(good, incidents=[{}, {}]), "2 cards"),
        (replace(good, terminal="a card INC-1\n"), "growth"),
        (replace(good, mentions={**good.mentions, praise: {"incident": "INC-1"}}), praise),
        (
            replace(good, mentions=grown_less | {id_: {"incident": None} for id_ in forum}),
            "grow by: forum",
        ),
    ):
        assert said in problem(wrong)
