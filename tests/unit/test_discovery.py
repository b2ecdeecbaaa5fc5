"""What a page offers to follow, over real sockets: found, tried, told once, and pasted safely."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import config
from monitor.discovery import MOST_ASKED, DiscoveryError, Found, discover, toml
from monitor.robots import Robots
from monitor.seams import SourceError
from tests.standins.web import Reply, Route, Web, redirect
from tests.unit.fetching import NOW, fetcher

REVIEWS = (Path(__file__).parents[1] / "fixtures" / "review" / "product.html").read_text("utf-8")


def rss(title: str, *items: str) -> str:
    listed = "".join(
        f"<item><title>{i}</title><link>https://blog.example/{i}</link></item>" for i in items
    )
    return f"<rss version='2.0'><channel><title>{title}</title>{listed}</channel></rss>"


def atom(title: str, *items: str) -> str:
    listed = "".join(
        f"<entry><id>{i}</id><title>{i}</title><link href='https://blog.example/{i}'/></entry>"
        for i in items
    )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>{title}</title>{listed}</feed>"


def page(*markup: str) -> str:
    return f"<!doctype html><html><head>{''.join(markup)}</head><body>Hello</body></html>"


def alternate(href: str, title: str = "", kind: str = "rss") -> str:
    return f'<link rel="alternate" type="application/{kind}+xml" title="{title}" href="{href}">'


def generator(name: str) -> str:
    return f'<meta name="generator" content="{name}">'


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


def found(web: Web, path: str = "/", **routes: Route) -> dict[str, str]:
    """Kind by path of what is found at ``path``."""
    fetch = fetcher()
    _, sources = discover(web.url(path), fetch, Robots(fetch, "tests/1", lambda: NOW))
    return {source.url.removeprefix(web.url("")): source.kind for source in sources}


# -- blogs ---------------------------------------------------------------------------------------


def test_a_blog_its_comments_and_the_page_are_asked_for_once(web: Web) -> None:
    web.routes |= {
        "/": page(
            alternate("/feed/", "The Kettle » Feed"),
            alternate("/comments/feed/", "The Kettle » Comments Feed"),
            '<link rel="alternate" type="application/json" href="/wp-json/">',
            generator("WordPress 6.7"),
        ),
        "/feed/": rss("The Kettle", "a", "b"),
        "/comments/feed/": rss("Comments for The Kettle", "c"),
    }
    assert found(web) == {"/feed/": "feed", "/comments/feed/": "comments"}
    asked = [seen.path for seen in web.seen]
    assert asked == ["/robots.txt", "/", "/feed/", "/comments/feed/"]


def test_one_feed_in_three_formats_is_told_once(web: Web) -> None:
    formats = [alternate("/rss", "RSS"), alternate("/atom", "Atom", "atom"), alternate("/rss2")]
    web.routes |= {"/": page(*formats), "/rss": rss("K", "a", "b"), "/rss2": rss("K", "b", "a")}
    web.routes["/atom"] = atom("K", "a", "b")
    assert found(web) == {"/rss": "feed"}


def test_feeds_without_items_are_not_taken_for_one(web: Web) -> None:
    web.routes |= {"/": page(alternate("/a"), alternate("/b")), "/a": rss("A"), "/b": rss("B")}
    assert len(found(web)) == 2


def test_a_linked_feed_counts_where_no_header_names_one(web: Web) -> None:
    web.routes["/"] = "<a href='/about/'>About</a><a href='blog/index.xml'>Subscribe</a>"
    web.routes["/blog/index.xml"] = atom("K", "a")
    assert found(web) == {"/blog/index.xml": "feed"}
    assert web.hits("/about/") == 0


def test_what_is_named_but_no_feed_is_not_told(web: Web) -> None:
    named = [alternate(path) for path in ("/gone", "/page", "/feed")]
    web.routes |= {"/": page(*named), "/page": page(), "/feed": rss("K", "a")}
    assert found(web) == {"/feed": "feed"}


def test_a_permanent_new_address_is_told(web: Web) -> None:
    web.routes |= {"/": page(alternate("/old")), "/old": redirect("/new", 301)}
    web.routes["/new"] = rss("K", "a")
    assert found(web) == {"/new": "feed"}


@pytest.mark.parametrize(
    ("body", "path", "kind"),
    [
        (rss("K", "a"), "/feed/", "feed"),
        (rss("Comments on: Toast", "a"), "/toast/feed/", "comments"),
        (atom("K", "a"), "/posts.rss", "forum"),
        (rss("K", "a"), "/external.php?type=RSS2&lastpost=1", "forum"),
    ],
)
def test_an_address_that_is_a_feed_gives_that_feed(
    web: Web, body: str, path: str, kind: str
) -> None:
    web.routes["*"] = body
    assert found(web, path) == {path: kind}
    assert len(web.seen) == 2


# -- software ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "at", "feeds"),
    [
        (generator("Discourse 3.5.0"), "/", {"/posts.rss": "forum", "/latest.rss": "forum"}),
        ("Set-Cookie: _forum_session=x; path=/", "/t/slug/12", {"/posts.rss": "forum"}),
        ('<script src="/assets/nodebb.min.js"></script>', "/", {"/recentposts.rss": "forum"}),
        ("Set-Cookie: flarum_session=x", "/", {"/atom": "forum"}),
        ('<body id="phpbb" class="section-index">', "/board/", {"/board/app.php/feed": "forum"}),
        ('<body id="phpbb">', "/board/index.php", {"/board/feed.php": "forum"}),
        ('<html id="XF" lang="en">', "/community/", {"/community/forums/-/index.rss": "forum"}),
        (generator("vBulletin 5"), "/", {"/external.php?type=RSS2&lastpost=1": "forum"}),
        (generator("WordPress 6.7"), "/", {"/feed/": "feed", "/comments/feed/": "comments"}),
        ('<img src="/wp-content/x.png">', "/2026/toast/", {"/comments/feed/": "comments"}),
        (
            generator("blogger"),
            "/2026/x.html",
            {"/feeds/posts/default": "feed", "/feeds/comments/default": "comments"},
        ),
        (
            "<script>window.isoData = {}</script>",
            "/c/toast",
            {"/feeds/c/toast.xml?sort=New": "forum"},
        ),
        ("Set-Cookie: _mastodon_session=x", "/@petra", {"/@petra.rss": "feed"}),
    ],
)
def test_software_that_is_known_is_asked_where_it_has_its_feeds(
    web: Web, sign: str, at: str, feeds: dict[str, str]
) -> None:
    cookie = {"Set-Cookie": sign.removeprefix("Set-Cookie: ")} if "Set-Cookie" in sign else {}
    web.routes[at] = Reply("Hello" if cookie else f"<!doctype html>{sign}Hello", headers=cookie)
    for number, path in enumerate(feeds):
        web.routes[path.partition("?")[0]] = rss(f"feed {number}", str(number))
    assert found(web, at) == feeds
    assert len(web.seen) <= 2 + MOST_ASKED


XENFORO = '<html id="XF">'
WORDPRESS = '<img src="/wp-content/x.png">'


@pytest.mark.parametrize(
    ("sign", "at", "feed"),
    [
        (XENFORO, "/community/threads/smoke.12/", "/community/forums/-/index.rss"),
        (XENFORO + '<base href="/board/">', "/board/a/b/c/d/e/f/", "/board/forums/-/index.rss"),
        (XENFORO + "<base href='/'>", "/board/threads/x/", "/board/forums/-/index.rss"),
        (WORDPRESS, "/blog/2026/toast/", "/blog/feed/"),
        (WORDPRESS + '<a rel="home" href="/x/blog">', "/x/blog/2026/11/toast/", "/x/blog/feed/"),
        (WORDPRESS + '<a rel="home" href="/x/y/z/">', "/x/y/z/", "/x/y/z/feed/"),
    ],
)
def test_a_site_may_begin_in_a_folder(web: Web, sign: str, at: str, feed: str) -> None:
    web.routes |= {at: f"<!doctype html>{sign}Hello", feed: rss("K", "a")}
    assert list(found(web, at)) == [feed]
    assert len(web.seen) <= 2 + MOST_ASKED


def test_no_folder_is_asked_where_the_site_has_answered(web: Web) -> None:
    web.routes |= {"/2026/toast/": WORDPRESS, "/feed/": rss("K", "a"), "/2026/feed/": rss("Y", "b")}
    web.routes["/comments/feed/"] = rss("Comments", "c")
    assert found(web, "/2026/toast/") == {"/feed/": "feed", "/comments/feed/": "comments"}
    assert len(web.seen) == 4


def test_paths_are_not_guessed_at(web: Web) -> None:
    web.routes |= {"/": page("<p>A word about phpBB, Discourse and WordPress</p>")}
    web.routes["/feed/"] = rss("K", "a")
    with pytest.raises(DiscoveryError, match="tried: no address, it names none"):
        found(web)
    assert [seen.path for seen in web.seen] == ["/robots.txt", "/"]


@pytest.mark.parametrize("markup", ["<html ", "<div><a href=x><object>", "<meta ", "window."])
def test_no_page_hangs_us(web: Web, markup: str) -> None:
    web.routes["/"] = markup * (400_000 // len(markup))
    start = time.process_time()
    with pytest.raises(DiscoveryError):
        found(web)
    assert time.process_time() - start < 10


def test_a_forum_is_told_with_its_name(web: Web) -> None:
    web.routes |= {"/": page(generator("Discourse 3")), "/posts.rss": rss("Posts", "a")}
    fetch = fetcher()
    software, _ = discover(web.url(), fetch, fetch)
    assert software == "Discourse"


# -- reviews, limits, failures -------------------------------------------------------------------


def test_a_page_with_reviews_is_a_source(web: Web) -> None:
    web.routes |= {"/p": REVIEWS.replace("</title>", "</title>" + alternate("/f")), "/f": rss("K")}
    assert found(web, "/p") == {"/f": "feed", "/p": "review"}


def test_a_page_with_many_feeds_is_asked_for_few_of_each_kind(web: Web) -> None:
    feeds = [alternate(f"/{n}/feed/") for n in range(50)]
    web.routes["/"] = page(*feeds, alternate("/comments/feed/", "Comments"))
    web.routes["*"] = lambda seen: rss("K", seen.path.strip("/").replace("/", "-"))
    kinds = found(web)
    assert len(web.seen) == 2 + MOST_ASKED == 2 + len(kinds)
    assert kinds["/comments/feed/"] == "comments"


def test_what_was_tried_is_told(web: Web) -> None:
    web.routes["/"] = page(generator("WordPress"))
    with pytest.raises(DiscoveryError, match=r"made by WordPress.*tried: /feed/, /comments/feed/"):
        found(web)


def test_a_page_that_robots_txt_forbids_is_not_read(web: Web) -> None:
    web.routes |= {"/robots.txt": "User-agent: *\nDisallow: /", "/": page(alternate("/f"))}
    with pytest.raises(SourceError, match=r"robots\.txt forbids"):
        found(web)
    assert len(web.seen) == 1


@pytest.mark.parametrize("url", ["blog.example", "", "ftp://x.example/", "http://a:b@x.example/"])
def test_an_address_that_cannot_be_asked_is_wrong_use(url: str) -> None:
    fetch = fetcher()
    with pytest.raises(DiscoveryError, match="source discover: ") as refused:
        discover(url, fetch, Robots(fetch, "tests/1", lambda: NOW))
    assert refused.value.status == 2


# -- what is printed -----------------------------------------------------------------------------

HOSTILE = 'Kettle"\n[[source]]\nname = "x"\n# ]] \'\'\' """ \\ \x7f \u2028 \x85 {{'


def test_what_is_printed_is_accepted_by_the_configuration() -> None:
    found = [
        Found("feed", "https://www.blog.example/feed/", "The Kettle", 2),
        Found("comments", "https://blog.example/comments/feed/", "", 0),
        Found("feed", 'https://blog.example/"]]\\feed/', "Second", 1),
        Found("review", f"https://{'x' * 200}.example/", "Reviews", 1),
    ]
    text = toml(found, ["blog.example"])
    loaded = config.parse(f'[[brand]]\nname = "Acme"\n{text}', "here")
    assert [(s.name[:25], s.kind, s.options["url"]) for s in loaded.source] == [
        ("blog.example-2", "feed", found[0].url),
        ("blog.example-comments", "comments", found[1].url),
        ("blog.example-3", "feed", found[2].url),
        ("x" * 25, "review", found[3].url),
    ]


def test_no_title_gets_out_of_its_comment(web: Web) -> None:
    escaped = HOSTILE.replace("\x7f", "").replace('"', "&quot;")
    web.routes |= {"/": page(alternate("/f")), "/f": rss(f"<![CDATA[{HOSTILE}]] >]]>", "a")}
    web.routes["/g"] = rss(escaped, "b")
    fetch = fetcher()
    for path in ("/", "/g"):
        _, sources = discover(web.url(path), fetch, fetch)
        tables = tomllib.loads(toml(sources))["source"]
        assert [table.keys() for table in tables] == [{"name", "kind", "url"}]
        assert tables[0]["name"] == "127.0.0.1"
