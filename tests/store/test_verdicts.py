"""Mentions: claiming them, keeping verdicts, opening and joining incidents, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.domain import Incident
from monitor.store import StoreError
from monitor.store.verdicts import OLD, THREADS
from tests.store.scene import (
    BAD,
    BLOG,
    GOOD,
    LEASE,
    MINUTE,
    NOON,
    WINDOW,
    Scene,
    at,
    mention,
    none_of,
    verdict,
)


def test_a_claimed_mention_is_what_was_found(scene: Scene) -> None:
    found = mention(
        "1",
        title="Broken",
        author="ana",
        published_at=at(-90),
        rating=0.25,
        parent="0",
        thread_title="Acme shoes",
        reach=12,
    )
    scene.poll(replace(found, own=True))
    claimed = scene.claim_one(at(1))
    assert claimed.mention == replace(found, own=True)
    assert (claimed.tries, claimed.quiet, claimed.seen_at) == (1, False, NOON)


def test_mentions_are_claimed_oldest_first_up_to_the_limit(scene: Scene) -> None:
    scene.poll(mention("1"), mention("2"))
    scene.poll(mention("3"), now=at(1))
    first = scene.store.claim_mentions(at(2), LEASE, 2)
    rest = scene.store.claim_mentions(at(2), LEASE, 2)
    assert [[c.mention.post.external_id for c in part] for part in (first, rest)] == [
        ["1", "2"],
        ["3"],
    ]
    assert scene.store.claim_mentions(at(2), LEASE, 2) == []


def test_a_verdict_is_kept_whole(scene: Scene) -> None:
    scene.poll(mention("1"))
    score = replace(BAD, complaint=None, scored=False, lang="pl")
    assert scene.settle(scene.claim_one(), verdict("digest", score)) == "digest"
    (judged,) = scene.store.mentions()
    assert judged.score == score
    assert (judged.action, judged.reason, judged.topic) == ("digest", "complaint .91", "delivery")
    assert (judged.severity, judged.label, judged.incident) == ("normal", "negative", None)
    assert scene.store.claim_mentions(at(9999), LEASE, 9) == [], "a judged mention is done"


def test_what_is_not_told_opens_nothing(scene: Scene) -> None:
    for key, action in (("1", "digest"), ("2", "ignored")):
        scene.poll(mention(key))
        assert scene.settle(scene.claim_one(), verdict(action)) == action  # type: ignore[arg-type]
    assert scene.store.incidents() == []
    assert scene.store.claim_delivery(at(9999), LEASE) is None


def test_a_quiet_mention_is_stored_but_never_told(scene: Scene) -> None:
    scene.poll(mention("1"), quiet=True)
    assert scene.settle(scene.claim_one()) == "digest"
    (judged,) = scene.store.mentions()
    assert (judged.action, judged.reason) == ("digest", OLD)
    assert scene.store.incidents() == []


def test_a_quiet_mention_that_is_not_told_keeps_its_own_reason(scene: Scene) -> None:
    scene.poll(mention("1"), quiet=True)
    assert scene.settle(scene.claim_one(), verdict("ignored")) == "ignored"
    assert next(scene.store.mentions()).reason == "complaint .91"


def test_the_first_complaint_opens_an_incident(scene: Scene) -> None:
    assert scene.tell("1", said=verdict(severity="high")) == "alerted"
    (incident,) = scene.store.incidents()
    assert incident.id.startswith("INC-")
    assert len(incident.id) == 12
    assert (incident.brand, incident.topic, incident.state) == ("Acme", "delivery", "open")
    assert (incident.severity, incident.reason, incident.posts) == ("high", "complaint .91", 1)
    assert incident.opened_at == incident.last_at == NOON
    assert next(scene.store.mentions()).incident == incident.id


def test_the_next_one_joins_and_the_incident_grows(scene: Scene) -> None:
    scene.tell("1", said=verdict(severity="high"))
    assert scene.tell("2", at(5), said=verdict(severity="normal")) == "attached"
    (incident,) = scene.store.incidents()
    assert (incident.posts, incident.last_at, incident.severity) == (2, at(5), "high")
    assert scene.tell("3", at(6), said=verdict(severity="critical")) == "attached"
    assert scene.store.incidents()[0].severity == "critical"


def test_join_is_asked_with_the_open_incidents_of_the_brand_newest_first(scene: Scene) -> None:
    scene.tell("1", join=none_of)
    scene.tell("2", at(1), join=none_of)
    asked: list[Sequence[Incident]] = []

    def join(incidents: Sequence[Incident]) -> str:
        asked.append(incidents)
        return incidents[1].id

    assert scene.tell("3", at(2), join=join) == "attached"
    assert [i.last_at for i in asked[0]] == [at(1), NOON]
    assert {i.last_at: i.posts for i in scene.store.incidents()} == {at(2): 2, at(1): 1}


def test_an_incident_that_was_quiet_too_long_takes_no_new_member(scene: Scene) -> None:
    scene.tell("1")
    assert scene.tell("2", NOON + WINDOW) == "attached"
    assert scene.tell("3", NOON + 2 * WINDOW + MINUTE) == "alerted"


def test_a_closed_incident_takes_no_new_member(scene: Scene) -> None:
    scene.tell("1")
    scene.store.close_quiet(at(1), at(1))
    assert scene.tell("2", at(2)) == "alerted"


def test_the_incidents_of_another_brand_are_not_offered(scene: Scene) -> None:
    scene.store.sync([BLOG], ["Acme", "Bolt"], NOON)
    scene.tell("1")
    scene.poll(mention("2", "Bolt"))
    assert scene.settle(scene.claim_one()) == "alerted"


def test_an_incident_remembers_where_its_newest_members_stand(scene: Scene) -> None:
    scene.poll(*(mention(str(n)) for n in range(THREADS + 5)), mention("r", parent="204"))
    for claimed in scene.store.claim_mentions(NOON, LEASE, 999):
        scene.settle(claimed)
    (incident,) = scene.store.incidents()
    assert incident.threads == {f"blog:{n}" for n in range(5, THREADS + 5)}


def test_a_worker_whose_lease_ran_out_changes_nothing(scene: Scene) -> None:
    scene.poll(mention("1"))
    late = scene.claim_one()
    new = scene.claim_one(NOON + LEASE)
    assert scene.settle(late) == "ignored", "undecided as yet"
    scene.store.settle_unjudged(late, "late", NOON, MINUTE)
    assert scene.store.incidents() == []
    assert next(scene.store.mentions()).error == ""
    assert scene.settle(new, verdict("digest"), now=at(3)) == "digest"
    assert scene.settle(late) == "digest", "what the other worker decided"
    assert scene.store.incidents() == []


def test_a_verdict_is_settled_once(scene: Scene) -> None:
    scene.poll(mention("1"))
    claimed = scene.claim_one()
    assert scene.settle(claimed) == "alerted"
    assert scene.settle(claimed) == "alerted"
    assert [i.posts for i in scene.store.incidents()] == [1]


def test_a_fault_in_join_keeps_nothing_of_the_verdict(scene: Scene) -> None:
    def join(_incidents: Sequence[Incident]) -> str:
        raise ZeroDivisionError

    scene.poll(mention("1"))
    with pytest.raises(ZeroDivisionError):
        scene.settle(scene.claim_one(), join=join)
    assert next(scene.store.mentions()).action is None
    assert scene.settle(scene.claim_one(NOON + LEASE), now=at(3)) == "alerted"


def test_a_mention_that_cannot_be_judged_is_given_up_after_five_tries(scene: Scene) -> None:
    scene.poll(mention("1"))
    for attempt in range(5):
        scene.store.settle_unjudged(scene.claim_one(at(attempt)), "ValueError", at(attempt), MINUTE)
    assert scene.store.claim_mentions(at(9999), LEASE, 1) == []
    (dead,) = scene.store.mentions()
    assert (dead.score, dead.action, dead.label, dead.error) == (None, None, None, "ValueError")
    overview = scene.store.overview(at(5))
    assert (overview.waiting, overview.dead) == (0, 1)


def test_the_error_of_a_mention_goes_once_it_is_judged(scene: Scene) -> None:
    scene.poll(mention("1"))
    scene.store.settle_unjudged(scene.claim_one(), "ValueError", NOON, MINUTE)
    scene.settle(scene.claim_one(at(1)), now=at(1))
    assert next(scene.store.mentions()).error == ""


def test_a_persons_sentiment_counts_more_than_the_models_and_the_newest_most(scene: Scene) -> None:
    scene.tell("1")
    (judged,) = scene.store.mentions()
    for value in ("neutral", "positive"):
        scene.store.label(judged.id, "sentiment", value, "ana", at(1))
    (judged,) = scene.store.mentions()
    assert judged.label == "positive"
    assert judged.score is not None
    assert judged.score.label == "negative"
    assert [m.id for m in scene.store.mentions(label="positive")] == [judged.id]
    assert list(scene.store.mentions(label="negative")) == []


def test_a_label_given_before_the_verdict_stays(scene: Scene) -> None:
    scene.poll(mention("1"))
    claimed = scene.claim_one()
    scene.store.label(claimed.id, "sentiment", "neutral", "ana", NOON)
    scene.settle(claimed, verdict("digest", GOOD))
    assert next(scene.store.mentions()).label == "neutral"


def test_other_labels_leave_the_sentiment_alone(scene: Scene) -> None:
    scene.tell("1")
    (judged,) = scene.store.mentions()
    scene.store.label(judged.id, "complaint", "no-complaint", "ana", at(1))
    scene.store.label(judged.id, "relevance", "not-us", "ana", at(1))
    assert next(scene.store.mentions()).label == "negative"


@pytest.mark.parametrize(
    ("mention_id", "value", "said"),
    [(999, "neutral", "no mention 999"), (1, "angry", 'no sentiment "angry"; known are: negative')],
)
def test_a_wrong_label_is_refused(scene: Scene, mention_id: int, value: str, said: str) -> None:
    scene.tell("1")
    with pytest.raises(StoreError, match=said):
        scene.store.label(mention_id, "sentiment", value, "ana", NOON)
