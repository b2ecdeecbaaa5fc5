"""Looking: listing mentions, cards, the digest's figures, the overview."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.domain import Score
from monitor.seams import SourceError
from monitor.store import DigestRow, Overview, SourceSpec, StoreError
from monitor.store.reports import PAGE
from tests.store.scene import BAD, BLOG, GOOD, MINUTE, NOON, Scene, at, mention, verdict

FORUM = SourceSpec("forum", "forum", "")


def ids(found: object) -> list[str]:
    return [judged.mention.post.external_id for judged in found]  # type: ignore[attr-defined]


def test_mentions_are_listed_newest_first_and_filtered(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    scene.poll(mention("1", title="Refund 50%"), mention("2", author="Ana"))
    scene.poll(mention("3", "Bolt"), now=at(5))
    list_ = scene.store.mentions
    assert ids(list_()) == ["3", "2", "1"]
    assert ids(list_(brand="Acme")) == ["2", "1"]
    assert ids(list_(since=at(5))) == ["3"]
    assert ids(list_(until=at(5))) == ["2", "1"]
    assert ids(list_(search="REFUND 50%")) == ["1"]
    assert ids(list_(search="ana")) == ["2"]
    assert ids(list_(search="%")) == ["1"], "a sign, not a pattern"
    assert ids(list_(limit=2)) == ["3", "2"]
    assert ids(list_(brand="Nobody")) == []


def test_a_long_list_is_read_in_pages_without_loss_or_repetition(scene: Scene) -> None:
    many = [str(n) for n in range(2 * PAGE + 1)]
    scene.poll(*(mention(key) for key in many))
    listed = scene.store.mentions()
    first = next(listed)
    scene.poll(mention("new"), now=at(1))  # between two pages
    assert [first.mention.post.external_id, *ids(listed)] == many[::-1]


def test_a_waiting_mention_has_no_verdict(scene: Scene) -> None:
    scene.poll(mention("1"))
    judged = scene.store.mention("blog", "1", "Acme")
    assert (judged.score, judged.action, judged.label, judged.incident) == (None, None, None, None)
    assert judged.mention == mention("1")


def test_one_mention_is_found_by_what_makes_it_unique(scene: Scene) -> None:
    scene.tell("1")
    assert scene.store.mention("blog", "1", "Acme").action == "alerted"
    with pytest.raises(StoreError, match="no mention of Bolt in blog 1"):
        scene.store.mention("blog", "1", "Bolt")


def test_a_card_quotes_the_first_member_and_the_newest(scene: Scene) -> None:
    scene.store.sync([BLOG, FORUM], ["Acme"], NOON)
    for n in range(7):
        posted = mention(str(n), published_at=at(-n), author="ana", title=f"T{n}")
        scene.poll(posted if n % 3 else replace(posted, post=replace(posted.post, source="forum")))
        scene.settle(scene.claim_one(at(n)), now=at(n))
    (incident,) = scene.store.incidents()
    card = scene.store.card(incident.id)
    assert card.incident == incident
    assert [quote.text for quote in card.quotes] == [f"Acme {n}" for n in (0, 3, 4, 5, 6)]
    assert card.sources == (("blog", 4), ("forum", 3))
    assert card.first_published_at == at(-6)
    quote = card.quotes[-1]
    assert (quote.author, quote.title, quote.kind, quote.why) == ("ana", "T6", "feed", BAD.why)
    assert quote.mention_id == scene.store.mention("forum", "6", "Acme").id


def test_a_card_of_posts_without_dates_has_no_date(scene: Scene) -> None:
    scene.tell("1")
    card = scene.store.card(scene.store.incidents()[0].id)
    assert card.first_published_at is None
    assert len(card.quotes) == 1


def test_an_unknown_incident_is_named(scene: Scene) -> None:
    with pytest.raises(StoreError, match="no incident INC-0: monitor incidents lists them"):
        scene.store.card("INC-0")


def test_incidents_are_listed_with_the_newest_member_first(scene: Scene) -> None:
    for n in range(3):
        scene.tell(str(n), at(n), join=lambda _open: None)
    scene.store.close_quiet(at(1), at(9))
    assert [i.last_at for i in scene.store.incidents()] == [at(2), at(1), NOON]
    assert [i.last_at for i in scene.store.incidents(open_only=True)] == [at(2), at(1)]


def test_the_digest_counts_what_was_seen_in_its_period(scene: Scene) -> None:
    scene.tell("before")
    scene.tell("1", at(1))
    scene.poll(mention("2", kind="comments"), now=at(2))
    scene.poll(mention("after"), now=at(3))
    assert scene.store.digest_rows("Acme", at(1), at(3)) == [
        DigestRow(at(1), "blog", "feed", "negative", "attached", "complaint .91", 2),
        DigestRow(at(2), "blog", "comments", None, None, None, 3),
    ]
    assert scene.store.digest_rows("Bolt", at(1), at(3)) == []


def test_the_digest_counts_with_a_persons_label(scene: Scene) -> None:
    scene.tell("1")
    scene.store.label(
        scene.store.mention("blog", "1", "Acme").id, "sentiment", "neutral", "a", NOON
    )
    assert [row.label for row in scene.store.digest_rows("Acme", NOON, at(1))] == ["neutral"]


def test_the_digest_shows_the_incidents_of_its_period_biggest_first(scene: Scene) -> None:
    scene.tell("old", join=lambda _open: None)
    for key in ("small", "big"):
        scene.tell(key, at(1), join=lambda _open: None)
    big = scene.store.mention("blog", "big", "Acme").incident
    scene.tell("more", at(2), join=lambda _open: big)
    scene.tell("later", at(30), join=lambda _open: None)
    cards = scene.store.digest_incidents("Acme", at(1), at(20))
    assert [card.incident.posts for card in cards] == [2, 1]
    assert cards[0].incident.id == big
    assert scene.store.digest_incidents("Bolt", at(1), at(20)) == []


def test_a_brand_is_watched_since_it_was_first_named(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], at(7))
    assert scene.store.brand_since("Acme") == NOON
    assert scene.store.brand_since("Bolt") == at(7)
    with pytest.raises(StoreError, match='brand "Nobody" was never watched'):
        scene.store.brand_since("Nobody")


def test_the_overview_counts_everything(scene: Scene) -> None:
    scene.tell("1")
    scene.tell("2", at(1))
    scene.poll(mention("3"), now=at(2))
    scene.store.settle_poll_failed(scene.claim_source(at(2)), SourceError("boom"), at(2), MINUTE)
    seen = scene.store.overview(at(10))
    assert [(s.source, s.last_error) for s in seen.sources] == [("blog", "boom")]
    assert seen.incidents == {"open": 1}
    assert (seen.mentions, seen.waiting, seen.dead) == (3, 1, 0)
    assert seen.model == BAD.model
    owed = seen.outbox
    assert (owed.pending, owed.ambiguous, owed.dead, owed.oldest_seconds) == (1, 0, 0, 600)


def test_the_age_of_an_update_is_counted_from_when_it_was_asked_for(scene: Scene) -> None:
    scene.tell("1")
    scene.send()
    scene.tell("2", at(1))
    scene.send(at(20))
    scene.tell("3", at(500))
    assert scene.store.overview(at(501)).outbox.oldest_seconds == 60


def test_the_overview_of_an_empty_store_is_empty(scene: Scene) -> None:
    scene.store.sync([], [], NOON)
    seen = scene.store.overview(NOON)
    assert seen == Overview([], [], frozenset(), seen.outbox, {}, 0, 0, 0, 0, 0, None, None, [])
    assert (seen.outbox.pending, seen.outbox.oldest_seconds, seen.outbox.errors) == (0, 0, [])


def test_what_no_model_could_read_is_counted(scene: Scene) -> None:
    polish = Score(0.8, 0.2, 0.0, 0.8, "m@0", ("not scored: Polish",), scored=False, lang="pl")
    scene.tell("1")
    scene.tell("2", said=verdict(score=polish))
    scene.poll(mention("3"))
    seen = scene.store.overview(NOON)
    assert (seen.mentions, seen.unscored, seen.waiting) == (3, 1, 1)


def test_the_model_is_that_of_the_newest_verdict(scene: Scene) -> None:
    scene.tell("1")
    scene.tell("2", said=verdict(score=replace(GOOD, model="linear@new")))
    scene.poll(mention("3"))
    assert scene.store.overview(NOON).model == "linear@new"
