"""The schema comes from the migrations alone, and they run up and down with data in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from monitor.store import Store, migrations
from monitor.store.tables import METADATA
from tests.store.scene import NOON, Scene

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = {head!r}

def upgrade():
    with op.batch_alter_table("mentions") as mentions:
        mentions.add_column(sa.Column("told_of", sa.Text(), nullable=False, server_default="none"))
        mentions.alter_column("reach", existing_type=sa.BigInteger(), type_=sa.Double())
        mentions.create_index("ix_copy", ["told_of"])
    {extra}

def downgrade():
    with op.batch_alter_table("mentions") as mentions:
        mentions.drop_index("ix_copy")
        mentions.alter_column("reach", existing_type=sa.Double(), type_=sa.BigInteger())
        mentions.drop_column("told_of")
"""


@pytest.fixture
def migrate(store: Store, tmp_path: Path) -> Callable[..., None]:
    """Runs Alembic's ``upgrade`` or ``downgrade``, with one more revision than the code has."""

    def run(verb: Callable[..., None], revision: str, extra: str = "pass") -> None:
        head = migrations.revisions()[-1]
        (tmp_path / "9001_next.py").write_text(NEXT.format(head=head, extra=extra))
        with store._database.migrate() as tx:
            config = migrations.config(tx)
            config.set_main_option("path_separator", "os")
            own = migrations.HERE / "versions"
            config.set_main_option("version_locations", f"{own}:{tmp_path}")
            verb(config, revision)

    return run


def differences(tx: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(tx), METADATA))


def test_the_migrations_make_the_tables_that_the_code_speaks_of(store: Store) -> None:
    with store._database.read() as tx:
        assert differences(tx) == []


def test_the_next_revision_runs_up_and_down_with_data_in_it(
    scene: Scene, migrate: Callable[..., None]
) -> None:
    scene.tell("1")
    scene.tell("2")
    mention = scene.store.mention("blog", "1", "Acme")
    scene.store.label(mention.id, "sentiment", "neutral", "ana", NOON)
    before = list(scene.store.mentions()), scene.store.overview(NOON)
    migrate(command.upgrade, "head")
    with scene.store._database.read() as tx:
        assert tx.scalars(text("SELECT told_of FROM mentions")).all() == ["none", "none"]
        assert tx.scalar(text("SELECT value FROM labels")) == "neutral", "a rebuild cascades not"
    assert scene.store.schema()[0] == "9001"
    migrate(command.downgrade, "-1")
    assert (list(scene.store.mentions()), scene.store.overview(NOON)) == before
    with scene.store._database.read() as tx:
        assert differences(tx) == []
    assert scene.store.check() == []


def test_a_revision_that_fails_changes_nothing(scene: Scene, migrate: Callable[..., None]) -> None:
    scene.tell("1")
    with pytest.raises(ZeroDivisionError):
        migrate(command.upgrade, "head", extra="1 / 0")
    assert scene.store.schema()[0] == migrations.revisions()[-1]
    with scene.store._database.read() as tx:
        assert differences(tx) == []
    assert scene.store.incidents()[0].posts == 1


def test_all_the_way_down_leaves_no_table_and_up_again_works(
    scene: Scene, migrate: Callable[..., None]
) -> None:
    scene.tell("1")
    migrate(command.downgrade, "base")
    with scene.store._database.read() as tx:
        assert inspect(tx).get_table_names() == ["alembic_version"]
    migrate(command.upgrade, migrations.revisions()[-1])
    Scene(scene.store).tell("1")


def test_the_revisions_are_in_one_line_and_numbered_in_order(store: Store) -> None:
    with store._database.migrate() as tx:
        script = ScriptDirectory.from_config(migrations.config(tx))
    walked = [revision.revision for revision in script.walk_revisions()]
    assert walked[::-1] == migrations.revisions()
