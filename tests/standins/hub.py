"""A WebSub hub on loopback: takes subscriptions, asks back, signs and posts what is published.

    with Hub() as hub:
        ...                                    # something subscribes at hub.url
        assert hub.ask_back().status == 200    # or Hub(asks_back=True), before it answers
        assert hub.publish(b"<rss/>").status == 204

It speaks W3C WebSub, sections 5 and 7; what a bad hub does is given as arguments.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.standins.web import Reply, Seen, Web

CHALLENGE = "Zm9v-bar_+/=09"
DAY = 86_400


@dataclass(frozen=True)
class Answer:
    """What the subscriber said."""

    status: int
    body: bytes
    headers: Mapping[str, str]  #: names in lower case


class Hub:
    """The hub.

    Args:
        asks_back: before it answers, as PuSHPress does; else when ``ask_back`` is called.
        lease: seconds that it grants; None: as many as are asked for.
    """

    def __init__(self, *, asks_back: bool = False, lease: int | None = None) -> None:
        self.asks_back, self.lease = asks_back, lease
        self.says = Reply("taken", 202)  #: to whoever subscribes
        self.asked: list[dict[str, str]] = []  #: the forms
        self.web = Web({"/hub": self._take})

    def __enter__(self) -> Self:
        self.web.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.web.stop()

    @property
    def url(self) -> str:
        return self.web.url("/hub")

    def ask_back(self, callback: str = "", **changes: str | None) -> Answer:
        """Ask the newest subscriber whether it was it; ``changes`` by the name after "hub."."""
        form = self.asked[-1]
        lease = form["hub.lease_seconds"] if self.lease is None else str(self.lease)
        usual: dict[str, str | None] = {
            "mode": form["hub.mode"],
            "topic": form["hub.topic"],
            "challenge": CHALLENGE,
            "lease_seconds": lease,
        }
        query = {f"hub.{k}": v for k, v in (usual | changes).items() if v is not None}
        return send("GET", f"{callback or form['hub.callback']}?{urlencode(query)}")

    def publish(
        self, body: bytes, *, method: str = "sha256", secret: str = "", callback: str = ""
    ) -> Answer:
        """Post what is new, signed with the newest subscriber's secret, or with another."""
        form = self.asked[-1]
        signature = hmac.new((secret or form["hub.secret"]).encode(), body, method).hexdigest()
        headers = {"X-Hub-Signature": f"{method}={signature}"}
        return send("POST", callback or form["hub.callback"], body, headers)

    def _take(self, seen: Seen) -> Reply:
        assert seen.method == "POST"
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        self.asked.append(dict(parse_qsl(seen.body.decode(), strict_parsing=True)))
        if self.asks_back:
            answer = self.ask_back()
            assert (answer.status, answer.body) == (200, CHALLENGE.encode())
        return self.says


def send(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request, no redirects."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=9)) as connection:
        connection.request(method, parts.path + query, body, dict(headers or {}))
        answer = connection.getresponse()
        said = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, answer.read(), said)
