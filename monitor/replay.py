"""A rehearsal: what would have been told, had the monitor seen a stream of posts as it was written.

The real pipeline runs over a throw-away database with the posts' own clock: each source falls
due when its next post is published. No network is used and nobody is told.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor import app, sentiment
from monitor.config import AlertsTable
from monitor.domain import Batch, Delivery, Mention, Post, Receipt
from monitor.matching import Brand, Matcher
from monitor.pipeline import Pipeline, Policy
from monitor.reading.jsonl import LineError, brand_of, post_of, stamp
from monitor.resources import packaged
from monitor.seams import Lookup, UserError
from monitor.store import SourceSpec, Store, open_store

NEVER = timedelta(days=36_500)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
        return brand_of(_read(path))
    except LineError as e:
        raise ReplayError(f"{path}: {e}") from e


def read_posts(path: Path) -> list[Post]:
    """The posts of a stream in order; a reply gets the title of the thread that it stands in.

    Raises:
        ReplayError
    """
    posts: list[Post] = []
    threads: dict[str, str] = {}
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            post = post_of(line)
        except LineError as e:
            raise ReplayError(f"{path}, line {number}: {e}") from e
        thread = threads.get(post.parent or "", "")
        threads[post.external_id] = thread or post.title
        posts.append(replace(post, thread_title=thread))
    return posts


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as e:
        raise ReplayError(f"{path}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ReplayError(f"{path}: not UTF-8 text (byte {e.start})") from e


@dataclass
class _Stream:
    """One source of the stream. Its cursor is the number of posts read so far."""

    name: str
    now: Callable[[], datetime]
    posts: list[tuple[datetime, Post]] = field(default_factory=list)

    def poll(self, cursor: str) -> Batch:
        start = int(cursor or 0)
        due = [post for at, post in self.posts[start:] if at <= self.now()]
        rest = self.posts[start + len(due) :]
        wait = rest[0][0] - self.now() if rest else NEVER
        return Batch(tuple(due), cursor=str(start + len(due)), poll_after=wait)


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

    def find(self, _delivery: Delivery) -> Lookup:
        return Lookup.ABSENT

    def check(self, _address: str) -> str:
        return "tells nobody"


@dataclass
class _Rehearsal:
    brand: Brand
    store: Store
    alerts: AlertsTable
    clock: datetime = EPOCH

    def now(self) -> datetime:
        return self.clock

    def run(self, posts: Sequence[Post]) -> Iterator[Event]:
        """The events of each step, in the order of the clock."""
        steps = list(self._steps(posts))
        streams = self._streams(steps)
        recorder = _Recorder(self.now)
        pipeline = self._pipeline(streams, recorder)
        self.clock = steps[0][0] if steps else EPOCH
        names = [SourceSpec(name, "replay", "") for name in streams]
        self.store.sync(names, [self.brand.name], self.clock)
        for at, post in steps:
            self.clock = at
            mentions = pipeline.matcher.mentions(post)
            self._turn(pipeline)
            yield self._event(post, mentions)
            yield from self._told(recorder)
        self.clock += self.alerts.update_every
        self._turn(pipeline)
        yield from self._told(recorder)

    def _steps(self, posts: Sequence[Post]) -> Iterator[tuple[datetime, Post]]:
        """Each post with the clock at which it is seen; the clock never goes back."""
        clock = min((p.published_at for p in posts if p.published_at), default=EPOCH)
        for post in posts:
            clock = max(clock, post.published_at or clock)
            yield clock, post if post.published_at else replace(post, published_at=clock)

    def _streams(self, steps: Sequence[tuple[datetime, Post]]) -> dict[str, _Stream]:
        streams: dict[str, _Stream] = {}
        for at, post in steps:
            streams.setdefault(post.source, _Stream(post.source, self.now)).posts.append((at, post))
        return streams

    def _pipeline(self, streams: dict[str, _Stream], recorder: _Recorder) -> Pipeline:
        return Pipeline(
            store=self.store,
            now=self.now,
            sources=streams,
            matcher=Matcher([self.brand]),
            topics=app.topic_words(),
            classifier=sentiment.load(packaged("model.json").parent),
            notifiers={"replay": recorder},
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

    def _turn(self, pipeline: Pipeline) -> None:
        while (state := pipeline.claim_source()) is not None:
            pipeline.poll(state)
        pipeline.judge()
        pipeline.deliver()

    def _told(self, recorder: _Recorder) -> list[Event]:
        told, recorder.sent = recorder.sent, []
        return told

    def _event(self, post: Post, mentions: Sequence[Mention]) -> Event:
        where = {"source": post.source, "external_id": post.external_id}
        if not mentions:
            return {"event": "unmatched", **where}
        judged = self.store.mention(post.source, post.external_id, self.brand.name)
        score = judged.score
        return {
            "event": "mention",
            **where,
            "brand": self.brand.name,
            "label": judged.label,
            "negative": score and round(score.negative, 4),
            "complaint": score and score.complaint is not None and round(score.complaint, 4),
            "topic": judged.topic,
            "severity": judged.severity,
            "incident": judged.incident,
            "copy_of": judged.copy_of,
            "action": judged.action,
            "at": stamp(judged.seen_at),
        }


def replay(posts: Sequence[Post], brand: Brand, alerts: AlertsTable) -> Iterator[Event]:
    """Run a stream of posts through the real pipeline; yield the events of contract "replay"."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            yield from _Rehearsal(brand, store, alerts).run(posts)
        finally:
            store.close()


def lines(events: Iterable[Event]) -> Iterator[str]:
    return (json.dumps(event, ensure_ascii=False) for event in events)
