"""The feed source: its cursor, its manners, and what stands under what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.domain import Batch
from monitor.seams import Page, SourceError
from monitor.sources.feed import ACCEPT, Feed

FIXTURES = Path(__file__).parents[1] / "fixtures" / "feed"
URL = "https://kettle.example/feed/?key=s3cret"
RSS = (FIXTURES / "rss2.xml").read_bytes()  # its ttl is 90 minutes


class Site:
    """A fetcher that answers what it is told to, and remembers what it was asked."""

    def __init__(self, body: bytes = RSS, **headers: str) -> None:
        self.says(body, **headers)
        self.asked: dict[str, str] = {}

    def says(self, body: bytes = RSS, status: int = 200, **headers: str) -> None:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = Page(status, URL, shown, body)

    def __call__(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        self.asked = dict(headers or {})
        return self.page


def poll(site: Site, cursor: str = "", kind: str = "feed") -> Batch:
    return Feed("here", kind, site, URL).poll(cursor)


# -- manners -------------------------------------------------------------------------------------


def test_the_first_question_is_open():
    site = Site()
    poll(site)
    assert site.asked == {"Accept": ACCEPT}


def test_both_validators_are_sent_back():
    site = Site(etag='W/"1"', last_modified="yesterday, about noon")
    cursor = poll(site).cursor
    site.says(b"", 304)
    assert poll(site, cursor) == Batch((), cursor, timedelta(minutes=90))
    assert site.asked["If-None-Match"] == 'W/"1"'
    assert site.asked["If-Modified-Since"] == "yesterday, about noon"


def test_a_304_may_bring_new_validators():
    site = Site(etag='"1"', last_modified="a")
    site.says(b"", 304, etag='"2"')
    kept = json.loads(poll(site, poll(Site(etag='"1"', last_modified="a")).cursor).cursor)
    assert (kept["etag"], kept["last_modified"]) == ('"2"', "a")


def test_validators_that_a_200_lacks_are_dropped():
    cursor = poll(Site(etag='"1"', last_modified="a")).cursor
    for body in (RSS, RSS + b" "):
        kept = json.loads(poll(Site(body), cursor).cursor)
        assert kept.pop("seen")
        assert kept.pop("marks")
        assert kept == {"digest": hashlib.sha256(body).hexdigest(), "ttl": 90}


def test_an_oversized_validator_is_not_kept():
    kept = json.loads(poll(Site(etag="x" * 2049, last_modified="x" * 2048)).cursor)
    assert "etag" not in kept
    assert len(kept["last_modified"]) == 2048


def test_an_equal_body_is_not_parsed():
    """Here the cursor claims to know a body that would be refused if it were looked at."""
    body = b"no feed at all"
    cursor = json.dumps({"digest": hashlib.sha256(body).hexdigest()})
    batch = poll(Site(body, etag='"new"'), cursor)
    assert batch.posts == ()
    assert json.loads(batch.cursor)["etag"] == '"new"'


def test_a_304_to_an_open_question_is_a_fault():
    site = Site()
    site.says(b"", 304)
    with pytest.raises(SourceError, match="open question"):
        poll(site, poll(Site()).cursor)


def test_a_feed_that_breaks_off_is_asked_for_again_in_full():
    body = (FIXTURES / "truncated.xml").read_bytes()
    site = Site(body, etag='"1"')
    batch = poll(site)
    assert batch.posts[0].external_id == "kettle-101"
    assert batch.rejected == ("the feed breaks off, its last item was left for the next poll",)
    site.says(RSS, etag='"1"')
    assert len(poll(site, batch.cursor).posts) == 2
    assert "If-None-Match" not in site.asked


@pytest.mark.parametrize(
    ("control", "wish"),
    [
        ("", timedelta(minutes=90)),
        ("public, max-age=60", timedelta(minutes=90)),
        ("max-age=7200", timedelta(hours=2)),
        ("MAX-AGE = 7200, no-transform", timedelta(hours=2)),
        ("no-cache, max-age=7200", timedelta(minutes=90)),
        ("s-maxage=7200", timedelta(minutes=90)),
        ("max-age=31536000", timedelta(hours=24)),
        ("max-age=99999999999999", timedelta(hours=24)),
        ("max-age=-5", timedelta(minutes=90)),
    ],
)
def test_a_site_may_slow_us_to_once_a_day(control: str, wish: timedelta):
    assert poll(Site(cache_control=control)).poll_after == wish


def test_a_site_without_wishes_has_none():
    assert poll(Site((FIXTURES / "atom.xml").read_bytes())).poll_after is None


def test_errors_name_the_site_and_not_the_address():
    with pytest.raises(SourceError) as failed:
        poll(Site(b"<html><head></head></html>"))
    expected = "kettle.example: it answered with an HTML page instead of a feed, check its url"
    assert str(failed.value) == expected


@pytest.mark.parametrize("url", ["", "kettle.example/feed", "ftp://kettle.example/", "http://[", 7])
def test_an_address_that_cannot_be_is_refused(url: str):
    with pytest.raises(ValueError, match=r"^url: give an address"):
        Feed("here", "feed", Site(), url)


# -- posts ---------------------------------------------------------------------------------------


def test_a_post_is_plain_text():
    post = poll(Site()).posts[0]
    assert post.title == "Zephyr toasters, tested"
    assert post.text == (
        "Four slots, one lever, and a lot of smoke.\nSee the warranty (zephyr.example)."
    )
    assert (post.author, post.thread_title, post.parent) == ("Ines Varga", "", None)


def test_hostile_markup_leaves_no_trace():
    (post,) = poll(Site((FIXTURES / "hostile.xml").read_bytes())).posts
    assert (post.title, post.text, post.author, post.url) == ("Zephyr rules", "Words.", "", "")


def test_items_of_one_guid_are_one_post_with_the_first_wording_first():
    posts = poll(Site((FIXTURES / "duplicates.xml").read_bytes())).posts
    assert [p.external_id for p in posts] == ["d1", "d1", "d2"]
    assert posts[0].title == "Newer wording"


def test_an_item_that_says_nothing_is_rejected():
    batch = poll(Site((FIXTURES / "missing.xml").read_bytes()))
    assert len(batch.posts) == 4
    assert batch.rejected == ("item 5: neither title, text nor link",)


@pytest.mark.parametrize("fixture", ["comments.xml", "comments-of-post.xml"])
def test_a_comment_stands_under_its_article(fixture: str):
    (post,) = poll(Site((FIXTURES / fixture).read_bytes()), kind="comments").posts
    assert post.thread_title == "Stand by your Zephyr"
    assert (post.author, post.text) == ("Petra", "Mine caught fire.")


def test_other_comment_feeds_have_no_thread():
    body = (FIXTURES / "comments.xml").read_bytes().replace(b"Comment on", b"Kommentar zu")
    assert [p.thread_title for p in poll(Site(body), kind="comments").posts] == [""]


def test_a_reply_in_a_forum_stands_under_its_topic():
    (post,) = poll(Site((FIXTURES / "forum.xml").read_bytes()), kind="forum").posts
    assert (post.title, post.thread_title) == (
        "Re: re: Zephyr lever stuck",
        "Zephyr lever stuck",
    )


def test_an_answer_names_what_it_answers():
    first, second = poll(Site((FIXTURES / "atom.xml").read_bytes())).posts
    assert second.parent == first.external_id


# -- gaps ----------------------------------------------------------------------------------------


def listed(*numbers: int) -> bytes:
    items = "".join(f"<item><guid>{n}</guid><title>Post {n}</title></item>" for n in numbers)
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


@pytest.mark.parametrize("order", [1, -1])
def test_a_list_that_no_longer_overlaps_what_was_seen_is_a_gap(order: int):
    site = Site(listed(*range(1, 41)[::order]))
    first = poll(site)
    assert not first.gap
    site.says(listed(*range(31, 71)[::order]))
    second = poll(site, first.cursor)
    assert not second.gap
    site.says(listed(*range(80, 120)[::order]))
    assert poll(site, second.cursor).gap
    assert len(second.cursor) < 600


def test_an_unchanged_or_empty_list_is_no_gap():
    site = Site(listed(1, 2), etag='"1"')
    cursor = poll(site).cursor
    assert not poll(site, cursor).gap
    site.says(b"", 304)
    cursor = poll(site, cursor).cursor
    site.says(listed())
    assert not poll(site, cursor).gap
    site.says(listed(3, 4))
    assert poll(site, cursor).gap
