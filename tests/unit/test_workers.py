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
from monitor.reading import feeds, pages
from monitor.reading.items import FeedError, ReadingFailed
from monitor.reading.workers import Readers
from monitor.sources.feed import Feed

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
        (SLOW, "^took longer than 1.5 s to read$"),
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


def test_a_worker_that_was_killed_is_replaced(read: Readers) -> None:
    read(RSS, "", BASE)
    worker = read._free.queue[-1]
    assert worker is not None
    worker.process.kill()
    worker.process.wait()
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
    table = {"name": "a", "kind": "feed", "url": "https://kettle.example/feed/"}
    config = Config.model_validate({"brand": [{"name": "A"}], "source": [table]})
    before = children(os.getpid())
    tools = app.tools(config)
    source = app.source(config.source[0], tools)
    assert isinstance(source, Feed)
    assert source.read is tools.read
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
