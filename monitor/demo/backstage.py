"""What the demo needs out of sight: sites, a configuration, the daemon and the other verbs.

Everything is driven as a user would drive it, by ``python -m monitor VERB --config FILE``.
"""

from __future__ import annotations

import codecs
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import cast
from xml.sax.saxutils import escape

from monitor.demo.sites import Entry, Feed, Site
from monitor.demo.stories import BRAND_TOML, SHELVES, STORIES, Place, Shelf, Story

EVERY = "2s"  #: how often the daemon looks at a feed, and how often a card is written anew


class DemoError(Exception):
    """Something did not happen as it should: one line for people."""


class Limit:
    """A stretch of time that has begun; ``left`` is never negative."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(self._end - time.monotonic(), 0.0)


class Street:
    """The stand-in sites, each on its own loopback address, and the feeds they serve."""

    def __init__(self, stack: ExitStack, now: Callable[[], datetime]) -> None:
        self._now = now
        by_site: dict[str, list[Shelf]] = {}
        for shelf in SHELVES.values():
            by_site.setdefault(shelf.site, []).append(shelf)
        self._sites: dict[str, Site] = {}
        for number, (name, shelves) in enumerate(by_site.items(), start=2):
            feeds = {s.path: self._feed(s) for s in shelves}
            self._sites[name] = stack.enter_context(Site(feeds, host=f"127.0.0.{number}"))

    def _feed(self, shelf: Shelf) -> Feed:
        old = [s for s in STORIES if s.place == shelf.place and s.age]
        entries = [self._entry(s) for s in sorted(old, key=lambda s: s.age)]
        return Feed(
            "blog" if shelf.kind == "feed" else shelf.kind, shelf.called, shelf.link, entries
        )

    def _entry(self, story: Story) -> Entry:
        html = f"<p>{escape(story.text)}</p>"
        published = self._now() - story.age
        return Entry(story.id, story.link, story.title, story.author, html, published)

    def publish(self, story: Story) -> None:
        shelf = SHELVES[story.place]
        self._sites[shelf.site].publish(shelf.path, self._entry(story))

    def url(self, place: Place) -> str:
        return self._sites[SHELVES[place].site].url(SHELVES[place].path)

    def read(self) -> frozenset[str]:
        """Ids of the posts that the daemon has fetched."""
        return frozenset().union(*(self._sites[s.site].read(s.path) for s in SHELVES.values()))

    def visited(self) -> bool:
        """True once every feed has been asked for."""
        return all(self._sites[s.site].polls(s.path) for s in SHELVES.values())


def config_text(database: Path, url: Callable[[Place], str]) -> str:
    """The demo's configuration: the shop, and one source for each feed."""
    sources = "".join(
        f"\n[[source]]\nname = {_quoted(s.called)}\nkind = {_quoted(s.kind)}\n"
        f"url = {_quoted(url(s.place))}\nevery = {_quoted(EVERY)}\n"
        "full_text = false\n"  # the demo asks nobody but itself
        for s in SHELVES.values()
    )
    return (
        f"[monitor]\ndatabase = {_quoted(f'sqlite:///{database}')}\n\n"
        f'[http]\nallow_private = ["127.0.0.0/8"]\n\n'
        f"[alerts]\nupdate_every = {_quoted(EVERY)}\n\n{BRAND_TOML}{sources}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON strings are TOML strings


class Monitor:
    """The command ``monitor`` with one configuration, as its own processes.

    Args:
        config: the configuration file; its folder is where the processes run.
        width: columns of the terminal that cards are drawn for.
        colour: whether cards may be coloured.
        limit: no verb may run past its end.
    """

    def __init__(self, config: Path, width: int, *, colour: bool, limit: Limit) -> None:
        self._config = config
        self._limit = limit
        self._environ = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        self._environ["COLUMNS"] = str(width)
        if colour:
            self._environ["FORCE_COLOR"] = "1"

    def verb(self, *words: str) -> str:
        """Run one verb to its end; what it printed.

        Raises:
            DemoError: it took too long or did not end with 0.
        """
        called = f"monitor {' '.join(words)}"
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, our own words
                self._command(*words),
                cwd=self._config.parent,
                env={k: v for k, v in self._environ.items() if k != "FORCE_COLOR"},
                capture_output=True,
                encoding="utf-8",
                timeout=self._limit.left(),
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as e:
            raise DemoError(f"`{called}` did not end in time: is this machine busy?") from e
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise DemoError(f"`{called}` ended with {done.returncode}: {last}")
        return done.stdout

    @contextmanager
    def daemon(self, log: Path, show: Callable[[str], None]) -> Iterator[subprocess.Popen[bytes]]:
        """``monitor run`` until the block ends; what it prints goes to ``show`` at once.

        Never outlives the block. Its log goes to the file ``log``. It has its own session, so
        that Ctrl-C reaches the demo alone, which then ends it in order.
        """
        with log.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
                self._command("run"),
                cwd=self._config.parent,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        with process:
            reader = threading.Thread(target=_relay, args=(process.stdout, show))
            reader.start()
            try:
                yield process
            finally:
                end(process)
                reader.join()

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "monitor", *words, "--config", str(self._config)]


def end(process: subprocess.Popen[bytes], seconds: float = 6) -> int:
    """Ask the process to end (SIGTERM), insist after ``seconds``; its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _relay(pipe: object, show: Callable[[str], None]) -> None:
    """Hand on what arrives in the portions it arrives in: a card is written at once."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while portion := cast(BufferedReader, pipe).read1(65536):
        show(decode(portion))


def jsonl(text: str) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]
