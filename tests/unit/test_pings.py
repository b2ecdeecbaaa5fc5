"""WebSub: what is published is read a ping later; who signs and how often decides the rest."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import web
from monitor.seams import SourceError
from monitor.sources.feed import Feed
from tests.standins.hub import Hub, send
from tests.standins.scripted import World
from tests.standins.web import Web
from tests.unit.fetching import fetcher
from tests.unit.pushing import (
    HOUR,
    MINUTE,
    NEWS,
    due,
    events,
    pushed,
    reachable,
    subscribed,
)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with reachable(tmp_path) as world:
        yield world


# -- the whole circle ------------------------------------------------------------------------------


def rss(hub: str, here: str, *titles: str) -> str:
    links = f'<atom:link rel="hub" href="{hub}"/><atom:link rel="self" href="{here}"/>'
    items = "".join(f"<item><guid>{t}</guid><title>{t}</title></item>" for t in titles)
    atom = 'xmlns:atom="http://www.w3.org/2005/Atom"'
    return f'<rss version="2.0" {atom}><channel><title>Blog</title>{links}{items}</channel></rss>'


@pytest.mark.parametrize("asks_back", [True, False])
def test_what_is_published_is_stored_a_ping_later(
    world: World, hub: Hub, *, asks_back: bool
) -> None:
    hub.asks_back = asks_back
    with Web() as site:
        here = site.url("/feed")
        site.routes["/feed"] = rss(hub.url, here, "Acme is old")
        sources = {**world.sources, "blog": Feed("blog", "feed", fetcher(), here)}
        world.pipeline = replace(world.pipeline, sources=sources)
        world.turn()
        assert world.pipeline.subscribe() == 1
        assert asks_back or hub.ask_back().status == 200
        assert pushed(world)
        world.clock.passes(minutes=10)
        site.routes["/feed"] = rss(hub.url, here, "The Acme plug is broken", "Acme is old")
        assert hub.publish(rss(hub.url, here, "Acme, said the hub").encode()).status == 204
        world.turn()
        assert list(world.judged()) == ["Acme is old", "The Acme plug is broken"]
        assert site.hits("/feed") == 2
        world.turn()
        assert due(world) == HOUR
        assert site.hits("/feed") == 2
    assert world.pipeline.subscribe() == 0


# -- pings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signed_ping_hastens_its_source_alone(world: World, hub: Hub, method: str) -> None:
    subscribed(world, hub)
    world.clock.passes(minutes=10)
    assert hub.publish(NEWS, method=method).status == 204
    assert due(world) == timedelta()
    assert due(world, "forum") == HOUR - 10 * MINUTE


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 64,
        "md5=" + "0" * 32,
        "new=" + "0" * 64,
        "blake2b=" + "0" * 128,
        "sha256=" + "é" * 64,
        "sha256=" + "0" * 5000,
    ],
)
def test_a_ping_that_is_not_signed_changes_nothing(
    world: World, hub: Hub, signature: str | None
) -> None:
    callback = subscribed(world, hub)
    headers = {} if signature is None else {"X-Hub-Signature": signature}
    world.clock.passes(minutes=10)
    assert send("POST", callback, NEWS, headers).status == 204
    assert due(world) == HOUR - 10 * MINUTE
    assert events(world)[-1] == "ping_not_signed"


def test_another_secret_or_body_is_not_signed(world: World, hub: Hub) -> None:
    callback = subscribed(world, hub)
    world.clock.passes(minutes=10)
    assert hub.publish(NEWS, secret="s3cret").status == 204
    own = {"X-Hub-Signature": "sha256=" + _signature(hub, NEWS)}
    assert send("POST", callback, NEWS + b" ", own).status == 204
    assert due(world) == HOUR - 10 * MINUTE
    assert send("POST", callback, NEWS, own).status == 204
    assert due(world) == timedelta()


def _signature(hub: Hub, body: bytes) -> str:
    return hmac.new(hub.asked[-1]["hub.secret"].encode(), body, "sha256").hexdigest()


def test_a_storm_of_pings_is_one_poll_a_minute(world: World, hub: Hub) -> None:
    """A replayed ping is one of many: it says nothing but "look"."""
    subscribed(world, hub)
    world.clock.passes(minutes=10)
    blog = world.sources["blog"]
    before = len(blog.cursors)
    for _ in range(30):
        assert hub.publish(NEWS).status == 204
        assert hub.publish(NEWS).status == 204
        world.collect()
        world.clock.passes(seconds=10)
    assert len(blog.cursors) - before == 5
    world.clock.passes(seconds=50)
    world.collect()
    assert len(blog.cursors) - before == 6  # and the last ping was not forgotten
    world.clock.passes(minutes=20)
    world.collect()
    assert len(blog.cursors) - before == 6


def test_a_ping_during_a_poll_is_heard_after_it(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    world.clock.passes(hours=1)
    (state,) = (s for s in world.pipeline.claim_sources(9) if s.source == "blog")
    world.clock.passes(seconds=2)
    hub.publish(NEWS)
    assert due(world) == MINUTE - timedelta(seconds=2)
    world.pipeline.poll(state)
    assert due(world) == MINUTE - timedelta(seconds=2)
    world.clock.passes(minutes=1)
    world.collect()
    assert due(world) == HOUR


def test_a_source_that_fails_keeps_its_wait(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    world.clock.passes(hours=1)
    why = SourceError("429", blocked=True, retry_after=5 * HOUR)
    world.sources["blog"].script.append(why)
    world.collect()
    hub.publish(NEWS)
    assert due(world) == 5 * HOUR


def test_a_ping_during_a_poll_that_fails_does_not_hasten_the_next(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    world.clock.passes(hours=1)
    world.sources["blog"].script.append(SourceError("503", retry_after=5 * HOUR))
    (state,) = (s for s in world.pipeline.claim_sources(9) if s.source == "blog")
    hub.publish(NEWS)
    world.pipeline.poll(state)
    assert due(world) == 5 * HOUR


def test_a_body_beyond_all_measure_is_refused(world: World, hub: Hub) -> None:
    callback = subscribed(world, hub)
    world.clock.passes(minutes=10)
    assert hub.publish(bytes(web.MAX_BODY - 1)).status == 204
    assert due(world) == timedelta()
    world.collect()
    world.clock.passes(minutes=10)
    much = {"Content-Length": str(web.MAX_BODY)}
    assert send("POST", callback, b"", much).status == 413
    assert due(world) == HOUR - 10 * MINUTE
