"""Feeds as sites really write them: what is read, what is mended, what is refused."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.reading import feeds
from monitor.reading.items import MAX_ITEMS, YEARS, Feed, FeedError, Item
from monitor.text import plain

FIXTURES = Path(__file__).parents[1] / "fixtures" / "feed"
BASE = "https://kettle.example/feed/"


def read(name: str, content_type: str = "application/xml") -> Feed:
    return feeds.read((FIXTURES / name).read_bytes(), content_type, BASE)


def rss(inside: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title>{inside}</channel></rss>'.encode()


def items(inside: str) -> tuple[Item, ...]:
    return feeds.read(rss(inside), "", BASE).items


def titles(feed: Feed) -> list[str]:
    return [plain(i.title) for i in feed.items]


# -- the four formats ----------------------------------------------------------------------------


def test_rss_2():
    feed = read("rss2.xml")
    first, second = feed.items
    assert plain(feed.title) == "Kettle & Spoon"
    assert feed.pace.every == timedelta(minutes=90)
    assert (first.id, first.author) == ("kettle-101", "Ines Varga")
    assert first.link == "https://kettle.example/2026/zephyr/"
    assert first.published == datetime(2026, 11, 10, 7, 30, tzinfo=UTC)
    assert plain(first.title) == "Zephyr toasters, tested"
    assert plain(first.html).startswith("Four slots, one lever, and a lot of smoke.")
    assert (second.id, second.author) == ("https://kettle.example/2026/bread/", "Tom Oyelaran")
    assert (plain(second.title), plain(second.html)) == ("Bread & butter", "Nothing but bread.")
    assert not feed.cut_off


def test_atom():
    first, second = read("atom.xml").items
    assert first.link == "https://lakeside.example/7"
    assert plain(first.title) == "Less < more"
    assert plain(first.html) == "a < b\nand so on"
    assert first.author == "Mara Quist", "the feed's author, RFC 4287 4.2.1"
    assert first.published == datetime(2026, 11, 12, 10, tzinfo=UTC), "updated, for want of better"
    assert (second.link, second.author) == ("", "Jon Abara")
    assert second.in_reply_to == first.id
    assert second.published == datetime(2026, 11, 12, 9, tzinfo=UTC)
    assert (plain(second.title), plain(second.html)) == ("An answer", "I agree.")


def test_rdf():
    (item,) = read("rdf.xml").items
    assert item.id == item.link == "https://oldtimer.example/9"
    assert item.published == datetime(2026, 11, 11, 19, 15, tzinfo=UTC)
    assert plain(item.html) == "RDF lives."


def test_json_feed():
    feed = read("feed.json", "application/feed+json")
    first, second, third = feed.items
    assert plain(feed.title) == "Harbour <3"
    assert (first.id, first.link) == ("https://harbour.example/1", "https://kettle.example/1")
    assert (plain(first.title), plain(first.html)) == ("Tea < coffee", "Black, no sugar.")
    assert first.author == "Sofia Brandt"
    assert first.published == datetime(2026, 11, 14, 8, tzinfo=UTC)
    assert (second.id, second.link) == ("2", "https://elsewhere.example/x")
    assert (second.author, plain(second.html)) == ("The harbour", "a < b\n& c")
    assert second.published == datetime(2026, 11, 13, 9, tzinfo=UTC)
    assert (third.id, third.author) == ("https://harbour.example/3", "Old Style")
    assert (plain(third.html), third.published) == ("Only a summary", None)
    assert feed.rejected == ("item 3: cannot be read (AttributeError)",)


def test_a_feed_without_items_is_a_feed():
    assert read("empty.xml") == Feed((), "Nothing yet")


# -- identity ------------------------------------------------------------------------------------


def test_an_item_without_id_has_one_all_the_same():
    once, twice = read("missing.xml").items, read("missing.xml").items
    assert [i.id for i in once] == [i.id for i in twice]
    assert once[0].id == "https://sparse.example/only-link"
    assert len({i.id for i in once}) == 5
    assert all(i.id.startswith("sha256:") for i in once[1:])


def test_an_id_does_not_change_with_the_address_of_the_feed():
    body = rss("<item><guid>17</guid><link>/a</link></item><item><link>/b</link></item>")
    here, there = (feeds.read(body, "", url).items for url in (BASE, "http://other.example/f"))
    assert [i.id for i in here] == [i.id for i in there] == ["17", "/b"]
    assert [i.link for i in here] == ["https://kettle.example/a", "https://kettle.example/b"]


def test_an_id_too_long_or_unprintable_is_hashed():
    long, short, odd = items(
        f"<item><guid>{'x' * 201}</guid></item><item><guid>{'x' * 200}</guid></item>"
        "<item><guid>a\nb</guid></item>"
    )
    assert len(long.id) == 71
    assert short.id == "x" * 200
    assert odd.id.startswith("sha256:")
    assert odd.id != long.id


@given(st.text(max_size=300), st.text(max_size=10))
@example("half a pair: \ud800", "http://kettle.example/\udfff")
def test_ids_are_fit_to_be_stored(given_id: str, link: str):
    body = b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":%s,"url":%s}]}'
    (item,) = feeds.read(body % (_json(given_id), _json(link)), "", BASE).items
    assert 1 <= len(item.id) <= 200
    assert item.id.isprintable()
    item.id.encode()
    item.link.encode()


def _json(text: str) -> bytes:
    return ('"' + "".join(f"\\u{unit:04x}" for unit in _utf16(text)) + '"').encode()


def _utf16(text: str) -> list[int]:
    coded = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(coded[i : i + 2], "big") for i in range(0, len(coded), 2)]


def test_a_relative_guid_is_a_link_only_where_a_link_says_so():
    """Order matters to feedparser; it must not to us."""
    link, guid = "<link>/a</link>", "<guid>/a</guid>"
    found = items(f"<item>{link}{guid}</item><item>{guid}{link}</item><item>{guid}</item>")
    assert [i.link for i in found] == ["https://kettle.example/a"] * 2 + [""]
    assert [i.id for i in found] == ["/a"] * 3


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "mailto:a@kettle.example",
        "http://[",
        "http://",
        "data:,x",
        "h:",
    ],
)
def test_only_web_addresses_are_links(link: str):
    (item,) = items(f"<item><guid isPermaLink='false'>g</guid><link>{link}</link></item>")
    assert item.link == ""


# -- dates ---------------------------------------------------------------------------------------


def test_absurd_dates_are_no_dates():
    published = {i.id: i.published for i in read("dates.xml").items}
    assert published.pop("future") == datetime(2049, 1, 1, tzinfo=UTC), "it is the site's claim"
    assert published.pop("rescued") == datetime(2026, 11, 10, 8, 30, tzinfo=UTC)
    assert published.pop("leap") == datetime(2017, 1, 1, tzinfo=UTC)
    assert set(published) == {"zero", "negative", "last", "unset", "words", "many"}
    assert set(published.values()) == {None}


@settings(deadline=None)
@given(st.text(alphabet="0123456789-+:TZ. ,aeJMonSu", max_size=40))
def test_no_date_breaks_a_feed(date: str):
    for body in (
        rss(f"<item><guid>x</guid><pubDate>{date}</pubDate></item>"),
        b'{"version":"1.1","items":[{"id":"x","date_published":"%s"}]}' % date.encode(),
    ):
        (item,) = feeds.read(body, "", BASE).items
        assert item.published is None or item.published.year in YEARS


# -- what is mended ------------------------------------------------------------------------------


def test_a_prefix_declared_nowhere_and_a_broken_declaration_are_mended():
    feed = read("broken-declaration.xml")
    first, second = feed.items
    assert (first.id, plain(first.title)) == ("https://hand.example/1", "First")
    assert plain(first.html) == "one naïve feed"
    assert first.published == datetime(2026, 11, 11, tzinfo=UTC)
    assert second.link == "https://hand.example/2"
    assert feed.pace.every == timedelta(days=1)


def test_references_to_no_character_are_mended():
    assert titles(read("bad-references.xml")) == [
        "half a \ufffd pair",
        "far \ufffd off",
        "fine é here",
    ]


@pytest.mark.parametrize("charset", ["undefined", "no\0such", "rot13", "\xff", "x" * 5000, "hex"])
def test_a_charset_that_is_none_breaks_nothing(charset: str):
    body = rss("<item><title>Crème</title></item>")
    declared = b'<?xml version="1.0" encoding="' + charset.encode("latin-1") + b'"?>' + body
    assert titles(feeds.read(declared, "application/xml", BASE)) == ["Crème"]
    assert titles(feeds.read(body, f"application/xml; charset={charset}", BASE)) == ["Crème"]


def test_the_charset_of_the_header_counts():
    feed = read("koi8.xml", "Application/RSS+XML; Charset=KOI8-R")
    assert titles(feed) == ["Чайник свистит"]


def test_a_wrong_declaration_does_not_count():
    assert titles(read("mislabelled.xml")) == ["Crème brûlée à la carte"]


@pytest.mark.parametrize(("bom", "codec"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (b"", "utf-16")])
def test_utf_16(bom: bytes, codec: str):
    text = '<?xml version="1.0" encoding="utf-16"?>' + rss("<item><title>Ü</title></item>").decode()
    feed = feeds.read(bom + text.encode(codec), "", BASE)
    assert titles(feed) == ["Ü"]
    assert not feed.cut_off


def test_a_json_feed_may_begin_with_a_byte_order_mark():
    body = codecs.BOM_UTF8 + (FIXTURES / "feed.json").read_bytes()
    assert len(feeds.read(body, "", BASE).items) == 3


# -- what is hostile -----------------------------------------------------------------------------


def test_markup_does_no_harm():
    (item,) = read("hostile.xml").items
    assert item.link == ""
    assert plain(item.title) == "Zephyr rules"
    assert plain(item.html) == "Words."


def test_entities_neither_grow_nor_reach_out():
    (item,) = read("laughs.xml").items
    assert item.id == "l1"
    assert len(item.title) < 100
    assert plain(item.html) == "&secret"


def test_quadratic_entities_do_not_grow():
    bomb = f'<!DOCTYPE rss [<!ENTITY a "{"x" * 50_000}">]>'.encode()
    body = bomb + rss(f"<item><title>{'&a;' * 5_000}</title></item>")
    (item,) = feeds.read(body, "", BASE).items
    assert "xx" not in item.title


def test_json_nested_without_end_is_refused():
    with pytest.raises(FeedError, match="JSON that cannot be read"):
        feeds.read(b'{"items":' + b"[" * 200_000, "", BASE)


def test_only_the_newest_items_of_too_many_are_kept():
    old, new = "<item><pubDate>2020-01-01</pubDate></item>", "<item><guid>u{}</guid></item>"
    feed = feeds.read(rss(old * 30 + "".join(map(new.format, range(MAX_ITEMS)))), "", BASE)
    assert [i.id for i in feed.items] == [f"u{n}" for n in range(MAX_ITEMS)]
    assert feed.rejected == ("30 items beyond the newest 2,000",)


@given(st.binary(max_size=200), st.sampled_from(["rss2.xml", "atom.xml", "feed.json"]), st.data())
def test_damage_anywhere_is_a_feed_or_a_feed_error(junk: bytes, name: str, data: st.DataObject):
    body = (FIXTURES / name).read_bytes()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(body))] * 2)))
    try:
        feed = feeds.read(body[:start] + junk + body[end:], "application/xml", BASE)
    except FeedError:
        return
    assert len(feed.items) <= 50


# -- what is no feed -----------------------------------------------------------------------------


def test_a_feed_that_breaks_off_gives_what_it_has():
    feed = read("truncated.xml")
    assert [i.id for i in feed.items][:1] == ["kettle-101"]
    assert feed.cut_off


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "an empty page"),
        (b" \r\n", "an empty page"),
        (b"\0\0\0", "an empty page"),
        (b"Not found", "something that is no feed"),
        (b"\x1f\x8b\x08\x00garbage", "something that is no feed"),
        (b"[1, 2]", "something that is no feed"),
        (b'{"error": "gone"}', "JSON that is no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": 3}', "JSON that is no JSON"),
        (b'{"items": [', "JSON that cannot be read"),
        (b"<" * 1_000_000, "something that is no feed"),
        (b"<!---->" * 500 + b"<p>", "something that is no feed"),
    ],
)
def test_other_things_are_refused(body: bytes, says: str):
    with pytest.raises(FeedError, match=says) as refused:
        feeds.read(body, "", BASE)
    assert not refused.value.blocked


@pytest.mark.parametrize(
    ("name", "says", "blocked"),
    [
        ("page.html", "an HTML page", True),
        ("login.html", "a login or captcha page", True),
        ("sitemap.xml", "something that is no feed", False),
    ],
)
def test_pages_are_refused(name: str, says: str, blocked: bool):
    with pytest.raises(FeedError, match=says) as refused:
        read(name, "text/html")
    assert refused.value.blocked is blocked


def test_an_atom_feed_that_calls_itself_html_is_a_feed():
    body = b"<!DOCTYPE html>" + (FIXTURES / "atom.xml").read_bytes().partition(b"?>")[2]
    assert len(feeds.read(body, "text/html", BASE).items) == 2
