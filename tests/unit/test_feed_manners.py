"""The feed source: how it asks, how often, and where."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from monitor.domain import Batch
from monitor.reading.items import ReadingFailed
from monitor.seams import Page, SourceError
from monitor.sources.feed import ACCEPT, Feed
from tests.unit.feeding import FIXTURES, RSS, URL, Site, day, listed, poll


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


def test_what_breaks_off_in_the_same_place_again_is_all_there_is():
    site = Site(listed(1, 2)[: -len("</channel></rss>")], etag='"1"')
    first = poll(site)
    second = poll(site, first.cursor)
    third = poll(site, second.cursor)
    assert [p.external_id for p in first.posts] == ["1"]
    assert [p.external_id for p in second.posts] == ["1", "2"]
    assert (second.rejected, second.gap) == ((), False)
    assert third.posts == ()
    assert site.asked["If-None-Match"] == '"1"'


def test_what_breaks_off_elsewhere_is_left_for_the_next_poll_again():
    cursor = poll(Site(listed(1, 2)[: -len("</channel></rss>")])).cursor
    batch = poll(Site(listed(1, 2, 3)[: -len("</channel></rss>")]), cursor)
    assert [p.external_id for p in batch.posts] == ["1", "2"]
    assert len(batch.rejected) == 1


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


NIGHT = (
    b"<ttl>0</ttl><skipHours><hour>22</hour><hour>23</hour><hour>0</hour></skipHours>"
    b"<skipDays><day>Sunday</day></skipDays>"
)


@pytest.mark.parametrize(
    ("date", "expires", "wish"),
    [
        ("Mon, 16 Nov 2026 12:00:00 GMT", "", None),
        ("", "", None),
        ("soon", "", None),
        ("Mon, 16 Nov 2026 12:00:00 GMT", "Mon, 16 Nov 2026 15:00:00 GMT", timedelta(hours=3)),
        ("Mon, 16 Nov 2026 12:00:00 GMT", "Mon, 16 Nov 2026 11:00:00 GMT", None),
        ("Mon, 16 Nov 2026 12:00:00 GMT", "-1", None),
        ("", "Mon, 16 Nov 2026 15:00:00 GMT", None),
    ],
)
def test_an_answer_may_say_when_it_is_stale(date: str, expires: str, wish: timedelta | None):
    body = RSS.replace(b"<ttl>90</ttl>", NIGHT)
    headers = {"date": date, "expires": expires, "etag": '"1"'}
    batch = poll(Site(body, **headers))
    assert batch.poll_after == wish
    site = Site()
    site.says(b"", 304, **headers)
    assert poll(site, batch.cursor).poll_after == wish


def test_a_site_may_name_hours_and_days_to_stay_away():
    batch = poll(Site(RSS.replace(b"<ttl>90</ttl>", NIGHT), etag='"1"'))
    assert (batch.skip_hours, batch.skip_days) == ((0, 22, 23), (6,))
    site = Site()
    site.says(b"", 304)
    assert poll(site, batch.cursor).skip_hours == (0, 22, 23), "they are remembered"


def test_max_age_counts_before_expires():
    dates = {"date": "Mon, 16 Nov 2026 12:00:00 GMT", "expires": "Mon, 16 Nov 2026 22:00:00 GMT"}
    assert poll(Site(cache_control="max-age=7200", **dates)).poll_after == timedelta(hours=2)


def test_whether_a_site_can_be_asked_for_changes():
    assert poll(Site(etag='"1"')).conditional
    assert poll(Site(last_modified="a")).conditional
    assert not poll(Site()).conditional


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


class Poisoned:
    def __call__(self, *_: object) -> Page:
        raise ReadingFailed("took longer than 10 s to read")


def test_a_feed_that_cannot_be_read_in_time_is_a_fault():
    with pytest.raises(SourceError, match=r"^kettle.example: its feed took longer than 10 s to re"):
        Feed("here", "feed", Site(), URL, read=Poisoned()).poll("")


# -- moves ---------------------------------------------------------------------------------------

NEW = "https://new.example/feed"


def test_a_permanent_redirect_is_believed_after_a_week():
    site, cursor = Site(), ""
    for number in (1, 3, 7, 8):
        site.says(moved=NEW, date=day(number))
        batch = poll(site, cursor)
        cursor = batch.cursor
        assert batch.moved == NEW
        assert site.urls[-1] == URL
    site.says(date=day(9))
    for _ in range(2):
        batch = poll(site, cursor)
        cursor = batch.cursor
        assert (batch.moved, site.urls[-1]) == (NEW, NEW)
    site.says(b"", 304, date=day(10))
    with pytest.raises(SourceError, match="open question"):
        poll(site, cursor)


def moved_for_good() -> str:
    site = Site()
    site.says(moved=NEW, date=day(1))
    cursor = poll(site).cursor
    site.says(moved=NEW, date=day(9))
    return poll(site, cursor).cursor


def test_where_the_new_address_fails_the_old_one_is_asked():
    site = Site()
    site.fails[NEW] = SourceError("new.example: it has no such page (404)")
    batch = poll(site, moved_for_good())
    assert site.urls == [NEW, URL]
    assert batch.moved == ""
    assert poll(site, batch.cursor).moved == ""
    assert site.urls[-1] == URL


def test_a_new_address_that_refuses_us_is_left_alone():
    site = Site()
    for refusal in (
        SourceError("no", blocked=True),
        SourceError("later", retry_after=timedelta(minutes=1)),
    ):
        site.fails[NEW] = refusal
        with pytest.raises(SourceError):
            poll(site, moved_for_good())
    assert site.urls == [NEW, NEW]


def test_another_address_or_none_begins_anew():
    site, cursor = Site(), ""
    for number, moved in ((1, NEW), (5, NEW + "2"), (9, NEW + "2"), (10, ""), (11, NEW), (12, NEW)):
        site.says(moved=moved, date=day(number))
        cursor = poll(site, cursor).cursor
    assert site.urls == [URL] * 6


@pytest.mark.parametrize("moved", [NEW + "?key=s3cret", NEW + "/x" * 200])
def test_an_address_that_may_be_secret_or_is_long_is_not_kept(moved: str):
    site = Site()
    site.says(moved=moved, date=day(1))
    batch = poll(site)
    assert batch.moved == ""
    assert "new.example" not in batch.cursor


def test_without_a_date_a_move_is_only_told():
    site, cursor = Site(), ""
    for _ in range(3):
        site.says(moved=NEW)
        batch = poll(site, cursor)
        cursor = batch.cursor
    assert batch.moved == NEW
    assert site.urls == [URL] * 3


# -- hubs ----------------------------------------------------------------------------------------


def test_a_hub_is_named_in_the_header_or_in_the_body_and_remembered():
    link = '<https://hub.example/>; rel="hub", <https://kettle.example/feed/>; rel=self'
    told = Site(etag='"1"', link=link)
    batch = poll(told)
    assert (batch.hub, batch.topic) == ("https://hub.example/", "https://kettle.example/feed/")
    told.says(b"", 304)
    batch = poll(told, batch.cursor)
    assert (batch.hub, batch.topic) == ("https://hub.example/", "https://kettle.example/feed/")
    hub = (
        b'<link xmlns="http://www.w3.org/2005/Atom" rel="hub" href="https://h.example/"/></channel>'
    )
    assert poll(Site(RSS.replace(b"</channel>", hub))).hub == "https://h.example/"


@pytest.mark.parametrize("link", ["<javascript:x>; rel=hub", "<https://a.example/>; rel=self", "<"])
def test_no_hub_no_topic(link: str):
    batch = poll(Site(link=link))
    assert (batch.hub, batch.topic) == ("", "")
