"""The fetcher against real sockets: answers good and bad, limits, redirects."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email.utils import format_datetime
from itertools import chain as joined
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.http import LONGEST_WAIT, _Answer, retry_after
from tests.standins.web import (
    Reply,
    Route,
    Seen,
    Web,
    conditional,
    cut_off,
    drip,
    flood,
    gzip_bomb,
    packed,
    redirect,
    slow_down,
)
from tests.unit.fetching import NOW, failure, fetcher, site

linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")

# -- answers ----------------------------------------------------------------------------


def test_validators_travel_byte_for_byte() -> None:
    etag, modified = 'W/"caf\xe9  \x01,x"', "Sat,  21 Nov 2026 11:00:00 +0000"
    with site(conditional("body", etag=etag, modified=modified)) as web:
        page = fetcher()(web.url())
        assert (page.headers["etag"], page.headers["last-modified"]) == (etag, modified)
        validators = {"If-None-Match": etag, "If-Modified-Since": modified}
        again = fetcher()(web.url(), validators)
        assert (page.status, page.body, again.status, again.body) == (200, b"body", 304, b"")
        assert f"If-None-Match: {etag}\r\n".encode("latin-1") in web.seen[1].head
        assert f"If-Modified-Since: {modified}\r\n".encode() in web.seen[1].head


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = {
    "plain": Reply("body"),
    "http/1.0": Reply("body", version="HTTP/1.0"),
    "gzip": packed(b"body"),
    "deflate": Reply(zlib.compress(b"body"), headers={"Content-Encoding": "deflate"}),
    "trailer": Reply(raw=CHUNKS + b"4\r\nbody\r\n0\r\nETag: forged\r\n\r\n"),
    "hints": Reply(raw=b"HTTP/1.1 103 E\r\nETag: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody"),
    "60 KB of headers": Reply("body", headers={f"x-{i}": "x" * 1000 for i in range(60)}),
}


@pytest.mark.parametrize("reply", GOOD.values(), ids=GOOD)
def test_what_is_read(reply: Reply) -> None:
    with site(reply) as web:
        page = fetcher()(web.url())
        assert (page.status, page.body, page.url, page.moved) == (200, b"body", web.url(), "")
        assert "etag" not in page.headers


def test_an_empty_body_is_a_body() -> None:
    with site(b"") as web:
        assert fetcher()(web.url()).body == b""


BAD = {
    "cut off": (cut_off("body"), "cut off"),
    "cut off in a chunk": (Reply(raw=CHUNKS + b"100\r\nbody"), "cut off"),
    "no answer": (Reply(raw=b""), "without an answer"),
    "http/0.9": (Reply(raw=b"hello\n"), "not HTTP"),
    "NUL in a header": (Reply(raw=b"HTTP/1.1 200 OK\r\nETag: a\0b\r\n\r\n"), "not HTTP"),
    "damaged gzip": (Reply("body", headers={"Content-Encoding": "gzip"}), "damaged"),
    "80 KB of headers": (Reply(headers={f"x-{i}": "x" * 1000 for i in range(80)}), "of headers"),
    "endless hints": (Reply(raw=b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n" * 4000), "of headers"),
    "says 50 MB": (Reply("body", length=50_000_000), "more than 10,000,000 bytes"),
    "50 MB": (flood(50), "more than 10,000,000 bytes"),
    "204": (Reply(status=204), "(204)"),
    "206": (Reply("part", 206), "(206)"),
    "redirect without address": (Reply(status=302), "leads nowhere"),
}


@pytest.mark.parametrize(("route", "why"), BAD.values(), ids=BAD)
def test_what_is_not_read(route: Route, why: str) -> None:
    with site(route) as web:
        error = failure(fetcher(), web.url())
        assert why in str(error)
        assert str(error).startswith(web.site)
        assert (error.permanent, error.blocked, error.retry_after) == (False, False, None)


def test_bytes_that_unpack_to_nothing_are_counted_too() -> None:
    def stuffing(_: Seen) -> Reply:
        blocks = repeat(b"\0\0\0\xff\xff" * 50_000)  # deflate's empty stored block
        pieces = joined([b"\x1f\x8b\x08\0\0\0\0\0\0\xff"], blocks)
        return Reply(pieces, headers={"Content-Encoding": "gzip"})

    with site(stuffing) as web:
        assert "more than 10,000,000 bytes" in str(failure(fetcher(), web.url()))


BOMB = """
import sys
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from monitor.http import PoliteFetcher
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
loopback = ip_network("127.0.0.0/8")
fetch = PoliteFetcher("tests", lambda: datetime(2026, 1, 1, tzinfo=UTC), allow_private=[loopback])
before = peak()
try:
    fetch(sys.argv[1])
except Exception as e:
    print(peak() - before, e)
"""


@linux
def test_a_gzip_bomb_is_stopped_at_the_cap_in_little_memory() -> None:
    with site(gzip_bomb(2000)) as web:
        run = subprocess.run(
            [sys.executable, "-c", BOMB, web.url()], capture_output=True, text=True, timeout=60
        )
    grown, _, why = run.stdout.partition(" ")
    assert "more than 10,000,000 bytes" in why, run.stderr
    assert int(grown) < 32_000  # KiB, for 2,000,000 KB


def test_a_drip_ends_at_the_deadline() -> None:
    with site(drip(every=0.02)) as web:
        began = time.monotonic()
        error = failure(fetcher(deadline=timedelta(seconds=0.3)), web.url())
        assert "no full answer within 0.3 s" in str(error)
        assert 0.25 < time.monotonic() - began < 3


def test_silence_and_closed_ports_are_told_apart() -> None:
    with site(drip(every=9)) as web:
        assert "no full answer" in str(failure(fetcher(deadline=timedelta(seconds=0.2)), web.url()))
    assert "refused or unreachable" in str(failure(fetcher(), web.url()))
    assert "cannot be resolved" in str(failure(fetcher(), "http://nowhere.invalid/"))


def later(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


STATUSES = [
    (401, "", "blocked", None),
    (402, "", "blocked", None),
    (403, "", "blocked", None),
    (403, "60", "blocked", 60),
    (404, "", "", None),
    (410, "", "permanent", None),
    (418, "", "", None),
    (429, "", "blocked", 60),
    (429, "120", "blocked", 120),
    (429, later(90), "blocked", 90),
    (429, "999999999", "blocked", 86_400),
    (429, later(-90), "blocked", 60),
    (429, "soon", "blocked", 60),
    (451, "", "blocked", None),
    (500, "", "", None),
    (503, "", "", 60),
    (503, "30", "", 30),
    (503, later(30), "", 30),
]


@pytest.mark.parametrize(("status", "header", "kind", "wait"), STATUSES)
def test_what_a_status_means(status: int, header: str, kind: str, wait: int | None) -> None:
    with site(slow_down(header, status)) as web:
        error = failure(fetcher(), web.url())
    assert f"({status})" in str(error)
    assert (error.blocked, error.permanent) == (kind == "blocked", kind == "permanent")
    assert error.retry_after == (None if wait is None else timedelta(seconds=wait))


def test_a_status_counts_even_if_its_page_is_cut_off_or_huge() -> None:
    for body, length in ((b"x", 99), (b"x" * 100_000, 100_000), (b"x", 50_000_000)):
        with site(Reply(body, 404, length=length)) as web:
            assert "(404)" in str(failure(fetcher(), web.url()))


def test_a_long_error_page_is_not_read_to_its_end() -> None:
    sent: list[int] = []

    def pages() -> Iterator[bytes]:
        for i in range(100):
            sent.append(i)
            yield bytes(1_000_000)

    with site(lambda _: Reply(pages(), 403)) as web:
        assert failure(fetcher(max_bytes=500_000_000), web.url()).blocked
    assert len(sent) < 50  # some megabytes fit into the buffers of the sockets


def test_a_page_is_not_kept_after_it_was_handed_over() -> None:
    with site("x" * 1_000_000) as web:
        fetch = fetcher()
        fetch(web.url())
        answers = [thing for thing in gc.get_objects() if isinstance(thing, _Answer)]
        assert 1_000_000 not in [answer.body.tell() for answer in answers]


@given(st.one_of(st.text(), st.from_regex(r"-?[0-9]+"), st.datetimes().map(format_datetime)))
def test_retry_after_is_sane_whatever_it_says(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or timedelta() < wait <= LONGEST_WAIT


# -- redirects --------------------------------------------------------------------------


def chain(*statuses: int) -> dict[str, Route]:
    """/0 redirects to /1 and so on; the last page is a page."""
    routes: dict[str, Route] = {f"/{i}": redirect(f"{i + 1}", s) for i, s in enumerate(statuses)}
    return {**routes, f"/{len(statuses)}": "end"}


MOVED = [
    ((301,), "/1"),
    ((308, 301), "/2"),
    ((302,), ""),
    ((303,), ""),
    ((307, 301), ""),
    ((301, 302), "/1"),
    ((301, 307, 308), "/1"),
    ((301, 308, 301, 308, 301), "/5"),
]


@pytest.mark.parametrize(("statuses", "moved"), MOVED)
def test_moved_is_the_end_of_the_permanent_hops(statuses: Sequence[int], moved: str) -> None:
    with Web(chain(*statuses)) as web:
        page = fetcher()(web.url("/0"))
        assert (page.body, page.url) == (b"end", web.url(f"/{len(statuses)}"))
        assert page.moved == (web.url(moved) if moved else "")


def test_redirects_end_after_five_and_circles_at_once() -> None:
    with Web({**chain(*[302] * 6), "/a": redirect("/b"), "/b": redirect("/a")}) as web:
        assert "more than 5 redirects" in str(failure(fetcher(), web.url("/0")))
        assert len(web.seen) == 6
        assert "in a circle" in str(failure(fetcher(), web.url("/a")))
        assert (web.hits("/a"), web.hits("/b")) == (2, 1)


def test_a_location_with_raw_bytes_is_followed_as_browsers_do() -> None:
    with Web({"/": Reply(status=302, headers={"Location": "/käse x".encode()}), "*": "end"}) as web:
        assert fetcher()(web.url()).body == b"end"
        assert web.seen[1].target == "/k%C3%A4se%20x"


def test_the_deadline_covers_all_redirects_together() -> None:
    def slowly(seen: Seen) -> Reply:
        time.sleep(0.12)
        return redirect(f"/{len(web.seen)}") if len(web.seen) < 5 else Reply("end")

    with Web({"*": slowly}) as web:
        assert "within 0.3 s" in str(failure(fetcher(deadline=timedelta(seconds=0.3)), web.url()))
        assert len(web.seen) < 5


def test_credentials_stay_with_their_origin() -> None:
    headers = {"Authorization": "Bearer a", "X-Key": "b", "Accept": "c", "If-None-Match": '"d"'}
    with (
        Web({"*": "end"}) as other,
        Web({"/": redirect("/same"), "/same": redirect(other.url("/x"))}) as web,
    ):
        fetcher()(web.url(), headers)
        assert {"authorization", "x-key"} <= set(web.seen[1].headers)
        assert not {"authorization", "x-key"} & set(other.seen[0].headers)
        assert other.seen[0].headers["accept"] == "c"
        assert other.seen[0].headers["if-none-match"] == '"d"'
