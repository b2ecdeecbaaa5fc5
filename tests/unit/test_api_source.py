"""APIs as sources: how they are set up; how a walk is bounded, broken off and taken up again."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from monitor import app
from monitor.config import Config, ConfigError, parse
from monitor.domain import Batch
from monitor.seams import Source, SourceError
from monitor.sources.hackernews import HackerNews
from tests.unit.asking_apis import NOW, Site, T

BRAND = '[[brand]]\nname = "Acme"\n'


def hits(*times: int, found: int = 0) -> dict[str, Any]:
    """An answer with a hit a time, in seconds."""
    made = [{"objectID": f"{t}", "created_at_i": t, "comment_text": "Acme"} for t in times]
    return {"hits": made, "nbHits": found or len(made)}


def poll(site: Site, cursor: str = "") -> Batch:
    return HackerNews(name="hn", kind="hackernews", fetch=site, now=lambda: NOW, query="Acme").poll(
        cursor
    )


DAY = 86_400


def test_the_first_poll_takes_one_answer_and_the_next_comes_down_to_it() -> None:
    first = poll(Site(hits(T, T - 9, found=5000)))
    assert (len(first.posts), first.gap) == (2, False)
    site = Site(hits(T + 50, T + 40, found=4), hits(T + 40, T, found=2))
    again = poll(site, first.cursor)
    assert [asked["numericFilters"] for asked in site.asked] == [
        f"created_at_i>={T - 2 * DAY}",
        f"created_at_i>={T - 2 * DAY},created_at_i<={T + 40}",
    ]
    assert [p.external_id for p in again.posts] == [f"{T + 50}", f"{T + 40}", f"{T}"]
    assert json.loads(again.cursor)["since"] == T + 50 - 2 * DAY


def test_what_one_poll_cannot_hold_comes_with_the_next() -> None:
    since = poll(Site(hits(T))).cursor
    many = [hits(T + 100 - i, found=99) for i in range(10)]
    cut = poll(Site(*many), since)
    assert (len(cut.posts), cut.gap) == (10, False)
    site = Site(hits(T + 91, T + 90))
    rest = poll(site, cut.cursor)
    assert site.asked[0]["numericFilters"].endswith(f"<={T + 91}")
    assert json.loads(rest.cursor)["since"] == T + 100 - 2 * DAY


def test_more_in_one_place_than_the_site_lists_is_a_gap() -> None:
    since = poll(Site(hits(T))).cursor
    batch = poll(Site(hits(T + 5, T + 5, found=9), hits(T + 5, T + 5, found=9)), since)
    assert batch.gap
    assert json.loads(batch.cursor) == {"since": T + 5 - 2 * DAY, "at": None, "newest": 0}


def test_an_empty_answer_forgets_nothing_and_the_future_is_not_believed() -> None:
    first = poll(Site(hits(T)))
    assert poll(Site(hits()), first.cursor).cursor == first.cursor
    odd = poll(Site(hits(T + 10**9)))
    assert json.loads(odd.cursor)["since"] == NOW.timestamp() - 2 * DAY


def test_what_fails_on_the_way_is_asked_again_from_there() -> None:
    since = poll(Site(hits(T))).cursor
    site = Site(hits(T + 9, T + 8, found=5), "no list")
    cut = poll(site, since)
    assert (len(cut.posts), cut.gap, len(site.asked)) == (2, False, 2)
    with pytest.raises(SourceError, match="is not what hackernews answers"):
        poll(Site("no list"), cut.cursor)
    rest = poll(Site(hits(T + 8, T + 7)), cut.cursor)
    assert json.loads(rest.cursor)["since"] == T + 9 - 2 * DAY


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at_i": 10**4000},
        {"created_at_i": -(10**9)},
        {"created_at_i": None},
        {"created_at_i": 1e400},
        {"objectID": None},
        {"comment_text": {"a": 1}},
        {"comment_text": "<br>"},
    ],
)
def test_a_hostile_item_is_left_out_and_leads_nowhere(odd: dict[str, Any]) -> None:
    answer = hits(T, T - 1)
    answer["hits"][0] |= odd
    batch = poll(Site(answer))
    assert ([p.external_id for p in batch.posts], len(batch.rejected)) == ([f"{T - 1}"], 1)
    assert json.loads(batch.cursor)["since"] in (T - 1 - 2 * DAY, T - 2 * DAY)
    assert len(batch.cursor) < 200


def test_more_behind_what_cannot_be_read_is_an_error() -> None:
    answer = {"hits": [{"objectID": "1"}], "nbHits": 9}
    with pytest.raises(SourceError, match="none of its items can be read"):
        poll(Site(answer), poll(Site(hits(T))).cursor)


def test_a_hostile_number_is_no_reach() -> None:
    answer = hits(T, T - 1)
    answer["hits"][0]["num_comments"], answer["hits"][1]["num_comments"] = 10**30, "many"
    assert [p.reach for p in poll(Site(answer)).posts] == [None, None]


@pytest.mark.parametrize(
    "cursor", ['{"since": "x"}', '{"newest": null}', "[]", "{}", '{"at": 1.5}']
)
def test_a_cursor_that_is_none_begins_anew(cursor: str) -> None:
    assert poll(Site(hits(T)), cursor) == poll(Site(hits(T)))


# -- set-up --------------------------------------------------------------------------------------


def config(source: str, more: str = "") -> Config:
    return parse(f'{more}{BRAND}[[source]]\nname = "here"\nkind = "hackernews"\n{source}', "m.toml")


def build(given: Config) -> Source:
    return app.source(given.source[0], app.tools(given))


def test_an_address_is_moved_by_the_kind_or_by_the_source() -> None:
    assert build(config('query = "Acme"')).url == "https://hn.algolia.com"
    moved = '[endpoints]\nhackernews = "http://127.0.0.1:9/"\n'
    there = config('query = "Acme"', moved)
    assert build(there).url == "http://127.0.0.1:9"
    own = config('query = "Acme"\nbase_url = "https://hn.example"', moved)
    assert build(own).url == "https://hn.example"
    here = config('query = "Acme"')
    prints = {app.fingerprint(c.source[0], c) for c in (here, there, own)}
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "query: missing"),
        ("query = 5", "query: give a text"),
        ('query = ""', "query: it is empty"),
        ('query = "a"\nbase_url = "ftp://x"', "base_url: give an address"),
        ('query = "a"\nbase_url = "https://me:pw@x.example"', "base_url: give an address"),
        ('query = "a"\nnow = 1', "now: unknown key"),
    ],
)
def test_wrong_keys_are_named(source: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"source 'here': {said}"):
        build(config(source))


def test_a_kind_has_a_pace_of_its_own() -> None:
    given = config('query = "Acme"')
    assert app.policy(given).every == {"here": timedelta(minutes=5)}
    wished = config('query = "Acme"\nevery = "1h"')
    assert app.policy(wished).every == {"here": timedelta(hours=1)}


def test_its_host_is_known_to_the_store(tmp_path: Path) -> None:
    given = config('query = "Acme"', f'[monitor]\ndatabase = "sqlite:///{tmp_path}/m.db"\n')
    with app.opened(given, Console()) as opened:
        opened.register()
        due = opened.store.claim_sources(app.now(), timedelta(minutes=1), 5)
        assert [state.host for state in due] == ["hn.algolia.com"]
