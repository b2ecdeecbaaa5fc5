"""APIs are asked within the same limits, and what they say against it is read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.seams import SourceError
from tests.standins.web import Reply, Web, redirect, slow_down
from tests.unit.fetching import fetcher, site


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 410, 451])
def test_an_answer_is_given_back_whatever_it_says(status: int) -> None:
    body = b"" if status in (204, 304) else b'{"reason": "private"}'
    with site(Reply(body, status, {"X-Ratelimit-Remaining": "3.0"})) as web:
        page = fetcher().ask(web.url(), {"Authorization": "bearer x"})
        assert (page.status, page.body) == (status, body)
        assert page.headers["x-ratelimit-remaining"] == "3.0"
        assert web.seen[0].headers["authorization"] == "bearer x"


def test_a_redirect_is_an_answer_and_leads_nowhere() -> None:
    with Web({"/": redirect("/new"), "/new": "here"}) as web:
        assert fetcher().ask(web.url()).status == 302
        assert web.hits("/new") == 0


def test_a_form_is_sent_and_its_answer_read() -> None:
    with site('{"access_token": "t"}') as web:
        page = fetcher().ask(
            web.url(), {"User-Agent": "linux:x:1 (by /u/x)"}, {"grant_type": "a b"}
        )
        assert page.body == b'{"access_token": "t"}'
        (seen,) = web.seen
        assert (seen.method, seen.body) == ("POST", b"grant_type=a+b")
        assert seen.headers["user-agent"] == "linux:x:1 (by /u/x)"


@pytest.mark.parametrize("status", [429, 503])
def test_a_site_that_asks_for_a_pause_gets_it(status: int) -> None:
    with site(slow_down("120", status)) as web:
        fetch = fetcher()
        for _ in range(2):
            with pytest.raises(SourceError) as refused:
                fetch.ask(web.url())
            assert refused.value.retry_after is not None
            assert refused.value.retry_after > timedelta(seconds=119)
        assert len(web.seen) == 1


def test_whoever_asks_a_resting_site_hears_for_how_long() -> None:
    with site("here") as web:
        fetch = fetcher()
        fetch.rest(web.url("/any"), timedelta(minutes=10))
        assert fetch.busy() == {web.site}
        with pytest.raises(SourceError) as refused:
            fetch.ask(web.url())
        assert (refused.value.unasked, refused.value.blocked) == (True, False)
        assert refused.value.retry_after is not None
        assert refused.value.retry_after > timedelta(minutes=9)
        assert web.seen == []
