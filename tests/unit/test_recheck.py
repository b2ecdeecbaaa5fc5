"""What is deleted at its source is deleted here, on cards too; nothing is held too long."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.seams import Rechecked, SourceError
from tests.standins.scripted import ScriptedSource, World, post

BROKEN = "The Acme plug is broken"


@dataclass
class Forgetful(ScriptedSource):
    """A source whose posts can be looked up again."""

    gone: set[str] = field(default_factory=set)
    fails: bool = False
    asked: list[Collection[str]] = field(default_factory=list)

    def recheck(self, ids: Collection[str]) -> Rechecked:
        self.asked.append(sorted(ids))
        if self.fails:
            raise SourceError("busy")
        gone = self.gone & set(ids)
        return Rechecked(dict.fromkeys(set(ids) - gone), frozenset(gone))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.sources["blog"] = Forgetful("blog")
        world.started()
        yield world


def source(world: World) -> Forgetful:
    found = world.sources["blog"]
    assert isinstance(found, Forgetful)
    return found


def told(world: World, key: str) -> None:
    """A post on Reddit that is on a card."""
    world.find(replace(post(key, BROKEN, author="ana"), kind="reddit"))
    world.clock.passes(minutes=11)
    world.turn()


def texts(world: World) -> dict[str, str]:
    return {key: judged.mention.post.text for key, judged in world.judged().items()}


def test_what_is_gone_is_blanked_and_its_card_too(world: World) -> None:
    told(world, "1")
    told(world, "2")
    source(world).gone = {"1"}
    assert world.pipeline.recheck() == 1
    assert source(world).asked == [["1", "2"]]
    assert texts(world) == {"1": "", "2": BROKEN}
    world.clock.passes(minutes=1)
    world.pipeline.deliver()
    ((*_, (kind, card)),) = world.notifier.cards().values()
    assert kind == "update"
    assert [quote.text for quote in card.quotes] == ["", BROKEN]


def test_who_cannot_be_asked_says_nothing_of_anybody(world: World) -> None:
    told(world, "1")
    source(world).fails = True
    assert world.pipeline.recheck() == 0
    assert texts(world) == {"1": BROKEN}
    assert {entry["event"] for entry in world.logs} >= {"not_rechecked"}


def test_words_are_held_for_as_long_as_was_wished(world: World) -> None:
    told(world, "1")
    source(world).fails = True
    world.clock.passes(hours=47, minutes=50)
    assert world.pipeline.recheck() == 0
    world.clock.passes(minutes=20)
    assert world.pipeline.recheck() == 1
    assert texts(world) == {"1": ""}
    assert len(source(world).asked) == 1  # nothing is held any more


def test_a_wish_of_the_operator_counts(world: World) -> None:
    world.wish(reddit_text=timedelta(days=9))
    told(world, "1")
    world.clock.passes(days=8)
    assert world.pipeline.recheck() == 0


def test_other_places_are_left_alone(world: World) -> None:
    world.find(post("1", BROKEN, source="forum"))
    world.clock.passes(minutes=11)
    world.turn()
    world.clock.passes(days=30)
    assert world.pipeline.recheck() == 0
    assert texts(world) == {"1": BROKEN}
