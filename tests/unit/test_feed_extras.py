"""What a feed says beside its items' texts: comments, teasers, the publisher's pace, hubs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.reading import feeds
from monitor.reading.items import Feed

BASE = "https://kettle.example/feed/"
NAMESPACES = {
    "w": "http://wellformedweb.org/CommentAPI/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
}
DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
REPLIES = '<a:link rel="replies" type="{}" href="https://b.example/feeds/7/comments/default" {}/>'


def extended(inside: str) -> Feed:
    body = f'<rss version="2.0" {DECLARED}><channel><title>T</title>{inside}</channel></rss>'
    return feeds.read(body.encode(), "", BASE)


@pytest.mark.parametrize(
    ("inside", "address", "count"),
    [
        (
            "<w:commentRss>/7/feed/</w:commentRss><slash:comments>3</slash:comments>",
            "https://kettle.example/7/feed/",
            3,
        ),
        (
            REPLIES.format("application/atom+xml", "") + "<thr:total>12</thr:total>",
            "https://b.example/feeds/7/comments/default",
            12,
        ),
        (
            REPLIES.format("application/rss+xml", 'thr:count="0"'),
            "https://b.example/feeds/7/comments/default",
            0,
        ),
        (REPLIES.format("text/html", 'thr:count="4"'), "", 4),
        (
            "<w:commentRss>javascript:x</w:commentRss><slash:comments>many</slash:comments>",
            "",
            None,
        ),
        ("", "", None),
    ],
)
def test_where_and_how_many_its_comments_are(inside: str, address: str, count: int | None):
    (item,) = extended(f"<item><title>x</title>{inside}</item>").items
    assert (item.comment_feed, item.comment_count) == (address, count)


LONG = "word " * 130


@pytest.mark.parametrize(
    ("described", "teaser"),
    [
        ("word", True),
        (LONG, False),
        ("<b>" * 300 + "word", True),
        (LONG + "and then ...", True),
        (LONG + "and then […]", True),
        (LONG + "and then [&#8230;]", True),
        (LONG + "Continue reading The Zephyr, tested →", True),
        (LONG + "<a href='/7'>Read more</a> »", True),
        (LONG + "I spread more jam. The end.", False),
        (LONG * 60 + "and then ...", False),
    ],
)
def test_a_teaser_is_short_or_breaks_off(described: str, teaser: bool):
    inside = f"<item><description><![CDATA[{described}]]></description></item>"
    assert [i.teaser for i in extended(inside).items] == [teaser]


def test_a_description_beside_comments_is_a_teaser():
    comments = "<comments>https://kettle.example/7/#comments</comments>"
    whole = f"<content:encoded>{LONG}</content:encoded>"
    inside = f"<description>{LONG}</description>"
    found = extended(f"<item>{comments}{inside}</item><item>{comments}{inside}{whole}</item>")
    assert [i.teaser for i in found.items] == [True, False]


DAILY = "<sy:updatePeriod>daily</sy:updatePeriod>"


@pytest.mark.parametrize(
    ("said", "every"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl>0</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<sy:updatePeriod> hourly </sy:updatePeriod>", None),
        (
            "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>",
            None,
        ),
        (DAILY.replace("daily", "Daily"), timedelta(days=1)),
        (
            DAILY + "<sy:updateFrequency>4</sy:updateFrequency><ttl>60</ttl>",
            timedelta(hours=6),
        ),
        (
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
            None,
        ),
        ("<sy:updatePeriod>often</sy:updatePeriod>", None),
    ],
)
def test_how_often_to_come(said: str, every: timedelta | None):
    assert extended(said).pace.every == every


def test_when_not_to_come():
    pace = extended(
        "<skipHours><hour>0</hour><hour> 7 </hour><hour>24</hour><hour>99</hour></skipHours>"
        "<item><skipdays><day>Friday</day></skipdays></item>"
        "<skipDays><day>Saturday</day><day>Sonntag</day></skipDays>"
    ).pace
    assert (pace.skip_hours, pace.skip_days) == ({0, 7}, {4})
    assert extended("<skipHours>" * 100_000).pace.skip_hours == frozenset()


def test_who_tells_of_new_items():
    links = '<a:link rel="self" href="/feed/"/><a:link rel="hub" href="https://hub.example/"/>'
    feed = extended(links)
    assert (feed.hub, feed.topic) == ("https://hub.example/", "https://kettle.example/feed/")
    alone = extended('<a:link rel="self" href="/feed/"/>')
    assert (alone.hub, alone.topic) == ("", "")
    body = b'{"version":"1.1","feed_url":"/f","hubs":[{"url":"https://hub.example/"}],"items":[]}'
    feed = feeds.read(body, "", BASE)
    assert (feed.hub, feed.topic) == ("https://hub.example/", "https://kettle.example/f")
