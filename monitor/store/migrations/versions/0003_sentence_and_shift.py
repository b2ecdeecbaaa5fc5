"""The sentence that decided a score; how much likelier a brand's mentions complain than most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    empty = sa.Column("sentence", sa.Text(), nullable=False, server_default="")
    op.add_column("mentions", empty)
    op.add_column("brands", sa.Column("shift", sa.Double(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("brands", "shift")
    op.drop_column("mentions", "sentence")
