"""WebSub: hubs are asked, ask back, and are asked again. Over real sockets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from monitor import app, web
from monitor.config import ConfigError, parse
from monitor.store import SourceSpec, StoreError, open_store
from tests.standins.hub import DAY, Answer, Hub, send
from tests.standins.scripted import ScriptedSource, World
from tests.standins.web import Reply, slow_down
from tests.unit.fetching import fetcher
from tests.unit.pushing import (
    HOUR,
    MINUTE,
    NEWS,
    TOKEN,
    TOPIC,
    due,
    events,
    named,
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


def test_what_a_hub_is_asked(world: World, hub: Hub) -> None:
    named(world, hub.url)
    assert not pushed(world)
    world.pipeline.subscribe()
    assert world.pipeline.push is not None
    asked = hub.asked[0]
    callback, secret = asked.pop("hub.callback"), asked.pop("hub.secret")
    assert callback.startswith(f"{world.pipeline.push.url}/websub/1-")
    assert len(secret) == 64
    assert asked == {
        "hub.mode": "subscribe",
        "hub.topic": TOPIC,
        "hub.lease_seconds": "864000",
        "hub.verify": "async",
    }
    assert hub.web.seen[0].headers["user-agent"].startswith("tests/1")


def test_the_answer_to_a_hub_cannot_be_run(world: World, hub: Hub) -> None:
    """W3C WebSub, 8.2."""
    named(world, hub.url)
    world.pipeline.subscribe()
    answer = hub.ask_back(challenge="<script>alert(1)</script>")
    assert (answer.status, answer.body) == (200, b"<script>alert(1)</script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_secret_is_kept(world: World, hub: Hub) -> None:
    callback = subscribed(world, hub)
    world.store.close()
    assert world.store.path is not None
    files = world.store.path.parent.glob("monitor.db*")
    kept = b"".join(file.read_bytes() for file in files)
    assert TOPIC.encode() in kept
    for secret in (TOKEN, hub.asked[0]["hub.secret"], callback.partition("-")[2]):
        assert secret.encode() not in kept
    assert TOKEN not in repr(world.pipeline.push)


def test_without_a_public_address_no_hub_is_asked(world: World, hub: Hub) -> None:
    callback = subscribed(world, hub)
    reachable_once = world.pipeline
    world.pipeline = replace(world.pipeline, push=None)
    world.clock.passes(days=11)
    named(world, hub.url, "https://blog.example/other")
    assert world.pipeline.subscribe() == 0
    assert hub.ask_back(callback).status == 404
    assert hub.publish(NEWS).status == 410
    assert reachable_once.subscribe() == 1
    assert hub.asked[1] == hub.asked[0]  # what was named meanwhile was not kept


# -- questions of hubs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": "https://blog.example/feed/"},
        {"topic": None},
        {"mode": "unsubscribe"},
        {"mode": None},
        {"mode": "denied", "topic": "https://other.example/"},
        {"challenge": None},
        {"challenge": ""},
        {"challenge": "a\r\nb"},
        {"challenge": "é"},
        {"challenge": "x" * 501},
    ],
)
def test_what_we_did_not_ask_for_is_not_confirmed(
    world: World, hub: Hub, changes: dict[str, str | None]
) -> None:
    named(world, hub.url)
    world.pipeline.subscribe()
    answer = hub.ask_back(**changes)
    assert (answer.status, answer.body) == (404, b"")
    assert not pushed(world)


@pytest.mark.parametrize("end", ["", "1", "1-", "1-" + "0" * 64, "2-{mac}", "{mac}", "9" * 30])
def test_an_address_that_was_given_to_nobody(world: World, hub: Hub, end: str) -> None:
    callback = subscribed(world, hub)
    stem, _, key = callback.rpartition("/")
    other = f"{stem}/{end.format(mac=key.partition('-')[2])}"
    assert hub.ask_back(other).status == 404
    assert hub.publish(NEWS, callback=other).status in (404, 410)
    assert due(world) == HOUR


def test_another_token_makes_other_addresses(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    assert world.pipeline.push is not None
    push = replace(world.pipeline.push, token="another")
    world.pipeline = replace(world.pipeline, push=push)
    assert hub.ask_back().status == 404
    assert hub.publish(NEWS).status == 410


def test_who_is_denied_asks_again_a_day_later(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    answer = hub.ask_back(mode="denied", challenge=None, reason="lena@blog.example left")
    assert (answer.status, answer.body) == (200, b"")
    assert not pushed(world)
    assert "hub_denied" in events(world)
    assert "lena" not in str(world.logs)
    world.clock.passes(hours=23.9)
    assert world.pipeline.subscribe() == 0
    world.clock.passes(hours=0.1)
    assert world.pipeline.subscribe() == 1


# -- leases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "lease"),
    [
        (5 * DAY, 5 * DAY),
        (10 * DAY, 10 * DAY),
        (315_360_000, 10 * DAY),  # ten years, as PuSHPress grants
        (10**12, 10 * DAY),
        (None, 10 * DAY),  # PubSubHubbub 0.3 need not say
        (3600, 3600),
    ],
)
def test_a_lease_is_renewed_at_half_of_it(
    world: World, hub: Hub, granted: int | None, lease: int
) -> None:
    named(world, hub.url)
    world.pipeline.subscribe()
    hub.ask_back(lease_seconds=None if granted is None else str(granted))
    world.clock.passes(seconds=lease / 2 - 1)
    assert world.pipeline.subscribe() == 0
    world.clock.passes(seconds=1)
    assert world.pipeline.subscribe() == 1
    assert hub.asked[0] == hub.asked[1]
    world.clock.passes(seconds=lease / 2 - 1)
    assert pushed(world)
    hub.ask_back(lease_seconds=str(lease))
    world.clock.passes(seconds=lease - 1)
    assert pushed(world)


@pytest.mark.parametrize("granted", [0, 1, 60])
def test_a_hub_that_grants_moments_is_not_asked_all_the_time(
    world: World, hub: Hub, granted: int
) -> None:
    hub.lease = granted
    subscribed(world, hub)
    world.clock.passes(minutes=4.9)
    assert world.pipeline.subscribe() == 0
    world.clock.passes(minutes=0.1)
    assert world.pipeline.subscribe() == 1


def test_a_lease_that_is_not_renewed_ends(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    hub.says = Reply("", 500)
    world.clock.passes(days=10, seconds=-1)
    assert world.pipeline.subscribe() == 0
    assert pushed(world)
    world.clock.passes(seconds=1)
    assert not pushed(world)
    hub.says = Reply("", 202)
    world.clock.passes(days=1)
    assert world.pipeline.subscribe() == 1
    hub.ask_back()
    assert pushed(world)


def test_a_hub_that_never_asks_back_is_asked_ever_later(world: World, hub: Hub) -> None:
    named(world, hub.url)
    asked = []
    while len(asked) < 11:
        asked += [world.clock()] * world.pipeline.subscribe()
        world.clock.passes(minutes=5)
    between = [(b - a) / MINUTE for a, b in pairwise(asked)]
    assert between == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440]
    assert not pushed(world)
    hub.ask_back()
    assert pushed(world)


@pytest.mark.parametrize(
    ("says", "minutes"),
    [
        (Reply("", 500), 5),
        (Reply("hub.verify is empty", 400), 5),
        (Reply("", 302, {"Location": "/elsewhere"}), 5),
        (slow_down("7200", 503), 120),
    ],
)
def test_a_hub_that_refuses_is_asked_again(
    world: World, hub: Hub, says: Reply, minutes: int
) -> None:
    hub.says = says
    named(world, hub.url)
    assert world.pipeline.subscribe() == 0
    assert "hub_failed" in events(world)
    hub.says = Reply("", 202)
    push = world.pipeline.push
    assert push is not None
    world.pipeline = replace(world.pipeline, push=replace(push, post=fetcher().post))
    world.clock.passes(minutes=minutes - 0.1)
    assert world.pipeline.subscribe() == 0
    world.clock.passes(minutes=0.1)
    assert world.pipeline.subscribe() == 1


@pytest.mark.parametrize("hub_url", ["http://10.0.0.1/", "file:///etc/passwd", "junk", "http://["])
def test_a_hub_that_must_not_be_asked(world: World, hub_url: str) -> None:
    named(world, hub_url)
    assert world.pipeline.subscribe() == 0
    assert events(world)[-1] == "hub_failed"
    assert due(world) == HOUR


# -- changes ---------------------------------------------------------------------------------------


def test_another_hub_is_asked_and_the_old_one_told_no(world: World, hub: Hub) -> None:
    old = subscribed(world, hub)
    with Hub() as other:
        world.clock.passes(hours=1)
        named(world, other.url)
        assert not pushed(world)
        assert world.pipeline.subscribe() == 1
        assert other.ask_back().status == 200
        assert pushed(world)
        assert hub.ask_back(old).status == 404
        assert hub.publish(NEWS).status == 410
        assert due(world) == HOUR
        assert other.publish(NEWS).status == 204
        assert other.asked[0]["hub.secret"] != hub.asked[0]["hub.secret"]


def test_the_same_hub_is_not_asked_again_by_every_poll(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    for _ in range(3):
        world.clock.passes(hours=1)
        named(world, hub.url)
        assert world.pipeline.subscribe() == 0


def test_a_source_that_is_parked_or_removed_is_subscribed_to_no_more(
    world: World, hub: Hub
) -> None:
    subscribed(world, hub)
    world.store.park("blog")
    world.clock.passes(days=6)
    assert world.pipeline.subscribe() == 0
    assert hub.ask_back().status == 404
    assert hub.publish(NEWS).status == 410
    world.store.resume("blog", world.clock())
    assert world.pipeline.subscribe() == 1
    assert hub.ask_back().status == 200
    world.store.sync([SourceSpec("forum", "feed", "forum")], ["Acme"], world.clock())
    assert hub.ask_back().status == 404
    assert hub.publish(NEWS).status == 410


def test_a_source_with_another_address_forgets_its_hub(world: World, hub: Hub) -> None:
    subscribed(world, hub)
    specs = [SourceSpec("blog", "feed", "another"), SourceSpec("forum", "feed", "forum")]
    world.store.sync(specs, ["Acme"], world.clock())
    assert pushed(world)  # until it is read: only a brand may have changed
    world.collect()
    assert not pushed(world)
    assert hub.ask_back().status == 404
    world.clock.passes(days=6)
    assert world.pipeline.subscribe() == 0


def test_a_feed_that_is_unchanged_keeps_its_hub(world: World, hub: Hub) -> None:
    """Whoever answers 304 names none."""
    subscribed(world, hub)
    world.clock.passes(hours=1)
    world.collect()
    assert pushed(world)


# -- two daemons, and a database that is gone ------------------------------------------------------


def test_two_daemons_share_one_subscription(world: World, hub: Hub) -> None:
    """One asks, the other is asked back and pinged, and one of them polls."""
    named(world, hub.url)
    assert world.store.path is not None
    with closing(open_store(f"sqlite:///{world.store.path}")) as store:
        here = world.pipeline
        there = replace(here, store=store, sources={"blog": ScriptedSource("blog")})
        assert (there.subscribe(), here.subscribe()) == (1, 0)
        assert hub.ask_back().status == 200
        world.clock.passes(minutes=10)
        hub.publish(NEWS)
        claimed = [*there.claim_sources(9), *here.claim_sources(9)]
        assert [state.source for state in claimed] == ["blog"]


def test_a_worker_whose_answer_comes_late_changes_nothing(world: World, hub: Hub) -> None:
    named(world, hub.url)
    late = world.store.claim_subscription(world.clock(), MINUTE)
    assert late is not None
    world.clock.passes(minutes=1)
    assert world.pipeline.subscribe() == 1
    hub.ask_back()
    world.store.settle_asked(late, world.clock())
    assert world.pipeline.subscribe() == 0


@dataclass
class Broken:
    """A subscriber whose database is gone."""

    def verified(self, key: str, query: Mapping[str, str]) -> str | None:
        raise StoreError("locked")

    def pinged(self, key: str, signature: str, body: bytes) -> bool:
        raise StoreError("locked")


def test_while_the_database_is_gone_hubs_are_told_to_come_again() -> None:
    with web.serving(web.routes(lambda: True, Broken()), "127.0.0.1:0") as port:
        url = f"http://127.0.0.1:{port}/websub/1-0"
        answers: list[Answer] = [send("GET", url), send("POST", url, b"")]
    assert [answer.status for answer in answers] == [503, 503]


def test_where_nobody_subscribes_there_is_no_such_page() -> None:
    with web.serving(web.routes(lambda: True), "127.0.0.1:0") as port:
        assert send("POST", f"http://127.0.0.1:{port}/websub/1-0", b"").status == 404


# -- configuration ---------------------------------------------------------------------------------


def push(text: str) -> object:
    config = parse(f"[[brand]]\nname = 'Acme'\n{text}", "test")
    return app.push(config, fetcher())


def test_hubs_are_asked_where_they_can_reach_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_TOKEN", TOKEN)
    token, url = "token='env:WEB_TOKEN'", "public_url='https://acme.example/monitor/'"
    assert [push(""), push("[web]"), push(f"[web]\n{url}"), push(f"[web]\n{token}")] == [None] * 4
    made = push(f"[web]\n{url}\n{token}")
    assert getattr(made, "url", "") == "https://acme.example/monitor"
    assert getattr(made, "token", "") == TOKEN
    monkeypatch.delenv("WEB_TOKEN")
    with pytest.raises(ConfigError, match=r"web\.token: .*WEB_TOKEN"):
        push(f"[web]\n{url}\n{token}")
