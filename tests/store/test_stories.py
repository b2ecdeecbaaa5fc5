"""Copies: kept with their story, told with it, counted once; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from monitor.domain import Action, Mention
from monitor.reading.copies import Telling
from monitor.store import Judged, SourceSpec, Store, open_store
from monitor.store.stories import RECENT
from monitor.store.tables import mentions
from tests.store.scene import (
    BLOG,
    LEASE,
    MINUTE,
    NOON,
    WINDOW,
    Scene,
    at,
    mention,
    newest,
    none_of,
    verdict,
)
from tests.store.test_concurrency import WORKERS, all_at_once

STORY = "Acme shoes fell apart after two weeks, and nobody there has answered any of my letters"
LOUD, DULL = verdict(severity="high"), verdict("digest")


def a(key: str, text: str = STORY, **more: Any) -> Mention:
    return mention(key, text=text, **{"kind": "forum"} | more)


def judge(scene: Scene, found: Mention, now: float = 0, **settings: Any) -> Action:
    """A mention all the way through; joins no incident but that of its story."""
    scene.poll(found, now=at(now), quiet=settings.pop("quiet", False))
    claimed = scene.claim_one(at(now))
    telling = Telling(claimed.mention.post)
    given = {"join": none_of, "telling": telling, "now": at(now)} | settings
    return scene.settle(claimed, given.pop("said", None), **given)


def kept(scene: Scene, key: str) -> Judged:
    return scene.store.mention("blog", key, "Acme")


def test_a_copy_joins_the_incident_of_its_story_whatever_its_own_verdict(scene: Scene) -> None:
    assert judge(scene, a("1")) == "alerted"
    assert judge(scene, a("2", f"{STORY} indeed"), 1, said=LOUD) == "attached"
    assert judge(scene, a("3"), 2, said=DULL) == "attached"
    (incident,) = scene.store.incidents()
    assert (incident.posts, incident.severity, incident.last_at) == (1, "high", at(2))
    found = [kept(scene, key) for key in "123"]
    assert [judged.copy_of for judged in found] == [None, "1", "1"]
    assert {judged.incident for judged in found} == {incident.id}


def test_one_comment_in_two_comment_feeds_is_told_once(scene: Scene) -> None:
    url = "https://blog.example/story/#comment-12"
    comment = a("https://blog.example/?p=7#comment-12", "Acme broke, too", kind="comments", url=url)
    scene.store.sync([BLOG, SourceSpec("story", "feed", "")], ["Acme"], NOON)
    assert judge(scene, comment) == "alerted"
    again = replace(comment, post=replace(comment.post, source="story"))
    assert judge(scene, again, 1) == "attached"
    (incident,) = scene.store.incidents()
    assert incident.posts == 1


def test_a_second_customer_who_quotes_the_first_is_counted(scene: Scene) -> None:
    judge(scene, a("1"))
    (incident,) = scene.store.incidents()
    answer = a(
        "2", f"> {STORY}\nSame here, but for me it was four times, 380 euros in all", parent="1"
    )
    assert judge(scene, answer, 1, join=lambda _: incident.id) == "attached"
    assert kept(scene, "2").copy_of is None
    assert scene.store.card(incident.id).incident.posts == 2


def test_a_copy_of_a_copy_points_to_the_first_story(scene: Scene) -> None:
    half = STORY[:50]
    judge(scene, a("1", half))
    judge(scene, a("2", f"{half} or so they say"))
    judge(scene, a("3", half))
    with scene.store._database.read() as tx:
        rows = tx.execute(select(mentions.c.story).order_by(mentions.c.id)).scalars().all()
    assert rows == [None, kept(scene, "1").id, kept(scene, "1").id]


def test_of_several_stories_the_one_seen_first_counts(scene: Scene) -> None:
    for key in "12":
        rest = " ".join(f"{key}x{number}" for number in range(60))
        judge(scene, a(key, f"{STORY} {rest}"))
    judge(scene, a("3"))
    assert [kept(scene, key).copy_of for key in "123"] == [None, None, "1"]


def test_what_nobody_was_told_of_leaves_a_copy_its_own_verdict(scene: Scene) -> None:
    assert judge(scene, a("1"), said=DULL) == "digest"
    assert judge(scene, a("2"), said=DULL) == "digest"
    assert judge(scene, a("3")) == "alerted"
    assert judge(scene, a("4"), said=DULL) == "attached", "a copy of the story has been told"
    (incident,) = scene.store.incidents()
    assert incident.posts == 1
    assert scene.store.card(incident.id).quotes[0].mention_id == kept(scene, "3").id


def test_a_copy_from_before_the_first_run_is_not_told(scene: Scene) -> None:
    judge(scene, a("1"))
    assert judge(scene, a("2"), quiet=True) == "digest"
    assert (kept(scene, "2").copy_of, kept(scene, "2").incident) == ("1", None)


def test_the_brand_s_own_words_are_nobody_s_story(scene: Scene) -> None:
    judge(scene, a("1"), said=verdict("ignored"), telling=None)
    assert judge(scene, a("2")) == "alerted"
    assert kept(scene, "2").copy_of is None


def test_another_brand_or_another_text_is_no_copy(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    judge(scene, a("1"))
    judge(scene, replace(a("1"), brand="Bolt"))
    judge(
        scene, a("2", "Acme sells hats now, in seven colours, and every one of them fits me well")
    )
    assert [judged.copy_of for judged in scene.store.mentions()] == [None, None, None]


def test_an_old_story_is_told_anew(scene: Scene) -> None:
    judge(scene, a("1"))
    days = RECENT / timedelta(minutes=1)
    judge(scene, a("2"), days)
    assert kept(scene, "2").copy_of == "1"
    assert judge(scene, a("3"), days + 1) == "alerted"
    assert kept(scene, "3").copy_of is None


def close(scene: Scene) -> None:
    assert scene.store.close_quiet(at(1), at(1)) == 1


@pytest.mark.parametrize(("over", "later"), [(close, 2), (lambda _: None, WINDOW / MINUTE + 1)])
def test_who_repeats_a_story_whose_incident_is_over_has_news(
    scene: Scene, over: Callable[[Scene], None], later: float
) -> None:
    judge(scene, a("1"))
    over(scene)
    assert judge(scene, a("2"), later, said=DULL) == "digest", "if it is to be told"
    assert judge(scene, a("3"), later) == "alerted"
    assert judge(scene, a("4"), later, said=DULL) == "attached", "and is told once again"
    new, old = scene.store.incidents()
    assert (new.posts, old.posts, old.last_at) == (1, 1, NOON)
    assert [kept(scene, key).copy_of for key in "234"] == ["1", "1", "1"]
    assert kept(scene, "4").incident == kept(scene, "3").incident == new.id
    assert [quote.mention_id for quote in scene.store.card(new.id).quotes] == [3]


def test_a_story_joins_up_to_the_end_of_the_window(scene: Scene) -> None:
    judge(scene, a("1"))
    assert judge(scene, a("2"), WINDOW / MINUTE) == "attached"


def test_what_is_repeated_joins_another_incident_that_it_fits(scene: Scene) -> None:
    judge(scene, a("1"))
    close(scene)
    judge(scene, a("2", "Acme lets the rain in, in both shoes, from the first day on"), 2)
    assert judge(scene, a("3"), 3, join=newest) == "attached"
    new = scene.store.incidents()[0]
    assert (kept(scene, "3").incident, new.posts) == (new.id, 2)


def test_a_card_quotes_each_story_once_and_names_the_other_places(scene: Scene) -> None:
    judge(scene, a("1", published_at=at(-9)))
    (incident,) = scene.store.incidents()
    together = {"join": lambda _: incident.id}
    places = ("news", "board", "blog", "board")
    scene.store.sync([SourceSpec(name, "feed", "") for name in {*places}], ["Acme"], NOON)
    judge(scene, a("2", "Acme lets the rain in, in both shoes, from the first day on"), **together)
    for number, source in enumerate(places):
        judge(scene, a(f"c{number}", source=source, published_at=at(-20)))
    card = scene.store.card(incident.id)
    assert [quote.mention_id for quote in card.quotes] == [1, 2]
    assert (card.sources, card.also) == ((("blog", 2),), ("board", "news"))
    assert card.first_published_at == at(-20)


def test_the_digest_can_tell_a_story_from_its_copies(scene: Scene) -> None:
    judge(scene, a("1"))
    judge(
        scene, a("2", "Acme sells hats now, in seven colours, and every one of them fits me well")
    )
    judge(scene, a("3"), 1)
    rows = scene.store.digest_rows("Acme", NOON, at(2))
    assert [row.story for row in rows] == [1, 2, 1]


def test_a_copy_whose_story_is_forgotten_stands_alone(scene: Scene) -> None:
    judge(scene, a("1"))
    judge(scene, a("2"), 2)
    assert scene.store.prune(at(1)) == 1
    assert kept(scene, "2").copy_of is None
    judge(scene, a("3"), 3)
    assert kept(scene, "3").copy_of == "2", "and is a story from now on"


@pytest.fixture
def workers(url: str) -> Iterator[list[Store]]:
    with ExitStack() as open_stores:
        yield [open_stores.enter_context(closing(open_store(url))) for _ in range(WORKERS)]


def test_copies_judged_at_once_are_one_story(scene: Scene, workers: list[Store]) -> None:
    scene.poll(*(a(str(n)) for n in range(WORKERS)))
    waiting = scene.store.claim_mentions(NOON, LEASE, WORKERS)

    def settle(store: Store) -> Action:
        claimed = waiting[workers.index(store)]
        return Scene(store).settle(claimed, join=none_of, telling=Telling(claimed.mention.post))

    assert sorted(all_at_once(settle, workers)) == ["alerted"] + ["attached"] * (WORKERS - 1)
    (incident,) = scene.store.incidents()
    assert incident.posts == 1
    assert len({judged.copy_of for judged in scene.store.mentions()}) == 2


@dataclass(frozen=True)
class Overtaken(Telling):
    """A telling before whose first comparison ends something else happens."""

    meanwhile: list[Callable[[], object]]

    def likely(self, sketches: Sequence[bytes]) -> list[int]:
        found = super().likely(sketches)
        while self.meanwhile:
            self.meanwhile.pop()()
        return found


def test_what_is_judged_while_the_stories_are_searched_is_one_of_them(scene: Scene) -> None:
    scene.poll(a("1"), a("2"))
    first, late = scene.store.claim_mentions(NOON, LEASE, 2)
    told = Telling(first.mention.post)
    meanwhile = [lambda: scene.settle(first, join=none_of, telling=told)]
    assert scene.settle(late, telling=Overtaken(late.mention.post, meanwhile)) == "attached"
    assert kept(scene, "2").copy_of == "1"


def test_a_post_that_comes_and_is_judged_while_the_stories_are_searched(scene: Scene) -> None:
    scene.poll(a("1"))
    late = scene.claim_one()
    meanwhile = [lambda: judge(scene, a("2"))]
    assert scene.settle(late, telling=Overtaken(late.mention.post, meanwhile)) == "attached"
    assert kept(scene, "1").copy_of == "2", "what was judged first is the story"


def test_a_story_that_is_forgotten_while_it_is_found_is_none(scene: Scene) -> None:
    judge(scene, a("1"))
    scene.poll(a("2"), now=at(2))
    late = scene.claim_one(at(2))
    meanwhile = [lambda: scene.store.prune(at(1))]
    assert scene.settle(late, telling=Overtaken(late.mention.post, meanwhile)) == "alerted"
    assert kept(scene, "2").copy_of is None
