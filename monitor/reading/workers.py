"""Feeds and pages read in processes of their own: one made to be slow or large does no harm.

Each may take ``LONGEST`` and ``LARGEST``; the process that exceeds either is ended and replaced,
and others are not disturbed. Processes start when they are first needed. They end with us, however
we end: a worker that hears no more of its parent stops, and one that is busy has its limit.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import LifoQueue
from typing import Any

from monitor.reading import feeds, markup, pages
from monitor.reading.items import Feed, FeedError, ReadingFailed

WORKERS = 2
LONGEST = timedelta(seconds=10)  #: of CPU to read one feed or page
PATIENCE = timedelta(seconds=60)  #: for it, on a machine that has other things to do
LARGEST = 300_000_000  #: bytes of address space; about 30 MB of them are the interpreter's
SWOLLEN = 80_000_000  #: bytes of memory; a worker that is left with more is replaced


class Readers:
    """Readers in worker processes. Threads may share them."""

    def __init__(
        self,
        longest: timedelta = LONGEST,
        largest: int = LARGEST,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._limits = longest.total_seconds(), largest, patience.total_seconds()
        self._free: LifoQueue[_Worker | None] = LifoQueue()  # the last one used comes first
        for _ in range(WORKERS):
            self._free.put(None)
        self.close = weakref.finalize(self, _end, self._free)  # done at our own end at the latest

    def __call__(self, body: bytes, content_type: str, base_url: str, known: str = "") -> Feed:
        """``feeds.read``.

        Raises:
            FeedError, ReadingFailed
        """
        feed: Feed = self._answer(feeds.read, body, content_type, base_url, known)
        return feed

    def reviews(self, body: bytes, content_type: str, base_url: str, known: str = "") -> Feed:
        """``markup.read``; raises the same."""
        feed: Feed = self._answer(markup.read, body, content_type, base_url, known)
        return feed

    def article(self, body: bytes, content_type: str) -> str:
        """``pages.article``; "" of a page that takes too much."""
        try:
            return str(self._answer(pages.article, body, content_type))
        except ReadingFailed:
            return ""

    def _answer(self, read: Callable[..., object], *given: object) -> Any:
        worker = self._free.get()
        held = LARGEST  # so that it is replaced unless all goes well
        try:
            if worker is None or worker.process.poll() is not None:
                worker = _Worker(*self._limits)
            answer, held = worker.ask(read, *given)
        finally:
            if worker is not None and held > SWOLLEN:
                worker.end()
                worker = None
            self._free.put(worker)
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Worker:
    """One process, from outside."""

    def __init__(self, seconds: float, largest: int, patience: float) -> None:
        self._seconds, self._patience = seconds, patience
        self._line, theirs = Pipe()
        with theirs:
            fd = theirs.fileno()
            command = [
                sys.executable,
                "-P",
                "-m",
                __name__,
                *map(str, (fd, seconds, largest)),
            ]
            self.process = subprocess.Popen(command, pass_fds=[fd])  # noqa: S603 - our own

    def ask(self, *question: object) -> tuple[object, int]:
        """Its answer, or the exception that it is, and the bytes of memory that it holds."""
        try:
            self._line.send(question)
            if not self._line.poll(self._patience):
                raise ReadingFailed(f"was not read within {self._patience:g} s")
            answer: tuple[object, int] = self._line.recv()
        except (EOFError, OSError):
            if self.process.wait() == -signal.SIGPROF:
                raise ReadingFailed(f"took more than {self._seconds:g} s of CPU to read") from None
            raise ReadingFailed("broke the process that was to read it") from None
        return answer

    def end(self) -> None:
        self._line.close()
        self.process.kill()
        self.process.wait()


def _end(free: LifoQueue[_Worker | None]) -> None:
    while not free.empty():
        if worker := free.get():
            worker.end()


# -- inside a worker -----------------------------------------------------------------------------


def serve(line: Connection, seconds: float, largest: int) -> None:
    """Answer questions until nobody is there to ask them."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for our parent, who may need us still
        signal.signal(number, signal.SIG_IGN)
    with suppress(ValueError, OSError):  # a lower limit holds already, or the system has none
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (largest, hard))
    with suppress(EOFError, OSError):  # our parent is gone
        while True:
            question = line.recv()
            signal.setitimer(signal.ITIMER_PROF, seconds)  # its default action ends us
            line.send((_answer(question, largest), _resident()))
            signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(question: tuple[Any, ...], largest: int) -> object:
    read, *given = question
    try:
        return read(*given)
    except FeedError as e:
        return e
    except MemoryError:
        return ReadingFailed(f"took more than {largest // 1_000_000} MB to read")
    except Exception as e:  # noqa: BLE001 - it spoils this one only
        return ReadingFailed(f"broke its reader ({type(e).__name__})")


def _resident() -> int:
    """Bytes of memory that we hold; 0 where the system does not say (any but Linux).

    Not getrusage: its peak is handed down by a parent, whatever the child does.
    """
    try:
        held = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(held) * resource.getpagesize()


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3]))
