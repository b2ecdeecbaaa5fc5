"""The first tables: sources, mentions, incidents and the outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _sources()
    _incidents()
    _mentions()
    _outbox()


def downgrade() -> None:
    for table in (
        "pauses",
        "outbox",
        "labels",
        "mentions",
        "incidents",
        "gaps",
        "sources",
        "brands",
    ):
        op.drop_table(table)


def _must(name: str, kind: sa.types.TypeEngine[Any], *rest: sa.ForeignKey) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any], *rest: sa.ForeignKey) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=True)


def _partial(name: str, table: str, column: str, where: str) -> None:
    only = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=only, postgresql_where=only)


def _sources() -> None:
    op.create_table(
        "brands",
        _must("name", sa.Text()),
        _must("since", TIME),
        sa.PrimaryKeyConstraint("name", name="pk_brands"),
    )
    op.create_table(
        "sources",
        _must("name", sa.Text()),
        _must("kind", sa.Text()),
        _must("fingerprint", sa.Text()),
        _must("enabled", sa.Boolean()),
        _must("cursor", sa.Text()),
        _must("tries", sa.Integer()),
        _must("failures", sa.Integer()),
        _must("blocked", sa.Boolean()),
        _must("last_error", sa.Text()),
        _must("parked", sa.Boolean()),
        _must("since", TIME),
        _may("first_polled_at", TIME),
        _may("last_success_at", TIME),
        _may("last_mention_at", TIME),
        _may("due_at", TIME),
        _must("gaps", sa.Integer()),
        _must("rejected", sa.Integer()),
        sa.PrimaryKeyConstraint("name", name="pk_sources"),
    )
    _partial("ix_sources_due", "sources", "due_at", "due_at IS NOT NULL")
    op.create_table(
        "gaps",
        _must("source", sa.Text(), sa.ForeignKey("sources.name", name="fk_gaps_source")),
        _must("since", TIME),
        _must("until", TIME),
        sa.PrimaryKeyConstraint("source", "since", "until", name="pk_gaps"),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        _must("id", sa.Text()),
        _must("brand", sa.Text(), sa.ForeignKey("brands.name", name="fk_incidents_brand")),
        _must("topic", sa.Text()),
        _must("state", sa.Text()),
        _must("severity", sa.Text()),
        _must("reason", sa.Text()),
        _must("owner", sa.Text()),
        _must("posts", sa.Integer()),
        _must("opened_at", TIME),
        _must("last_at", TIME),
        _may("closed_at", TIME),
        _must("threads", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_brand", "incidents", ["brand", "last_at"])


def _mentions() -> None:
    incident = sa.ForeignKey("incidents.id", name="fk_mentions_incident", ondelete="SET NULL")
    op.create_table(
        "mentions",
        _must("id", ID),
        _must("brand", sa.Text(), sa.ForeignKey("brands.name", name="fk_mentions_brand")),
        _must("source", sa.Text(), sa.ForeignKey("sources.name", name="fk_mentions_source")),
        _must("kind", sa.Text()),
        _must("external_id", sa.Text()),
        _must("url", sa.Text()),
        _must("title", sa.Text()),
        _must("text", sa.Text()),
        _must("author", sa.Text()),
        _may("published_at", TIME),
        _may("rating", sa.Double()),
        _may("parent", sa.Text()),
        _must("thread_title", sa.Text()),
        _may("reach", sa.BigInteger()),
        _must("matches", sa.Text()),
        _must("own", sa.Boolean()),
        _must("quiet", sa.Boolean()),
        _must("seen_at", TIME),
        _must("tries", sa.Integer()),
        _may("due_at", TIME),
        _must("error", sa.Text()),
        _may("negative", sa.Double()),
        _may("neutral", sa.Double()),
        _may("positive", sa.Double()),
        _may("complaint", sa.Double()),
        _may("model", sa.Text()),
        _may("why", sa.Text()),
        _may("scored", sa.Boolean()),
        _may("lang", sa.Text()),
        _may("label", sa.Text()),
        _may("topic", sa.Text()),
        _may("action", sa.Text()),
        _may("reason", sa.Text()),
        _may("severity", sa.Text()),
        _may("incident", sa.Text(), incident),
        sa.PrimaryKeyConstraint("id", name="pk_mentions"),
        sa.UniqueConstraint("source", "external_id", "brand", name="uq_mentions_source"),
    )
    _partial("ix_mentions_due", "mentions", "due_at", "action IS NULL")
    _partial("ix_mentions_incident", "mentions", "incident", "incident IS NOT NULL")
    op.create_index("ix_mentions_seen", "mentions", ["seen_at"])
    digest = ["brand", "seen_at", "source", "kind", "label", "action", "reason"]
    op.create_index("ix_mentions_digest", "mentions", digest)
    mention = sa.ForeignKey("mentions.id", name="fk_labels_mention_id", ondelete="CASCADE")
    op.create_table(
        "labels",
        _must("id", ID),
        _must("mention_id", ID, mention),
        _must("kind", sa.Text()),
        _must("value", sa.Text()),
        _must("labelled_by", sa.Text()),
        _must("labelled_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
    )
    op.create_index("ix_labels_mention", "labels", ["mention_id"])


def _outbox() -> None:
    incident = sa.ForeignKey("incidents.id", name="fk_outbox_incident", ondelete="CASCADE")
    post = sa.ForeignKey("outbox.id", name="fk_outbox_depends_on", ondelete="CASCADE")
    op.create_table(
        "outbox",
        _must("id", sa.Text()),
        _must("key", sa.Text()),
        _must("kind", sa.Text()),
        _must("target", sa.Text()),
        _must("brand", sa.Text(), sa.ForeignKey("brands.name", name="fk_outbox_brand")),
        _may("incident", sa.Text(), incident),
        _may("depends_on", sa.Text(), post),
        _must("state", sa.Text()),
        _must("seq", sa.Integer()),
        _must("tries", sa.Integer()),
        _must("failures", sa.Integer()),
        _may("due_at", TIME),
        _may("started_at", TIME),
        _must("spacing", sa.Interval()),
        _must("asked_at", TIME),
        _may("sent_at", TIME),
        _must("channel", sa.Text()),
        _must("ts", sa.Text()),
        _must("frozen", sa.Text()),
        _must("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    _partial("ix_outbox_due", "outbox", "due_at", "due_at IS NOT NULL")
    _partial("ix_outbox_incident", "outbox", "incident", "incident IS NOT NULL")
    _partial("ix_outbox_depends_on", "outbox", "depends_on", "depends_on IS NOT NULL")
    op.create_table(
        "pauses",
        _must("target", sa.Text()),
        _must("until", TIME),
        sa.PrimaryKeyConstraint("target", name="pk_pauses"),
    )
