"""Opens a database, runs transactions on it, and says in one line what is wrong with it.

SQLite: a transaction that may write begins with BEGIN IMMEDIATE, because the default (a read
that becomes a write) silently lost three of four concurrent updates when measured. Writers of
one process queue for the one connection of their pool; readers have a pool of their own and
never wait (WAL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnection

from monitor.seams import UserError

#: Seconds to wait for another program's lock; sqlite:///PATH?timeout=SECONDS changes it.
BUSY = 10.0

_DRIVERS = ("sqlite", "postgresql", "postgresql+psycopg")
_ADVICE = (
    ("locked", "another program is using it: end that program, or try again"),
    ("is full", "no space is left on its disk: make room"),
    ("readonly", "it cannot be written: correct its permissions and those of its folder"),
    ("unable to open", "it cannot be opened: correct its permissions and those of its folder"),
    ("not a database", "it is not an SQLite database: correct [monitor] database"),
)


class StoreError(UserError):
    """The database cannot do what was asked; one line says why, and how to mend it."""


class Database:
    """One database: transactions that may write, and transactions that only read.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://USER@HOST/NAME``.

    Raises:
        StoreError: the URL cannot be understood, or there is no driver for it.
    """

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        #: The file, for SQLite.
        self.path = Path(self._url.database or "") if self.is_sqlite else None
        self._writer = self._engine("BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
        self._reader = self._engine("BEGIN") if self.is_sqlite else self._writer

    def __repr__(self) -> str:
        """Where it is; never a password."""
        if self.is_sqlite:
            return str(self.path)
        return f"PostgreSQL database {self._url.database} on {self._url.host or 'this machine'}"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that sees no change of others between its reads and its writes.

        Rows that are read in order to be written need ``with_for_update`` (PostgreSQL).

        Raises:
            StoreError: the database is locked, full, damaged or gone.
        """
        with self._explained(), self._writer.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises:
            StoreError: see ``write``.
        """
        with self._explained(), self._reader.begin() as tx:
            yield tx

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """A writing transaction without foreign keys, so that SQLite can rebuild a table.

        Raises:
            StoreError: see ``write``.
        """
        engine = self._engine("BEGIN IMMEDIATE", foreign_keys=False)
        with self._explained(), _disposed(engine), engine.begin() as tx:
            yield tx

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection without a transaction, as SQLite's VACUUM and whole-file checks ask.

        Raises:
            StoreError: see ``write``.
        """
        engine = self._engine(begin="")
        with self._explained(), _disposed(engine), engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    def _engine(self, begin: str, *, foreign_keys: bool = True, **pool: int) -> Engine:
        try:
            if not self.is_sqlite:
                return create_engine(self._url, pool_pre_ping=True, hide_parameters=True)
            return _sqlite(self._url, begin, foreign_keys=foreign_keys, **pool)
        except ImportError:
            raise StoreError(
                "the driver for PostgreSQL is missing: pip install 'mention-monitor[postgres]'"
            ) from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except NoConnection:
            raise StoreError(f"{self}: too many transactions at once: try again") from None
        except DBAPIError as e:
            # Its subclasses of other names are faults of ours, and keep their traceback.
            if type(e) in (OperationalError, InterfaceError, DatabaseError):
                raise StoreError(self._told(e)) from None
            raise

    def _told(self, error: DBAPIError) -> str:
        said = str(error.orig).partition("\n")[0]
        if self._url.password:
            said = said.replace(str(self._url.password), "***")
        if self.is_sqlite and "malformed" in said:
            return self.damaged(said)
        advice = next((advice for word, advice in _ADVICE if word in said), said)
        if not self.is_sqlite and isinstance(error, OperationalError):
            advice += ": check that it runs, and [monitor] database"
        return f"{self}: {advice}"

    def damaged(self, what: str) -> str:
        """What to say of an SQLite file that is damaged; names the newest backup."""
        folder = Path(f"{self.path}").parent / "backups"
        backups = [p for p in folder.glob("*.db") if p.is_file()] if folder.is_dir() else []
        newest = max(backups, key=lambda p: p.stat().st_mtime, default=None)
        mend = f"put the newest backup, {newest}, in its place" if newest else "restore a backup"
        return f"{self} is damaged ({' '.join(what.split())}): move it away and {mend}"


@contextmanager
def _disposed(engine: Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()


def _parsed(text: str) -> URL:
    """The URL; whatever is wrong with it, the error does not repeat it: it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _DRIVERS or not url.database:
        raise StoreError("[monitor] database: write sqlite:///PATH or postgresql://USER@HOST/NAME")
    return url


def _sqlite(url: URL, begin: str, *, foreign_keys: bool, **pool: int) -> Engine:
    wait = {} if "timeout" in url.query else {"timeout": BUSY}
    engine = create_engine(url, connect_args=wait, hide_parameters=True, **pool)

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing on its own
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if begin:
            connection.exec_driver_sql(begin)

    return engine
