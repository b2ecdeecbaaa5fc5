"""What people said, and the layers that were learnt: the last word counts, undo brings back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.domain import Head, Layer
from tests.store.scene import BAD, BLOG, GOOD, NOON, Scene, at, mention, verdict

LAYER = Layer(
    "Acme",
    "complaint",
    BAD.model,
    ((0.0, 0.0), (-0.25, 1.5)),
    0.62,
    40,
    12,
    0.71,
    0.8,
    "promoted",
    "better on labels it had not seen",
    NOON,
)


@pytest.fixture
def judged(scene: Scene) -> list[int]:
    """Ids of four judged mentions, the oldest first."""
    for minute in range(4):
        scene.tell(str(minute), at(minute))
    return sorted(judged.id for judged in scene.store.mentions())


def said(scene: Scene, head: Head = "complaint") -> list[tuple[str, str]]:
    return [(one.mention.post.external_id, one.value) for one in scene.store.labelled("Acme", head)]


def test_the_last_word_counts_whoever_says_it(scene: Scene, judged: list[int]) -> None:
    scene.store.label(judged[0], "complaint", "complaint", "ana", at(5))
    scene.store.label(judged[1], "complaint", "complaint", "ana", at(6))
    scene.store.label(judged[0], "complaint", "no-complaint", "bo", at(7))
    assert said(scene) == [("1", "complaint"), ("0", "no-complaint")]
    assert [one.at for one in scene.store.labelled("Acme", "complaint")] == [at(6), at(7)]


def test_the_two_heads_have_labels_of_their_own(scene: Scene, judged: list[int]) -> None:
    scene.store.label(judged[0], "complaint", "complaint", "ana", at(5))
    scene.store.label(judged[1], "sentiment", "neutral", "ana", at(5))
    assert said(scene) == [("0", "complaint")]
    assert said(scene, "sentiment") == [("1", "neutral")]


def test_what_is_not_about_us_teaches_nothing_until_somebody_says_more(
    scene: Scene, judged: list[int]
) -> None:
    scene.store.label(judged[0], "complaint", "complaint", "ana", at(5))
    scene.store.label(judged[0], "sentiment", "negative", "ana", at(5))
    scene.store.label(judged[0], "relevance", "not-us", "bo", at(6))
    assert said(scene) == said(scene, "sentiment") == []
    scene.store.label(judged[0], "complaint", "no-complaint", "ana", at(7))
    assert said(scene) == [("0", "no-complaint")]
    assert said(scene, "sentiment") == []


def test_another_brands_labels_are_not_asked_for(scene: Scene, judged: list[int]) -> None:
    scene.store.label(judged[0], "complaint", "complaint", "ana", at(5))
    assert scene.store.labelled("Bolt", "complaint") == []


def test_unlabelled_is_what_was_judged_and_nobody_spoke_of(scene: Scene, judged: list[int]) -> None:
    scene.store.label(judged[3], "complaint", "no-complaint", "ana", at(5))
    scene.store.label(judged[2], "relevance", "not-us", "ana", at(5))
    scene.store.label(judged[1], "sentiment", "neutral", "ana", at(5))
    scene.poll(replace(mention("own"), own=True), now=at(6))
    scene.settle(scene.claim_one(at(6)), verdict("ignored", GOOD))
    scene.poll(mention("waits"), now=at(7))
    found = [one.mention.post.external_id for one in scene.store.unlabelled("Acme", 9)]
    assert found == ["1", "0"], "a sentiment says nothing of a complaint"
    assert [one.id for one in scene.store.unlabelled("Acme", 1)] == [judged[1]]


def test_a_layer_is_kept_whole_and_numbered(scene: Scene) -> None:
    kept = scene.store.keep_layer(LAYER)
    assert kept == replace(LAYER, id=kept.id)
    assert kept.id > 0
    assert scene.store.layers() == scene.store.layers(["Acme", "Bolt"]) == [kept]
    assert scene.store.layers(["Bolt"]) == scene.store.layers([]) == []
    assert scene.store.overview(NOON).layers == [kept]


def test_the_newest_promoted_layer_of_a_head_is_in_force(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    scene.store.keep_layer(LAYER)
    newer = scene.store.keep_layer(replace(LAYER, made_at=at(1)))
    scene.store.keep_layer(replace(LAYER, made_at=at(2), state="refused"))
    other = scene.store.keep_layer(replace(LAYER, head="sentiment"))
    bolt = scene.store.keep_layer(replace(LAYER, brand="Bolt"))
    assert scene.store.layers() == [newer, other, bolt]


def test_undo_takes_the_last_training_back_and_the_one_before_counts_again(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    old = scene.store.keep_layer(LAYER)
    new = [
        scene.store.keep_layer(replace(LAYER, head=head, made_at=at(1)))
        for head in ("complaint", "sentiment")
    ]
    bolt = scene.store.keep_layer(replace(LAYER, brand="Bolt", made_at=at(1)))
    undone = scene.store.undo_training("Acme")
    assert sorted(undone, key=lambda one: one.id) == [replace(one, state="undone") for one in new]
    assert scene.store.layers() == [old, bolt]
    assert scene.store.undo_training("Acme") == [replace(old, state="undone")]
    assert scene.store.undo_training("Acme") == []
    assert scene.store.layers() == [bolt]


def test_the_shift_of_a_brand_is_none_until_it_is_set(scene: Scene) -> None:
    assert scene.store.shifts(["Acme", "nobody"]) == {"Acme": 0.0}
    scene.store.set_shift("Acme", -0.75)
    assert scene.store.shifts(["Acme"]) == {"Acme": -0.75}


def test_recent_mentions_are_the_newest_that_were_judged(scene: Scene, judged: list[int]) -> None:
    found = [mention.post.external_id for mention in scene.store.recent("Acme", 3)]
    assert found == ["3", "2", "1"]
    assert scene.store.recent("Globex", 3) == []
