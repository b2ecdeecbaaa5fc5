"""The daemon's small web server: it says whether the daemon lives, and hubs call it (WebSub).

It is handed callables and knows nothing of what stands behind them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import structlog
from flask import Flask, Response, jsonify, request
from waitress import wasyncore
from waitress.server import create_server

from monitor.seams import UserError

log = structlog.get_logger()

MAX_BODY = 4_000_000  #: bytes of a request; as many are refused (413) before they are read


class Subscriber(Protocol):
    """Who answers hubs; ``key`` is the last part of the address that a hub was given."""

    def verified(self, key: str, query: Mapping[str, str]) -> str | None:
        """What to answer to "did you ask for this?"; None: we did not."""

    def pinged(self, key: str, signature: str, body: bytes) -> bool:
        """Take a notification; False: we did not ask for it."""


def routes(alive: Callable[[], bool], subscriber: Subscriber | None = None) -> Flask:
    """The application.

    ``/healthz`` answers 200 while ``alive()``, else 503; ``/websub/KEY`` is for hubs.
    """
    web = Flask("monitor")

    @web.get("/healthz")
    def healthz() -> tuple[Response, int]:
        well = alive()
        return jsonify(status="ok" if well else "stalled"), 200 if well else 503

    @web.errorhandler(UserError)
    def not_now(why: UserError) -> Response:
        log.warning("request_failed", why=str(why))
        return Response(status=503)

    if subscriber is not None:
        _websub(web, subscriber)
    return web


def _websub(web: Flask, subscriber: Subscriber) -> None:
    """The answers are those of W3C WebSub, 5.3.1, 7 and 8.2."""

    @web.get("/websub/<key>")
    def verify(key: str) -> Response:
        answer = subscriber.verified(key, request.args)
        if answer is None:
            return Response(status=404)
        safe = {"X-Content-Type-Options": "nosniff"}
        return Response(answer, headers=safe, mimetype="application/octet-stream")

    @web.post("/websub/<key>")
    def notify(key: str) -> Response:
        signature = request.headers.get("X-Hub-Signature", "")
        known = subscriber.pinged(key, signature, request.get_data(cache=False))
        return Response(status=204 if known else 410)  # 410 ends what we no longer want


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
        server = create_server(
            application,
            map=channels,
            sockets=[listener],
            threads=4,
            max_request_body_size=MAX_BODY,
        )
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
