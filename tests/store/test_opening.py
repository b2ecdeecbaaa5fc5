"""Opening a database: fast when all is well, one clear line when it is not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.store import Store, StoreError, open_store
from tests.standins import postgres
from tests.store.scene import NOON, Scene, mention


def refusal(url: str) -> str:
    """The one line with which opening is refused."""
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value)


def sql(url: str, statement: str) -> None:
    store = open_store(url, upgrade=False)
    with store._database.write() as tx:
        tx.execute(text(statement))
    store.close()


# -- all is well -------------------------------------------------------------------------


def test_a_new_database_is_created_and_what_it_holds_is_there_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with closing(open_store(url)) as store:
        Scene(store).poll(mention("1"))
        assert store.path == tmp_path / "new.db"
        assert store.schema()[0] == store.schema()[1]
    with closing(open_store(url)) as store:
        assert store.mention("blog", "1", "Acme").seen_at == NOON


def test_only_an_sqlite_store_has_a_path(store: Store, url: str) -> None:
    assert (store.path is not None) == url.startswith("sqlite")


def test_upgrading_can_be_left_to_another_command(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'new.db'}", upgrade=False)) as store:
        current, head = store.schema()
        assert (current, head.isdigit()) == (None, True)
        assert store.check() == [f"schema None, not {head}: monitor db upgrade"]


def test_migrating_is_silent_and_opening_again_loads_no_alembic(tmp_path: Path) -> None:
    program = (
        "import logging, sys; logging.basicConfig(level=logging.DEBUG)\n"
        "from monitor.store import open_store\n"
        "open_store(sys.argv[1]).close(); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", program, f"sqlite:///{tmp_path / 'm.db'}"]
    for loaded in ("True\n", "False\n"):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == (loaded, "")


def test_two_processes_may_create_one_database(tmp_path: Path, server: postgres.Server) -> None:
    program = "import sys; from monitor.store import open_store; open_store(sys.argv[1]).close()"
    with server.database() as empty:
        for url in (f"sqlite:///{tmp_path / 'm.db'}", empty):
            command = [sys.executable, "-W", "error", "-c", program, url]
            both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in "12"]
            assert [process.communicate()[1] for process in both] == ["", ""]
            with closing(open_store(url)) as store:
                assert store.check() == []


# -- files that are no use ---------------------------------------------------------------


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "m.db"
    assert refusal(f"sqlite:///{path}") == f"{path}: there is no folder {path.parent}: create it"


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "is a folder: name a file" in refusal(f"sqlite:///{tmp_path}")


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 100)
    assert refusal(f"sqlite:///{path}").startswith(f"{path}: it is not an SQLite database")
    assert path.read_text().startswith("Dear diary")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may look into; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_that_may_not_be_read_is_named(public: Path, tmp_path: Path) -> None:
    path = public / "m.db"
    open_store(f"sqlite:///{path}").close()
    path.chmod(0)
    program = (
        "import os, sys; from monitor.store import StoreError, open_store\n"
        "open_store('sqlite:///' + sys.argv[2]).close()  # so that all is imported\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: open_store('sqlite:///' + sys.argv[1])\n"
        "except StoreError as e: print(e)"
    )
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "other.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path} may not be read and written: correct its permissions\n"


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "m.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        Scene(store).poll(*(mention(str(n), text="Acme " * 200) for n in range(200)))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 8192)
    return path


def test_a_damaged_database_is_refused_untouched_and_the_newest_backup_named(damaged: Path) -> None:
    backups = damaged.parent / "backups"
    backups.mkdir()
    for age, name in enumerate(("b.db", "a.db", "c.db.part")):
        (backups / name).touch()
        os.utime(backups / name, (age, age))
    before = damaged.read_bytes()
    said = refusal(f"sqlite:///{damaged}")
    assert said.startswith(f"{damaged} is damaged (")
    assert said.endswith(
        f"move it away and put the newest backup, {backups / 'a.db'}, in its place"
    )
    assert damaged.read_bytes() == before


def test_a_damaged_database_without_backup_is_refused_too(damaged: Path) -> None:
    assert refusal(f"sqlite:///{damaged}").endswith("move it away and restore a backup")


def test_damage_that_comes_later_is_said_as_well(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        Scene(store).poll(*(mention(str(n), text="Acme " * 200) for n in range(200)))
        store._database.close()  # so that nothing of it is remembered
        with path.open("r+b") as file:
            file.seek(4096 * 20)
            file.write(b"\xff" * 4096 * 50)
        with pytest.raises(StoreError, match=r"is damaged \(.*malformed.*restore a backup"):
            list(store.mentions())


# -- databases of others -----------------------------------------------------------------


def test_a_newer_schema_is_refused(url: str) -> None:
    sql(url, "UPDATE alembic_version SET version_num = '9999'")
    assert "has schema 9999, newer than this program's" in refusal(url)


def test_another_programs_tables_are_left_alone(tmp_path: Path, server: postgres.Server) -> None:
    with server.database() as empty:
        for url in (f"sqlite:///{tmp_path / 'theirs.db'}", empty):
            sql(url, "CREATE TABLE invoices (id INTEGER)")
            assert "holds another program's tables" in refusal(url)


def test_a_database_that_another_program_holds_is_said_to_be_in_use(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        said = refusal(f"sqlite:///{path}?timeout=0.1")
    assert said == f"{path}: another program is using it: end that program, or try again"


def test_a_write_that_must_wait_too_long_says_so_and_the_next_one_works(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with closing(open_store(f"sqlite:///{path}?timeout=0.1")) as store:
        scene = Scene(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another program is using it"):
                scene.poll(mention("1"))
            assert list(store.mentions()) == [], "reading never waits"
        assert scene.poll(mention("1")) == 1


def test_a_thread_that_waits_too_long_for_its_turn_is_told(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'm.db'}")) as store:
        store._database._writer.pool._timeout = 0.05  # type: ignore[attr-defined]
        with (
            store._database.write(),
            pytest.raises(StoreError, match="too many transactions at once: try again"),
        ):
            Scene(store)


def test_a_full_disk_is_said_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'm.db'}")) as store:
        scene = Scene(store)
        with store._database._writer.connect() as writer:
            writer.exec_driver_sql("PRAGMA max_page_count = 1")
        many = [mention(str(n), text="Acme " * 500) for n in range(200)]
        with pytest.raises(StoreError, match="no space is left on its disk: make room"):
            scene.poll(*many)
        with store._database._writer.connect() as writer:
            writer.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert scene.poll(*many, now=NOON.replace(hour=13)) == 200


# -- addresses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "monitor.db",
        "sqlite://",
        "mysql://ana:s3cret@db.example/monitor",
        "postgresql+asyncpg://ana:s3cret@db.example/monitor",
        "postgresql://ana:s3cret@db.example:port/monitor",
        "postgresql://ana:s3cret@db.example",
    ],
)
def test_an_address_that_cannot_be_used_is_answered_with_the_right_form(wrong: str) -> None:
    right = "[monitor] database: write sqlite:///PATH or postgresql://USER@HOST/NAME"
    assert refusal(wrong) == right


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'mention-monitor[postgres]'" in refusal("postgresql://db.example/monitor")


@pytest.mark.parametrize(
    ("option", "because"),
    [
        ("connect_timeout=2", "Connection refused"),
        ("sslmode=s3cret", 'invalid sslmode value: "***"'),
    ],
)
def test_no_password_is_said_when_a_server_cannot_be_reached(option: str, because: str) -> None:
    said = refusal(f"postgresql://ana:s3cret@127.0.0.1:1/monitor?{option}")
    assert said.startswith("PostgreSQL database monitor on 127.0.0.1: ")
    assert because in said
    assert "s3cret" not in said


def test_a_missing_database_is_named(server: postgres.Server) -> None:
    with server.database() as url:
        gone = url
    assert "does not exist" in refusal(gone)


@pytest.fixture
def protected(server: postgres.Server) -> Iterator[str]:
    with server.database() as url:
        yield url.replace("postgres:@", "postgres:s3cret@")


def test_no_password_is_shown_by_a_store(protected: str) -> None:
    with closing(open_store(protected)) as store:
        assert repr(store).startswith("Store(PostgreSQL database test_")
        assert "s3cret" not in repr(store) + repr(vars(store))
