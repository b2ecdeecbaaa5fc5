"""Which incident a complaint joins: by thread, topic and time, and the same on every asking."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import Incident, Mention, Post
from monitor.incidents import join, thread_key

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
WINDOW = timedelta(hours=72)


def mention(external_id: str = "7", parent: str | None = None, brand: str = "Acme") -> Mention:
    post = Post("forum", "forum", external_id, "", "It is broken.", parent=parent)
    return Mention(post, brand, ())


def incident(
    name: str = "INC-1",
    topic: str = "billing",
    hours: float = 1,
    threads: tuple[str, ...] = (),
    state: str = "open",
    brand: str = "Acme",
) -> Incident:
    last = NOW - timedelta(hours=hours)
    given = (name, brand, topic, state, "normal", "complaint .9", "", 1, last, last)
    return Incident(*given, frozenset(threads))  # type: ignore[arg-type]


def joined(to: list[Incident], topic: str = "billing", parent: str | None = None) -> str | None:
    return join(mention(parent=parent), topic, to, NOW, WINDOW)


def test_a_thread_is_known_by_what_its_posts_answer() -> None:
    assert thread_key(mention("7")) == thread_key(mention("8", parent="7")) == "forum:7"


@pytest.mark.parametrize(
    ("open_one", "joins"),
    [
        (incident(), True),
        (incident(hours=72), True),
        (incident(hours=72.1), False),
        (incident(topic="delivery"), False),
        (incident(brand="Globex"), False),
        (incident(state="acknowledged"), True),
        (incident(state="resolved"), False),
        (incident(state="auto-closed"), False),
    ],
)
def test_same_brand_and_topic_within_the_window(open_one: Incident, joins: bool) -> None:
    assert joined([open_one]) == ("INC-1" if joins else None)


def test_nothing_open_means_a_new_one() -> None:
    assert joined([]) is None


def test_the_same_thread_goes_before_the_newest() -> None:
    here = incident("INC-here", hours=9, threads=("forum:1", "blog:7"))
    newest = incident("INC-new", hours=0)
    assert joined([here, newest], parent="1") == "INC-here"
    assert joined([here, newest], parent="7") == "INC-new"
    assert joined([incident("INC-old", hours=9), newest]) == "INC-new"


def test_two_of_the_same_moment_are_told_apart_by_their_ids() -> None:
    twins = [incident("INC-2"), incident("INC-3"), incident("INC-1")]
    assert {joined(order) for order in (twins, twins[::-1])} == {"INC-3"}


def test_what_has_no_topic_joins_only_in_its_thread() -> None:
    assert joined([incident(topic="other")], topic="other") is None
    here = incident(topic="billing", threads=("forum:1",))
    assert joined([incident("INC-2", topic="other"), here], topic="other", parent="1") == "INC-1"


def test_a_thread_does_not_join_two_topics() -> None:
    assert joined([incident(topic="delivery", threads=("forum:1",))], parent="1") is None


INCIDENTS = st.builds(
    incident,
    st.sampled_from(["INC-1", "INC-2", "INC-3"]),
    st.sampled_from(["billing", "other", "delivery"]),
    st.integers(0, 80),
    st.sets(st.sampled_from(["forum:1", "forum:2"])).map(tuple),
)


@settings(deadline=None)
@given(
    st.lists(INCIDENTS, max_size=6, unique_by=lambda i: i.id),
    st.sampled_from(["billing", "other"]),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_incidents_are_given_does_not_matter(
    some: list[Incident], topic: str, order: random.Random
) -> None:
    first = joined(some, topic, parent="1")
    order.shuffle(some)
    assert joined(some, topic, parent="1") == first
    chosen = [i for i in some if i.id == first]
    assert all(NOW - i.last_at <= WINDOW for i in chosen)
    assert all(i.topic == topic or "forum:1" in i.threads for i in chosen)
