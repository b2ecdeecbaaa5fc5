"""Pace, host and followed comments of sources; pages to read; WebSub; copies of stories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
TEXTS = ("host", "moved", "url", "thread_title")
Kinds = Mapping[str, sa.types.TypeEngine[Any]]
SOURCES: Kinds = {
    "wait": sa.Interval(),
    "pace": sa.Text(),
    "follows": sa.Text(),
    "started_at": TIME,
}
MENTIONS: Kinds = {"story": ID, "copy_of": sa.Text(), "sketch": sa.LargeBinary()}
COUNTED = ["brand", "seen_at", "source", "kind", "label", "action", "reason"]


def upgrade() -> None:
    for name in TEXTS:
        op.add_column("sources", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for table, columns in (("sources", SOURCES), ("mentions", MENTIONS)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index("ix_sources_host", "sources", ["host"])
    op.create_index("ix_sources_follows", "sources", ["follows"])
    _partial("ix_mentions_story", "mentions", "story")
    stories = sa.text("sketch IS NOT NULL AND story IS NULL")
    compared = ["brand", "seen_at", "id", "sketch"]
    op.create_index(
        "ix_mentions_sketch", "mentions", compared, sqlite_where=stories, postgresql_where=stories
    )
    _count([*COUNTED, "id", "story"])
    _pages()
    _subscriptions()


def downgrade() -> None:
    op.drop_table("subscriptions")
    op.drop_table("pages")
    _count(COUNTED)
    for index, table in (
        ("ix_mentions_sketch", "mentions"),
        ("ix_mentions_story", "mentions"),
        ("ix_sources_follows", "sources"),
        ("ix_sources_host", "sources"),
    ):
        op.drop_index(index, table)
    for name in MENTIONS:
        op.drop_column("mentions", name)
    for name in (*SOURCES, *TEXTS):
        op.drop_column("sources", name)


def _count(columns: list[str]) -> None:
    """What a digest counts."""
    op.drop_index("ix_mentions_digest", "mentions")
    op.create_index("ix_mentions_digest", "mentions", columns)


def _partial(name: str, table: str, column: str) -> None:
    only = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=only, postgresql_where=only)


def _pages() -> None:
    source = sa.ForeignKey("sources.name", name="fk_pages_source")
    op.create_table(
        "pages",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), source, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("quiet", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pages"),
        sa.UniqueConstraint("source", "external_id", name="uq_pages_source"),
    )
    _partial("ix_pages_due", "pages", "due_at")


def _subscriptions() -> None:
    source = sa.ForeignKey("sources.name", name="fk_subscriptions_source")
    op.create_table(
        "subscriptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), source, nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("until", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("source", name="uq_subscriptions_source"),
    )
    op.create_index("ix_subscriptions_due", "subscriptions", ["due_at"])
