"""The nouns. Frozen values, no I/O, no clock. All times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Label = Literal["negative", "neutral", "positive"]
Action = Literal["alerted", "attached", "digest", "suppressed", "ignored"]
Severity = Literal["critical", "high", "normal"]
Head = Literal["complaint", "sentiment"]

QUIET_AFTER = timedelta(days=7)  #: a source without a mention for this long is called quiet


@dataclass(frozen=True, slots=True)
class Post:
    """Something somebody published, as one source reported it."""

    source: str  #: configured source name, e.g. "forum-acme"
    kind: str  #: family: feed, comments, forum, reddit, hackernews, review, news or social
    external_id: str  #: stable and unique within ``source``; at most 200 characters
    url: str  #: absolute http(s) link a person can open, or ""
    text: str  #: plain text, NFC, no markup; at most 20_000 characters
    title: str = ""  #: plain text; at most 500 characters
    author: str = ""
    published_at: datetime | None = None  #: the site's claim; never orders work
    rating: float | None = None  #: review stars scaled to 0.0 (worst) .. 1.0 (best)
    parent: str | None = None  #: external_id of the post this one answers
    thread_title: str = ""  #: title of the thread or article this post stands under
    reach: int | None = None  #: replies, likes or followers, where the site says so
    replies: str = ""  #: address of the feed of its comments, where the site names one
    page: str = ""  #: address of the whole text, where ``text`` is only a teaser of it

    @property
    def whole(self) -> str:
        """Title and text as one text, the title on a line of its own."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a brand's term occurs in a post."""

    term: str
    where: Literal["title", "text", "thread", "link", "source"]
    start: int = 0  #: offset in code points, inclusive
    end: int = 0  #: offset in code points, exclusive


@dataclass(frozen=True, slots=True)
class Mention:
    """A post that names a brand. Unique by (source, external_id, brand)."""

    post: Post
    brand: str
    matches: tuple[Match, ...]
    own: bool = False  #: written by one of the brand's own authors
    rivals: tuple[Match, ...] = ()  #: where a competitor is named; looked up to judge, not stored

    @property
    def key(self) -> str:
        return f"{self.post.source}:{self.post.external_id}:{self.brand}"


@dataclass(frozen=True, slots=True)
class Score:
    """How the author feels towards the brand, and whether the support team should be told."""

    negative: float
    neutral: float
    positive: float  #: the three shares sum to 1.0
    complaint: float | None  #: 0..1, probability that the team should be told; None = not scored
    model: str  #: "name@first-12-of-sha256"
    why: tuple[str, ...] = ()  #: deciding words, strongest first
    scored: bool = True  #: False: no model for this language
    lang: str = "en"
    sentence: str = ""  #: of the text, where the deciding words stand; at most 300 characters

    @property
    def label(self) -> Label:
        if self.negative > max(self.neutral, self.positive):
            return "negative"
        return "positive" if self.positive > self.neutral else "neutral"


@dataclass(frozen=True, slots=True)
class Layer:
    """What a brand's labels made of one head of the shipped model, and the receipt for it."""

    brand: str
    head: Head
    base: str  #: the model whose scores it turns, as ``Score.model`` names it
    weights: tuple[tuple[float, ...], ...]  #: a row a class (``sentiment.refit``); () if none
    threshold: float | None  #: complaint from which the wanted precision is reached, if known
    n: int  #: labels it learnt from
    positives: int  #: of these, complaints or negatives
    before: float | None  #: cross-validated average precision of what was in force
    after: float | None  #: and of this one; None: there were too few labels to measure
    state: Literal["promoted", "refused", "undone"]
    reason: str  #: of that state, for people
    made_at: datetime
    id: int = 0  #: given by the store

    @property
    def name(self) -> str:
        return f"{self.head}#{self.id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one mention, and why."""

    score: Score
    action: Literal["tell", "digest", "ignored"]
    reason: str  #: one phrase for people, e.g. "complaint .91"
    topic: str  #: a topic of config/topics.toml, or "other"
    severity: Severity = "normal"


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that people say about one cause."""

    id: str  #: opaque, e.g. "INC-8f2c41d0"
    brand: str
    topic: str
    state: str  #: open, acknowledged, resolved, auto-closed
    severity: Severity
    reason: str  #: why its first mention was told
    owner: str
    posts: int  #: stories so far; a copy is none of its own
    opened_at: datetime
    last_at: datetime  #: when its newest member was judged
    threads: frozenset[str] = frozenset()  #: (source, thread) keys of its members


@dataclass(frozen=True, slots=True)
class Quote:
    """One member of an incident, as shown on its card."""

    mention_id: int
    source: str
    kind: str
    author: str
    title: str
    text: str
    url: str
    published_at: datetime | None
    why: tuple[str, ...] = ()
    sentence: str = ""  #: of the text, the one that decided


@dataclass(frozen=True, slots=True)
class Card:
    """One incident as people see it; no channel's markup."""

    incident: Incident
    quotes: tuple[Quote, ...]  #: the first story and the newest ones, at most 5, oldest first
    sources: tuple[tuple[str, int], ...]  #: (source, stories), most first
    first_published_at: datetime | None
    topic: str = ""  #: the incident's topic as people read it; "" where it has none
    also: tuple[str, ...] = ()  #: further sources, which have only copies of these stories


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an accepted message lives, as its channel names it."""

    channel: str = ""
    ts: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A promise to tell one target one thing: a claimed row of the outbox."""

    id: str  #: opaque; travels in the message's metadata, so that it can be looked up
    key: str  #: unique, e.g. "post:INC-8f2c41d0:slack:#acme"
    kind: Literal["post", "update", "digest"]
    target: str  #: "<notifier>:<address>", e.g. "slack:#acme", "email:ana@acme.example"
    tries: int  #: begun so far, this one included; counted before the work starts
    failures: int  #: tries in a row that ended without being accepted
    state: Literal["pending", "sending", "ambiguous"]  #: as it was before this claim
    seq: int  #: rises each time an update is asked for again
    started_at: datetime | None  #: when the oldest request began that may have been accepted
    card: Card | None = None  #: for post and update: the incident as it is now
    remote: Receipt | None = None  #: for update: the message to edit
    frozen: str = ""  #: for digest: its figures as JSON, frozen before the first send
    repeated: bool = False  #: sent again although an earlier try may have been accepted


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll of one source found."""

    posts: tuple[Post, ...]
    cursor: str  #: the source's own bookmark, opaque to everyone else; at most 8 KiB
    poll_after: timedelta | None = None  #: the site's wish (ttl, max-age); only ever slows us
    gap: bool = False  #: True if the walk back may have stopped short of the old cursor
    rejected: tuple[str, ...] = ()  #: one reason per item left out as unreadable
    conditional: bool = True  #: the site can be asked whether anything changed
    skip_hours: tuple[int, ...] = ()  #: of the day, UTC, in which the site wants to be left alone
    skip_days: tuple[int, ...] = ()  #: of the week, the same; Monday is 0
    moved: str = ""  #: the permanent new address of what was read, where the site names one
    hub: str = ""  #: WebSub: who tells of new items at once ...
    topic: str = ""  #: ... and the address that it knows them by


@dataclass(frozen=True, slots=True)
class SourceState:
    """What we remember about one source between polls."""

    source: str
    kind: str
    cursor: str = ""
    tries: int = 0  #: claims so far; the lease's token
    failures: int = 0  #: in a row
    blocked: bool = False  #: the last failure was a refusal (403, 429, a login page), not a fault
    last_error: str = ""  #: redacted, at most 500 characters
    parked: bool = False  #: a permanent error; only `monitor source resume NAME` clears it
    since: datetime | None = None  #: when it was first configured
    first_polled_at: datetime | None = None  #: first success
    last_success_at: datetime | None = None
    last_mention_at: datetime | None = None
    due_at: datetime | None = None
    gaps: int = 0  #: gaps seen so far
    rejected: int = 0  #: unreadable items so far
    host: str = ""  #: of its address; all sources of a host rest together
    wait: timedelta | None = None  #: from the last poll to the next
    pace: tuple[float, ...] = ()  #: when its items came, see ``pacing``
    moved: str = ""  #: its permanent new address, as the site says
    follows: str | None = None  #: the source whose post this one follows; None: configured
    url: str = ""  #: of a followed comment feed
    thread_title: str = ""  #: of the post that it follows

    def condition(self, now: datetime) -> Literal["ok", "quiet", "blocked", "failing", "parked"]:
        """Whether we see this place: quiet is seen but silent for a week, blocked is refused."""
        if self.parked:
            return "parked"
        if self.failures:
            return "blocked" if self.blocked else "failing"
        heard = self.last_mention_at or self.first_polled_at
        return "quiet" if heard and now - heard > QUIET_AFTER else "ok"

    def blind_hours(self, now: datetime) -> float:
        """Hours since the last successful poll while polls fail; 0.0 while they succeed."""
        if not self.failures and not self.parked:
            return 0.0
        since = self.last_success_at or self.since
        return round((now - since).total_seconds() / 3600, 1) if since else 0.0

    def trouble(self, now: datetime) -> str:
        """What is wrong with it, for people: "blocked, blind 14 h", "never read"; "" if nothing."""
        if self.last_success_at is None:
            return "never read"
        condition = self.condition(now)
        seen = condition in ("ok", "quiet")
        return "" if seen else f"{condition}, blind {self.blind_hours(now):.0f} h"
