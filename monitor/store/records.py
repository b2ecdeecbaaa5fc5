"""What the store takes and gives beyond the nouns of the domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.domain import Label, Layer, Mention, Post, Score, SourceState


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A configured source."""

    name: str
    kind: str
    fingerprint: str  #: of what it reads; when it changes, the source starts anew
    host: str = ""  #: that it is read from; all sources of a host rest together


@dataclass(frozen=True, slots=True)
class Followed:
    """The comment feed of a post that names a brand."""

    name: str
    url: str
    host: str
    thread_title: str  #: title of that post


@dataclass(frozen=True, slots=True)
class Unread:
    """A teaser whose page is to be read before it is judged, if it is news."""

    post: Post
    host: str  #: of its page
    quiet: tuple[str, ...]  #: brands that it is no news for
    seen_at: datetime
    due_at: datetime | None  #: None: it is not to be read, now or when it comes again
    id: int = 0  #: given by the store
    tries: int = 0  #: begun so far; the lease's token
    holds: bool = True  #: the teaser breaks off: what it names waits for the page


@dataclass(frozen=True, slots=True)
class Subscription:
    """A source of which a hub shall tell us (WebSub)."""

    id: int
    source: str
    hub: str
    topic: str  #: the address that the hub knows the source by
    tries: int  #: requests since the hub's last answer; the lease's token


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mention that this worker is to judge until its lease runs out."""

    id: int
    tries: int  #: begun so far, this one included; the lease's token
    mention: Mention
    quiet: bool  #: older than the first run of its source: stored, never told
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Labelled:
    """A mention and the last word that people said of it."""

    mention: Mention
    value: str  #: negative, neutral, positive; or complaint, no-complaint
    at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored mention and all that is known of it."""

    id: int
    mention: Mention
    seen_at: datetime
    score: Score | None  #: None: not judged yet, or dead
    topic: str
    action: str | None  #: see ``domain.Action``; None: not judged yet, or dead
    reason: str
    severity: str
    incident: str | None
    copy_of: str | None  #: external_id of the story that it copies
    label: Label | None  #: a person's, else the model's
    error: str  #: why it could not be judged


@dataclass(frozen=True, slots=True)
class DigestRow:
    """A mention as the digest counts it."""

    seen_at: datetime
    source: str
    kind: str
    label: Label | None
    action: str | None
    reason: str | None
    story: int  #: what it tells: the same number for each copy of a story


@dataclass(frozen=True, slots=True)
class OutboxState:
    """What is owed to people."""

    pending: int
    ambiguous: int  #: sent, perhaps: to be looked up
    dead: int  #: refused for good
    oldest_seconds: int  #: how long the oldest has been owed; 0 if nothing is
    errors: list[tuple[str, str]]  #: (target, error) of what is owed or dead


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole store on one page."""

    sources: list[SourceState]  #: that are configured
    following: list[SourceState]  #: comment feeds of posts that name a brand
    pushed: frozenset[str]  #: names of the sources that a hub tells us of
    outbox: OutboxState
    incidents: dict[str, int]  #: by state
    pages: int  #: to be read
    mentions: int
    waiting: int  #: to be judged
    dead: int  #: could not be judged
    unscored: int  #: judged without a model, for want of one for the language
    last_digest: str | None  #: when the last one was sent, ISO 8601
    model: str | None  #: that judged the newest mention
    layers: list[Layer]  #: in force
