"""Every question that is asked all the time is answered from an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from monitor.reading.copies import Telling
from monitor.store import Store
from tests.store.scene import BUSY, LEASE, NOON, Scene, at, mention


@contextmanager
def overheard(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the store sends, with their values."""
    said: list[tuple[str, Any]] = []
    engines = {store._database._writer, store._database._reader}

    def hear(_tx: Connection, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            said.append((statement, values))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", hear)
    yield said
    for engine in engines:
        event.remove(engine, "before_cursor_execute", hear)


def plan(store: Store, statement: str, values: Any) -> str:
    """How the database would answer, if reading a whole table were dear."""
    with store._database.read() as tx:
        if store.path is not None:
            steps = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            return "\n".join(step[3] for step in steps)
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        tx.exec_driver_sql("SET LOCAL enable_sort = off")
        return "\n".join(tx.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())


def judge_one(store: Store) -> object:
    scene = Scene(store)
    return scene.settle(scene.claim_one(), telling=Telling(mention("2").post))


QUESTIONS: dict[str, Callable[[Store], object]] = {
    "ix_sources_due": lambda store: store.claim_sources(NOON, LEASE, 8),
    "ix_pages_due": lambda store: store.claim_pages(NOON, LEASE, 4, ["busy.example"]),
    "ix_mentions_due": lambda store: store.claim_mentions(NOON, LEASE, 32),
    "ix_outbox_due": lambda store: store.claim_delivery(NOON, LEASE),
    "ix_subscriptions_due": lambda store: store.claim_subscription(NOON, LEASE),
    "ix_mentions_digest": lambda store: store.digest_rows("Acme", NOON, at(1)),
    "ix_mentions_seen": lambda store: list(store.mentions()),
    "ix_layers_brand": lambda store: store.layers(["Acme"]),
    "ix_mentions_sketch": lambda store: judge_one(store),
    "ix_mentions_incident": lambda store: store.card(store.incidents()[0].id),
}


@pytest.mark.parametrize("index", QUESTIONS)
def test_a_question_is_answered_from_its_index(scene: Scene, index: str) -> None:
    scene.tell("1")
    scene.poll(mention("2"))
    with overheard(scene.store) as said:
        QUESTIONS[index](scene.store)
    plans = [plan(scene.store, *one) for one in said]
    assert any(index in steps for steps in plans), plans


def test_the_stories_are_searched_before_the_brand_is_locked(scene: Scene) -> None:
    scene.tell("1")
    scene.poll(mention("2"))
    with overheard(scene.store) as said:
        judge_one(scene.store)
    locked = next(n for n, (statement, _) in enumerate(said) if "FROM brands" in statement)
    first, *stories = (n for n, (text, _) in enumerate(said) if "mentions.sketch" in text[:60])
    assert first < locked < stories[0]
    assert "mentions.id >=" in said[stories[0]][0], "then only what was judged meanwhile"
    assert "ix_mentions_due" in plan(scene.store, *said[first - 1])


def test_no_claim_of_a_page_reads_the_whole_table(scene: Scene) -> None:
    scene.put_off("1")
    with overheard(scene.store) as said:
        (page,) = scene.store.claim_pages(NOON, LEASE, 4)
        scene.put_off("1", "2")
        scene.store.settle_unread(page, BUSY, NOON, LEASE)
        scene.store.settle_read(page, [], NOON)
    for one in said:
        steps = "" if one[0].startswith("INSERT") else plan(scene.store, *one)
        read = re.search(r"(SCAN|Seq Scan on) (pages|mentions)(?! USING)", steps)
        assert not read, (one, steps)


def test_the_digest_reads_nothing_but_its_index(scene: Scene) -> None:
    scene.tell("1")
    with overheard(scene.store) as said:
        scene.store.digest_rows("Acme", NOON, at(1))
    (steps,) = (plan(scene.store, *one) for one in said)
    assert ("COVERING INDEX" if scene.store.path else "Index Only Scan") in steps


def test_a_page_of_one_brand_goes_on_from_its_index(scene: Scene) -> None:
    scene.tell("1")
    with overheard(scene.store) as said:
        list(scene.store.mentions(brand="Acme", since=NOON))
    (steps,) = (plan(scene.store, *one) for one in said)
    assert "ix_mentions_digest" in steps
