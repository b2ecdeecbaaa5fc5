"""The long-running process: a heartbeat of fixed jobs, a watchdog, an orderly end.

APScheduler only beats; what is due stands in the database. ``scheduler.running`` stays true
after its thread has died, so a watchdog looks at the time of the last finished tick and ends
the process when ticks stop: the supervisor starts it again and nothing is lost.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.pipeline import Pipeline
from monitor.seams import UserError

log = structlog.get_logger()

WORKERS = 8  #: polls at once
READERS = 4  #: pages at once, beside the polls
SPREAD = timedelta(minutes=10)  #: what fell due before the start is polled within this time
STALLED = timedelta(seconds=15)  #: no finished tick for this long: the process ends itself
LAST_WISH = timedelta(seconds=18)  #: what is in flight may finish for this long after SIGTERM
M_ARENA_MAX = -8  #: of malloc.h
STALLED_STATUS = 70  #: exit status of a stalled process (EX_SOFTWARE of sysexits.h)


class AlreadyRunning(UserError):  # noqa: N818 - it is a state, said in one line
    """Another daemon holds this database."""


@contextmanager
def only_one(database: Path | None) -> Iterator[None]:
    """Hold the lock of an SQLite database; PostgreSQL (None) takes any number of daemons.

    Raises:
        AlreadyRunning
    """
    if database is None:
        yield
        return
    with database.with_name(database.name + ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            lock.seek(0)
            holder = lock.read(20).strip() or "unknown"
            raise AlreadyRunning(
                f"{database}: another monitor (process {holder}) runs on it: stop that one first"
            ) from e
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def stay_small() -> None:
    """One heap for all threads, where the C library lets us say so (glibc).

    Each polling thread would keep an arena of its own, as large as its largest feed ever was:
    220 MB after 106 real feeds, against 140 MB with one heap.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


class Daemon:
    """Runs a pipeline until SIGTERM or SIGINT.

    Args:
        pipeline: what is to be run.
        beat: time between two looks at what is due.
    """

    def __init__(self, pipeline: Pipeline, beat: timedelta = timedelta(seconds=1)) -> None:
        self._pipeline = pipeline
        self._beat = beat
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="poll")
        self._polling: dict[Future[None], str] = {}  #: and the host that each asks
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._reading: dict[Future[None], str] = {}
        self._last_tick = time.monotonic()

    def alive(self) -> bool:
        """True while ticks finish."""
        return time.monotonic() - self._last_tick < STALLED.total_seconds()

    def run(self) -> None:
        """Work until told to stop, then finish what is in flight; at most 20 s."""
        stay_small()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        scheduler = self._scheduler()
        scheduler.start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        log.info("started", sources=len(self._pipeline.sources))
        self._stopping.wait()
        self._finish(scheduler)
        log.info("stopped")

    def _scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        beat = self._beat.total_seconds()
        for name, work, seconds in (
            ("tick", self._tick, beat),
            ("read", self._read, beat),
            ("judge", self._judge, beat),
            ("deliver", self._deliver, beat),
            ("subscribe", self._subscribe, beat),
            ("digest", self._pipeline.digest, 60),
            ("recheck", self._pipeline.recheck, 3600),
            ("tidy", self._pipeline.tidy, 3600),
        ):
            scheduler.add_job(self._guarded, "interval", (work,), id=name, seconds=seconds)
        return scheduler

    def _guarded(self, work: Callable[[], object]) -> None:
        """``work`` that never raises: after a locked or full database the next beat tries again."""
        if self._stopping.is_set():
            return
        try:
            work()
        except UserError as e:
            log.error("job_failed", why=str(e))  # noqa: TRY400 - expected: it needs no traceback
        except Exception:
            log.exception("job_failed")

    def _tick(self) -> None:
        """Keep the workers busy for a beat. A tick that fails has beaten all the same."""
        end = time.monotonic() + self._beat.total_seconds()
        try:
            while not self._stopping.is_set() and self._hand_out():
                left = end - time.monotonic()
                if left <= 0:
                    break
                wait(self._polling, left, FIRST_COMPLETED)
        finally:
            self._last_tick = time.monotonic()

    def _hand_out(self) -> bool:
        """Claim sources for the workers that will soon be free; whether there may be more.

        Of each host one at a time, so that no worker waits for another's turn at it.
        """
        self._polling = {poll: host for poll, host in self._polling.items() if not poll.done()}
        room = 2 * WORKERS - len(self._polling)
        if room < WORKERS:
            return True
        avoid = {*self._polling.values(), *self._pipeline.busy()}
        claimed = self._pipeline.claim_sources(room, avoid)
        for state in claimed:
            work = partial(self._heard, partial(self._pipeline.poll, state))
            self._polling[self._pool.submit(self._guarded, work)] = state.host
        return len(claimed) == room

    def _read(self) -> None:
        """Hand pages to the readers that are free. A slow page keeps no poll from its worker."""
        self._reading = {page: host for page, host in self._reading.items() if not page.done()}
        if not (free := READERS - len(self._reading)):
            return
        avoid = {*self._reading.values(), *self._pipeline.busy()}
        for page in self._pipeline.claim_pages(free, avoid):
            work = partial(self._heard, partial(self._pipeline.read, page))
            self._reading[self._readers.submit(self._guarded, work)] = page.host

    def _heard(self, work: Callable[[], int]) -> None:
        """Poll or read, and let nobody wait for the next beat to hear of what was found."""
        if work():
            self._judge()

    def _judge(self) -> None:
        self._pipeline.judge(stop=self._stopping.is_set)

    def _deliver(self) -> None:
        self._pipeline.deliver(self._stopping.is_set)

    def _subscribe(self) -> None:
        self._pipeline.subscribe(self._stopping.is_set)

    def _told_to_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            os._exit(128 + number)
        self._stopping.set()

    def _finish(self, scheduler: BackgroundScheduler) -> None:
        """Wait for what is in flight; leave what takes too long to its lease."""
        end = time.monotonic() + LAST_WISH.total_seconds()
        jobs = threading.Thread(target=scheduler.shutdown, name="shutdown", daemon=True)
        jobs.start()
        jobs.join(LAST_WISH.total_seconds())
        asking = {**self._polling, **self._reading}
        slow = wait(asking, max(end - time.monotonic(), 0)).not_done
        if jobs.is_alive() or slow:
            log.warning("stopped_with_work_in_flight", asking=len(slow))
            os._exit(0)  # threads cannot be ended; their rows fall due again

    def _watch(self) -> None:
        while not self._stopping.wait(1):
            if not self.alive():
                log.critical("stalled", seconds=round(time.monotonic() - self._last_tick))
                os._exit(STALLED_STATUS)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    polled: int
    found: int
    judged: int
    delivered: int


def one_round(pipeline: Pipeline) -> Round:
    """Poll each source that is due once, read pages, judge all that waits, deliver what is due."""
    stay_small()
    began = pipeline.now()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="poll") as pool:
        polls = list(pool.map(lambda _: _poll_all(pipeline, began), range(WORKERS)))
        read = sum(pool.map(lambda _: _read_all(pipeline), range(WORKERS)))
    judged = pipeline.judge()
    pipeline.digest()
    delivered = pipeline.deliver()
    pipeline.recheck()
    pipeline.tidy()
    found = [new for part in polls for new in part]
    return Round(len(found), sum(found) + read, judged, delivered)


def _poll_all(pipeline: Pipeline, began: datetime) -> list[int]:
    """Poll until none is left that was due when the round began; new mentions of each."""
    found: list[int] = []
    while claimed := pipeline.claim_sources(1, due=began):
        found += map(pipeline.poll, claimed)
    return found


def _read_all(pipeline: Pipeline) -> int:
    """Read pages until none is due; number of new mentions."""
    found = 0
    while claimed := pipeline.claim_pages(1):
        found += sum(map(pipeline.read, claimed))
    return found
