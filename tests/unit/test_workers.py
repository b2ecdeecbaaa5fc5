"""Feeds made to do harm, read in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import app
from monitor.config import Config
from monitor.reading import feeds, markup, pages
from monitor.reading.items import FeedError, ReadingFailed
from monitor.reading.workers import Readers
from monitor.sources.feed import Feed
from monitor.sources.review import Review

FIXTURES = Path(__file__).parents[1] / "fixtures" / "feed"
BASE = "https://kettle.example/feed/"
RSS = (FIXTURES / "rss2.xml").read_bytes()
SLOW = b"<rss><channel><item>" + b"<" * 9_000_000
LARGE = b'{"version":"1.1","items":[' + b"{}," * 3_000_000 + b"{}]}"


@pytest.fixture
def read() -> Iterator[Readers]:
    readers = Readers(timedelta(seconds=1.5), 150_000_000)
    yield readers
    readers.close()


def children(pid: int) -> set[int]:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux lists the children of a process")
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.add(int(stat.parent.name))
    return found


def test_a_feed_is_read_as_in_this_process(read: Readers) -> None:
    here = feeds.read(RSS, "application/xml", BASE)
    assert read(RSS, "application/xml", BASE) == here
    assert read(RSS, "application/xml", BASE, here.marks).items == ()


def test_an_article_is_found_as_in_this_process(read: Readers) -> None:
    body = (FIXTURES.parent / "pages" / "article.html").read_bytes()
    assert read.article(body, "text/html") == pages.article(body, "text/html") != ""


def test_reviews_are_found_as_in_this_process(read: Readers) -> None:
    body = (FIXTURES.parent / "review" / "product.html").read_bytes()
    assert read.reviews(body, "text/html", BASE) == markup.read(body, "text/html", BASE)
    with pytest.raises(FeedError, match="a page without review markup"):
        read.reviews(b"<p>Hello", "text/html", BASE)


def test_a_page_made_to_be_slow_has_no_article(read: Readers) -> None:
    began = time.monotonic()
    assert read.article(b"<p>Acme</p><ul>" + b"<li>a" * 200_000, "") == ""
    assert time.monotonic() - began < 4


def test_what_is_no_feed_is_refused_as_in_this_process(read: Readers) -> None:
    with pytest.raises(FeedError, match="a login or captcha page") as refused:
        read((FIXTURES / "login.html").read_bytes(), "text/html", BASE)
    assert refused.value.blocked


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (SLOW, "^took more than 1.5 s of CPU to read$"),
        (LARGE, "^took more than 150 MB to read$"),
    ],
)
def test_a_poisoned_feed_costs_itself_only(read: Readers, body: bytes, why: str) -> None:
    with ThreadPoolExecutor(5) as pool:
        poisoned = pool.submit(read, body, "", BASE)
        others = [pool.submit(read, RSS, "", BASE) for _ in range(4)]
        assert [len(other.result().items) for other in others] == [2] * 4
        with pytest.raises(ReadingFailed, match=why):
            poisoned.result()
    assert len(read(RSS, "", BASE).items) == 2


def test_a_busy_machine_spoils_no_feed(read: Readers) -> None:
    worker = started(read)
    with ThreadPoolExecutor(1) as pool:
        worker.send_signal(signal.SIGSTOP)
        answer = pool.submit(read, RSS, "", BASE)
        time.sleep(2)
        worker.send_signal(signal.SIGCONT)
        assert len(answer.result().items) == 2


def test_patience_has_an_end() -> None:
    read = Readers(patience=timedelta(seconds=5))
    started(read).send_signal(signal.SIGSTOP)
    with pytest.raises(ReadingFailed, match=r"^was not read within 5 s$"):
        read(RSS, "", BASE)
    assert len(read(RSS, "", BASE).items) == 2
    read.close()


def started(read: Readers) -> subprocess.Popen[bytes]:
    """The one worker that has read something."""
    read(RSS, "", BASE)
    worker = read._free.queue[-1]
    assert worker is not None
    return worker.process


def test_a_worker_that_was_killed_is_replaced(read: Readers) -> None:
    worker = started(read)
    worker.kill()
    worker.wait()
    assert len(read(RSS, "", BASE).items) == 2


def test_none_starts_before_it_is_needed_and_one_does_for_one_thread() -> None:
    before = children(os.getpid())
    readers = Readers()
    assert children(os.getpid()) == before
    for _ in range(3):
        readers(RSS, "", BASE)
    assert len(children(os.getpid()) - before) == 1
    del readers
    assert children(os.getpid()) == before


def test_configured_feeds_are_read_by_workers_which_do_not_start_yet() -> None:
    tables = [{"name": kind, "kind": kind, "url": BASE} for kind in ("feed", "review")]
    config = Config.model_validate({"brand": [{"name": "A"}], "source": tables})
    before = children(os.getpid())
    tools = app.tools(config)
    feed, page = (app.source(table, tools) for table in config.source)
    assert isinstance(feed, Feed)
    assert isinstance(page, Review)
    assert (feed.read, page.read) == (tools.read, tools.read.reviews)
    assert children(os.getpid()) == before


PARENT = f"""
import sys
from monitor.reading.workers import Readers
read = Readers()
read({RSS!r}, "", "")
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, 0])
def test_none_outlives_its_parent(number: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdin
    assert parent.stdout
    with parent.stdin, parent.stdout:
        assert parent.stdout.readline() == b"ready\n"
        (worker,) = children(parent.pid)
        if number:
            parent.send_signal(number)
        else:
            parent.stdin.close()
        parent.wait()
        assert ended(worker)


def test_a_busy_one_outlives_its_parent_by_no_more_than_its_limit() -> None:
    busy = PARENT.replace(
        "sys.stdin.read()", "read(b'<rss><channel><item>' + b'<' * 9_000_000, '', '')"
    )
    busy = busy.replace("Readers()", "Readers(datetime.timedelta(seconds=1))")
    command = [sys.executable, "-c", "import datetime" + busy]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"ready\n"
        (worker,) = children(parent.pid)
        time.sleep(0.3)
        parent.kill()
    assert ended(worker)


def ended(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            gone = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            gone = True
        if gone:
            return True
        time.sleep(0.05)
    return False
