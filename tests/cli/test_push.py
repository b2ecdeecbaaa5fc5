"""The daemon and a hub: what a feed names is asked, and what is published is stored at once."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.cli.using import Shell
from tests.standins.hub import Hub
from tests.standins.web import Web


def feed(hub: str, here: str, *titles: str) -> str:
    items = "".join(f"<entry><id>{t}</id><title>{t}</title></entry>" for t in titles)
    links = f'<link rel="hub" href="{hub}"/><link rel="self" href="{here}"/>'
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>{links}{items}</feed>'


def wait_for(so: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def stored(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "m.db")) as database:
        return [title for (title,) in database.execute("select title from mentions order by id")]


def polled_long_ago(folder: Path) -> None:
    """As if the newest polls were over a minute old: sooner no ping has a feed polled."""
    with closing(sqlite3.connect(folder / "m.db")) as database, database:
        database.execute("update sources set started_at = null")


def test_a_daemon_subscribes_and_is_told(tmp_path: Path) -> None:
    port = free_port()
    with Web({}) as site, Hub(asks_back=True) as hub:
        here = site.url("/feed")
        site.routes["/feed"] = feed(hub.url, here, "Acme is old")
        (tmp_path / "monitor.toml").write_text(
            '[monitor]\ndatabase = "sqlite:///m.db"\n[http]\nallow_private = ["127.0.0.0/8"]\n'
            f'[web]\nbind = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}/"\n'
            'token = "env:WEB_TOKEN"\n[[brand]]\nname = "Acme"\n'
            f'[[source]]\nname = "blog"\nkind = "feed"\nurl = "{here}"\n'
        )
        daemon = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run", "--config", str(tmp_path / "monitor.toml")],
            cwd=tmp_path,
            env=os.environ | {"WEB_TOKEN": "t0ken"},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            wait_for(lambda: len(hub.asked) == 1)
            assert (hub.asked[0]["hub.topic"], stored(tmp_path)) == (here, ["Acme is old"])
            polled_long_ago(tmp_path)
            site.routes["/feed"] = feed(hub.url, here, "Acme is broken", "Acme is old")
            assert hub.publish(b"new").status == 204
            wait_for(lambda: stored(tmp_path) == ["Acme is old", "Acme is broken"])
            assert Shell(tmp_path).status()["sources"]["blog"]["push"] is True
        finally:
            daemon.send_signal(signal.SIGTERM)
            said = daemon.communicate(timeout=25)[1]
        assert daemon.returncode == 0, said
        assert "Traceback" not in said
        assert "t0ken" not in said
