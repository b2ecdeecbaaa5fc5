"""What the tests of the fetcher share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from monitor.http import PoliteFetcher
from monitor.seams import SourceError
from tests.standins.web import Route, Web

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOOPBACK = ip_network("127.0.0.0/8")


def fetcher(**options: Any) -> PoliteFetcher:
    """One that may ask loopback and does not wait between requests, unless told otherwise."""
    usual = {"allow_private": [LOOPBACK], "min_gap": timedelta(0), "deadline": timedelta(seconds=9)}
    return PoliteFetcher("tests/1 (+tests@acme.example)", lambda: NOW, **{**usual, **options})


def failure(fetch: PoliteFetcher, url: str, headers: dict[str, str] | None = None) -> SourceError:
    """Fetch, with a secret added to the address, and return the error, which does not repeat it."""
    with pytest.raises(SourceError) as caught:
        fetch(f"{url}?token=hush#hush", headers or {})
    why = str(caught.value)
    assert "hush" not in repr(caught.value)
    assert why.isprintable()
    assert len(why) < 200
    return caught.value


@contextmanager
def site(route: Route, **options: Any) -> Iterator[Web]:
    """A server with one page, at /."""
    with Web({"/": route}, **options) as web:
        yield web
