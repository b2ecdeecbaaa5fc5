"""What the tests of WebSub share: a monitor whose web server is open, and a hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from monitor import web
from monitor.pipeline import Push
from tests.standins.hub import CHALLENGE, Hub
from tests.standins.scripted import World
from tests.unit.fetching import fetcher

TOKEN = "a token of the operator"
TOPIC = "https://blog.example/feed"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NEWS = b"<rss>whatever the hub says is not read</rss>"


@dataclass
class Door:
    """What the web server is handed: the newest pipeline of a world."""

    world: World

    def verified(self, key: str, query: Mapping[str, str]) -> str | None:
        return self.world.pipeline.verified(key, query)

    def pinged(self, key: str, signature: str, body: bytes) -> bool:
        return self.world.pipeline.pinged(key, signature, body)


@contextmanager
def reachable(folder: Path) -> Iterator[World]:
    """A world that hubs reach, and that may ask them; its sources are polled once an hour."""
    with World(folder) as world:
        with web.serving(web.routes(lambda: True, Door(world)), "127.0.0.1:0") as port:
            push = Push(f"http://127.0.0.1:{port}", TOKEN, fetcher().post)
            world.pipeline = replace(world.pipeline, push=push)
            world.wish(every=dict.fromkeys(world.sources, HOUR))
            yield world
        said = str(world.logs)
        assert not any(secret in said for secret in (TOKEN, CHALLENGE, TOPIC))


def named(world: World, hub: str, topic: str = TOPIC) -> None:
    """A poll of the blog that names a hub."""
    world.find(hub=hub, topic=topic)
    world.collect()


def subscribed(world: World, hub: Hub) -> str:
    """The blog's hub was asked and has asked back; the address that it was given."""
    named(world, hub.url)
    assert world.pipeline.subscribe() == 1
    assert hub.ask_back().status == 200
    return hub.asked[-1]["hub.callback"]


def pushed(world: World) -> bool:
    return "blog" in world.overview().pushed


def due(world: World, name: str = "blog") -> timedelta:
    """How long until a source is polled."""
    state = next(s for s in world.overview().sources if s.source == name)
    assert state.due_at is not None
    return state.due_at - world.clock()


def events(world: World) -> list[str]:
    return [log["event"] for log in world.logs]
