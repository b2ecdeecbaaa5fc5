"""Thirty simulated days of the real pipeline against feeds, comments and pages that fail: no rule
of etiquette is broken, no item is missed, and what was hidden or refused is told as what it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.standins.cast import FAILING, FORBIDDEN, LOST_PAGE, MISSING, cast
from tests.standins.etiquette import score, told
from tests.standins.manners import DAY, MINUTE
from tests.standins.month import Month
from tests.standins.scripted import START

DAYS = 30
RESTARTS = [(1.3, 0.0), (7.77, 0.01), (13.2, 30.0), (19.5, 0.1), (25.1, 3.0)]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    month = Month(tmp_path_factory.mktemp("month"), cast(seed=4), RESTARTS)
    began = time.monotonic()
    with month.sites, capture_logs() as logs:
        month.run(DAYS)
    assert {line["event"] for line in logs}.isdisjoint({"job_failed", "source_fault", "page_fault"})
    print(f"{DAYS} days, {len(month.sites.log)} requests in {time.monotonic() - began:.0f} s")
    yield month
    month.close()


def test_no_rule_of_etiquette_is_broken(month: Month) -> None:
    found = score(month.sites.log, month.known)
    assert found == [], told(found)


def test_every_shown_item_that_names_the_brand_is_kept_once(month: Month) -> None:
    shown = month.shown()
    assert month.kept() == shown
    assert shown.total() > 200


def test_comments_are_followed_through_failures_and_given_up_in_the_end(month: Month) -> None:
    asked = Counter((e.address, e.status) for e in month.sites.log)
    for address, feed in month.cast.comments.items():
        named = {item.key for item in feed.items if "Acme" in item.text}
        lost = MISSING in address
        assert named & month.kept().keys() == (set() if lost else named)
        assert (asked[address, 404] > 10) == lost
        assert (asked[address, 500] > 5) == (FAILING in address)
    missing = [e.at for e in month.sites.log if MISSING in e.address]
    assert 13 * DAY < missing[-1] - missing[0] < 16 * DAY


def test_pages_behind_teasers_are_read_where_robots_txt_allows(month: Month) -> None:
    unread = month.cast.pages.keys() - month.read()
    assert {address for address in unread if FORBIDDEN not in address} == {LOST_PAGE}
    assert len(month.read()) > 7


def test_gaps_are_told_where_the_server_made_them_and_nowhere_else(month: Month) -> None:
    made = [(name, *gap) for name, witness in month.witnesses.items() for gap in witness.gaps]
    found = month.store.gaps(START, START + DAYS * DAY)
    assert [name for name, *_ in found] == sorted(name for name, *_ in made)
    for (_, *times), (_, *real) in zip(found, sorted(made), strict=True):
        assert all(abs(a - b) < MINUTE for a, b in zip(times, real, strict=True))
    assert set(month.cast.gaps) <= {name for name, *_ in made}


def test_what_is_refused_failing_or_gone_is_told_so(month: Month) -> None:
    assert month.wrong == []
    now = START + DAYS * DAY
    states = {s.source: s for s in month.store.overview(now).sources}
    conditions = {name: state.condition(now) for name, state in states.items()}
    assert (conditions["gone"], conditions["quick"]) == ("parked", "parked")
    assert conditions["walled"] == "blocked"
    assert states["walled"].blind_hours(now) > timedelta(days=10) / timedelta(hours=1)
    assert conditions["slow"] == "quiet"
    assert {conditions[name] for name in ("burst", "moving", "two", "one")} == {"ok"}
