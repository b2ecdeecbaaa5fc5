"""Times come back aware, and no text from outside breaks an insert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from monitor.seams import SourceError
from monitor.store import Store
from monitor.store.rows import BIGGEST
from monitor.store.tables import sources
from tests.store.scene import BLOG, MINUTE, NOON, Scene, at, mention

INDIA = timezone(timedelta(hours=5, minutes=30))
HOSTILE = "a\0b \ud800 \U0001f600 \u202e \x1b[31m '); DROP TABLE mentions; --"
HARMLESS = "ab ? \U0001f600 \u202e \x1b[31m '); DROP TABLE mentions; --"


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.replace(microsecond=1),
        NOON.astimezone(INDIA),
        datetime(1994, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_aware_and_equal(scene: Scene, moment: datetime) -> None:
    scene.poll(mention("1", published_at=moment))
    back = next(scene.store.mentions()).mention.post.published_at
    assert back == moment
    assert back is not None
    assert back.tzinfo is UTC


def test_times_of_other_zones_are_compared_as_moments(store: Store) -> None:
    store.sync([BLOG], [], NOON.astimezone(INDIA))
    assert store.claim_sources((NOON - MINUTE).astimezone(INDIA), MINUTE, 1) == []
    assert store.claim_sources(NOON.astimezone(INDIA), MINUTE, 1) != []


def test_a_naive_time_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="a time without a zone"):
        store.sync([BLOG], [], NOON.replace(tzinfo=None))
    with store._database.read() as tx:
        assert tx.execute(select(sources)).all() == []


def test_hostile_text_is_kept_harmless_everywhere(scene: Scene) -> None:
    found = mention("1", title=HOSTILE, text=HOSTILE, author=HOSTILE, thread_title=HOSTILE)
    scene.poll(found, mention(HOSTILE, url=HOSTILE, parent=HOSTILE))
    first, second = scene.store.claim_mentions(NOON, MINUTE, 2)
    post = first.mention.post
    assert (post.title, post.text, post.author, post.thread_title) == (HARMLESS,) * 4
    assert second.mention.post.external_id == second.mention.post.parent == HARMLESS
    scene.settle(first)
    scene.store.settle_unjudged(second, HOSTILE, NOON, MINUTE)
    scene.store.label(first.id, "sentiment", "neutral", HOSTILE, NOON)
    assert [m.id for m in scene.store.mentions(search=HOSTILE)] == [second.id, first.id]
    assert next(scene.store.mentions()).error == HARMLESS


def test_hostile_words_on_the_way_out_are_kept_harmless(scene: Scene) -> None:
    assert scene.store.enqueue_digest("digest:1", "email:a", "Acme", HOSTILE, NOON)
    assert scene.claim_delivery().frozen == HARMLESS
    scene.store.settle_poll_failed(scene.claim_source(), SourceError(HOSTILE), NOON, MINUTE)
    assert scene.claim_source(at(1)).last_error == HARMLESS


def test_two_names_that_differ_in_what_cannot_be_kept_are_one(scene: Scene) -> None:
    assert scene.poll(mention("a\0"), mention("a")) == 1


def test_a_number_too_big_for_the_database_is_kept_as_the_biggest(scene: Scene) -> None:
    scene.poll(mention("1", reach=10**30))
    assert next(scene.store.mentions()).mention.post.reach == BIGGEST
