"""No API loses a post: whatever arrives, late or at once, is edited, goes, or fails in between.

Every kind is polled over sockets, its site's clock simulated. A post that stood when a walk began
and still stands when it ends has been returned by then, or that walk said that it has a gap.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.domain import Batch, Post
from monitor.http import PoliteFetcher
from monitor.seams import SourceError
from monitor.sources import KINDS
from monitor.sources.api import Api
from tests.standins.apis import ANSWERS, FEW, Entry, Place
from tests.standins.web import Reply, Web

START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
HOUR = 3600
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "discourse": {},
    "mastodon": {"tags": ["acme"]},
}
#: How late a site shows a post at most: what the kind's overlap is for. Discourse: ids in disorder.
LATE = {"hackernews": 48 * HOUR, "stackexchange": 24 * HOUR, "lemmy": 24 * HOUR}
LATE |= {"mastodon": 6 * HOUR - 1, "github": HOUR, "discourse": 1}
#: The one second of an API whose answers hold no more than FEW of it.
SLICED = {"hackernews", "stackexchange", "github"}
FAULTS = (Reply("oh", 500), Reply('{"items": [{'), Reply("<!doctype html><title>Log in</title>"))


@dataclass(frozen=True)
class Step:
    """What happens between two polls."""

    hours: int
    arrivals: int
    crowd: bool  #: all of them in one second
    edits: int
    deletions: int
    fault: int  #: the request of the next poll that fails; 0: none
    seed: int


STEPS = st.lists(
    st.builds(
        Step,
        hours=st.integers(1, 30),
        arrivals=st.one_of(st.integers(0, 5), st.integers(0, 120)),
        crowd=st.booleans(),
        edits=st.integers(0, 3),
        deletions=st.integers(0, 5),
        fault=st.sampled_from((0, 0, 0, 1, 2, 4)),
        seed=st.integers(0, 2**16),
    ),
    min_size=2,
    max_size=7,
)


@dataclass
class Run:
    """One kind polled, step by step; what is checked after each poll is said in ``_check``."""

    place: Place
    web: Web
    cursor: str = ""
    kept: dict[str, Post] = field(default_factory=dict)
    began: int = START  #: this walk
    stood: list[Entry] = field(default_factory=list)  #: when it began
    gap: bool = False  #: said in this walk
    missed: set[str] = field(default_factory=set)  #: in gaps

    def step(self, step: Step) -> None:
        random, place = Random(step.seed), self.place
        since, place.now = place.now, place.now + step.hours * HOUR
        same = random.randint(since + 1, place.now)
        arrivals = step.arrivals * (4 if place.kind == "lemmy" else 1)  # its pages are full ones
        times = sorted(random.randint(since + 1, place.now) for _ in range(arrivals))
        for number, at in enumerate(times):
            late = random.randint(0, LATE[place.kind]) if random.random() < 0.3 else 0
            if place.kind == "discourse" and number >= step.arrivals - 10:
                at, late = place.now, late
            place.arrive(same if step.crowd else at, late)
        for entry in random.sample(place.entries, min(step.edits, len(place.entries))):
            entry.text, entry.changed = f"{entry.text}!", place.now
        for entry in random.sample(place.entries, min(step.deletions, len(place.entries))):
            entry.gone = True
        place.faults = {place.asked + step.fault: random.choice(FAULTS)} if step.fault else {}
        self.poll()

    def poll(self) -> None:
        first = not self.cursor
        before = json.loads(self.cursor or "{}")
        if before.get("at") is None:
            self.stood, self.gap, self.began = self.place.visible(), False, self.place.now
        try:
            batch = self._source().poll(self.cursor)
        except SourceError:
            return  # the old cursor stands
        self.cursor, self.gap = batch.cursor, self.gap or batch.gap
        self._check_repeats(batch, before.get("since") or 0)
        self.kept |= {post.external_id: post for post in batch.posts}
        if not first and json.loads(batch.cursor)["at"] is None:
            self._check()

    def settle(self) -> None:
        """Poll until a walk has ended, at least once."""
        self.poll()
        while json.loads(self.cursor)["at"] is not None:
            self.poll()

    def _source(self) -> Api:
        fetch = PoliteFetcher("test/1", self._now, [ip_network("127.0.0.0/8")], min_gap=timedelta())
        options: Any = OPTIONS.get(self.place.kind, {"query": "Acme"})
        kind: Any = KINDS[self.place.kind]
        return kind(  # type: ignore[no-any-return]
            name="here",
            kind=self.place.kind,
            fetch=fetch,
            now=self._now,
            base_url=self.web.url("").rstrip("/"),
            **options,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.place.now, UTC)

    def _check(self) -> None:
        visible = {id(entry) for entry in self.place.visible()}
        due = [e for e in self.stood if id(e) in visible and e.at > START]
        if self.place.kind == "github":  # what is edited meanwhile stands before the walk again
            due = [e for e in due if e.changed <= self.began]
        lost = {self.place.known_as(e) for e in due} - self.kept.keys() - self.missed
        assert self.gap or not lost
        self.missed |= lost
        seconds = Counter(e.changed if self.place.kind == "github" else e.at for e in self.stood)
        assert not self.gap or self.place.kind in SLICED
        assert not self.gap or max(seconds.values()) >= FEW

    def _check_repeats(self, batch: Batch, since: int) -> None:
        """Nothing comes again but of the overlap, and of the part in which a walk ends."""
        entries = {self.place.known_as(entry): entry for entry in self.place.entries}
        assert len({post.external_id for post in batch.posts}) == len(batch.posts)
        old = [p for p in batch.posts if p.external_id in self.kept]
        places = [self._place(entries[post.external_id]) for post in old]
        if self.place.kind != "lemmy":  # its two lists turn their pages together
            assert len([place for place in places if place < since]) < FEW

    def _place(self, entry: Entry) -> int:
        by = {"mastodon": entry.snowflake, "discourse": entry.number, "github": entry.changed}
        return by.get(self.place.kind, entry.at)


def test_every_api_is_here() -> None:
    assert {k for k, c in KINDS.items() if issubclass(c, Api)} == ANSWERS.keys() == LATE.keys()


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_no_post_is_lost_and_every_gap_is_said(kind: str) -> None:
    with Web() as web:

        @settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
        @given(steps=STEPS)
        def holds(steps: list[Step]) -> None:
            place = Place(kind, START)
            for number in range(3):
                place.arrive(START - number)
            web.routes["*"] = place.answer
            run = Run(place, web)
            run.poll()
            for step in steps:
                run.step(step)
            quiet = Step(1, 0, crowd=False, edits=0, deletions=0, fault=0, seed=0)
            run.step(quiet)
            run.settle()

        holds()


def test_a_burst_is_whole_after_a_few_polls_and_a_crowded_second_is_a_gap() -> None:
    with Web() as web:
        for kind in sorted(SLICED):
            place = Place(kind, START)
            web.routes["*"] = place.answer
            run = Run(place, web)
            place.arrive(START - 9)
            run.poll()
            run.step(Step(5, 150, crowd=False, edits=0, deletions=0, fault=0, seed=1))
            assert len(run.kept) < 150
            run.step(Step(60, 0, crowd=False, edits=0, deletions=0, fault=0, seed=2))
            run.settle()
            run.settle()
            assert (len(run.kept), run.gap) == (151, False)
            run.step(Step(1, 20, crowd=True, edits=0, deletions=0, fault=0, seed=3))
            assert run.gap
