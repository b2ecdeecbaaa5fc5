"""The scorer can fail: a rude client breaks each rule, and each breach is reported, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.standins.etiquette import told
from tests.standins.scripted import START, Clock
from tests.standins.sites import Feed, Item, Route, Sites, flood, status, to, until_date
from tests.unit.asking import (
    BLOG,
    DAY,
    HOUR,
    MINUTE,
    PAGE,
    SECOND,
    Client,
    feed,
    follows,
    moved,
    page,
    together,
)


@pytest.fixture
def client() -> Iterator[Client]:
    clock = Clock()
    with Sites(clock, {}) as sites:
        client = Client(clock, sites)
        client.serve(BLOG, feed())
        yield client


Rude = Callable[[Client], None]
RUDE: list[tuple[int, str, Rude]] = []


def breaks(rule: int, says: str) -> Callable[[Rude], Rude]:
    """What follows breaks this rule, and no other."""

    def kept(rude: Rude) -> Rude:
        RUDE.append((rule, says, rude))
        return rude

    return kept


# -- validators ----------------------------------------------------------------------------------


@breaks(1, "never gave")
def invents_a_date(c: Client) -> None:
    c.get()
    c.get(If_Modified_Since="Wed, 18 Nov 2026 12:00:01 GMT")


@breaks(1, "never gave")
def takes_the_quotes_off(c: Client) -> None:
    c.get()
    c.get(If_None_Match=c.validators["If-None-Match"].replace("W/", "").strip('"'))


@breaks(1, "only one of its two")
def sends_one_of_two(c: Client) -> None:
    c.get()
    c.get(If_Modified_Since="")


@breaks(1, "not sent back")
def forgets_them(c: Client) -> None:
    c.get()
    c.get(after=DAY, validators={})


@breaks(1, "no longer had")
def keeps_what_a_body_no_longer_had(c: Client) -> None:
    c.get()
    old = c.validators
    c.serve(BLOG, feed(etag="", dated=""))
    c.get()
    c.get(after=DAY, validators=old)


@breaks(2, "not taken over")
def ignores_the_new_ones_of_a_304(c: Client) -> None:
    c.serve(BLOG, Feed(BLOG, [Item("1", START, "Acme")], renews=True))
    c.get()
    old = c.validators
    assert c.get(after=DAY) == 304
    c.get(validators=old)


# -- pace ----------------------------------------------------------------------------------------


@breaks(3, "again after 0:59:00")
def comes_before_the_hour(c: Client) -> None:
    c.get()
    c.get(after=59 * MINUTE)


@breaks(3, "again after 0:09:00")
def comes_before_what_was_consented(c: Client) -> None:
    c.serve(BLOG, feed(), every=10 * MINUTE)
    c.get()
    c.get(after=9 * MINUTE)


@breaks(3, "unconditionally 23:00:00")
def takes_a_whole_body_twice_a_day(c: Client) -> None:
    c.serve(BLOG, feed(etag="", dated=""))
    c.get()
    c.get(after=23 * HOUR)


@breaks(3, "unconditionally 1:00:00")
def takes_what_always_breaks_off_each_hour(c: Client) -> None:
    c.serve(BLOG, status(200, "<rss><channel>"))
    c.get()
    c.get()  # once more is no offence
    c.get()


def comes_before(hint: str = "", after: timedelta = 2 * HOUR, **script: Any) -> Rude:
    def rude(c: Client) -> None:
        c.serve(BLOG, feed(hints=hint, **script))
        c.get()
        c.get(after=after)

    return rude


SY = "<sy:updatePeriod>{}</sy:updatePeriod><sy:updateFrequency>{}</sy:updateFrequency>"
RUDE += [
    (4, "1:00:00 before", comes_before(headers={"Cache-Control": "public, max-age=10800"})),
    (4, "1:00:00 before", comes_before(stays=3 * HOUR)),
    (4, "1:00:00 before", comes_before("<ttl>180</ttl>")),
    (4, "4:00:00 before", comes_before(SY.format("daily", 4))),
    (4, "at Wednesday 15:00", comes_before("<skipHours><hour>15</hour></skipHours>")),
    (4, "at Thursday 09:00", comes_before("<skipDays><day>Thursday</day></skipDays>", 20 * HOUR)),
    (4, "1:00:00 before", comes_before("<ttl>99999</ttl>", 23 * HOUR)),
]


# -- refusals and failures -----------------------------------------------------------------------


def disturbs(refusal: Route, after: timedelta) -> Rude:
    """Asks another feed of a host that wants rest."""

    def rude(c: Client) -> None:
        c.serve(SECOND, refusal)
        c.get(SECOND)
        c.get(BLOG, after=after)

    return rude


@breaks(5, "0:01:00 are left")
def does_not_rest_ever_longer(c: Client) -> None:
    c.serve(SECOND, status(429))
    c.serve("blog.example/third", status(503))
    c.get(SECOND)
    c.get("blog.example/third")
    c.get(BLOG, after=MINUTE)


RUDE += [
    (5, "1:00:00 are left", disturbs(status(429, Retry_After="7200"), HOUR)),
    (5, "1:00:00 are left", disturbs(until_date(503, 2 * HOUR), HOUR)),
    (5, "0:00:30 are left", disturbs(status(429), MINUTE / 2)),
]


@breaks(6, "gone for good")
def asks_for_what_is_gone(c: Client) -> None:
    c.serve(BLOG, status(410))
    c.get()
    c.get(after=5 * DAY)


@breaks(6, "failed 8 times in a row")
def does_not_back_off(c: Client) -> None:
    c.serve(BLOG, status(404))
    for _ in range(10):
        c.get()


@breaks(6, "in a row")
def does_not_give_up(c: Client) -> None:
    c.serve(BLOG, status(500))
    for n in range(30):
        c.get(after=(6 + n / 10) * HOUR)


# -- redirects -----------------------------------------------------------------------------------


@breaks(7, "not followed")
def does_not_follow(c: Client) -> None:
    moved(c, 302)
    c.get()
    c.get()


@breaks(7, "adopted 1:00:00 after")
def adopts_at_once(c: Client) -> None:
    moved(c, 301)
    follows(c)
    c.get("new.example/feed")


@breaks(7, "has been at new.example/feed for 15 days")
def never_adopts(c: Client) -> None:
    moved(c, 308)
    follows(c)
    follows(c, 15 * DAY)


@breaks(7, "temporary redirect was adopted")
def adopts_what_is_temporary(c: Client) -> None:
    moved(c, 307)
    follows(c)
    c.get("new.example/feed", after=3 * DAY)


@breaks(7, "too far")
def follows_too_far(c: Client) -> None:
    road = [f"blog.example/{n}" for n in range(7)]
    for here, there in zip([BLOG, *road], road, strict=False):
        c.serve(here, to(f"{there}", 302))
    follows(c, HOUR, *road)


# -- headers and addresses -----------------------------------------------------------------------


def sends(**headers: Any) -> Rude:
    def rude(c: Client) -> None:
        c.get(**headers)

    return rude


RUDE += [
    (8, "does not say", sends(User_Agent="Mozilla/5.0 (+https://acme.example)")),
    (8, "does not say", sends(User_Agent="tests/1")),
    (8, "sends cookie", sends(Cookie="a=b")),
    (8, "sends referer", sends(Referer="https://acme.example")),
    (8, "step aside", sends(Cache_Control="no-cache")),
    (9, "gzip", sends(Accept_Encoding="")),
    (9, "does not name xml", sends(Accept="*/*")),
]


@breaks(8, "nobody gave")
def tricks_caches(c: Client) -> None:
    c.sites.routes[f"{BLOG}?123"] = feed()
    c.get(f"{BLOG}?123")


# -- the clock and the crowd ---------------------------------------------------------------------


@breaks(10, "no jitter: 19 of 19")
def comes_like_clockwork(c: Client) -> None:
    for _ in range(20):
        c.get(after=61 * MINUTE)


@breaks(10, "on the full hour")
def comes_on_the_hour(c: Client) -> None:
    for hours in range(50):
        c.get(after=(1 + hours % 3) * HOUR)


@breaks(10, "because of a restart")
def asks_again_after_a_restart(c: Client) -> None:
    c.get()
    c.restarts.append(c.clock() + MINUTE)
    c.get(after=2 * MINUTE)


@breaks(10, "6 polls at once after a restart")
def comes_as_a_herd(c: Client) -> None:
    c.restarts.append(c.clock() + HOUR)
    for n in range(6):
        c.serve(f"b{n}.example/feed", feed())
        c.get(f"b{n}.example/feed", after=timedelta() if n else HOUR, validators={})


@breaks(11, "0:00:00 after the last request")
def leaves_no_gap(c: Client) -> None:
    c.serve(SECOND, feed())
    c.get()
    c.get(SECOND, after=timedelta(seconds=0.4), validators={})


@breaks(11, "3 requests to the host at once")
def comes_in_threes(c: Client) -> None:
    together(c, [f"blog.example/{n}" for n in range(3)])


@breaks(14, "two requests for it at once")
def asks_twice_at_once(c: Client) -> None:
    together(c, [BLOG, BLOG])


@breaks(12, "40,000,000 bytes")
def drinks_a_flood(c: Client) -> None:
    c.serve(BLOG, flood)
    c.get()


# -- pages ---------------------------------------------------------------------------------------


@breaks(13, "without a robots.txt")
def reads_pages_without_robots_txt(c: Client) -> None:
    page(c, robots=False)
    c.get(PAGE)


@breaks(13, "forbids")
def reads_what_robots_txt_forbids(c: Client) -> None:
    page(c, allowed=False)
    c.get(PAGE)


@breaks(13, "robots.txt again")
def asks_for_robots_txt_for_each_page(c: Client) -> None:
    page(c)
    c.get("blog.example/robots.txt", after=MINUTE)


@breaks(14, "whole text")
def reads_what_the_feed_holds(c: Client) -> None:
    page(c, in_full=True)
    c.get(PAGE)


@breaks(14, "HEAD")
def looks_before_it_reads(c: Client) -> None:
    c.get(method="HEAD")


# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "says", "rude"),
    RUDE,
    ids=[f"{r}-{f.__name__}-{n}" for n, (r, _, f) in enumerate(RUDE)],
)
def test_a_rude_client_is_caught(client: Client, rule: int, says: str, rude: Rude) -> None:
    rude(client)
    found = client.found()
    assert {violation.rule for violation in found} == {rule}, told(found)
    assert says in told(found)


def test_each_rule_is_broken() -> None:
    assert {rule for rule, _, _ in RUDE} == set(range(1, 15))


def test_a_polite_client_is_left_in_peace(client: Client) -> None:
    for wait in (1, 2, 1.1, 3, 1.5):
        client.get(after=wait * HOUR)
    client.serve(SECOND, until_date(503, 2 * HOUR))
    client.get(SECOND, validators={})
    client.get(after=2.01 * HOUR)
    client.serve(SECOND, status(404))
    client.get(SECOND, validators={})
    client.get(SECOND, validators={})
    page(client)
    client.get(PAGE, after=timedelta(seconds=5), validators={})
    assert client.found() == [], told(client.found())


def test_who_follows_a_permanent_redirect_for_days_may_adopt_it(client: Client) -> None:
    client.get()
    moved(client, 301)
    follows(client)
    follows(client, 30 * HOUR)
    follows(client, 30 * HOUR)
    client.get("new.example/feed")
    client.get("new.example/feed", after=2 * HOUR)
    assert client.found() == [], told(client.found())
