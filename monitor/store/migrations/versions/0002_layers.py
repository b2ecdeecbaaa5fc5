"""What the team's labels taught: a layer a brand and head, each with its receipt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    brand = sa.ForeignKey("brands.name", name="fk_layers_brand")
    op.create_table(
        "layers",
        sa.Column("id", ID, nullable=False),
        sa.Column("brand", sa.Text(), brand, nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("positives", sa.Integer(), nullable=False),
        sa.Column("before", sa.Double(), nullable=True),
        sa.Column("after", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_layers"),
    )
    op.create_index("ix_layers_brand", "layers", ["brand", "head", "state", "id"])


def downgrade() -> None:
    op.drop_table("layers")
