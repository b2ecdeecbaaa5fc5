"""How politely the fetcher asks: who it says it is, how often, how many at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.http import PoliteFetcher, user_agent
from monitor.seams import SourceError
from tests.standins.web import Reply, Seen, Web, redirect, slow_down
from tests.unit.fetching import LOOPBACK, NOW, failure, fetcher, site

NO_GAP = timedelta(0)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def fetcher(self, gap: float) -> PoliteFetcher:
        gaps = timedelta(seconds=gap)
        return fetcher(min_gap=gaps, monotonic=lambda: self.now, sleep=self.sleep)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for other threads, at most 5 s."""
    tick = threading.Event()
    assert any(true() or tick.wait(0.01) for _ in range(500))


def test_it_says_who_it_is_and_nothing_else() -> None:
    assert user_agent("https://acme.example/bot").endswith(" (+https://acme.example/bot)")
    assert user_agent("a\r\nX: ö(b)") == user_agent("aX: b")
    assert user_agent("").startswith("mention-monitor/")
    with Web({"/": redirect("/x"), "*": Reply("end", headers={"Set-Cookie": "a=b"})}) as web:
        fetch = PoliteFetcher(
            user_agent("me"), lambda: NOW, allow_private=[LOOPBACK], min_gap=NO_GAP
        )
        fetch(web.url())
        assert {seen.headers["user-agent"] for seen in web.seen} == {user_agent("me")}
        sent = set().union(*(seen.headers for seen in web.seen))
        assert sent == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_proxy_named_by_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with site("page") as web, Web({"*": "proxy"}) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetcher()(web.url()).body == b"page"
        assert proxy.seen == []


def test_a_request_header_cannot_smuggle_another() -> None:
    with site("page") as web:
        error = failure(fetcher(), web.url(), {"If-None-Match": "hush\r\nX-Evil: 1"})
        assert "line break" in str(error)
        assert web.seen == []


def test_requests_to_one_site_keep_their_distance() -> None:
    clock = Time()
    with Web({"/r": redirect("/x"), "*": "page"}) as web:
        fetch = clock.fetcher(1.0)
        fetch(web.url("/a"))
        fetch(web.url("/b"))
        assert clock.slept == [1.0]
        clock.now += 0.4
        fetch(web.url("/r"))
        assert clock.slept == [1.0, 0.6, 1.0]
        clock.now += 60
        fetch(web.url("/c"))
        assert clock.slept == [1.0, 0.6, 1.0]


def test_sites_do_not_share_their_distance() -> None:
    clock = Time()
    with site("page") as one, site("page") as two, site("page", address="127.0.0.2") as three:
        fetch = clock.fetcher(1.0)
        for web in (one, two, three):
            fetch(web.url())
    assert clock.slept == []


def test_distance_in_real_time_is_not_charged_to_the_deadline() -> None:
    with Web({"/": redirect("/1"), "/1": redirect("/2"), "/2": "end"}) as web:
        began, limit = time.monotonic(), timedelta(seconds=0.5)
        fetch = fetcher(min_gap=timedelta(seconds=0.3), deadline=limit)
        assert fetch(web.url()).body == b"end"
        assert time.monotonic() - began > 0.55  # two gaps


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_at_most_so_many_requests_run_at_once(at_once: int) -> None:
    together = threading.Barrier(at_once)

    def page(_: Seen) -> str:
        together.wait(5)
        return "page"

    with site(page) as web, ThreadPoolExecutor(6) as pool:
        fetch = fetcher() if at_once == 2 else fetcher(per_site=at_once)
        pages = list(pool.map(fetch, [web.url()] * 6))
        assert [page.status for page in pages] == [200] * 6
        assert web.busiest == at_once


def test_a_busy_site_does_not_hold_up_another_and_serves_in_order() -> None:
    held = threading.Event()

    def page(_: Seen) -> str:
        held.wait(5)
        return "page"

    with Web({"*": page}) as busy, site("page") as free, ThreadPoolExecutor(6) as pool:
        fetch = fetcher(per_site=1)
        for i in range(6):
            pool.submit(fetch, busy.url(f"/{i}"))
            wait_until(lambda: sum(line.taken for line in fetch._turns.lines.values()) > i)  # noqa: B023 - called before i changes
        assert fetch(free.url()).body == b"page"
        wait_until(lambda: len(busy.seen) == 1)
        held.set()
    assert [seen.path for seen in busy.seen] == [f"/{i}" for i in range(6)]


def test_a_site_that_asks_for_rest_gets_it_while_others_are_asked() -> None:
    clock = Time()
    with Web({"/": slow_down("90"), "*": "page"}) as web, site("page") as other:
        fetch = clock.fetcher(0)
        assert failure(fetch, web.url()).retry_after == timedelta(seconds=90)
        clock.now += 60
        error = failure(fetch, web.url("/b"))
        assert (error.blocked, error.retry_after) == (True, timedelta(seconds=30))
        assert "30 s are left" in str(error)
        assert fetch(other.url()).body == b"page"
        assert len(web.seen) == 1
        clock.now += 31
        assert fetch(web.url("/b")).body == b"page"


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        (slow_down(), 60),
        (slow_down("5", 503), 5),
        (slow_down("", 503), 60),
        (slow_down("5", 403), 0),
    ],
)
def test_which_answers_give_the_whole_site_a_rest(reply: Reply, rest: int) -> None:
    clock = Time()
    with Web({"/": reply, "/b": "page"}) as web:
        fetch = clock.fetcher(0)
        failure(fetch, web.url())
        clock.now += max(0, rest - 1)
        if rest:
            assert failure(fetch, web.url("/b")).retry_after == timedelta(seconds=1)
        clock.now += 1
        assert fetch(web.url("/b")).body == b"page"


def test_a_failed_request_gives_its_turn_back() -> None:
    with Web({"/b": "page"}) as web:
        fetch = fetcher(per_site=1)
        for _ in range(3):
            failure(fetch, web.url())
        assert fetch(web.url("/b")).body == b"page"
    with pytest.raises(SourceError):
        fetch(web.url("/b"))
    assert all(line.taken == line.done for line in fetch._turns.lines.values())


def test_sites_long_unasked_are_forgotten() -> None:
    clock = Time()
    turns = clock.fetcher(1.0)._turns
    for i in range(5000):
        with turns.turn(f"{i}.example"):
            clock.now += 0.01
    assert len(turns.lines) <= 1000


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_no_descriptor_is_left_behind() -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number

    with site("page") as web:
        fetch = fetcher()
        fetch(web.url())
        before = opened()
        for _ in range(50):
            fetch(web.url())
        assert opened() <= before + 2


def test_a_site_that_goes_on_refusing_gets_ever_longer_rests() -> None:
    clock = Time()
    with Web({"/": slow_down(), "/b": slow_down("", 503), "/good": "page"}) as web:
        fetch, rests = clock.fetcher(0), list[timedelta]()
        for path in ("/", "/b", "/", "/", "/", "/", "/", "/"):
            rests.append(failure(fetch, web.url(path)).retry_after or timedelta())
            clock.now += rests[-1].total_seconds()
        fetch(web.url("/good"))
        rests.append(failure(fetch, web.url()).retry_after or timedelta())
    minutes = [rest / timedelta(minutes=1) for rest in rests]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 1]
