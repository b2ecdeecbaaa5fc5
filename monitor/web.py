"""The daemon's small web server. Today it says whether the daemon lives; routes are added here.

It is handed callables and knows nothing of what stands behind them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from flask import Flask, Response, jsonify
from waitress import wasyncore
from waitress.server import create_server

from monitor.seams import UserError


def routes(alive: Callable[[], bool]) -> Flask:
    """The application: ``/healthz`` answers 200 while ``alive()``, else 503."""
    web = Flask("monitor")

    @web.get("/healthz")
    def healthz() -> tuple[Response, int]:
        well = alive()
        return jsonify(status="ok" if well else "stalled"), 200 if well else 503

    return web


@contextmanager
def serving(application: Flask, bind: str | None) -> Iterator[int]:
    """Serve an application in a thread of its own; yields the port. ``bind`` None serves nothing.

    Args:
        bind: "host:port"; port 0 takes a free one.

    Raises:
        UserError: the address cannot be bound.
    """
    if bind is None:
        yield 0
        return
    with _listening(bind) as listener:
        channels: dict[int, object] = {}
        server = create_server(application, map=channels, sockets=[listener], threads=4)
        thread = threading.Thread(target=server.run, name="web", daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            # Its loop ends when it has no channel left; asking from here would race with it.
            server.trigger.pull_trigger(partial(wasyncore.close_all, channels))
            thread.join()
            server.task_dispatcher.shutdown()


def _listening(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    try:
        return socket.create_server((host, int(port)))
    except OSError as e:
        raise UserError(f"web.bind: {bind}: {e.strerror}: give another address") from e
