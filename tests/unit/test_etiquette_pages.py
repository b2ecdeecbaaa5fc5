"""The scorer of manners on comments that are followed and pages that are read behind teasers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.standins.etiquette import told
from tests.standins.scripted import START, Clock
from tests.standins.sites import Feed, Item, Sites, status
from tests.unit.asking import DAY, HOUR, MINUTE, PAGE, Client, page

COMMENTS, OTHER = "blog.example/1/comments", "blog.example/other"


@pytest.fixture
def client() -> Iterator[Client]:
    clock = Clock()
    with Sites(clock, {}) as sites:
        client = Client(clock, sites, comments=[COMMENTS])
        sites.routes[COMMENTS] = Feed(COMMENTS, [Item("c", START + HOUR, "Me too")])
        yield client


def says(client: Client, what: str) -> bool:
    return len(client.found()) == 1 and what in told(client.found())


def test_comments_may_be_asked_for_often_while_people_write(client: Client) -> None:
    for _ in range(3):
        client.get(COMMENTS, after=5 * MINUTE)
    client.get(COMMENTS, after=DAY)
    client.get(COMMENTS, after=2 * HOUR)
    assert client.found() == [], told(client.found())


def test_quiet_comments_are_asked_for_less_often(client: Client) -> None:
    client.get(COMMENTS)
    client.get(COMMENTS, after=DAY)
    client.get(COMMENTS, after=HOUR)
    assert says(client, "rule  3"), told(client.found())


def test_failing_comments_are_asked_for_no_oftener(client: Client) -> None:
    client.get(COMMENTS)
    client.sites.routes[COMMENTS] = status(500)
    client.get(COMMENTS, after=DAY)
    client.get(COMMENTS, after=HOUR)
    assert says(client, "rule  3"), told(client.found())


def test_comments_are_left_alone_when_nobody_has_written_for_two_weeks(client: Client) -> None:
    client.get(COMMENTS)
    client.get(COMMENTS, after=15 * DAY)
    client.get(COMMENTS, after=DAY)
    assert says(client, "rule  3"), told(client.found())


def test_a_page_is_read_once(client: Client) -> None:
    page(client, every=MINUTE, once=True)
    client.get(PAGE, after=MINUTE, validators={})
    client.get(PAGE, after=DAY - 2 * MINUTE, validators={})
    assert says(client, "read already"), told(client.found())


def test_a_page_that_failed_may_be_asked_for_again(client: Client) -> None:
    page(client, every=MINUTE, once=True)
    answer = client.sites.routes[PAGE]
    client.sites.routes[PAGE] = status(500)
    client.get(PAGE, after=MINUTE, validators={})
    client.sites.routes[PAGE] = answer
    client.get(PAGE, after=MINUTE, validators={})
    assert client.found() == [], told(client.found())


def test_a_crawl_delay_is_kept_between_pages(client: Client) -> None:
    client.crawl_delay["blog.example"] = timedelta(seconds=5)
    page(client)
    client.pages[OTHER] = client.pages[PAGE]
    client.get(PAGE, after=MINUTE, validators={})
    client.get(OTHER, after=timedelta(seconds=4), validators={})
    assert says(client, "0:00:04 after another page"), told(client.found())


def test_robots_txt_holds_for_a_day(client: Client) -> None:
    page(client)
    client.get("blog.example/robots.txt", after=23 * HOUR, validators={})
    assert says(client, "robots.txt again after 23:00:00"), told(client.found())


def test_robots_txt_may_be_asked_for_again_after_a_restart(client: Client) -> None:
    page(client)
    client.restarts.append(client.clock() + timedelta(seconds=1))
    client.get("blog.example/robots.txt", after=MINUTE, validators={})
    assert client.found() == [], told(client.found())
