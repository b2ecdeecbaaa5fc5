"""Training over a store: which labels count, what is in force, what is asked next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config import Config, parse
from monitor.domain import Mention, Post, Score
from monitor.feedback import ASKED, Team, Training
from monitor.sentiment.layers import Adapted
from tests.standins.scripted import World, post

BASE = "linear@0123456789ab"
TOML = '[[brand]]\nname = "Acme"\n[alerts]\nprecision = 0.6\n'


class Stars:
    """A model that goes by the rating alone, and never scores what is Polish."""

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        return [self._score(mention) for mention in mentions]

    def _score(self, mention: Mention) -> Score:
        if "Nie" in mention.post.text:
            return Score(0, 1, 0, None, BASE, ("not scored: Polish",), False, "pl")
        told = 1.0 - (mention.post.rating or 0.0)
        return Score(told, 0.0, 1.0 - told, told, BASE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """120 judged mentions; every third one is news."""
    with World(tmp_path) as world:
        world.started()
        world.tell(*(_post(number) for number in range(120)))
        yield world


def _post(number: int) -> Post:
    text = f"Acme w{number} x{number} y{number} z{number}"
    kind = "news" if number % 3 == 0 else "forum"
    return replace(post(str(number), text), kind=kind, rating=number % 17 / 16)


def team(world: World, toml: str = TOML) -> Team:
    return Team(config(toml), world.store, Stars(), world.pipeline.matcher)


def config(toml: str) -> Config:
    return parse(toml, "monitor.toml")


def label_all(world: World) -> None:
    """News never complain, whatever their stars say; of the others, those with few stars do."""
    for judged in world.store.mentions():
        rated = judged.mention.post
        told = rated.kind != "news" and (rated.rating or 0.0) < 0.5
        value = "complaint" if told else "no-complaint"
        world.store.label(judged.id, "complaint", value, "ana", world.clock())


def train(world: World, toml: str = TOML) -> Training:
    world.clock.passes(minutes=1)
    return team(world, toml).train("Acme", world.clock())


def test_a_promoted_layer_is_in_force_at_once_and_so_is_its_threshold(world: World) -> None:
    label_all(world)
    complaint, sentiment = train(world).receipts
    assert (complaint.state, complaint.n, complaint.base) == ("promoted", 120, BASE)
    assert (sentiment.state, sentiment.n, sentiment.id) == ("refused", 0, 0)
    assert complaint.threshold is not None
    assert world.store.layers() == [complaint]
    forum, news = (
        next(j.mention for j in world.store.mentions() if j.mention.post.kind == kind)
        for kind in ("forum", "news")
    )
    alike = [replace(m, post=replace(m.post, rating=0.25)) for m in (forum, news)]
    one, other = Adapted(Stars(), world.store.layers(["Acme"]), {}).score(alike)
    assert (one.complaint or 0.0) > (other.complaint or 0.0) + 0.3


def test_training_again_without_a_new_label_changes_nothing(world: World) -> None:
    label_all(world)
    kept = train(world).receipts[0]
    again = train(world).receipts[0]
    assert (again.state, again.reason[:19]) == ("refused", "no new label since ")
    assert world.store.layers() == [kept]


def test_a_layer_of_another_model_is_no_rival(world: World) -> None:
    label_all(world)
    kept = train(world).receipts[0]
    later = world.clock() + timedelta(hours=1)
    world.store.keep_layer(replace(kept, base="linear@ffffffffffff", made_at=later))
    assert train(world).receipts[0].state == "promoted"


def test_what_is_not_scored_or_not_about_us_is_not_learnt_from(world: World) -> None:
    world.tell(post("pl", "Acme Nie"))
    label_all(world)
    first = next(world.store.mentions())
    assert first.mention.post.external_id == "pl"
    assert train(world).receipts[0].n == 120
    other = min(judged.id for judged in world.store.mentions())
    world.store.label(other, "relevance", "not-us", "bo", world.clock())
    assert train(world).receipts[0].n == 119


@pytest.mark.parametrize(
    ("kind", "url", "left_out"),
    [
        ("reddit", "https://blog.example/1", 120),
        ("feed", "https://www.reddit.com/r/acme/1", 120),
        ("feed", "https://notreddit.com/1", 0),
        ("feed", "https://blog.example/?u=https://reddit.com/", 0),
        ("feed", "http://[", 0),
    ],
)
def test_reddit_is_left_out_also_where_a_feed_brought_it(
    world: World, kind: str, url: str, left_out: int
) -> None:
    label_all(world)
    found = team(world)
    rows = [
        replace(
            one, mention=replace(one.mention, post=replace(one.mention.post, kind=kind, url=url))
        )
        for one in world.store.labelled("Acme", "complaint")
    ]
    assert len(found._clicks(rows)) == 120 - left_out
    may = team(world, TOML + "[privacy]\ntrain_on_reddit = true\n")
    assert len(may._clicks(rows)) == 120


def test_ten_are_asked_half_of_them_where_the_model_is_least_sure(world: World) -> None:
    ask = train(world).ask
    assert len(ask) == len({one.judged.id for one in ask}) == ASKED
    assert sum(abs(one.complaint - 0.5) < 0.1 for one in ask) >= ASKED // 2
    assert sum(abs(one.complaint - 0.5) > 0.2 for one in ask) >= 1
    for one in ask:
        world.store.label(one.judged.id, "complaint", "no-complaint", "ana", world.clock())
    assert {one.judged.id for one in train(world).ask}.isdisjoint(one.judged.id for one in ask)


def test_copies_of_one_text_are_asked_once(world: World) -> None:
    copies = (post(f"c{n}", f"Acme sells the very same coat {n}") for n in range(30))
    world.tell(*(replace(copy, rating=0.5) for copy in copies))
    texts = [one.judged.mention.post.text for one in train(world).ask]
    assert sum("the very same coat" in text for text in texts) == 1
