"""Who may ask a site, and when: in order of arrival, no site waiting for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.seams import SourceError

REST = timedelta(minutes=1)  #: after the first refusal that does not say how long; then doubled ...
LONGEST_REST = timedelta(hours=1)  #: ... up to this


@dataclass(slots=True)
class _Line:
    """The queue before one site. Times are monotonic seconds."""

    moved: threading.Condition
    taken: int = 0  #: tickets handed out
    done: int = 0  #: tickets handed back
    free_at: float = 0.0  #: when the next request may start
    rests_until: float = 0.0  #: the site asked for a pause until then
    blocked: bool = False  #: whether that pause was a refusal (429)
    refusals: int = 0  #: 429 and 503 in a row


@dataclass(frozen=True, slots=True)
class Turns:
    """The queues before all sites."""

    gap: float
    per_site: int
    monotonic: Callable[[], float]
    sleep: Callable[[float], object]
    lock: threading.Lock = field(default_factory=threading.Lock)
    lines: dict[str, _Line] = field(default_factory=dict)

    @contextmanager
    def turn(self, site: str) -> Iterator[None]:
        """Wait for one's turn at a site. Raises SourceError while the site is to be left alone."""
        with self.lock:
            line = self._line(site)
            ticket, line.taken = line.taken, line.taken + 1
        try:
            with self.lock:
                line.moved.wait_for(lambda: ticket < line.done + self.per_site)
                wait = self._reserve(site, line)
            if wait > 0:
                self.sleep(wait)
            yield
        finally:
            with self.lock:
                line.done += 1
                line.moved.notify_all()

    def rest(self, site: str, wait: timedelta | None, *, blocked: bool) -> timedelta:
        """Leave the site alone for this long; None: ever longer. Return how long that is."""
        with self.lock:
            line = self._line(site)
            line.refusals += 1
            rest = wait or min(REST * 2 ** min(line.refusals - 1, 9), LONGEST_REST)
            line.rests_until = max(line.rests_until, self.monotonic() + rest.total_seconds())
            line.blocked = blocked
            return rest

    def welcomed(self, site: str) -> None:
        """The site refuses us no more."""
        with self.lock:
            self._line(site).refusals = 0

    def busy(self) -> frozenset[str]:
        """Sites at which the next request would have to wait, or would be refused."""
        with self.lock:
            now = self.monotonic()
            return frozenset(
                name
                for name, line in self.lines.items()
                if max(line.free_at, line.rests_until) > now
                or line.taken >= line.done + self.per_site
            )

    def _line(self, site: str) -> _Line:
        if site not in self.lines and len(self.lines) >= 1000:
            now = self.monotonic()
            for name, line in list(self.lines.items()):
                if line.taken == line.done and max(line.free_at, line.rests_until) < now:
                    del self.lines[name]
        return self.lines.setdefault(site, _Line(threading.Condition(self.lock)))

    def _reserve(self, site: str, line: _Line) -> float:
        now = self.monotonic()
        if (left := line.rests_until - now) > 0:
            why = f"{site}: it asked us to wait, {left:.0f} s are left"
            wait = timedelta(seconds=left)
            raise SourceError(why, blocked=line.blocked, unasked=True, retry_after=wait)
        start = max(now, line.free_at)
        line.free_at = start + self.gap
        return start - now
