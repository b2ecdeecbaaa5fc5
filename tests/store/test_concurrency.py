"""Several workers on one database: nobody takes another's row, no update is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TypeVar

import pytest
from sqlalchemy import select, update

from monitor.domain import Incident
from monitor.store import SourceSpec, Store, open_store
from monitor.store.subscriptions import subscribe
from monitor.store.tables import sources
from tests.store.scene import LEASE, NOON, Scene, mention, newest, none_of

T = TypeVar("T")
WORKERS = 4
ROWS = 60


@pytest.fixture
def workers(url: str) -> Iterator[list[Store]]:
    """Stores that share nothing but the database, as processes do."""
    with ExitStack() as open_stores:
        yield [open_stores.enter_context(closing(open_store(url))) for _ in range(WORKERS)]


def all_at_once(work: Callable[[Store], T], workers: Sequence[Store]) -> list[T]:
    start = threading.Barrier(len(workers))

    def run(store: Store) -> T:
        start.wait()
        return work(store)

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(run, workers))


def claim_sources(store: Store) -> list[str]:
    claims = iter(lambda: store.claim_sources(NOON, LEASE, 1), [])
    return [state.source for (state,) in claims]


def claim_mentions(store: Store) -> list[int]:
    chunks = iter(lambda: store.claim_mentions(NOON, LEASE, 7), [])
    return [claimed.id for chunk in chunks for claimed in chunk]


def claim_deliveries(store: Store) -> list[str]:
    return [due.key for due in iter(lambda: store.claim_delivery(NOON, LEASE), None)]


def claim_subscriptions(store: Store) -> list[str]:
    return [due.source for due in iter(lambda: store.claim_subscription(NOON, LEASE), None)]


@pytest.mark.parametrize(
    "claim", [claim_sources, claim_mentions, claim_deliveries, claim_subscriptions]
)
def test_no_two_workers_take_one_row(
    scene: Scene, workers: list[Store], claim: Callable[[Store], list[object]]
) -> None:
    scene.poll(*(mention(str(n)) for n in range(ROWS)))
    scene.store.sync([SourceSpec(str(n), "feed", "") for n in range(ROWS)], [], NOON)
    for n in range(ROWS):
        scene.store.enqueue_digest(f"digest:{n}", "email:a", "Acme", "{}", NOON)
    with scene.store._database.write() as tx:
        for n in range(ROWS):
            subscribe(tx, str(n), "https://hub.example/", "https://blog.example/feed", NOON)
    taken = [row for rows in all_at_once(claim, workers) for row in rows]
    assert len(taken) == ROWS
    assert len(set(taken)) == ROWS


def test_one_cause_seen_by_several_workers_is_one_incident(
    scene: Scene, workers: list[Store]
) -> None:
    scene.poll(*(mention(str(n)) for n in range(WORKERS)))
    waiting = scene.store.claim_mentions(NOON, LEASE, WORKERS)

    def slowly(incidents: Sequence[Incident]) -> str | None:
        time.sleep(0.05)  # long enough for the others to come as far
        return newest(incidents)

    def judge(store: Store) -> str:
        worker = Scene(store)
        return worker.settle(waiting[workers.index(store)], join=slowly)

    done = all_at_once(judge, workers)
    assert sorted(done) == ["alerted"] + ["attached"] * (WORKERS - 1)
    (incident,) = scene.store.incidents()
    assert incident.posts == WORKERS
    assert len(claim_deliveries(scene.store)) == 1


def test_members_of_one_incident_settled_at_once_are_all_counted(
    scene: Scene, workers: list[Store]
) -> None:
    scene.tell("first")
    scene.send()
    scene.poll(*(mention(str(n)) for n in range(ROWS)))

    def judge(store: Store) -> None:
        worker = Scene(store)
        while waiting := store.claim_mentions(NOON, LEASE, 3):
            for claimed in waiting:
                worker.settle(claimed)

    all_at_once(judge, workers)
    (incident,) = scene.store.incidents()
    assert incident.posts == ROWS + 1
    assert scene.send(NOON + LEASE * 99).seq == ROWS


def test_incidents_told_at_once_to_the_same_channels_do_not_deadlock(
    scene: Scene, workers: list[Store]
) -> None:
    scene.poll(*(mention(str(n)) for n in range(WORKERS)))
    waiting = scene.store.claim_mentions(NOON, LEASE, WORKERS)
    targets = [f"slack:#{n}" for n in range(9)]

    def judge(store: Store) -> str:
        number = workers.index(store)
        ordered = targets[:: 1 if number % 2 else -1]
        return Scene(store).settle(waiting[number], join=none_of, targets=ordered)

    assert all_at_once(judge, workers) == ["alerted"] * WORKERS
    assert len(claim_deliveries(scene.store)) == WORKERS * len(targets)


def test_a_value_read_in_order_to_be_written_is_never_lost(
    scene: Scene, workers: list[Store]
) -> None:
    read = select(sources.c.rejected).where(sources.c.name == "blog").with_for_update()

    def count(store: Store) -> None:
        for _ in range(25):
            with store._database.write() as tx:
                seen = tx.scalar(read) or 0
                tx.execute(update(sources).values(rejected=seen + 1))

    all_at_once(count, workers)
    assert scene.claim_source().rejected == WORKERS * 25


def test_threads_of_one_store_take_turns(scene: Scene) -> None:
    scene.poll(*(mention(str(n)) for n in range(ROWS)))
    taken = all_at_once(claim_mentions, [scene.store] * WORKERS)
    assert len({row for rows in taken for row in rows}) == sum(map(len, taken)) == ROWS
