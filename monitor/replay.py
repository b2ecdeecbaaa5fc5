"""A rehearsal: what would have been told, had the monitor seen a stream of posts as it was written.

The real pipeline runs over a throw-away database with the posts' own clock: each source falls
due when its next post is published. No network is used and nobody is told.
"""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar

from monitor import app, sentiment
from monitor.config import AlertsTable
from monitor.domain import Batch, Delivery, Post, Receipt
from monitor.matching import Brand, Matcher
from monitor.pipeline import Pipeline, Policy
from monitor.reading.jsonl import LineError, brand_of, post_of, stamp, text_of
from monitor.resources import packaged
from monitor.seams import Lookup, Source, UserError
from monitor.store import SourceSpec, Store, open_store

NEVER = timedelta(days=36_500)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)

Event = dict[str, Any]


class ReplayError(UserError):
    """The stream or the brand cannot be read."""

    status = 2


def read_brand(path: Path) -> Brand:
    """The brand of a rehearsal.

    Raises:
        ReplayError
    """
    try:
        return brand_of(text_of(_read(path)))
    except LineError as e:
        raise ReplayError(f"{path}: {e}") from e


def read_posts(path: Path) -> list[Post]:
    """The posts of a stream in order, each once, with the titles of their threads.

    Raises:
        ReplayError
    """
    posts: dict[tuple[str, str], Post] = {}
    for number, line in enumerate(_read(path).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            post = post_of(text_of(line))
        except LineError as e:
            raise ReplayError(f"{path}, line {number}: {e}") from e
        posts.setdefault((post.source, post.external_id), post)
    return list(_threaded(posts))


def _threaded(posts: dict[tuple[str, str], Post]) -> Iterator[Post]:
    """Each post with the title of its thread, wherever in the stream and in which source it is."""
    anywhere = {post.external_id: post for post in reversed(posts.values())}
    for post in posts.values():
        title, seen, above = "", set[str](), post
        while above.parent and above.parent not in seen:
            seen.add(above.parent)
            parent = posts.get((above.source, above.parent)) or anywhere.get(above.parent)
            if parent is None:
                break
            title, above = parent.title or title, parent
        yield replace(post, thread_title=title)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise ReplayError(f"{path}: cannot be read: {e.strerror}") from e


@dataclass
class _Stream:
    """One source of the stream. Its cursor is the number of posts read so far."""

    name: str
    now: Callable[[], datetime]
    posts: list[tuple[datetime, Post]] = field(default_factory=list)
    url: ClassVar[str] = ""

    def poll(self, cursor: str) -> Batch:
        start, now = int(cursor or 0), self.now()
        end = bisect_right(self.posts, now, lo=start, key=itemgetter(0))
        wait = self.posts[end][0] - now if end < len(self.posts) else NEVER
        return Batch(tuple(post for _, post in self.posts[start:end]), str(end), wait)


@dataclass
class _Recorder:
    """A notifier that accepts everything and tells only the rehearsal."""

    now: Callable[[], datetime]
    sent: list[Event] = field(default_factory=list)

    def send(self, delivery: Delivery) -> Receipt:
        incident = delivery.card.incident.id if delivery.card else None
        self.sent.append(
            {
                "event": "message",
                "incident": incident,
                "kind": delivery.kind,
                "at": stamp(self.now()),
            }
        )
        return Receipt("replay", delivery.id)

    def take(self) -> list[Event]:
        taken, self.sent = self.sent, []
        return taken

    def find(self, _delivery: Delivery) -> Lookup:
        return Lookup.ABSENT

    def check(self, _address: str) -> str:
        return "tells nobody"


class _Rehearsal:
    """One run of a stream through the pipeline, on a clock that its posts set."""

    def __init__(
        self, posts: Sequence[Post], brand: Brand, store: Store, alerts: AlertsTable
    ) -> None:
        self.brand, self.store, self.alerts = brand, store, alerts
        self.steps = list(self._steps(posts))
        self.clock = self.steps[0][0] if self.steps else EPOCH
        self.wakes: deque[datetime] = deque()  #: when a message may be edited again, in order
        self.recorder = _Recorder(self.now)
        self.pipeline = self._pipeline(self._streams())

    def now(self) -> datetime:
        return self.clock

    def run(self) -> Iterator[Event]:
        """The events of each step, in the order of the clock."""
        names = [SourceSpec(name, "replay", "") for name in self.pipeline.sources]
        self.store.sync(names, [self.brand.name], self.clock)
        for at, steps in groupby(self.steps, itemgetter(0)):
            yield from self._updates(at)
            self.clock = at
            self._look()
            told = self._tell()
            yield from (self._event(post) for _, post in steps)
            yield from told
        yield from self._updates(END)

    def _updates(self, before: datetime) -> Iterator[Event]:
        """What is sent before the next post is seen, each at its own time."""
        while self.wakes and self.wakes[0] < before:
            self.clock = self.wakes.popleft()
            yield from self._tell()

    def _look(self) -> None:
        while claimed := self.pipeline.claim_sources(1):
            self.pipeline.poll(claimed[0])
        self.pipeline.judge()

    def _tell(self) -> list[Event]:
        self.pipeline.deliver()
        told = self.recorder.take()
        if told:
            self.wakes.append(self.clock + self.alerts.update_every)
        return told

    def _steps(self, posts: Sequence[Post]) -> Iterator[tuple[datetime, Post]]:
        """Each post with the clock at which it is seen; the clock never goes back."""
        clock = min((p.published_at for p in posts if p.published_at), default=EPOCH)
        for post in posts:
            clock = max(clock, post.published_at or clock)
            yield clock, post if post.published_at else replace(post, published_at=clock)

    def _streams(self) -> dict[str, _Stream]:
        streams: dict[str, _Stream] = {}
        for at, post in self.steps:
            streams.setdefault(post.source, _Stream(post.source, self.now)).posts.append((at, post))
        return streams

    def _pipeline(self, streams: Mapping[str, Source]) -> Pipeline:
        return Pipeline(
            store=self.store,
            now=self.now,
            sources=streams,
            matcher=Matcher([self.brand]),
            topics=app.topic_words(),
            classifier=sentiment.load(packaged("model.json").parent),
            notifiers={"replay": self.recorder},
            policy=Policy(
                every=dict.fromkeys(streams, timedelta()),
                rules=app.rules(self.alerts),
                card_targets={self.brand.name: ("replay:",)},
                digest_targets={},
                digest_due=lambda week: week.until,
                timezone="UTC",
                backlog=NEVER,
                update_after=self.alerts.update_every,
                window=self.alerts.window,
            ),
        )

    def _event(self, post: Post) -> Event:
        where = {"source": post.source, "external_id": post.external_id}
        if not self.pipeline.matcher.mentions(post):
            return {"event": "unmatched", **where}
        judged = self.store.mention(post.source, post.external_id, self.brand.name)
        score = judged.score
        return {
            "event": "mention",
            **where,
            "brand": self.brand.name,
            "label": judged.label,
            "negative": _rounded(score.negative if score else None),
            "complaint": _rounded(score.complaint if score else None),
            "topic": judged.topic,
            "severity": judged.severity,
            "incident": judged.incident,
            "copy_of": judged.copy_of,
            "action": judged.action,
            "at": stamp(judged.seen_at),
        }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def replay(posts: Sequence[Post], brand: Brand, alerts: AlertsTable) -> Iterator[Event]:
    """Run a stream of posts through the real pipeline; yield the events of contract "replay"."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            yield from _Rehearsal(posts, brand, store, alerts).run()
        finally:
            store.close()


def lines(events: Iterable[Event]) -> Iterator[str]:
    return (json.dumps(event, ensure_ascii=False) for event in events)
