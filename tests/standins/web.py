"""A scriptable web server on loopback, over real sockets: what a site may do, good or bad.

    with Web({"/feed": "<rss/>", "/old": redirect("/feed", 301)}) as web:
        fetch(web.url("/old"))
        assert web.seen[-1].headers["user-agent"] == ...

A route is a Reply, its body as str or bytes, or a function from the request to one of them. Every
connection serves one request. What a handler raises is raised again when the ``with`` ends.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request, as it came."""

    method: str
    target: str  #: path and query
    head: bytes  #: request line and headers with their line ends, byte for byte
    body: bytes
    at: float  #: monotonic seconds

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case, values read as latin-1."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.strip().lower(): value.strip(" \t") for name, _, value in pairs}


@dataclass(frozen=True)
class Reply:
    """One answer. An iterable body is streamed as it is produced, without a length."""

    body: str | bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    length: int | None = None  #: claim this Content-Length, whatever the body is
    pause: float = 0.0  #: seconds before each piece of an iterable body
    version: str = "HTTP/1.1"
    raw: bytes | None = None  #: send exactly this instead of all the above


Answer = Reply | str | bytes
Route = Answer | Callable[[Seen], Answer]


class Web:
    """The server. ``seen`` lists the requests, ``busiest`` the most routes that ran at once."""

    def __init__(
        self,
        routes: Mapping[str, Route] | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.routes: dict[str, Route] = dict(routes or {})  #: by path; "*" = all others
        self.seen: list[Seen] = []
        self.busiest = 0
        self.stopping = threading.Event()
        self._tls, self._busy, self._lock = tls, 0, threading.Lock()
        self._errors: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._server = _Server((address, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return str(self._server.server_address[0])

    @property
    def site(self) -> str:
        """host:port"""
        return f"{self.address}:{self.port}"

    def url(self, path: str = "/", host: str = "") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host or self.address}:{self.port}{path}"

    def hits(self, path: str) -> int:
        return sum(seen.path == path for seen in self.seen)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every answer, however slow, and raise what a handler raised."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                _hang_up(connection)
        self._server.server_close()
        if self._errors:
            raise self._errors[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # -- one connection, called in its own thread ---------------------------------------

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            self._converse(connection)
        except OSError:
            pass  # the client hung up, which it may
        except Exception as e:
            self._errors.append(e)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        if self._tls is None:
            return self._exchange(connection)
        with self._tls.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ) as secured:
            secured.do_handshake()
            self._exchange(secured)
        return None

    def _exchange(self, connection: socket.socket) -> None:
        seen = _read(connection)
        if seen is None:
            return
        with self._lock:
            self.seen.append(seen)
        for piece in self._wire(_reply(self._answer(seen)), seen):
            connection.sendall(piece)

    def _answer(self, seen: Seen) -> Answer:
        route = self.routes.get(seen.path, self.routes.get("*", Reply("not found", 404)))
        if not callable(route):
            return route
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            return route(seen)
        finally:
            with self._lock:
                self._busy -= 1

    def _wire(self, reply: Reply, seen: Seen) -> Iterator[bytes]:
        if reply.raw is not None:
            yield reply.raw
            return
        body = _coded(reply.body)
        yield _head(reply, body)
        if isinstance(body, bytes):
            yield b"" if seen.method == "HEAD" else body
            return
        for piece in body:
            if self.stopping.wait(reply.pause) if reply.pause else self.stopping.is_set():
                return
            yield piece


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False  # server_close() waits for them: no thread outlives its test
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], web: Web) -> None:
        self.web = web
        super().__init__(address, _Connection)


class _Connection(BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.web._serve(self.request)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # already gone
        connection.shutdown(socket.SHUT_RDWR)


def _read(connection: socket.socket) -> Seen | None:
    """Read one request; None if the client sent none."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, end, body = data.partition(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    seen = Seen(method, target, head + end, body, time.monotonic())
    missing = int(seen.headers.get("content-length", "0")) - len(body)
    while missing > 0 and (piece := connection.recv(65536)):
        body, missing = body + piece, missing - len(piece)
    return replace(seen, body=body)


def _reply(answer: Answer) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer)


def _coded(body: str | bytes | Iterable[bytes]) -> bytes | Iterable[bytes]:
    return body.encode() if isinstance(body, str) else body


def _head(reply: Reply, body: bytes | Iterable[bytes]) -> bytes:
    lines = [f"{reply.version} {reply.status} Whatever".encode()]
    for name, value in reply.headers.items():
        coded = value if isinstance(value, bytes) else value.encode("latin-1")
        lines.append(name.encode() + b": " + coded)
    length = len(body) if isinstance(body, bytes) else None
    length = reply.length if reply.length is not None else length
    if length is not None and reply.status != 304 and reply.version == "HTTP/1.1":
        lines.append(f"Content-Length: {length}".encode())
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


# -- what sites do ----------------------------------------------------------------------


def redirect(to: str, status: int = 302) -> Reply:
    return Reply("moved", status, {"Location": to})


def conditional(
    body: str | bytes,
    *,
    etag: str = "",
    modified: str = "",
    headers: Mapping[str, str] | None = None,
) -> Callable[[Seen], Answer]:
    """A page with validators: 304 for a request that repeats them byte for byte."""
    validators = {k: v for k, v in (("ETag", etag), ("Last-Modified", modified)) if v}

    def answer(seen: Seen) -> Answer:
        same = etag and seen.headers.get("if-none-match") == etag
        if "if-none-match" not in seen.headers:
            same = modified and seen.headers.get("if-modified-since") == modified
        return Reply(b"" if same else body, 304 if same else 200, {**validators, **(headers or {})})

    return answer


def slow_down(retry_after: str = "", status: int = 429) -> Reply:
    return Reply("later", status, {"Retry-After": retry_after} if retry_after else {})


def drip(piece: bytes = b"x", every: float = 0.05, *, forever: bool = True) -> Reply:
    """A body that comes one piece at a time and does not end, or ends after three pieces."""

    def pieces() -> Iterator[bytes]:
        yield from (piece, piece, piece)
        while forever:
            yield piece

    return Reply(pieces(), pause=every)


def cut_off(body: str | bytes) -> Reply:
    """Ends in the middle: claims twice the length that it sends."""
    coded = body.encode() if isinstance(body, str) else body
    return Reply(coded, length=2 * len(coded))


def packed(body: bytes) -> Reply:
    return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def gzip_bomb(megabytes: int) -> Callable[[Seen], Answer]:
    """So many MB of zeros, about a thousandth of that on the wire, made while it is sent."""

    def pieces() -> Iterator[bytes]:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(megabytes):
            yield packer.compress(bytes(1_000_000))
        yield packer.flush()

    return lambda _: Reply(pieces(), headers={"Content-Encoding": "gzip"})


def flood(megabytes: int) -> Callable[[Seen], Answer]:
    """So many MB that do not get smaller or larger when packed."""
    return lambda _: Reply(bytes(1_000_000) for _ in range(megabytes))
