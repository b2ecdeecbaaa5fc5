"""robots.txt over real sockets: asked for once a day, obeyed, and never guessed at."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.robots import LONGEST_WAIT, MAX_ROBOTS, NO_HEADERS, Robots
from monitor.seams import Page, SourceError
from tests.standins.web import Reply, Route, Web, redirect, slow_down
from tests.unit.fetching import NOW, fetcher

AGENT = "tests/1 (+tests@acme.example)"
RULES = "User-agent: *\nDisallow: /private/\nDisallow: /*?sort=\nAllow: /private/open\n"


class Visitor:
    """A ``Robots`` with a clock of its own, which moves on while it sleeps."""

    def __init__(self) -> None:
        self.time: datetime = NOW
        self.slept: list[float] = []
        self.fetch = Robots(fetcher(), AGENT, lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def failure(self, url: str) -> SourceError:
        with pytest.raises(SourceError) as failed:
            self.fetch(url)
        assert "hush" not in str(failed.value)
        return failed.value


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@pytest.fixture
def web() -> Iterator[Web]:
    with Web({"/robots.txt": RULES, "*": "a page"}) as running:
        yield running


def test_what_is_allowed_is_fetched_and_robots_asked_for_once(visitor: Visitor, web: Web) -> None:
    for path in ("/", "/private/open", "/list?page=2"):
        assert visitor.fetch(web.url(path), {"Accept": "text/html"}).body == b"a page"
    assert [seen.path for seen in web.seen][:2] == ["/robots.txt", "/"]
    assert web.hits("/robots.txt") == 1
    assert web.seen[-1].headers["accept"] == "text/html"


@pytest.mark.parametrize("path", ["/private/", "/private/x?token=hush", "/list?a=hush&sort=1"])
def test_what_is_forbidden_is_not_asked_for(visitor: Visitor, web: Web, path: str) -> None:
    web.routes["/robots.txt"] = RULES.replace("?sort", "sort")
    error = visitor.failure(web.url(path))
    assert (error.blocked, error.permanent) == (True, False)
    assert str(error) == f"{web.site}: its robots.txt forbids this page"
    assert [seen.path for seen in web.seen] == ["/robots.txt"]


def test_rules_for_us_by_name_go_before_those_for_all(visitor: Visitor, web: Web) -> None:
    web.routes["/robots.txt"] = "User-agent: *\nDisallow: /\n\nUser-agent: Tests\nDisallow: /x\n"
    assert visitor.fetch(web.url("/"))
    assert visitor.failure(web.url("/x")).blocked


def test_each_port_is_a_site_of_its_own(visitor: Visitor, web: Web) -> None:
    assert visitor.failure(web.url("/private/")).blocked
    with Web({"*": "a page"}) as other:
        del other.routes["*"]
        other.routes["/private/"] = "open"
        assert visitor.fetch(other.url("/private/")).body == b"open"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_site_without_robots_allows_all(visitor: Visitor, web: Web, status: int) -> None:
    web.routes["/robots.txt"] = Reply("no", status)
    assert visitor.fetch(web.url("/private/")).body == b"a page"


@pytest.mark.parametrize("body", [b"", b"<html>Hello</html>", bytes(range(256)) * 9])
def test_what_is_no_robots_forbids_nothing(visitor: Visitor, web: Web, body: bytes) -> None:
    web.routes["/robots.txt"] = body
    assert visitor.fetch(web.url("/private/")).body == b"a page"


@pytest.mark.parametrize(
    ("answer", "blocked", "wait"),
    [
        (Reply("oh", 500), False, None),
        (slow_down("60", 503), False, timedelta(seconds=60)),
        (slow_down("120"), True, timedelta(seconds=120)),
        (redirect("/robots.txt"), False, None),
        (Reply(raw=b"\x00\r\n\r\n"), False, None),
    ],
)
def test_while_robots_cannot_be_read_no_page_is(
    visitor: Visitor, web: Web, answer: Route, blocked: bool, wait: timedelta | None
) -> None:
    web.routes["/robots.txt"] = answer
    error = visitor.failure(web.url("/?token=hush"))
    assert (error.blocked, error.permanent, error.retry_after) == (blocked, False, wait)
    assert str(error).startswith(web.site)
    assert "its pages wait" in str(error)
    assert web.hits("/") == 0


def test_robots_are_asked_for_again_after_a_day(visitor: Visitor, web: Web) -> None:
    assert visitor.failure(web.url("/private/")).blocked
    web.routes["/robots.txt"] = ""
    visitor.time += timedelta(hours=23, minutes=59)
    assert visitor.failure(web.url("/private/")).blocked
    visitor.time += timedelta(minutes=2)
    assert visitor.fetch(web.url("/private/")).body == b"a page"
    assert web.hits("/robots.txt") == 2


def test_an_old_one_holds_while_no_new_one_can_be_read(visitor: Visitor, web: Web) -> None:
    visitor.fetch(web.url("/"))
    web.routes["/robots.txt"] = Reply("oh", 500)
    visitor.time += timedelta(hours=25)
    assert visitor.fetch(web.url("/")).body == b"a page"
    assert visitor.failure(web.url("/private/")).blocked
    assert web.hits("/robots.txt") == 2
    web.routes["/robots.txt"] = "User-agent: *\nDisallow: /"
    visitor.time += timedelta(hours=2)
    assert visitor.failure(web.url("/")).blocked


def test_one_that_cannot_be_read_is_not_asked_for_by_each_page(visitor: Visitor, web: Web) -> None:
    web.routes["/robots.txt"] = Reply("oh", 500)
    told = {str(visitor.failure(web.url(path))) for path in ("/a", "/b")}
    assert (web.hits("/robots.txt"), len(told)) == (1, 1)
    web.routes["/robots.txt"] = RULES
    visitor.time += timedelta(hours=1)
    assert visitor.fetch(web.url("/a")).body == b"a page"


def test_only_the_first_500_kb_count(visitor: Visitor, web: Web) -> None:
    filler = "User-agent: *\n" + "#" * MAX_ROBOTS
    web.routes["/robots.txt"] = f"{filler}\nDisallow: /"
    assert visitor.fetch(web.url("/")).body == b"a page"


def test_a_crawl_delay_is_kept_between_pages(visitor: Visitor, web: Web) -> None:
    web.routes["/robots.txt"] = "User-agent: *\nCrawl-delay: 20"
    visitor.fetch(web.url("/"))
    visitor.time += timedelta(seconds=5)
    visitor.fetch(web.url("/b"))
    assert visitor.slept == [15]
    visitor.time += timedelta(seconds=60)
    visitor.fetch(web.url("/c"))
    assert visitor.slept == [15]


def test_a_crawl_delay_counts_from_when_a_page_was_sent(web: Web) -> None:
    web.routes["/robots.txt"] = "User-agent: *\nCrawl-delay: 20"
    visitor = Visitor()

    def waits_its_turn(url: str, headers: Mapping[str, str] = NO_HEADERS) -> Page:
        visitor.time += timedelta(seconds=1)
        return fetcher()(url, headers)

    visitor.fetch = replace(visitor.fetch, fetch=waits_its_turn)
    for path in "ab":
        visitor.fetch(web.url(f"/{path}"))
    assert visitor.slept == [20]


def test_a_page_is_asked_for_as_html(visitor: Visitor, web: Web) -> None:
    visitor.fetch(web.url("/"))
    assert web.seen[-1].headers["accept"].startswith("text/html")


def test_a_long_crawl_delay_is_told_instead_of_waited_for(visitor: Visitor, web: Web) -> None:
    web.routes["/robots.txt"] = "User-agent: *\nCrawl-delay: 3600"
    visitor.fetch(web.url("/"))
    error = visitor.failure(web.url("/b"))
    assert (error.blocked, error.retry_after) == (False, timedelta(hours=1))
    assert "wants 3600 s between pages" in str(error)
    visitor.time += timedelta(hours=1) - LONGEST_WAIT
    visitor.fetch(web.url("/b"))
    assert visitor.slept == [LONGEST_WAIT.total_seconds()]


@pytest.mark.parametrize("delay", ["-5", "nan", "inf", "soon", "9" * 400])
def test_no_crawl_delay_makes_time_stand_still(visitor: Visitor, web: Web, delay: str) -> None:
    web.routes["/robots.txt"] = f"User-agent: *\nCrawl-delay: {delay}"
    visitor.fetch(web.url("/"))
    visitor.time += timedelta(hours=25)
    assert visitor.fetch(web.url("/")).body == b"a page"


def test_where_a_redirect_leads_must_be_allowed_too(visitor: Visitor, web: Web) -> None:
    web.routes["/go"] = redirect("/private/x")
    assert visitor.failure(web.url("/go")).blocked
    with Web({"/robots.txt": "User-agent: *\nDisallow: /", "*": "hidden"}) as other:
        web.routes["/away"] = redirect(other.url("/"))
        error = visitor.failure(web.url("/away"))
        assert str(error) == f"{other.site}: its robots.txt forbids this page"


@pytest.mark.parametrize("url", ["ftp://x.example/", "http://[", "http://a:b@127.0.0.1/", "x"])
def test_an_unusable_address_is_the_fetchers_to_refuse(visitor: Visitor, url: str) -> None:
    error = visitor.failure(url)
    assert error.permanent
    assert "robots" not in str(error)


def test_threads_ask_for_robots_once(web: Web) -> None:
    visitor, together, pages = Visitor(), threading.Barrier(6), []

    def visit() -> None:
        together.wait()
        pages.append(visitor.fetch(web.url("/")))

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pages) == 6
    assert web.hits("/robots.txt") == 1


def test_the_number_of_sites_remembered_is_bounded() -> None:
    asked: list[str] = []

    def fetch(url: str, headers: Mapping[str, str] | None = None) -> Page:
        asked.append(url)
        return Page(200, url, {}, b"")

    robots = Robots(fetch, AGENT, lambda: NOW)
    for number in [*range(1_001), 0]:
        robots(f"https://{number}.example/")
    assert asked.count("https://0.example/robots.txt") == 2
    assert asked.count("https://1000.example/robots.txt") == 1
