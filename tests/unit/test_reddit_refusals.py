"""What Reddit says instead of an answer, its rate window, and what it shows no more."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.seams import SourceError
from monitor.sources.reddit import Reddit
from monitor.sources.reddit.client import Road
from tests.standins import reddit as standin
from tests.standins.reddit import CLIENT, NOW, SECRET, said
from tests.standins.web import Reply, slow_down
from tests.unit.fetching import fetcher
from tests.unit.redditing import AGENT, paths, source


@pytest.fixture
def site() -> Iterator[standin.Reddit]:
    with standin.Reddit() as served:
        yield served


# -- refusals and faults -------------------------------------------------------------------------


def failure(reddit: Reddit) -> SourceError:
    """What a poll fails with; it repeats no secret and no token."""
    with pytest.raises(SourceError) as failed:
        reddit.poll("")
    told = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert not any(secret in told for secret in (CLIENT, SECRET, "t0k3n", "aHVzaA", "hush"))
    assert str(failed.value).isprintable()
    return failed.value


def error(reason: str, status: int, **more: object) -> Reply:
    return said({"reason": reason, "message": "hush", "error": status, **more}, status)


BEARER = {"www-authenticate": 'Bearer realm="reddit", error="insufficient_scope"'}
NOWHERE = {"Location": "https://www.reddit.com/subreddits/search.json?q=hush"}
#: Every row of the table of what Reddit answers: refused, for good, a phrase that says why.
TABLE: dict[str, tuple[Reply, bool, bool, str]] = {
    "401, no token": (said({"message": "Unauthorized"}, 401, BEARER), True, False, "401"),
    "401, bare": (said({"message": "Unauthorized"}, 401), True, False, "401"),
    "403, private": (error("private", 403), True, False, "'private' (403)"),
    "403, scope": (said({"error": 403}, 403, BEARER), True, False, "403"),
    "404, banned": (error("banned", 404), False, True, "'banned' (404)"),
    "404": (said({"error": 404}, 404), False, False, "404"),
    "302, no subreddit": (Reply("", 302, NOWHERE), False, True, "no such subreddit"),
    "302, elsewhere": (Reply("", 302, {"Location": "https://x.example/"}), False, False, "302"),
    "400": (error("BAD_CSS", 400, fields=["x"]), False, False, "'BAD_CSS' (400)"),
    "400, html": (Reply("<html>hush", 400), False, False, "400"),
    "409": (Reply("{}", 409), False, False, "409"),
    "413": (Reply("{}", 413), False, False, "413"),
    "414": (Reply("{}", 414), False, False, "414"),
    "415": (Reply("[]", 415), False, False, "415"),
    "451": (error("legal", 451), True, False, "451"),
    "500": (Reply("hush", 500), False, False, "500"),
    "502": (Reply("hush", 502), False, False, "502"),
    "504": (Reply("hush", 504), False, False, "504"),
    "520": (Reply("hush", 520), False, False, "520"),
    "522": (Reply("hush", 522), False, False, "522"),
    "408": (Reply("hush", 408), False, False, "408"),
    "204": (Reply("", 204), False, False, "204"),
    "not JSON": (Reply("hush"), False, False, "no JSON"),
    "half": (Reply('{"kind": "Listing", "data": {"ch'), False, False, "no JSON"),
    "nested": (Reply("[" * 100_000), False, False, "no JSON"),
    "html": (Reply("<!doctype html><html>hush"), True, False, "HTML page"),
    "json errors": (said({"json": {"errors": [["HUSH", "hush", None]]}}), False, False, "listing"),
    "no listing": (said({"data": {"children": 4}}), False, False, "listing"),
    "number": (said(4), False, False, "listing"),
    "a reason that is a sentence": (error("hush hush", 403), True, False, "refuses us (403)"),
}


@pytest.mark.parametrize("row", TABLE)
def test_every_refusal_is_told_apart_at_once(site: standin.Reddit, row: str) -> None:
    site.answer, blocked, permanent, phrase = TABLE[row]
    began = time.monotonic()
    why = failure(source(site))
    assert (why.blocked, why.permanent, why.retry_after) == (blocked, permanent, None)
    assert phrase in str(why)
    assert str(why).startswith(site.web.site)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("value", "wait"),
    [("4", timedelta(seconds=4)), ("Sat, 21 Nov 2026 12:30:00 GMT", timedelta(minutes=30))],
)
def test_too_many_requests(site: standin.Reddit, value: str, wait: timedelta) -> None:
    """PRAW raises a ValueError of its own where the wait is a date."""
    site.answer = slow_down(value)
    why = failure(source(site))
    assert (why.blocked, why.retry_after) == (True, wait)


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        (said({"message": "Unauthorized", "error": 401}, 401), "client_id and client_secret"),
        (said({"error": "unauthorized_client", "error_description": "hush"}), "no token"),
        (Reply("<html>hush"), "HTML page"),
        (error("private", 403), "403"),
    ],
)
def test_a_key_that_is_refused(site: standin.Reddit, answer: Reply, phrase: str) -> None:
    site.refuses_keys = answer
    why = failure(source(site))
    assert (why.blocked, why.permanent) == (True, False)
    assert phrase in str(why)


@pytest.mark.parametrize(
    "answer", ['{"access_token": "hush"}', "[]", "3", "", '{"expires_in": "x"}']
)
def test_a_token_that_is_none(site: standin.Reddit, answer: str) -> None:
    site.refuses_keys = Reply(answer)
    assert not failure(source(site)).permanent


def test_an_old_token_is_exchanged_and_nobody_notices(site: standin.Reddit) -> None:
    site.burst(3)
    reddit = source(site)
    reddit.poll("")
    reddit.poll("")
    assert len(site.tokens) == 1
    site.revoked = set(site.tokens)
    assert len(reddit.poll("").posts) == 3
    assert len(site.tokens) == 2


def test_no_other_host_is_asked(site: standin.Reddit) -> None:
    with standin.Reddit() as other:
        road = Road(site.web.url(""), site.web.url(""), AGENT, fetcher())
        with pytest.raises(SourceError, match="only its two configured hosts"):
            road.request("GET", other.web.url("/r/x"), headers={})
        assert other.web.seen == []


def test_settings_lying_about_are_not_taken(
    site: standin.Reddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "praw_username": "somebody",
        "praw_password": "hush",
        "praw_site": "unheard",
        "praw_client_id": "other",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    site.burst(3)
    assert len(source(site).poll("").posts) == 3


# -- the rate window -----------------------------------------------------------------------------


def test_a_window_used_up_rests_the_site_and_sleeps_nowhere(site: standin.Reddit) -> None:
    """Ten minutes, in which every source of this Reddit is told at once how long is left."""
    site.burst(250)
    site.spare, site.reset = 2, 600
    fetch = fetcher()
    reddit, other = source(site, fetch=fetch), source(site, fetch=fetch, query="acme")
    began = time.monotonic()
    for each in (reddit, other):
        why = failure(each)
        assert (why.blocked, why.unasked) == (False, True)
        assert why.retry_after is not None
        assert timedelta(minutes=9) < why.retry_after <= timedelta(minutes=10)
    assert time.monotonic() - began < 2
    assert len(paths(site)) == 2
    assert fetch.busy() == {site.web.site}


@pytest.mark.parametrize("spread", [(500, 600, 599), (2, 998, 599)])
def test_a_window_that_is_nearly_used_up_makes_nothing_slower(
    site: standin.Reddit, spread: tuple[int, int, int]
) -> None:
    """prawcore would sleep up to 10 s before each request."""
    site.burst(50)
    site.spare, site.used, site.reset = spread
    site.spare += 3
    began = time.monotonic()
    reddit = source(site)
    reddit.poll("")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("value", ["", "x", "nan", "-1e9", "9" * 40])
def test_odd_rate_headers_are_passed_over(site: standin.Reddit, value: str) -> None:
    site.burst(3)
    reddit = source(site)
    reddit.poll("")
    rate = {"x-ratelimit-remaining": value, "x-ratelimit-used": value, "x-ratelimit-reset": value}
    site.answer = said(standin.listing([]), 200, rate)
    assert reddit.poll("").posts == ()


# -- looking again -------------------------------------------------------------------------------


def test_what_became_of_posts(site: standin.Reddit) -> None:
    made = [site.comment(f"c{n}", score=n) for n in range(130)]
    made[0].gone, made[1].gone = "[deleted]", "[removed]"
    site.things.remove(made[2])
    made[3].data["author"] = None
    made[4].data |= {"edited": NOW.timestamp(), "body_html": "<p>All is well now</p>"}
    post = site.post("Acme", removed_by_category="moderator")
    broken = site.comment("odd", edited=1.0, created_utc="x")
    ids = [thing.name for thing in (*made, post)]
    again = source(site).recheck([*ids, broken.name])
    assert again.gone == {*ids[:4], post.name}
    assert again.alive == {broken.name: 1} | {name: n for n, name in enumerate(ids[:130]) if n > 3}
    assert [(p.external_id, p.text) for p in again.edited] == [(ids[4], "All is well now")]
    assert len(paths(site)) == 2


def test_odd_items_are_nobody(site: standin.Reddit) -> None:
    children = [None, 3, {"kind": "t1"}, {"data": [1]}, {"data": {"name": 3}}]
    site.answer = said({"data": {"children": children}})
    assert source(site).recheck(["t1_a"]).gone == {"t1_a"}


def test_an_answer_that_is_none_says_nothing_of_anybody(site: standin.Reddit) -> None:
    site.answer = said({"message": "hush"})
    with pytest.raises(SourceError, match="no listing"):
        source(site).recheck(["t1_a"])
