"""A stand-in Slack Web API on loopback: keeps its channels, and fails on demand.

Wire formats follow Slack's reference (https://docs.slack.dev/reference/methods): JSON or form
bodies, ``ok`` answers, Retry-After, paging by cursor, and message metadata whose payload is
given back only with ``include_all_metadata``. What it refuses it decides by limits of its own
(``tests.standins.slack_limits``), not by the code under test.

In a test::

    with SlackServer() as slack:
        slack.fault("chat.postMessage", "after:drop")     # accepted, the answer is lost
        ...
        slack.messages("acme")

As a process, so that a crash test can kill its client and still read the history::

    python -m tests.standins.slack --port-file F --state FILE [--channel acme ...]

``--state`` is rewritten, in one step, after each change. Faults reach the process by
``POST /standin/fault`` with ``{"method", "fault", "times"}``.

Faults are ``WHEN:WHAT[:ARGUMENT]``; ``before`` means not accepted, ``after`` accepted:
drop, hang:SECONDS, status:CODE[:RETRY_AFTER], error:NAME, html, truncated, list.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import socket
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.standins import slack_limits

TOKEN = "xoxb-standin-token"
BOT = {"user": "U0BOT", "bot_id": "B0BOT", "app_id": "A0APP", "team": "T0TEAM"}
SCOPES = "chat:write,channels:history,groups:history,channels:read,groups:read,users:read"
Json = dict[str, Any]


@dataclass
class Channel:
    id: str
    name: str
    messages: list[Json] = field(default_factory=list)
    member: bool = True
    archived: bool = False

    def described(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": True,
            "is_member": self.member,
            "is_archived": self.archived,
        }


class SlackServer:
    """``channels``: their names without ``#``; ids are made of them by ``channel_id``."""

    def __init__(self, channels: tuple[str, ...] = ("acme",), state: Path | None = None) -> None:
        self.channels = [Channel(channel_id(name), name) for name in channels]
        self.calls: list[tuple[str, Json]] = []  #: (method, arguments), in order
        self.state = state
        self.scopes = SCOPES  #: as every answer's header names them
        self.page = 1000  #: most items a page, whatever the client asks for
        self.stopping = threading.Event()
        self._faults: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.RLock()
        self._last_ts = 0.0
        self._http = _Server(self)
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/api/"
        self._save()

    def __enter__(self) -> SlackServer:
        serve = {"poll_interval": 0.02}
        threading.Thread(target=self._http.serve_forever, kwargs=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    # -- what tests ask and order ----------------------------------------------------

    def fault(self, method: str, fault: str, times: int = 1) -> None:
        """The next ``times`` calls of ``method`` meet ``fault`` (see the module's words)."""
        with self._lock:
            self._faults[method] += [fault] * times

    def messages(self, name: str = "acme") -> list[Json]:
        with self._lock:
            return list(self._channel(name).messages)

    def called(self, method: str) -> list[Json]:
        with self._lock:
            return [arguments for called, arguments in self.calls if called == method]

    def channel(self, name: str) -> Channel:
        return self._channel(name)

    # -- one call --------------------------------------------------------------------

    def begin(self, method: str, arguments: Json) -> str:
        """Note a call; the fault that it meets, or "" """
        with self._lock:
            self.calls.append((method, arguments))
            waiting = self._faults[method]
            return waiting.pop(0) if waiting else ""

    def answer(self, method: str, arguments: Json) -> Json:
        action = METHODS.get(method)
        if action is None:
            return {"ok": False, "error": "unknown_method"}
        with self._lock:
            try:
                answer = action(self, arguments)
            except Refused as e:
                return {"ok": False, "error": str(e), **e.details}
            self._save()
            return {"ok": True, **answer}

    def _save(self) -> None:
        if self.state is None:
            return
        seen = {"channels": {c.name: c.messages for c in self.channels}, "calls": len(self.calls)}
        new = self.state.with_suffix(".new")
        new.write_text(json.dumps(seen), "utf-8")
        new.replace(self.state)

    def _channel(self, wanted: str) -> Channel:
        for channel in self.channels:
            if wanted in (channel.id, channel.name, f"#{channel.name}"):
                return channel
        raise Refused("channel_not_found")

    def _by_id(self, arguments: Json) -> Channel:
        """History and the like take an id; a name is not found."""
        wanted = str(arguments.get("channel"))
        for channel in self.channels:
            if wanted == channel.id:
                return channel
        raise Refused("channel_not_found")

    def _message(self, arguments: Json) -> tuple[Channel, Json]:
        channel = self._by_id(arguments)
        for message in channel.messages:
            if message["ts"] == arguments.get("ts"):
                return channel, message
        raise Refused("message_not_found")

    def _ts(self) -> str:
        self._last_ts = max(time.time(), self._last_ts + 1e-6)
        return f"{self._last_ts:.6f}"

    # -- methods ---------------------------------------------------------------------

    def auth_test(self, _: Json) -> Json:
        url = "https://acme.slack.example/"
        return {"url": url, "team": "Acme", "team_id": "T0TEAM", "user_id": "U0BOT", "bot_id": "B0"}

    def post_message(self, arguments: Json) -> Json:
        channel = self._channel(str(arguments.get("channel")))
        if channel.archived:
            raise Refused("is_archived")
        if not channel.member:
            raise Refused("not_in_channel")
        _check(arguments)
        message = {"type": "message", **BOT, "ts": self._ts(), "text": arguments.get("text", "")}
        for name in ("blocks", "metadata", "thread_ts", "client_msg_id"):
            if arguments.get(name):
                message[name] = arguments[name]
        if "thread_ts" in message:
            self._message({"channel": channel.id, "ts": message["thread_ts"]})
        channel.messages.append(message)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def update(self, arguments: Json) -> Json:
        channel, message = self._message(arguments)
        _check(arguments, update=True)
        message["text"] = arguments.get("text", "")
        message.pop("blocks", None)  # text without blocks takes the blocks away
        for name in ("blocks", "metadata"):  # metadata that is not given stays
            if arguments.get(name):
                message[name] = arguments[name]
        message["edited"] = {"user": BOT["bot_id"], "ts": self._ts()}
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"]}

    def delete(self, arguments: Json) -> Json:
        channel, message = self._message(arguments)
        channel.messages.remove(message)
        return {"channel": channel.id, "ts": message["ts"]}

    def history(self, arguments: Json) -> Json:
        channel = self._by_id(arguments)
        top = [m for m in channel.messages if m.get("thread_ts", m["ts"]) == m["ts"]]
        return self._paged(sorted(top, key=_when, reverse=True), arguments)

    def replies(self, arguments: Json) -> Json:
        channel, head = self._message(arguments)
        thread = [m for m in channel.messages if m is head or m.get("thread_ts") == head["ts"]]
        return self._paged(sorted(thread, key=_when), arguments)

    def _paged(self, messages: list[Json], arguments: Json) -> Json:
        oldest, latest = (
            float(arguments.get(k) or d) for k, d in (("oldest", 0), ("latest", 9e12))
        )
        inside = [m for m in messages if oldest < _when(m) < latest]
        shown, cursor = self._page(inside, arguments)
        metadata = str(arguments.get("include_all_metadata")) in ("1", "true", "True")
        return {
            "messages": [m if metadata else _stripped(m) for m in shown],
            "has_more": bool(cursor),
            "response_metadata": {"next_cursor": cursor},
        }

    def _page(self, items: list[Json], arguments: Json) -> tuple[list[Json], str]:
        start = int(base64.b64decode(arguments["cursor"])) if arguments.get("cursor") else 0
        end = start + min(int(arguments.get("limit") or 100), self.page)
        more = base64.b64encode(str(end).encode()).decode() if end < len(items) else ""
        return items[start:end], more

    def info(self, arguments: Json) -> Json:
        return {"channel": self._by_id(arguments).described()}

    def listing(self, arguments: Json) -> Json:
        live = [c.described() for c in self.channels if not c.archived]
        shown, cursor = self._page(live, arguments)
        return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


METHODS = {
    "auth.test": SlackServer.auth_test,
    "chat.postMessage": SlackServer.post_message,
    "chat.update": SlackServer.update,
    "chat.delete": SlackServer.delete,
    "conversations.history": SlackServer.history,
    "conversations.replies": SlackServer.replies,
    "conversations.info": SlackServer.info,
    "conversations.list": SlackServer.listing,
}


class Refused(Exception):  # noqa: N818 - what Slack answers, not a fault of ours
    def __init__(self, error: str, **details: object) -> None:
        super().__init__(error)
        self.details = details


def channel_id(name: str) -> str:
    return "C0" + "".join(c for c in name.upper() if c.isalnum()).ljust(8, "0")


def _when(message: Json) -> float:
    return float(message["ts"])


def _stripped(message: Json) -> Json:
    """What history shows of an event type that the app's manifest does not declare."""
    if "metadata" not in message:
        return message
    return {**message, "metadata": {**message["metadata"], "event_payload": {}}}


def _check(arguments: Json, *, update: bool = False) -> None:
    error, problems = slack_limits.refusal(arguments, update=update)
    if error:
        messages = [f"[ERROR] {p}" for p in problems]
        raise Refused(error, errors=problems, response_metadata={"messages": messages})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in mid-answer is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Tests read ``calls`` instead."""

    def do_POST(self) -> None:
        slack, arguments = self.server.slack, self._arguments()
        method = self.path.removeprefix("/api/")
        if self.path == "/standin/fault":
            slack.fault(arguments["method"], arguments["fault"], arguments.get("times", 1))
            return self._reply({"ok": True})
        when, _, what = slack.begin(method, arguments).partition(":")
        if when == "before":
            return self._fail(what, {"ok": False, "error": "request_timeout"})
        if (refused := self._refused_token()) is not None:
            return self._reply(refused)
        answer = slack.answer(method, arguments)
        return self._fail(what, answer) if when == "after" else self._reply(answer)

    def _arguments(self) -> Json:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "json" in self.headers.get("Content-Type", ""):
            return dict(json.loads(raw or b"{}"))
        return {k: v[0] for k, v in parse_qs(raw.decode()).items()}

    def _refused_token(self) -> Json | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return {"ok": False, "error": "not_authed"}
        return None if token == TOKEN else {"ok": False, "error": "invalid_auth"}

    def _fail(self, what: str, answer: Json) -> None:
        kind, _, argument = what.partition(":")
        if kind == "drop":
            return self.connection.shutdown(socket.SHUT_RDWR)
        if kind == "hang":
            self.server.slack.stopping.wait(float(argument))
        if kind == "status":
            code, _, retry_after = argument.partition(":")
            return self._send(b"<html>no</html>", int(code), retry_after)
        if kind == "truncated":
            return self._send(json.dumps(answer).encode(), 200, missing=7)
        bodies = {"html": b"<html>maintenance</html>", "list": b"[]"}
        if kind == "error":
            return self._reply({"ok": False, "error": argument})
        return self._send(bodies.get(kind, json.dumps(answer).encode()), 200)

    def _reply(self, answer: Json) -> None:
        self._send(json.dumps(answer).encode(), 200)

    def _send(self, body: bytes, status: int, retry_after: str = "", missing: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body) + missing))
        self.send_header("X-OAuth-Scopes", self.server.slack.scopes)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port-file", type=Path, required=True)
    options.add_argument("--state", type=Path)
    options.add_argument("--channel", action="append", default=[])
    given = options.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with SlackServer(tuple(given.channel) or ("acme",), given.state) as slack:
        new = given.port_file.with_suffix(f".{os.getpid()}")
        new.write_text(str(slack.port), "utf-8")
        new.replace(given.port_file)
        over.wait()


if __name__ == "__main__":
    main()
