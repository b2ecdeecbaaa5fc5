"""/healthz says whether the daemon lives, on the address it was given and on no other."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection

import pytest

from monitor import web
from monitor.seams import UserError


def ask(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_alive_and_stalled() -> None:
    lives = [True]
    with web.serving(web.routes(lambda: lives[0]), "127.0.0.1:0") as port:
        assert ask(port, "/healthz") == (200, b'{"status":"ok"}\n')
        lives[0] = False
        status, body = ask(port, "/healthz")
        assert (status, json.loads(body)) == (503, {"status": "stalled"})
        assert ask(port, "/")[0] == 404


def test_a_taken_address_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UserError, match=rf"web\.bind: 127\.0\.0\.1:{port}: .*in use"),
            web.serving(web.routes(lambda: True), f"127.0.0.1:{port}"),
        ):
            pass


def test_nothing_is_served_where_nothing_is_asked_for() -> None:
    with web.serving(web.routes(lambda: True), None) as port:
        assert port == 0
