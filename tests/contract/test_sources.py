"""What every kind of source promises, over real sockets, through the real fetcher.

A new kind adds one Case: what its site answers when all is well, and with one broken item.
"""

from __future__ import annotations

import json
import re
import traceback
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from monitor.domain import Batch
from monitor.http import PoliteFetcher
from monitor.seams import Source, SourceError
from monitor.sources import KINDS
from tests.standins.web import (
    Answer,
    Reply,
    Route,
    Web,
    conditional,
    cut_off,
    drip,
    flood,
    gzip_bomb,
    packed,
    redirect,
    slow_down,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
FEEDS, REVIEWS = FIXTURES / "feed", FIXTURES / "review"
NOW = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
CANARY = "c4n4ry"  #: a secret in the source's address
PATH = "/place"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Case:
    """One kind, and what its site says."""

    good: bytes
    ids: tuple[str, ...]  #: of the posts in ``good``
    broken: bytes  #: ``good`` with one more item, which is unreadable
    changed: bytes  #: ``good`` as it reads later
    content_type: str = "application/rss+xml; charset=utf-8"
    options: Mapping[str, object] = field(default_factory=dict)  #: the source's own keys
    family: str = ""  #: of its posts, where it is not the kind itself
    last: str = ""  #: in the address of a request for what is behind ``good`` ...
    end: bytes = b""  #: ... and what is answered then
    later: tuple[str, ...] = ()  #: ids of what is new in ``changed``, if an edit is nothing new
    also: Mapping[str, Route] = field(default_factory=dict)  #: further routes of its site

    @property
    def is_api(self) -> bool:
        return self.content_type == JSON

    @property
    def path(self) -> str:
        """The route that the site answers at."""
        return "*" if self.is_api else PATH

    def reply(self, body: bytes = b"") -> Route:
        """The answer, and behind it an empty one where a walk goes on."""
        head = {"Content-Type": self.content_type}
        answer, nothing = Reply(body or self.good, headers=head), Reply(self.end, headers=head)
        return lambda seen: nothing if self.last and self.last in seen.target else answer


def feed_case(name: str, ids: tuple[str, ...], bad_item: bytes = b"<item/>") -> Case:
    good = (FEEDS / name).read_bytes()
    head, item, rest = good.partition(b"<item>" if b"<item>" in good else b"<entry>")
    broken = head + bad_item + item + rest
    return Case(good, ids, broken, good.replace(b"</title>", b"!</title>"))


def review_case(name: str, ids: tuple[str, ...]) -> Case:
    good = (REVIEWS / name).read_bytes()
    broken = good.replace(b'"review": [', b'"review": [{"@type": "Review"}, ')
    changed = good.replace(b"</title>", b"!</title>")
    return Case(good, ids, broken, changed, "text/html; charset=utf-8")


def api_case(
    path: str,
    ids: tuple[str, ...],
    *,
    items: str = "",
    family: str = "",
    last: str = "",
    **options: object,
) -> Case:
    """``items``: the key that the items of an answer stand under; "": it is a list."""
    good = (FIXTURES / path).read_bytes()
    bad = [{"id": None}]
    answer = json.loads(good)
    broken = {**answer, items: bad + answer[items]} if items else bad + answer
    changed = good.replace(b"support", b"nobody")
    assert changed != good
    end = json.dumps({items: []} if items else []).encode()
    return Case(good, ids, json.dumps(broken).encode(), changed, JSON, options, family, last, end)


def reddit_case() -> Case:
    good = (FIXTURES / "reddit/new.json").read_bytes()
    broken = good.replace(b'"children": [', b'"children": [{"kind": "t3", "data": {"id": null}},')
    changed = good.replace(b"1oz1a2b", b"1oz1a2c").replace(b"k3yrfii", b"k3yrfij")
    token = '{"access_token": "t", "token_type": "bearer", "expires_in": 86400, "scope": "*"}'
    keys = {"domain": "shop.example", "user_agent": "linux:test:1 (by /u/test)"}
    ids, later = ("t3_1oz1a2b", "t1_k3yrfii"), ("t3_1oz1a2c", "t1_k3yrfij")
    also = {"/api/v1/access_token": token}
    return Case(good, ids, broken, changed, JSON, keys, later=later, also=also)


CASES: Mapping[str, Case] = {
    "feed": feed_case("rss2.xml", ("kettle-101", "https://kettle.example/2026/bread/")),
    "comments": feed_case("comments.xml", ("https://kettle.example/?p=101#comment-12",)),
    "forum": feed_case(
        "forum.xml", ("https://forum.example/viewtopic.php?p=55#p55",), b"<entry></entry>"
    ),
    "review": review_case(
        "product.html",
        (
            "https://shop.example/p/zephyr/#review-77",
            "https://shop.example/p/zephyr/#review-71",
        ),
    ),
    "hackernews": api_case(
        "hackernews/search.json", ("46000001", "45990001"), items="hits", query="zephyr"
    ),
    "stackexchange": api_case(
        "stackexchange/excerpts.json",
        ("79100348", "79100316"),
        items="items",
        family="forum",
        query="zephyr",
    ),
    "discourse": api_case(
        "discourse/posts.json", ("29", "27"), items="latest_posts", family="forum", last="before="
    ),
    "lemmy": api_case(
        "lemmy/search.json",
        ("https://origin.example/comment/77", "https://other.example/post/6"),
        items="comments",
        family="forum",
        query="zephyr",
    ),
    "mastodon": api_case(
        "mastodon/tag.json",
        ("115556900000000002", "115556800000000001"),
        family="social",
        last="min_id=115556900000000002",
        tags=["zephyr"],
    ),
    "github": api_case(
        "github/search.json",
        ("kettle/plugin/issues/12", "other/tool/issues/7"),
        items="items",
        family="forum",
        query="zephyr",
    ),
    "reddit": reddit_case(),
}


def test_every_kind_has_a_case() -> None:
    assert CASES.keys() == KINDS.keys()


@pytest.fixture(params=sorted(CASES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(kind: str) -> Case:
    return CASES[kind]


@pytest.fixture
def web(case: Case) -> Iterator[Web]:
    with Web({case.path: case.reply(), **case.also}) as served:
        yield served


@pytest.fixture
def build(kind: str, case: Case, web: Web) -> Callable[[], Source]:
    """Makes the source anew, with a fetcher that remembers no site's wishes."""

    def source() -> Source:
        fetch = PoliteFetcher(
            user_agent="test/1",
            now=lambda: NOW,
            allow_private=[ip_network("127.0.0.0/8")],
            min_gap=timedelta(),
            deadline=timedelta(seconds=0.5),
            max_bytes=1_000_000,
        )
        if not case.is_api:
            url = web.url(f"{PATH}?token={CANARY}")
            return KINDS[kind](name="here", kind=kind, fetch=fetch, url=url)
        keys = {k.name for k in fields(KINDS[kind]) if k.metadata.get("secret")}
        given: dict[str, Any] = dict.fromkeys(keys, CANARY) | dict(case.options)
        bases = {"base_url", "reddit_oauth", "reddit_www"} & {k.name for k in fields(KINDS[kind])}
        given |= dict.fromkeys(bases, web.url("").rstrip("/"))
        return KINDS[kind](name="here", kind=kind, fetch=fetch, now=lambda: NOW, **given)

    return source


@pytest.fixture
def source(build: Callable[[], Source]) -> Source:
    return build()


# -- posts and cursors ---------------------------------------------------------------------------


def test_posts_are_what_the_domain_asks(case: Case, kind: str, source: Source) -> None:
    batch = source.poll("")
    assert tuple(p.external_id for p in batch.posts) == case.ids
    assert (batch.gap, batch.rejected) == (False, ())
    for post in batch.posts:
        assert (post.source, post.kind) == ("here", case.family or kind)
        assert post.url.startswith(("http://", "https://"))
        for text in (post.title, post.text, post.author, post.thread_title):
            assert unicodedata.is_normalized("NFC", text)
            assert not re.search("</?[a-z]", text)
        assert post.title or post.thread_title or case.family == "social"
        assert post.text
        assert post.published_at is None or post.published_at.utcoffset() == timedelta()


def test_polling_twice_with_one_cursor_gives_the_same(case: Case, source: Source, web: Web) -> None:
    first = source.poll("")
    assert source.poll("") == first
    web.routes[case.path] = case.reply(case.changed)
    later = source.poll(first.cursor)
    assert later.posts
    assert source.poll(first.cursor) == later


def test_what_did_not_change_brings_nothing(case: Case, source: Source) -> None:
    """Nothing but the overlap, where there is one."""
    first = source.poll("")
    again = source.poll(first.cursor)
    assert (again.gap, again.cursor) == (False, first.cursor)
    assert set(again.posts) <= set(first.posts if case.is_api else ())


def test_a_broken_item_spoils_only_itself(case: Case, source: Source, web: Web) -> None:
    web.routes[case.path] = case.reply(case.broken)
    batch = source.poll("")
    assert tuple(p.external_id for p in batch.posts) == case.ids
    assert len(batch.rejected) == 1


@pytest.mark.parametrize("kind", [k for k in CASES if k != "reddit"], indirect=True)
def test_a_site_that_compresses_or_redirects_is_read(case: Case, source: Source, web: Web) -> None:
    web.routes["/new"] = packed(case.good)
    web.routes[case.path] = redirect("/new", 301)
    assert tuple(p.external_id for p in source.poll("").posts) == case.ids


@pytest.mark.parametrize("kind", [k for k, c in CASES.items() if not c.is_api], indirect=True)
def test_validators_go_back_byte_for_byte(case: Case, source: Source, web: Web) -> None:
    etag, modified = 'W/"a\xe4 , \\b"', "Mon, 9 Nov 2026 7:00:00 +0000"
    web.routes[case.path] = conditional(case.good, etag=etag, modified=modified)
    cursor = source.poll("").cursor
    assert source.poll(cursor).posts == ()
    asked = web.seen[-1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == (etag, modified)


def test_a_cursor_of_another_version_is_as_good_as_none(source: Source) -> None:
    assert source.poll('{"unheard": "of"}') == source.poll("") == source.poll("no json")


def test_a_cursor_is_small_whatever_the_site_says(case: Case, source: Source, web: Web) -> None:
    for each in ('"' * 2000, "\xff" * 2048, "x" * 5000):
        headers = {"ETag": each, "Last-Modified": each}
        web.routes[case.path] = Reply(case.good, headers=headers)
        assert len(source.poll("").cursor.encode()) <= 8192


# -- failures ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    answer: Answer | Callable[[object], Answer]
    blocked: bool = False
    permanent: bool = False
    retry_after: timedelta | None = None
    but: Collection[str] = ()  #: kinds that are not blocked by it: they read pages


TROUBLES: Mapping[str, Trouble] = {
    "401": Trouble(Reply("no", 401), blocked=True),
    "403": Trouble(Reply("no", 403), blocked=True),
    "404": Trouble(Reply("no", 404)),
    "410": Trouble(Reply("no", 410), permanent=True),
    "429": Trouble(slow_down(), blocked=True, retry_after=timedelta(minutes=1)),
    "429 in seconds": Trouble(slow_down("120"), blocked=True, retry_after=timedelta(minutes=2)),
    "429 as a date": Trouble(
        slow_down("Mon, 16 Nov 2026 12:30:00 GMT"),
        blocked=True,
        retry_after=timedelta(minutes=30),
    ),
    "500": Trouble(Reply("oh", 500)),
    "503": Trouble(slow_down("60", 503), retry_after=timedelta(minutes=1)),
    "304 unasked": Trouble(Reply(b"", 304)),
    "empty": Trouble(b""),
    "text": Trouble("Hello."),
    "page": Trouble((FEEDS / "page.html").read_bytes(), blocked=True, but={"review"}),
    "login": Trouble((FEEDS / "login.html").read_bytes(), blocked=True),
    "drip": Trouble(drip()),
    "cut off": Trouble(cut_off("<rss><channel>")),
    "not begun": Trouble("<rss><channel><title>breaks"),
    "not http": Trouble(Reply(raw=b"\x00\x01\x02\r\n\r\n")),
    "half": Trouble('{"items": [{"id": "4'),
    "json": Trouble('{"items": 4, "hits": {}}'),
    "number": Trouble("4"),
    "nested": Trouble("[" * 100_000),
    "bomb": Trouble(gzip_bomb(50)),
    "flood": Trouble(flood(50)),
    "circle": Trouble(redirect(PATH)),
    "inside": Trouble(redirect("http://10.0.0.1/")),
}


@pytest.fixture(params=sorted(TROUBLES))
def trouble(request: pytest.FixtureRequest) -> Trouble:
    return TROUBLES[request.param]


def failure(source: Source, cursor: str) -> SourceError:
    with pytest.raises(SourceError) as failed:
        source.poll(cursor)
    return failed.value


def test_trouble_is_told_apart_and_tells_no_secret(
    kind: str, case: Case, source: Source, web: Web, trouble: Trouble
) -> None:
    web.routes[case.path] = trouble.answer
    error = failure(source, "")
    told = (error.blocked, error.permanent, error.retry_after)
    blocked = trouble.blocked and kind not in trouble.but
    assert told == (blocked, trouble.permanent, trouble.retry_after)
    assert str(error).startswith(web.site)
    assert "\n" not in str(error)
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(error)


def test_trouble_costs_nothing(
    case: Case, build: Callable[[], Source], web: Web, trouble: Trouble
) -> None:
    """Whatever fails in between, the old cursor finds all that is new."""
    cursor = build().poll("").cursor
    web.routes[case.path] = trouble.answer
    failure(build(), cursor)
    web.routes[case.path] = case.reply(case.changed)
    found = tuple(p.external_id for p in build().poll(cursor).posts)
    assert found == (case.later or case.ids)


def test_a_place_that_is_not_there(kind: str, source: Source, web: Web) -> None:
    web.stop()
    error = failure(source, "")
    assert (error.blocked, error.permanent) == (False, False)
    assert CANARY not in str(error)


def test_no_post_and_no_cursor_holds_the_secret_address(
    case: Case, source: Source, web: Web
) -> None:
    body = case.good.replace(b"/2026/zephyr/", b"#top")
    web.routes[case.path] = case.reply(body)
    batch: Batch = source.poll("")
    assert batch.posts
    assert CANARY not in repr(batch)
    assert json.loads(batch.cursor)
