"""The schema: every table, typed, and the column types that both databases treat alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    TypeDecorator,
    UniqueConstraint,
    and_,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; SQLite alone would give naive times back.

    Raises:
        ValueError: a naive time was given.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from outside. Lone surrogates, which neither database takes, become "?"; NUL, which
    PostgreSQL refuses, is left out."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.replace("\0", "").encode("utf-8", "replace").decode()


class Packed(TypeDecorator[list[Any]]):
    """A short list that is only ever read whole, as JSON in text."""

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, _dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> list[Any] | None:
        return None if value is None else list(json.loads(value))


#: An ever rising number; only INTEGER numbers itself on SQLite.
Id = BigInteger().with_variant(Integer, "sqlite")

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


class _Sources(TypedColumns):
    name: Named[str] = Column(Words, primary_key=True)
    kind: Named[str] = Column(Words)
    fingerprint: Named[str] = Column(Words)  #: of what the source reads
    enabled: Named[bool] = Column(Boolean, default=True)  #: named in the configuration
    cursor: Named[str] = Column(Words, default="")
    tries: Named[int] = Column(Integer, default=0)  #: claims so far; the lease's token
    failures: Named[int] = Column(Integer, default=0)
    blocked: Named[bool] = Column(Boolean, default=False)
    last_error: Named[str] = Column(Words, default="")
    parked: Named[bool] = Column(Boolean, default=False)
    since: Named[datetime] = Column(UtcDateTime)  #: when it was first configured
    first_polled_at: Named[datetime | None] = Column(UtcDateTime)
    last_success_at: Named[datetime | None] = Column(UtcDateTime)
    last_mention_at: Named[datetime | None] = Column(UtcDateTime)
    due_at: Named[datetime | None] = Column(UtcDateTime)  #: NULL while parked or not enabled
    started_at: Named[datetime | None] = Column(UtcDateTime)  #: when its newest poll began
    gaps: Named[int] = Column(Integer, default=0)
    rejected: Named[int] = Column(Integer, default=0)
    host: Named[str] = Column(Words, default="", server_default="")
    wait: Named[timedelta | None] = Column(Interval)
    pace: Named[list[Any] | None] = Column(Packed)  #: of numbers, see ``pacing``
    moved: Named[str] = Column(Words, default="", server_default="")
    follows: Named[str | None] = Column(Words)  #: NULL: configured
    url: Named[str] = Column(Words, default="", server_default="")
    thread_title: Named[str] = Column(Words, default="", server_default="")


class _Pages(TypedColumns):
    """Pages of posts of which only a teaser was known. What was read stays known, without words."""

    id: Named[int] = Column(Id, primary_key=True)
    source: Named[str] = Column(Words, ForeignKey("sources.name"))
    external_id: Named[str] = Column(Words)
    host: Named[str] = Column(Words)
    post: Named[list[Any]] = Column(Packed)  #: [field, value] each; empty once read
    quiet: Named[list[Any]] = Column(Packed)  #: names of brands that it is no news for
    tries: Named[int] = Column(Integer, default=0)
    due_at: Named[datetime | None] = Column(UtcDateTime)  #: NULL once read
    seen_at: Named[datetime] = Column(UtcDateTime)


class _Subscriptions(TypedColumns):
    """WebSub: who tells us of a source's new items at once."""

    id: Named[int] = Column(Id, primary_key=True)
    source: Named[str] = Column(Words, ForeignKey("sources.name"))
    hub: Named[str] = Column(Words)
    topic: Named[str] = Column(Words)
    tries: Named[int] = Column(Integer, default=0)  #: since the hub's last answer
    due_at: Named[datetime] = Column(UtcDateTime)  #: when to ask, or ask again
    until: Named[datetime | None] = Column(UtcDateTime)  #: end of the hub's lease


class _Gaps(TypedColumns):
    source: Named[str] = Column(Words, ForeignKey("sources.name"), primary_key=True)
    since: Named[datetime] = Column(UtcDateTime, primary_key=True)
    until: Named[datetime] = Column(UtcDateTime, primary_key=True)


class _Brands(TypedColumns):
    name: Named[str] = Column(Words, primary_key=True)
    since: Named[datetime] = Column(UtcDateTime)
    shift: Named[float] = Column(Double, default=0.0, server_default="0")  #: of complaint log odds


class _Incidents(TypedColumns):
    id: Named[str] = Column(Words, primary_key=True)
    brand: Named[str] = Column(Words, ForeignKey("brands.name"))
    topic: Named[str] = Column(Words)
    state: Named[str] = Column(Words, default="open")
    severity: Named[str] = Column(Words)
    reason: Named[str] = Column(Words)
    owner: Named[str] = Column(Words, default="")
    posts: Named[int] = Column(Integer, default=1)
    opened_at: Named[datetime] = Column(UtcDateTime)
    last_at: Named[datetime] = Column(UtcDateTime)
    closed_at: Named[datetime | None] = Column(UtcDateTime)
    threads: Named[list[Any]] = Column(Packed)


class _Mentions(TypedColumns):
    id: Named[int] = Column(Id, primary_key=True)
    brand: Named[str] = Column(Words, ForeignKey("brands.name"))
    source: Named[str] = Column(Words, ForeignKey("sources.name"))
    kind: Named[str] = Column(Words)
    external_id: Named[str] = Column(Words)
    url: Named[str] = Column(Words)
    title: Named[str] = Column(Words)
    text: Named[str] = Column(Words)
    author: Named[str] = Column(Words)
    published_at: Named[datetime | None] = Column(UtcDateTime)
    rating: Named[float | None] = Column(Double)
    parent: Named[str | None] = Column(Words)
    thread_title: Named[str] = Column(Words)
    reach: Named[int | None] = Column(BigInteger)
    matches: Named[list[Any]] = Column(Packed)  #: [term, where, start, end] each
    own: Named[bool] = Column(Boolean)
    quiet: Named[bool] = Column(Boolean)  #: older than the first run: never told
    seen_at: Named[datetime] = Column(UtcDateTime)
    tries: Named[int] = Column(Integer, default=0)
    due_at: Named[datetime | None] = Column(UtcDateTime)  #: NULL once judged, or dead
    error: Named[str] = Column(Words, default="")
    negative: Named[float | None] = Column(Double)
    neutral: Named[float | None] = Column(Double)
    positive: Named[float | None] = Column(Double)
    complaint: Named[float | None] = Column(Double)
    model: Named[str | None] = Column(Words)
    why: Named[list[Any] | None] = Column(Packed)
    scored: Named[bool | None] = Column(Boolean)
    lang: Named[str | None] = Column(Words)
    sentence: Named[str] = Column(Words, default="", server_default="")
    label: Named[str | None] = Column(Words)  #: a person's if there is one, else the model's
    topic: Named[str | None] = Column(Words)
    action: Named[str | None] = Column(Words)  #: NULL until judged
    reason: Named[str | None] = Column(Words)
    severity: Named[str | None] = Column(Words)
    incident: Named[str | None] = Column(Words, ForeignKey("incidents.id", ondelete="SET NULL"))
    story: Named[int | None] = Column(Id)  #: id of the mention that it copies, while that is kept
    copy_of: Named[str | None] = Column(Words)  #: external_id of that mention
    sketch: Named[bytes | None] = Column(LargeBinary)  #: of its text, see ``reading.copies``


class _Labels(TypedColumns):
    id: Named[int] = Column(Id, primary_key=True)
    mention_id: Named[int] = Column(Id, ForeignKey("mentions.id", ondelete="CASCADE"))
    kind: Named[str] = Column(Words)
    value: Named[str] = Column(Words)
    labelled_by: Named[str] = Column(Words)
    labelled_at: Named[datetime] = Column(UtcDateTime)


class _Outbox(TypedColumns):
    id: Named[str] = Column(Words, primary_key=True)
    key: Named[str] = Column(Words)
    kind: Named[str] = Column(Words)
    target: Named[str] = Column(Words)
    brand: Named[str] = Column(Words, ForeignKey("brands.name"))
    incident: Named[str | None] = Column(Words, ForeignKey("incidents.id", ondelete="CASCADE"))
    depends_on: Named[str | None] = Column(Words, ForeignKey("outbox.id", ondelete="CASCADE"))
    state: Named[str] = Column(Words, default="pending")  #: sending, ambiguous, sent, dead
    seq: Named[int] = Column(Integer, default=1)
    tries: Named[int] = Column(Integer, default=0)
    failures: Named[int] = Column(Integer, default=0)  #: in a row
    due_at: Named[datetime | None] = Column(UtcDateTime)  #: NULL once sent or dead
    started_at: Named[datetime | None] = Column(UtcDateTime)
    spacing: Named[timedelta] = Column(Interval, default=timedelta())  #: between updates
    asked_at: Named[datetime] = Column(UtcDateTime)  #: since when it has been owed
    sent_at: Named[datetime | None] = Column(UtcDateTime)
    channel: Named[str] = Column(Words, default="")
    ts: Named[str] = Column(Words, default="")
    frozen: Named[str] = Column(Words, default="")
    error: Named[str] = Column(Words, default="")


class _Pauses(TypedColumns):
    target: Named[str] = Column(Words, primary_key=True)
    until: Named[datetime] = Column(UtcDateTime)  #: nothing is sent to the target before


class _Layers(TypedColumns):
    id: Named[int] = Column(Id, primary_key=True)
    brand: Named[str] = Column(Words, ForeignKey("brands.name"))
    head: Named[str] = Column(Words)
    base: Named[str] = Column(Words)
    weights: Named[list[Any]] = Column(Packed)  #: of numbers
    threshold: Named[float | None] = Column(Double)
    n: Named[int] = Column(Integer)
    positives: Named[int] = Column(Integer)
    before: Named[float | None] = Column(Double)
    after: Named[float | None] = Column(Double)
    state: Named[str] = Column(Words)  #: promoted, refused, undone
    reason: Named[str] = Column(Words)
    made_at: Named[datetime] = Column(UtcDateTime)


sources = Table("sources", METADATA, _Sources)
pages = Table("pages", METADATA, _Pages)
subscriptions = Table("subscriptions", METADATA, _Subscriptions)
gaps = Table("gaps", METADATA, _Gaps)
brands = Table("brands", METADATA, _Brands)
incidents = Table("incidents", METADATA, _Incidents)
mentions = Table("mentions", METADATA, _Mentions)
labels = Table("labels", METADATA, _Labels)
outbox = Table("outbox", METADATA, _Outbox)
pauses = Table("pauses", METADATA, _Pauses)
layers = Table("layers", METADATA, _Layers)

UniqueConstraint(mentions.c.source, mentions.c.external_id, mentions.c.brand)
UniqueConstraint(outbox.c.key)
UniqueConstraint(pages.c.source, pages.c.external_id)
UniqueConstraint(subscriptions.c.source)


def _partial(name: str, column: Column[Any], only: Column[Any], *, null: bool = False) -> None:
    """An index of ``column`` over the few rows in which ``only`` is (not) NULL."""
    where = only.is_(None) if null else only.is_not(None)
    Index(name, column, sqlite_where=where, postgresql_where=where)


_partial("ix_sources_due", sources.c.due_at, sources.c.due_at)
_partial("ix_mentions_due", mentions.c.due_at, mentions.c.action, null=True)
_partial("ix_pages_due", pages.c.due_at, pages.c.due_at)
_partial("ix_mentions_story", mentions.c.story, mentions.c.story)
_partial("ix_outbox_due", outbox.c.due_at, outbox.c.due_at)
_partial("ix_outbox_incident", outbox.c.incident, outbox.c.incident)
_partial("ix_outbox_depends_on", outbox.c.depends_on, outbox.c.depends_on)
_partial("ix_mentions_incident", mentions.c.incident, mentions.c.incident)
Index("ix_subscriptions_due", subscriptions.c.due_at)
Index("ix_sources_host", sources.c.host)
Index("ix_sources_follows", sources.c.follows)
Index("ix_mentions_seen", mentions.c.seen_at)
Index("ix_labels_mention", labels.c.mention_id)
Index("ix_incidents_brand", incidents.c.brand, incidents.c.last_at)
Index("ix_layers_brand", layers.c.brand, layers.c.head, layers.c.state, layers.c.id)
# Holds all that a digest counts, so that its query never reads a text.
Index(
    "ix_mentions_digest",
    mentions.c.brand,
    mentions.c.seen_at,
    mentions.c.source,
    mentions.c.kind,
    mentions.c.label,
    mentions.c.action,
    mentions.c.reason,
    mentions.c.id,
    mentions.c.story,
)
# Holds all the stories that a new mention is compared with.
_stories = and_(mentions.c.sketch.is_not(None), mentions.c.story.is_(None))
Index(
    "ix_mentions_sketch",
    mentions.c.brand,
    mentions.c.seen_at,
    mentions.c.id,
    mentions.c.sketch,
    sqlite_where=_stories,
    postgresql_where=_stories,
)
