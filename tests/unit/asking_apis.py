"""A site with an API that answers from a script."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from monitor.seams import Page

NOW = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
T = 1_763_000_000  #: epoch seconds, days before NOW


class Site:
    """A fetcher that answers from a script, by turns, and remembers what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        self.rests: list[timedelta] = []

    def __call__(self, url: str, headers: object = None) -> Page:
        self.asked.append({k: v[-1] for k, v in parse_qs(urlsplit(url).query).items()})
        return Page(200, url, {}, json.dumps(self.answers.pop(0)).encode())

    def rest(self, url: str, wait: timedelta) -> None:
        self.rests.append(wait)
