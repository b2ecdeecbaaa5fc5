"""The feed source: its posts, what is new among them, and what stands under what."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import Batch
from monitor.seams import SourceError
from tests.unit.feeding import FIXTURES, Site, day, listed, poll

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


COMMENTED = (
    b'<rss version="2.0" xmlns:wfw="http://wellformedweb.org/CommentAPI/" xmlns:slash="http://purl.o'
    b'rg/rss/1.0/modules/slash/"><channel><title>T</title><item><title>A</title><link>/7</link>'
    b"<wfw:commentRss>/7/feed/</wfw:commentRss><slash:comments>3</slash:comments></item></channel></rss>"
)


@pytest.mark.parametrize(
    ("kind", "replies", "page"),
    [
        ("feed", "https://kettle.example/7/feed/", "https://kettle.example/7"),
        ("forum", "https://kettle.example/7/feed/", ""),
        ("comments", "", ""),
    ],
)
def test_a_post_says_where_its_comments_and_its_whole_text_are(kind: str, replies: str, page: str):
    (post,) = poll(Site(COMMENTED), kind=kind).posts
    assert (post.replies, post.page, post.reach) == (replies, page, 3)


# -- what is new ---------------------------------------------------------------------------------


def ids(batch: Batch) -> list[str]:
    return [post.external_id for post in batch.posts]


def test_of_a_changed_feed_only_what_was_not_there_comes():
    site = Site(listed(1, 2, 3))
    cursor = poll(site).cursor
    site.says(listed(5, 1, 2, 4, 3))
    batch = poll(site, cursor)
    assert ids(batch) == ["5", "4"]
    assert poll(site, cursor) == batch, "a poll may be repeated"
    site.says(listed(5, 1, 2, 4, 3).replace(b"Post 2", b"Post two"))
    assert ids(poll(site, batch.cursor)) == ["2"]
    site.says(listed(2, 3).replace(b"<title>t<", b"<title>new<"))
    assert ids(poll(site, batch.cursor)) == []


def test_items_that_all_changed_are_no_gap():
    site = Site(listed(1, 2, 3))
    cursor = poll(site).cursor
    site.says(listed(2, 3, 4).replace(b"Post", b"Entry"))
    batch = poll(site, cursor)
    assert (ids(batch), batch.gap) == (["2", "3", "4"], False)


@pytest.mark.parametrize("order", [1, -1])
def test_a_gap_is_seen_after_many_small_changes(order: int):
    site, cursor = Site(), ""
    for end in range(40, 100, 5):
        site.says(listed(*range(end - 39, end + 1)[::order]))
        batch = poll(site, cursor)
        assert not batch.gap
        cursor = batch.cursor
    site.says(listed(*range(80, 120)[::order]).replace(b"Post", b"Entry"))
    assert not poll(site, cursor).gap
    site.says(listed(*range(96, 136)[::order]))
    assert poll(site, cursor).gap


def test_a_feed_that_breaks_off_loses_nothing():
    whole, now = listed(1, 2, 3), listed(5, 4, 1, 2, 3)
    site = Site(whole)
    first = poll(site)
    told, cursor = set(ids(first)), first.cursor
    for end in range(now.index(b"<item>") + 6, len(now) - 20, 7):
        site.says(now[:end], etag='"1"')
        try:
            cursor = (batch := poll(site, cursor)).cursor
        except SourceError:
            continue
        assert batch.rejected
        told |= set(ids(batch))
        assert all(post.title == f"Post {post.external_id}" for post in batch.posts)
    site.says(now)
    assert told | set(ids(poll(site, cursor))) == {"1", "2", "3", "4", "5"}


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=12, unique=True), max_size=6), st.booleans())
def test_nothing_is_missed_whatever_comes_and_goes(lists: list[list[int]], spoilt: bool):
    site, cursor, told = Site(), "", set[str]()
    for count, numbers in enumerate(lists):
        body = listed(*numbers)
        site.says(body.replace(b"Post", b"R&D") if spoilt and count % 2 else body)
        batch = poll(site, cursor)
        told |= set(ids(batch))
        assert {str(n) for n in numbers} <= told
        cursor = batch.cursor


def test_a_cursor_has_room_for_what_it_must_hold():
    odd = "\xff" * 480  # three times as long in JSON
    far = "https://kettle.example/" + "x" * 375
    hours = b"<skipHours>" + b"".join(b"<hour>%d</hour>" % n for n in range(24)) + b"</skipHours>"
    days = b"<skipDays><day>Monday</day></skipDays>"
    body = listed(*range(1900)).replace(b"<title>t<", hours + days + b"<title>t<")
    link = f"<{far}>; rel=hub, <{far}>; rel=self"
    for validator in ("", odd):
        site = Site()
        headers = {"etag": validator, "last_modified": validator, "date": day(1), "link": link}
        site.says(body, moved=far, **headers)
        cursor = poll(site).cursor
        assert len(cursor.encode()) <= 8192
        marks = json.loads(cursor)["marks"]
        assert len(marks) >= 6 * 60
        site.says(body.replace(b"Post 1899", b"Post X").replace(b"Post 0<", b"Post Y<"))
        first, *rest, last = ids(poll(site, cursor))
        assert (first, last) == ("0", "1899")
        assert len(rest) == 1900 - len(marks) // 6


# -- gaps ----------------------------------------------------------------------------------------


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
