"""Pages: which teasers wait for theirs, whose turn it is, and what a page leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from monitor.domain import Batch
from monitor.seams import SourceError
from monitor.store import Followed, SourceSpec, Store
from monitor.store.tables import pages
from tests.store.scene import BLOG, BUSY, LEASE, MINUTE, NOON, Scene, at, mention, unread


def test_a_teaser_waits_with_all_that_is_known_of_its_post(scene: Scene) -> None:
    odd = unread(
        "1", author="Zoë \ud800", published_at=at(-5), reach=3, replies="https://b.example"
    )
    scene.store.settle_poll(scene.claim_source(), Batch((), "c"), [], NOON, MINUTE, unread=[odd])
    (page,) = scene.store.claim_pages(NOON, LEASE, 9)
    assert page.post == replace(odd.post, author="Zoë ?")
    assert page == replace(odd, post=page.post, due_at=NOON + LEASE, id=page.id, tries=1)


def test_mentions_of_a_teaser_are_left_to_its_page(scene: Scene) -> None:
    assert scene.put_off("1") == 0
    assert list(scene.store.mentions()) == []
    (page,) = scene.store.claim_pages(NOON, LEASE, 9)
    assert scene.put_off("1") == 0
    assert scene.store.settle_read(page, [(mention("1"), False)], at(1)) == 1
    assert [j.mention.post.external_id for j in scene.store.mentions()] == ["1"]
    (state,) = scene.store.overview(at(1)).sources
    assert state.last_mention_at == at(1)


def test_what_was_read_is_known_and_holds_no_words(scene: Scene) -> None:
    scene.put_off("1")
    (page,) = scene.store.claim_pages(NOON, LEASE, 9)
    scene.store.settle_read(page, [], NOON)
    assert scene.put_off("1") == 1  # by its teaser, which was changed
    assert scene.store.claim_pages(at(60), LEASE, 9) == []
    with scene.store._database.read() as tx:
        assert tx.execute(select(pages.c.post, pages.c.due_at)).all() == [([], None)]


def test_a_post_that_is_a_mention_is_not_read(scene: Scene) -> None:
    scene.poll(mention("1"))
    scene.put_off("1")
    assert scene.store.overview(NOON).pages == 0


def test_what_is_not_to_be_read_never_is(scene: Scene) -> None:
    old = replace(unread("1"), due_at=None)
    for late, found in ((old, []), (unread("1"), [(mention("1"), False)])):
        state = scene.claim_source()
        new = scene.store.settle_poll(
            state, Batch((), "c"), found, NOON, timedelta(), unread=[late]
        )
        assert new == len(found)
    assert scene.store.claim_pages(NOON, LEASE, 9) == []


def test_two_sources_may_know_one_id(scene: Scene) -> None:
    scene.store.sync([BLOG, SourceSpec("news", "feed", "n")], ["Acme"], NOON)
    for state in scene.store.claim_sources(NOON, LEASE, 2):
        one = unread("1", source=state.source)
        scene.store.settle_poll(state, Batch((), "c"), [], NOON, MINUTE, unread=[one])
    assert scene.store.overview(NOON).pages == 2


def test_of_each_host_one_page_is_taken_and_none_of_those_to_avoid(scene: Scene) -> None:
    for host in ("a.example", "b.example", "c.example"):
        scene.put_off(f"{host}/1", f"{host}/2", host=host)
    claimed = scene.store.claim_pages(NOON, LEASE, 9, ["c.example"])
    assert [page.host for page in claimed] == ["a.example", "b.example"]
    assert [page.tries for page in claimed] == [1, 1]
    again = scene.store.claim_pages(NOON, LEASE, 1)
    assert [page.post.external_id for page in again] == ["a.example/2"]


def test_a_claim_whose_worker_died_is_due_when_its_lease_runs_out(scene: Scene) -> None:
    scene.put_off("1")
    (late,) = scene.store.claim_pages(NOON, LEASE, 9)
    assert scene.store.claim_pages(at(1.9), LEASE, 9) == []
    (page,) = scene.store.claim_pages(at(2), LEASE, 9)
    assert page.tries == 2
    assert scene.store.settle_read(late, [(mention("1"), False)], at(2)) == 0
    scene.store.settle_unread(late, BUSY, at(2), MINUTE)
    assert scene.store.settle_read(page, [(mention("1"), False)], at(2)) == 1
    assert scene.store.settle_read(page, [(mention("2"), False)], at(2)) == 0


def test_half_a_page_is_never_kept(scene: Scene) -> None:
    scene.put_off("1")
    (page,) = scene.store.claim_pages(NOON, LEASE, 9)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        scene.store.settle_read(
            page, [(mention("1"), False), (mention("1", "Never Synced"), False)], NOON
        )
    assert (list(scene.store.mentions()), scene.store.overview(NOON).pages) == ([], 1)


def test_comments_are_followed_once(scene: Scene) -> None:
    comments = [Followed("blog: comments 1", "https://blog.example/1/feed", "blog.example", "t")]
    for key in "12":
        scene.put_off(key)
        (page,) = scene.store.claim_pages(NOON, LEASE, 9)
        scene.store.settle_read(page, [], NOON, comments)
    assert [s.follows for s in scene.store.overview(NOON).following] == ["blog"]


# -- a host rests as a whole ---------------------------------------------------------------------


def hosted(store: Store) -> Scene:
    """The source is read from the host of its pages."""
    scene = Scene(store)
    store.sync([replace(BLOG, host="blog.example")], ["Acme"], NOON)
    return scene


def due(scene: Scene, minutes: float) -> tuple[int, int]:
    """How many sources and pages could be asked."""
    sources = scene.store.claim_sources(at(minutes), timedelta(), 9)
    return len(sources), len(scene.store.claim_pages(at(minutes), timedelta(), 9))


def test_a_page_that_is_refused_rests_its_host(store: Store) -> None:
    scene = hosted(store)
    scene.put_off("1", "2")
    (page,) = store.claim_pages(NOON, LEASE, 9)
    store.settle_unread(page, BUSY, NOON, 15 * MINUTE)
    assert [due(scene, minutes) for minutes in (9.9, 10)] == [(0, 0), (1, 1)]


def test_a_crawl_delay_holds_for_pages_alone(store: Store) -> None:
    scene = hosted(store)
    scene.put_off("1", "2")
    (page,) = store.claim_pages(NOON, LEASE, 9)
    slow = SourceError("its robots.txt wants 60 s between pages", retry_after=MINUTE)
    store.settle_unread(page, slow, NOON, MINUTE)
    assert [due(scene, minutes) for minutes in (0.9, 1)] == [(1, 0), (1, 1)]


def test_a_refused_poll_rests_the_pages_of_its_host(store: Store) -> None:
    scene = hosted(store)
    scene.put_off("1")
    store.settle_poll_failed(scene.claim_source(), BUSY, NOON, 15 * MINUTE)
    assert [due(scene, minutes) for minutes in (9.9, 10)] == [(0, 0), (0, 1)]


def test_what_was_read_is_forgotten_in_time_and_what_waits_is_not(scene: Scene) -> None:
    scene.put_off("1", "2")
    (page,) = scene.store.claim_pages(NOON, LEASE, 1)
    scene.store.settle_read(page, [], NOON)
    for before, left in ((NOON, 2), (at(1), 1)):
        scene.store.prune(before)
        with scene.store._database.read() as tx:
            assert len(tx.execute(select(pages)).all()) == left
