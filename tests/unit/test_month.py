"""Thirty simulated days of the real pipeline against feeds that fail: no rule of etiquette is
broken, no item is missed, and what was hidden or refused is told as what it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.standins.etiquette import Known, score, told
from tests.standins.manners import DAY, MINUTE
from tests.standins.month import Month, cast
from tests.standins.scripted import START

DAYS = 30
RESTARTS = [(1.3, 0.0), (7.77, 0.01), (13.2, 30.0), (19.5, 0.1), (25.1, 3.0)]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    month = Month(tmp_path_factory.mktemp("month"), cast(seed=4), RESTARTS)
    began = time.monotonic()
    with month.sites, capture_logs():
        month.run(DAYS)
    print(f"{DAYS} days, {len(month.sites.log)} requests in {time.monotonic() - began:.0f} s")
    yield month
    month.store.close()


def test_no_rule_of_etiquette_is_broken(month: Month) -> None:
    feeds = month.cast.feeds
    consent = {feed.address: month.cast.every.get(name) for name, feed in feeds.items()}
    found = score(month.sites.log, Known(consent, restarts=month.restarts))
    assert found == [], told(found)


def test_every_shown_item_that_names_the_brand_is_kept_once(month: Month) -> None:
    shown = {name: Counter(seen.shown) for name, seen in month.witnesses.items() if seen.shown}
    assert month.kept() == shown
    assert sum(len(items) for items in shown.values()) > 200


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
    assert conditions["gone"] == "parked"
    assert conditions["walled"] == "blocked"
    assert states["walled"].blind_hours(now) > timedelta(days=10) / timedelta(hours=1)
    assert conditions["slow"] == "quiet"
    assert {conditions[name] for name in ("burst", "moving", "quick", "one")} == {"ok"}
