"""The daemon: one at a time on a database, an orderly end, a watchdog that notices silence."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from monitor.daemon import READERS, STALLED_STATUS, AlreadyRunning, Daemon, one_round, only_one
from monitor.seams import Page, SourceError
from tests.standins.scripted import World, post
from tests.standins.web import Reply, Web

FEED = """<rss version="2.0"><channel><title>t</title>
<item><guid>1</guid><title>Acme</title><description>Acme is fine</description></item>
</channel></rss>"""


def written(folder: Path, url: str) -> Path:
    path = folder / "monitor.toml"
    path.write_text(
        f'[monitor]\ndatabase = "sqlite:///{folder / "m.db"}"\n'
        '[http]\nallow_private = ["127.0.0.0/8"]\n'
        f'[[brand]]\nname = "Acme"\n[[source]]\nname = "f"\nkind = "feed"\nurl = "{url}"\n'
    )
    return path


@contextmanager
def running(config: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    words = command or (sys.executable, "-m", "monitor", "run")
    daemon = subprocess.Popen(
        [*words, "--config", str(config)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.communicate()


def stored(folder: Path) -> int:
    with sqlite3.connect(folder / "m.db") as database:
        count: int = database.execute("select count(*) from mentions").fetchone()[0]
    database.close()
    return count


def wait_for_requests(web: Web, number: int) -> None:
    end = time.monotonic() + 20
    while len(web.seen) < number:
        assert time.monotonic() < end, "the daemon asked for nothing"
        time.sleep(0.05)


def test_it_polls_and_sigterm_ends_it_with_0(tmp_path: Path) -> None:
    with Web({"*": FEED}) as web, running(written(tmp_path, web.url("/f"))) as daemon:
        wait_for_requests(web, 1)
        time.sleep(0.2)
        daemon.terminate()
        said = daemon.communicate(timeout=20)[1]
        assert daemon.returncode == 0, said
        assert '"event": "stopped"' in said
    assert stored(tmp_path) == 1


def test_what_is_in_flight_may_finish(tmp_path: Path) -> None:
    slow = Reply([FEED[:50].encode(), FEED[50:].encode()], pause=1.0)
    with Web({"*": slow}) as web, running(written(tmp_path, web.url("/f"))) as daemon:
        wait_for_requests(web, 1)
        daemon.terminate()
        assert daemon.wait(20) == 0
    assert stored(tmp_path) == 1


def test_a_second_sigterm_ends_it_at_once(tmp_path: Path) -> None:
    endless = Reply([b"<rss>", *[b" "] * 200], pause=0.1)
    with Web({"*": endless}) as web, running(written(tmp_path, web.url("/f"))) as daemon:
        wait_for_requests(web, 1)
        daemon.terminate()
        time.sleep(0.3)
        daemon.terminate()
        assert daemon.wait(3) == 128 + signal.SIGTERM


def test_a_second_daemon_on_one_file_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "m.db"
    with only_one(database), pytest.raises(AlreadyRunning) as e, only_one(database):
        pass
    assert str(os.getpid()) in str(e.value)
    assert "stop that one first" in str(e.value)
    with only_one(database), only_one(None), only_one(None):
        pass


def test_a_daemon_whose_ticks_stop_ends_itself(tmp_path: Path) -> None:
    """Its scheduler dies silently, as APScheduler's does when its job store raises."""
    harness = (
        "import sys; from datetime import timedelta; from monitor import daemon, cli\n"
        "daemon.STALLED = timedelta(seconds=2)\n"
        "daemon.Daemon._tick = lambda self: None\n"
        "cli.main()"
    )
    with (
        Web({"*": FEED}) as web,
        running(written(tmp_path, web.url("/f")), sys.executable, "-c", harness, "run") as daemon,
    ):
        said = daemon.communicate(timeout=20)[1]
        assert daemon.returncode == STALLED_STATUS
        assert '"event": "stalled"' in said


def test_a_database_that_is_locked_for_long_does_not_end_the_daemon(tmp_path: Path) -> None:
    with Web({"*": FEED}) as web:
        harness = (
            "from datetime import timedelta; from monitor import daemon, cli\n"
            "from monitor.store import Store, StoreError\n"
            "daemon.STALLED = timedelta(seconds=2)\n"
            "def claim(*a, **k): raise StoreError('locked')\n"
            "Store.claim_sources = claim\n"
            "cli.main()"
        )
        config = written(tmp_path, web.url("/f"))
        with running(config, sys.executable, "-c", harness, "run") as daemon:
            with pytest.raises(subprocess.TimeoutExpired):
                daemon.wait(6)
            daemon.terminate()
            said = daemon.communicate(timeout=20)[1]
            assert daemon.returncode == 0
            assert '"why": "locked"' in said
            assert "Traceback" not in said


def test_pages_that_do_not_answer_keep_no_poll_waiting(tmp_path: Path) -> None:
    answers = threading.Event()

    def slow(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Page:
        answers.wait(20)
        raise SourceError("no full answer within 20 s")

    with World(tmp_path) as world:
        world.started()
        pages = [post(str(n), "Acme ...", page=f"https://{n}.example/") for n in range(READERS + 2)]
        world.find(*pages)
        world.collect()
        world.clock.passes(minutes=1)
        world.find(post("9", "Acme", "forum"))
        daemon = Daemon(replace(world.pipeline, fetch_page=slow))
        daemon._read()
        daemon._read()
        assert len(daemon._reading) == READERS
        daemon._tick()
        concurrent.futures.wait(daemon._polling)
        assert world.judged().keys() == {"9"}
        answers.set()
        while world.overview().pages:
            concurrent.futures.wait(daemon._reading)
            daemon._read()
        concurrent.futures.wait(daemon._reading)
        assert len(world.judged()) == 1 + len(pages)


def test_a_teaser_is_kept_with_the_text_of_its_page(tmp_path: Path) -> None:
    story = "<p>A long story about the plugs on our shelf. The Acme plug is broken.</p>" * 5
    with Web({"/1": f"<body><nav>Menu</nav><article>{story}</article>"}) as web:
        web.routes["/f"] = (
            '<rss version="2.0"><channel><title>t</title><item><guid>1</guid><title>A day</title>'
            f"<link>{web.url('/1')}</link><description>It began well [...]</description>"
            f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item></channel></rss>"
        )
        config = written(tmp_path, web.url("/f"))
        config.write_text(config.read_text() + '[alerts]\nbacklog = "1d"\n')
        with running(config) as daemon:
            wait_for_requests(web, 3)
            end = time.monotonic() + 20
            while not stored(tmp_path) and time.monotonic() < end:
                time.sleep(0.1)
            daemon.terminate()
            assert daemon.wait(20) == 0
    assert [seen.path for seen in web.seen] == ["/f", "/robots.txt", "/1"]
    with sqlite3.connect(tmp_path / "m.db") as database:
        (text,) = database.execute("select text from mentions").fetchone()
    database.close()
    assert text.endswith("The Acme plug is broken.")
    assert "Menu" not in text


def test_one_round_reads_the_pages_that_it_found(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.started()
        world.pages.answers["https://a.example/"] = "<p>Acme is fine"
        world.find(post("1", "Acme ...", page="https://a.example/"))
        done = one_round(world.pipeline)
        assert (done.polled, done.found, done.judged) == (2, 1, 1)
        assert world.pages.asked == ["https://a.example/"]


def test_who_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    """A second daemon with another configuration leaves the first one's sources alone."""
    with Web({"*": FEED}) as web, running(written(tmp_path, web.url("/f"))) as daemon:
        wait_for_requests(web, 1)
        time.sleep(0.3)
        other = tmp_path / "other.toml"
        text = (tmp_path / "monitor.toml").read_text().replace('name = "f"', 'name = "g"')
        other.write_text(text)
        with running(other) as second:
            said = second.communicate(timeout=20)[1]
            assert second.returncode == 1
            assert "stop that one first" in said
        daemon.terminate()
        assert daemon.wait(20) == 0
    with sqlite3.connect(tmp_path / "m.db") as database:
        assert database.execute("select name, enabled from sources").fetchall() == [("f", 1)]
    database.close()
