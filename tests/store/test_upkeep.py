"""Upkeep: closing what is quiet, forgetting what is old, backing up, checking."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from monitor.store import Store, StoreError, open_store
from monitor.store.tables import METADATA
from monitor.store.upkeep import CHUNK
from tests.store.scene import LEASE, NOON, Scene, at, mention


def counts(store: Store) -> dict[str, int]:
    """Rows of every table that has any."""
    with store._database.read() as tx:
        found = {
            table.name: tx.scalar(select(func.count()).select_from(table)) or 0
            for table in METADATA.sorted_tables
        }
    return {name: count for name, count in found.items() if count}


def test_quiet_incidents_are_closed(scene: Scene) -> None:
    scene.tell("1", join=lambda _open: None)
    scene.tell("2", at(5), join=lambda _open: None)
    assert scene.store.close_quiet(at(5), at(9)) == 1
    assert scene.store.close_quiet(at(5), at(9)) == 0
    assert [i.state for i in scene.store.incidents()] == ["open", "auto-closed"]


def test_the_message_of_a_closed_incident_says_so(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    scene.store.close_quiet(at(5), at(9))
    update = scene.send(at(9))
    assert (update.kind, update.card.incident.state) == ("update", "auto-closed")
    assert scene.store.claim_delivery(at(99), LEASE) is None


def test_forgetting_leaves_nothing_of_what_is_old(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    scene.tell("2", at(1))
    scene.store.label(
        scene.store.mention("blog", "1", "Acme").id, "sentiment", "neutral", "a", NOON
    )
    scene.store.enqueue_digest("digest:1", "email:a", "Acme", "{}", NOON)
    scene.send(at(1))
    scene.poll(gap=True, now=at(2))
    assert scene.store.prune(at(60)) == 2
    assert counts(scene.store) == {"brands": 1, "sources": 1}


def test_forgetting_leaves_what_is_younger_and_what_is_owed(scene: Scene) -> None:
    scene.tell("old")
    scene.tell("young", at(60))
    scene.store.enqueue_digest("digest:1", "email:a", "Acme", "{}", NOON)
    assert scene.store.prune(at(60)) == 1
    (judged,) = scene.store.mentions()
    assert judged.mention.post.external_id == "young"
    (incident,) = scene.store.incidents()
    assert (incident.id, incident.posts) == (judged.incident, 2)
    card = scene.store.card(incident.id)
    assert [quote.text for quote in card.quotes] == ["Acme young"]
    assert scene.store.has_delivery("digest:1")
    assert counts(scene.store)["outbox"] == 2


def test_much_is_forgotten_in_chunks(scene: Scene) -> None:
    scene.poll(*(mention(str(n)) for n in range(2 * CHUNK + 1)))
    scene.poll(mention("young"), now=at(1))
    assert scene.store.prune(at(1)) == 2 * CHUNK + 1
    assert scene.store.prune(at(1)) == 0
    assert len(list(scene.store.mentions())) == 1


def test_a_mention_forgotten_while_it_is_judged_is_gone(scene: Scene) -> None:
    scene.poll(mention("1"))
    claimed = scene.claim_one()
    scene.store.prune(at(1))
    assert scene.settle(claimed) == "ignored"
    assert scene.store.incidents() == []


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    store = open_store(f"sqlite:///{tmp_path / 'monitor.db'}")
    scene = Scene(store)
    scene.tell("1", join=lambda _open: None)
    scene.send()
    scene.poll(mention("2"))
    return store


def test_a_backup_is_the_whole_database(file_store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    (tmp_path / "copy.db.part").write_bytes(b"left by a backup that was killed")
    file_store.backup(copy)
    assert sorted(p.name for p in tmp_path.glob("copy*")) == ["copy.db"]
    with closing(file_store), closing(open_store(f"sqlite:///{copy}")) as restored:
        assert restored.check() == []
        assert list(restored.mentions()) == list(file_store.mentions())
        assert restored.incidents() == file_store.incidents()
        assert restored.overview(NOON) == file_store.overview(NOON)
        assert counts(restored) == counts(file_store)
        assert restored.claim_mentions(NOON, LEASE, 9) == file_store.claim_mentions(NOON, LEASE, 9)


def test_a_backup_is_taken_while_others_write(file_store: Store, tmp_path: Path) -> None:
    with closing(file_store), file_store._database.write() as tx:
        tx.execute(text("UPDATE sources SET rejected = 7"))
        file_store.backup(tmp_path / "copy.db")
    with closing(open_store(f"sqlite:///{tmp_path / 'copy.db'}")) as restored:
        assert restored.overview(NOON).sources[0].rejected == 0


def test_a_backup_overwrites_nothing(file_store: Store, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with closing(file_store):
        with pytest.raises(StoreError, match=r"taken\.db exists: give the backup another name"):
            file_store.backup(taken)
        with pytest.raises(StoreError, match=r"there is no folder .*nowhere: create it"):
            file_store.backup(tmp_path / "nowhere" / "copy.db")
    assert taken.read_text() == "mine"


def test_postgres_is_backed_up_by_its_own_tool(store: Store, url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        store.backup(tmp_path / "copy.db")
    else:
        with pytest.raises(StoreError, match="back it up with pg_dump"):
            store.backup(tmp_path / "copy.db")


def test_a_sound_database_has_no_problems(scene: Scene) -> None:
    scene.tell("1")
    assert scene.store.check() == []


def test_an_outdated_schema_is_a_problem(store: Store) -> None:
    with store._database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    (problem,) = store.check()
    assert problem.startswith("schema 0000, not ")


def test_a_row_that_hangs_in_the_air_is_a_problem(file_store: Store) -> None:
    with closing(file_store):
        with file_store._database.alone() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("DELETE FROM brands")
        assert "mentions has a row that refers to no brands" in file_store.check()


def test_old_gaps_are_forgotten(scene: Scene) -> None:
    scene.poll()
    scene.poll(gap=True, now=at(1))
    scene.poll(gap=True, now=at(60))
    scene.store.prune(at(30))
    assert [until for _, _, until in scene.store.gaps(NOON, at(90))] == [at(60)]
