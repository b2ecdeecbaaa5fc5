"""Blanking takes what people wrote and leaves what was made of it."""

from __future__ import annotations

from dataclasses import replace

from monitor.domain import Receipt
from tests.store.scene import BAD, LEASE, Scene, at, mention, verdict

WORDS = {"title": "A title of Acme", "author": "ana", "thread_title": "A thread on Acme"}


def tell(scene: Scene, key: str, minutes: float = 0, **post: object) -> None:
    scene.poll(mention(key, **{**WORDS, "kind": "reddit", **post}), now=at(minutes))
    scene.settle(scene.claim_one(at(minutes)), now=at(minutes))


def words(scene: Scene, key: str) -> set[str]:
    kept = scene.store.mention("blog", key, "Acme").mention.post
    return {kept.title, kept.text, kept.author, kept.thread_title} - {""}


def test_what_is_gone_keeps_its_link_and_its_scores(scene: Scene) -> None:
    tell(scene, "1")
    tell(scene, "2", 1)
    assert sorted(scene.store.held("blog")) == ["1", "2"]
    assert scene.store.blank("blog", {"1", "unheard"}, at(2)) == 1
    assert words(scene, "1") == set()
    assert len(words(scene, "2")) == 4
    blank = scene.store.mention("blog", "1", "Acme")
    assert blank.score is not None
    assert (blank.score.negative, blank.score.complaint) == (BAD.negative, BAD.complaint)
    assert (blank.score.why, blank.score.sentence, blank.mention.matches) == ((), "", ())
    assert blank.mention.post.url == "https://blog.example/1"
    assert scene.store.held("blog") == ["2"]
    assert scene.store.blank("blog", {"1"}, at(3)) == 0
    assert [m.post.external_id for m in scene.store.recent("Acme", 9)] == ["2"]


def test_a_blanked_mention_does_not_come_back(scene: Scene) -> None:
    tell(scene, "1")
    scene.store.blank("blog", {"1"}, at(1))
    scene.poll(mention("1", **WORDS), now=at(2))
    assert words(scene, "1") == set()


def test_another_source_keeps_its_own(scene: Scene) -> None:
    tell(scene, "1")
    assert scene.store.blank("another", {"1"}, at(1)) == 0
    assert scene.store.blank("blog", (), at(1)) == 0
    assert len(words(scene, "1")) == 4


def test_the_card_is_owed_an_update_without_the_words(scene: Scene) -> None:
    tell(scene, "1")
    scene.send()
    scene.store.blank("blog", {"1"}, at(1))
    update = scene.send(at(1))
    assert update.kind == "update"
    assert update.card is not None
    (quote,) = update.card.quotes
    assert (quote.title, quote.text, quote.author, quote.why) == ("", "", "", ())


def test_what_was_held_long_enough_is_blanked_of_one_kind_only(scene: Scene) -> None:
    tell(scene, "old")
    tell(scene, "blog", kind="feed")
    tell(scene, "young", 60)
    assert scene.store.blank_old("reddit", at(60), at(61)) == 1
    kept = {key: bool(words(scene, key)) for key in ("old", "blog", "young")}
    assert kept == {"old": False, "blog": True, "young": True}


def test_what_is_still_to_be_judged_keeps_its_words(scene: Scene) -> None:
    scene.poll(mention("1", kind="reddit"))
    assert scene.store.blank_old("reddit", at(60), at(61)) == 0
    scene.settle(scene.claim_one(at(61)), now=at(61))
    assert scene.store.blank_old("reddit", at(60), at(62)) == 1


def test_a_message_that_is_on_its_way_is_owed_an_update_too(scene: Scene) -> None:
    tell(scene, "1")
    due = scene.store.claim_delivery(at(0), LEASE)
    assert due is not None
    scene.store.blank("blog", {"1"}, at(1))
    scene.store.settle_sent(due, Receipt("C1", "1.1"), at(1))
    update = scene.send(at(1))
    assert (update.kind, update.card and update.card.quotes[0].text) == ("update", "")


def test_a_verdict_that_comes_after_leaves_no_words(scene: Scene) -> None:
    scene.poll(mention("1", kind="reddit", **WORDS))
    claimed = scene.claim_one()
    scene.store.blank("blog", {"1"}, at(1))
    late = verdict(score=replace(BAD, sentence="Acme never answered"))
    scene.settle(claimed, late, now=at(1))
    assert scene.store.held("blog") == ["1"]
    scene.store.blank("blog", {"1"}, at(2))
    score = scene.store.mention("blog", "1", "Acme").score
    assert score is not None
    assert (score.sentence, score.why) == ("", ())
