"""A small world for the pipeline: a real store, scripted ends, and a clock that a test moves.

In a test::

    with World(tmp_path) as world:
        world.started()                                  # the first polls, which are quiet
        world.find(post("1", "The Acme plug is broken"))
        world.notifier.says(later("busy"))               # the next send is refused
        world.turn()                                     # collect, judge, deliver
        world.clock.passes(minutes=1)

What a post says decides its score: "broken" is a grave complaint, "slow" a normal one, "love" is
praise, and "poison" breaks the classifier.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Self

from structlog.testing import capture_logs

from monitor.alerting import Rules
from monitor.digest import Week, due_at
from monitor.domain import Batch, Card, Delivery, Incident, Mention, Post, Receipt, Score
from monitor.matching import Brand, Matcher
from monitor.pipeline import Pipeline, Policy
from monitor.seams import DeliveryError, Lookup, Outcome, Page, SourceError
from monitor.store import Judged, Overview, SourceSpec, Store, open_store
from monitor.topics import Topic, Topics

START = datetime(2026, 11, 18, 12, tzinfo=UTC)  #: a Wednesday
EVERY = timedelta(minutes=1)
ACME = Brand("Acme", own_authors=("AcmeHelp",))
TARGET = "slack:#acme"
TOPICS = Topics(
    [
        Topic("plug", "Broken plug", "using", ("plug*",)),
        Topic("link", "Dead link", "using", ("link", "404")),
    ]
)
SCORES = {
    "broken": Score(0.80, 0.15, 0.05, 0.95, "words@0123456789ab", ("broken",)),
    "slow": Score(0.60, 0.30, 0.10, 0.70, "words@0123456789ab", ("slow",)),
    "love": Score(0.05, 0.15, 0.80, 0.02, "words@0123456789ab", ("love",)),
    "": Score(0.10, 0.80, 0.10, 0.05, "words@0123456789ab"),
}


def post(key: str, text: str = "", source: str = "blog", **more: Any) -> Post:
    """A post, undated unless told otherwise."""
    return Post(source, "feed", key, f"https://{source}.example/{key}", text, **more)


def later(why: str = "busy", *, retry_after: timedelta | None = None) -> DeliveryError:
    return DeliveryError(why, Outcome.LATER, retry_after=retry_after)


def never(why: str = "too long") -> DeliveryError:
    return DeliveryError(why, Outcome.NEVER)


def operator(why: str = "invalid_auth") -> DeliveryError:
    return DeliveryError(why, Outcome.OPERATOR)


def ambiguous(why: str = "timeout") -> DeliveryError:
    return DeliveryError(why, Outcome.AMBIGUOUS)


@dataclass
class Clock:
    """Stands still until it is told to move."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class ScriptedSource:
    """Gives what it was told to, once each, then nothing new."""

    name: str
    script: deque[Batch | Exception] = field(default_factory=deque)
    cursors: list[str] = field(default_factory=list)  #: that it was asked with
    url: str = ""

    def poll(self, cursor: str) -> Batch:
        self.cursors.append(cursor)
        step = self.script.popleft() if self.script else Batch((), cursor)
        if isinstance(step, Exception):
            raise step
        return step


class ScriptedPages:
    """Web pages by address: their HTML, or what is raised instead of it."""

    def __init__(self) -> None:
        self.answers: dict[str, str | Page | Exception] = {}
        self.asked: list[str] = []

    def __call__(self, url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Page:
        self.asked.append(url)
        answer = self.answers.get(url) or SourceError("blog.example: no such page (404)", 404)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Page) else Page(200, url, headers, answer.encode())


class WordClassifier:
    """Scores by the first word of its scores in the text; "poison" breaks it."""

    def __init__(self) -> None:
        self.scores = dict(SCORES)
        self.failures: deque[Exception] = deque()  #: of the next calls

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        if self.failures:
            raise self.failures.popleft()
        texts = [mention.post.text for mention in mentions]
        if any("poison" in text for text in texts):
            raise ValueError("a secret of the text")
        return [next(s for word, s in self.scores.items() if word in text) for text in texts]


@dataclass(frozen=True)
class Lost:
    """The channel accepts the message, and the answer never comes."""

    why: Exception = field(default_factory=ambiguous)


class ScriptedNotifier:
    """A channel that remembers what it accepted.

    ``says`` scripts the next sends, of one target where it is named: an error refuses, ``Lost``
    accepts and loses the answer, None accepts. ``lookup`` replaces what it says of a message.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accepted: list[Delivery] = []
        self.at: list[datetime] = []  #: when each was accepted
        self.tried: list[tuple[datetime, Delivery]] = []
        self.looked: list[Delivery] = []
        self.lookup: Lookup | Exception | None = None
        self._script: dict[str, deque[Exception | Lost | None]] = defaultdict(deque)

    def says(self, *answers: Exception | Lost | None, target: str = "") -> None:
        self._script[target].extend(answers)

    def forget_script(self) -> None:
        self._script.clear()

    def send(self, delivery: Delivery) -> Receipt:
        self.tried.append((self.clock(), delivery))
        script = self._script[delivery.target] or self._script[""]
        answer = script.popleft() if script else None
        if isinstance(answer, Exception):
            raise answer
        self.accepted.append(delivery)
        self.at.append(self.clock())
        if isinstance(answer, Lost):
            raise answer.why
        return self._receipt(delivery)

    def find(self, delivery: Delivery) -> Receipt | Lookup:
        self.looked.append(delivery)
        if isinstance(self.lookup, Exception):
            raise self.lookup
        if self.lookup is not None:
            return self.lookup
        known = delivery.id in {sent.id for sent in self.accepted if sent.kind != "update"}
        return self._receipt(delivery) if known else Lookup.ABSENT

    def check(self, address: str) -> str:
        return "scripted"

    def _receipt(self, delivery: Delivery) -> Receipt:
        return delivery.remote or Receipt("C1", f"ts-{delivery.id}")

    # -- what people see -------------------------------------------------------------

    def kinds(self, target: str = "") -> list[str]:
        return [d.kind for d in self.accepted if target in ("", d.target)]

    def cards(self) -> dict[tuple[str, str], list[tuple[str, Card]]]:
        """What was accepted, by target and incident."""
        shown: dict[tuple[str, str], list[tuple[str, Card]]] = defaultdict(list)
        for delivery in self.accepted:
            assert delivery.card is not None
            shown[delivery.target, delivery.card.incident.id].append((delivery.kind, delivery.card))
        return shown


@cache
def _empty_database() -> bytes:
    """A database at the newest schema: writing it down is faster than migrating each time."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        open_store(f"sqlite:///{path}").close()
        return path.read_bytes()


class World:
    """A pipeline over a store in ``folder``, with the sources "blog" and "forum"."""

    def __init__(self, folder: Path, *brands: Brand, start: datetime = START) -> None:
        path = folder / "monitor.db"
        path.write_bytes(_empty_database())
        self.store: Store = open_store(f"sqlite:///{path}")
        self.clock = Clock(start)
        self.classifier = WordClassifier()
        self.notifier = ScriptedNotifier(self.clock)
        self.sources = {name: ScriptedSource(name) for name in ("blog", "forum")}
        self.pages = ScriptedPages()
        self.pipeline = self._pipeline(brands or (ACME,))
        self.logs: list[MutableMapping[str, Any]] = []
        self.sync(*(brand.name for brand in brands or (ACME,)))

    def __enter__(self) -> Self:
        self._capture = capture_logs()
        self.logs = self._capture.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._capture.__exit__(*error)
        self.store.close()

    def _pipeline(self, brands: Sequence[Brand]) -> Pipeline:
        return Pipeline(
            store=self.store,
            now=self.clock,
            sources=self.sources,
            matcher=Matcher(brands),
            topics=TOPICS,
            classifier=self.classifier,
            notifiers={"slack": self.notifier, "email": self.notifier},
            policy=Policy(
                every=dict.fromkeys(self.sources, EVERY),
                rules=Rules(complaint=0.5, negative=0.9),
                card_targets={brand.name: (TARGET,) for brand in brands},
                digest_targets={},
                digest_due=due_on("monday"),
                timezone="UTC",
            ),
            fetch_page=self.pages,
        )

    def sync(self, *brands: str) -> None:
        specs = [SourceSpec(name, "feed", name) for name in self.sources]
        self.store.sync(specs, brands, self.clock())

    def wish(self, **policy: Any) -> None:
        """Change what the operator wants."""
        self.pipeline = replace(self.pipeline, policy=replace(self.pipeline.policy, **policy))

    def started(self) -> None:
        """The first polls, which find nothing; afterwards an undated post is news."""
        self.collect()
        self.clock.passes(minutes=1)

    def find(self, *posts: Post, **batch: Any) -> None:
        """The next poll of the posts' source finds them."""
        source = self.sources[posts[0].source if posts else "blog"]
        cursor = batch.pop("cursor", f"after {len(source.cursors)}")
        source.script.append(Batch(posts, cursor, **batch))

    def collect(self) -> int:
        """Poll what is due; return the number of new mentions."""
        new = 0
        while claimed := self.pipeline.claim_sources(1):
            new += self.pipeline.poll(claimed[0])
        return new

    def read(self) -> int:
        """Read the pages that are due; return the number of new mentions."""
        new = 0
        while claimed := self.pipeline.claim_pages(1):
            new += self.pipeline.read(claimed[0])
        return new

    def turn(self) -> None:
        self.collect()
        self.read()
        self.pipeline.judge()
        self.pipeline.deliver()

    def turns(self, until: Callable[[], bool], *, most: timedelta, **step: float) -> None:
        """Turn until it is so; the clock moves by ``step`` after each."""
        end = self.clock() + most
        while not until():
            assert self.clock() < end, "it never came to that"
            self.turn()
            self.clock.passes(**step)

    def tell(self, *posts: Post) -> None:
        """Have the posts found and judged in one minute."""
        self.find(*posts)
        self.clock.passes(minutes=1)
        self.collect()
        self.pipeline.judge()

    def overview(self) -> Overview:
        return self.store.overview(self.clock())

    def owed(self) -> int:
        """Messages that are still to be accepted."""
        outbox = self.overview().outbox
        return outbox.pending + outbox.ambiguous

    def judged(self) -> dict[str, Judged]:
        """By external_id, oldest first."""
        found = list(self.store.mentions())[::-1]
        return {judged.mention.post.external_id: judged for judged in found}

    def incidents(self) -> list[Incident]:
        """In the order in which their first members were found."""
        known = {incident.id: incident for incident in self.store.incidents()}
        told = dict.fromkeys(j.incident for j in self.judged().values() if j.incident)
        return [known[name] for name in told]


def due_on(day: str, timezone: str = "UTC") -> Callable[[Week], datetime]:
    """Digests are due at 9 o'clock."""
    return lambda week: due_at(week, timezone, day, time(9))
