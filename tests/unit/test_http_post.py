"""Forms are sent within the same limits as pages are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.http import PoliteFetcher
from monitor.seams import SourceError
from tests.standins.web import Reply, Seen, Web, drip, flood, redirect, slow_down
from tests.unit.fetching import NOW, fetcher, site

FORM = {"hub.mode": "subscribe", "hub.topic": "https://blog.example/?b=ü", "hub.secret": "hush"}
SENT = b"hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2F%3Fb%3D%C3%BC&hub.secret=hush"


def refused(fetch: PoliteFetcher, url: str) -> SourceError:
    """Send, and return the error; it repeats nothing of the form or the address."""
    with pytest.raises(SourceError) as caught:
        fetch.post(f"{url}?token=hush", FORM)
    assert "hush" not in repr(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_form_arrives_and_any_success_is_one(status: int) -> None:
    with site(Reply("taken", status)) as web:
        fetcher().post(web.url("/?pushpress=hub"), FORM)
        (seen,) = web.seen
        assert (seen.method, seen.target, seen.body) == ("POST", "/?pushpress=hub", SENT)
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        assert seen.headers["user-agent"].startswith("tests/1")
        assert "expect" not in seen.headers


def test_the_next_page_is_read_as_ever() -> None:
    with site("page") as web:
        fetch = fetcher()
        fetch.post(web.url(), FORM)
        assert fetch(web.url()).body == b"page"
        assert [(seen.method, seen.body) for seen in web.seen] == [("POST", SENT), ("GET", b"")]


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_is_followed(status: int) -> None:
    """W3C WebSub, 5.1.2."""
    with (
        Web({"/there": Reply("", 202)}) as there,
        site(redirect(there.url("/there"), status)) as web,
    ):
        fetcher().post(web.url(), FORM)
        assert [(seen.method, seen.body) for seen in there.seen] == [("POST", SENT)]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_one_that_would_make_it_a_page_is_not(status: int) -> None:
    with site(redirect("/there", status)) as web:
        assert str(refused(fetcher(), web.url())).endswith(f"it gives no page ({status})")
        assert len(web.seen) == 1


def test_a_redirect_does_not_lead_inside() -> None:
    with site(redirect("http://10.0.0.1/", 307)) as web:
        assert "10.0.0.1 is not a public address" in str(refused(fetcher(), web.url()))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://[::1]/", "http://169.254.169.254/", "http://localhost/"]
)
def test_only_public_addresses_are_asked(url: str) -> None:
    fetch = PoliteFetcher("tests/1", lambda: NOW, min_gap=timedelta(0))
    assert "is not a public address" in str(refused(fetch, url))


@pytest.mark.parametrize("url", ["ftp://hub.example/", "//hub.example/", "http://u:p@hub.example/"])
def test_an_address_that_nobody_can_ask_is_permanent(url: str) -> None:
    assert refused(fetcher(), url).permanent


@pytest.mark.parametrize("status", [304, 400, 404, 500])
def test_a_refusal_is_an_error(status: int) -> None:
    with site(Reply("hush", status)) as web:
        assert f"({status})" in str(refused(fetcher(), web.url()))


def test_a_hub_that_asks_us_to_wait_is_left_alone() -> None:
    with site(slow_down("90")) as web:
        fetch = fetcher()
        for _ in range(2):
            wait = refused(fetch, web.url()).retry_after
            assert wait is not None
            assert timedelta(seconds=80) < wait <= timedelta(seconds=90)
        assert len(web.seen) == 1


def test_what_else_a_hub_says_is_cut_off() -> None:
    def much(seen: Seen) -> Reply:
        answer = flood(20)(seen)
        assert isinstance(answer, Reply)
        return Reply(answer.body, 202)

    with site(much) as web:
        fetcher().post(web.url(), FORM)


def test_a_hub_that_does_not_end_is_left() -> None:
    with site(drip()) as web:
        fetch = fetcher(deadline=timedelta(seconds=0.5))
        assert "no full answer within 0.5 s" in str(refused(fetch, web.url()))
