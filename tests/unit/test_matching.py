"""Which brands a post names: tables of cases, properties, and the labelled development stream."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.domain import Match, Mention, Post
from monitor.matching import MAX_MATCHES, Alias, Brand, Matcher
from monitor.matching.terms import one_letter_off

NORTHWIND = Brand(
    name="Northwind Cycles",
    aliases=(
        Alias("@northwindcycles"),
        Alias("Northwind Ride"),
        Alias("Northwind", ("bike", "order", "bike shop", "Velora")),
    ),
    exclude=("northwind ferries", "northwind ferry", "nwind.mdb", "northwind cyclones"),
    own_authors=("NorthwindHelp", "Priya (Northwind Cycles)"),
    site="https://www.northwindcycles.example/",
    competitors=("Velora", "Northwing Cycles"),
    sources=("trustpedal-northwind",),
)


def post(text: str = "", title: str = "", thread: str = "", **more: str) -> Post:
    url = more.pop("url", "https://forum.example/t/1")
    source = more.pop("source", "forum")
    return Post(source, "forum", "1", url, text, title, thread_title=thread, **more)  # type: ignore[arg-type]


def found(text: str, *brands: Brand | str, **more: str) -> list[Mention]:
    made = [Brand(b) if isinstance(b, str) else b for b in brands]
    return Matcher(made).mentions(post(text, **more))


def shown(text: str, mention: Mention) -> list[str]:
    return [text[m.start : m.end] for m in mention.matches]


@pytest.mark.parametrize(
    ("name", "text", "as_written"),
    [
        ("Acme", "I like ACME.", "ACME"),
        ("Acme", "Acme's sale, acmes everywhere", "Acme|acmes"),
        ("Acme", "acme’s", "acme"),
        ("Acme", "(acme) [acme] _acme_ *acme* #acme @acme", "acme|" * 5 + "acme"),
        ("Acme", "acme-like", "acme"),
        ("Acme", "pacmen acmeology macme acme2 acmé", ""),
        ("Acme", "ＡＣＭＥ and 𝐀𝐜𝐦𝐞", "ＡＣＭＥ|𝐀𝐜𝐦𝐞"),
        ("Acme", "Acme™ is…", "Acme"),
        ("ACME Straße", "die acme strasse", "acme strasse"),
        ("Straße", "STRASSE", "STRASSE"),
        ("Nestlé", "nestle\u0301 und NESTLÉ", "nestle\u0301|NESTLÉ"),
        ("Øst", "ØST, øst og øster", "ØST|øst"),
        ("Яндекс", "яндекс, яндекса", "яндекс"),
        ("Ωμέγα", "ΩΜΈΓΑ", "ΩΜΈΓΑ"),
        ("İstanbul Air", "istanbul air", "istanbul air"),
        ("हिन्दुस्तान", "यह हिन्दुस्तान है", "हिन्दुस्तान"),
        ("हिन्द", "हिन्दुस्तान", ""),
        ("سلام", "قال سلام لنا", "سلام"),
        ("سلام", "السلامة", ""),
    ],
)
def test_words_match_whole_in_any_script(name: str, text: str, as_written: str) -> None:
    mentions = found(text, name)
    assert "|".join(s for m in mentions for s in shown(text, m)) == as_written


@pytest.mark.parametrize(
    ("name", "text", "hit"),
    [
        ("ノース自転車", "昨日ノース自転車で買った", True),
        ("ﾉｰｽ", "昨日ノースで買った", True),
        ("Acme", "昨日Acmeで買った", True),
        ("Acme株式会社", "これはAcme株式会社です", True),
        ("Acme株式会社", "これはPacme株式会社です", False),
        ("นอร์ทวินด์", "ฉันซื้อจากนอร์ทวินด์เมื่อวาน", True),
        ("노스윈드", "노스윈드가 늦었다", True),
        ("노스", "카노스 이야기", False),
        ("Acme", "Acme에서 샀다", True),
    ],
)
def test_in_writing_without_spaces_a_name_stands_inside_a_run(
    name: str, text: str, hit: bool
) -> None:
    assert bool(found(text, name)) is hit


@pytest.mark.parametrize(
    ("term", "text", "hit"),
    [
        ("P&F", "the p & f shop, P&F's own", True),
        ("P&F", "the PF shop, p and f, p.f", False),
        ("AT&T", "at&t is down", True),
        ("C++", "I write C++.", True),
        ("C++", "I write C, or C+", False),
        ("@acme", "hi @Acme, hello", True),
        ("@acme", "acme; joe@acme.example; @acmes; @acme_help; @@acme", False),
        ("#acme", "#ACME!", True),
        ("acme.example", "see acme.example.", True),
        ("acme.example", "see https://shop.acme.example/x", True),
        ("acme.example", "notacme.example my-acme.example acme.example.com acme example", False),
        ("Coca-Cola", "coca cola, Coca‑Cola", True),
        ("Brannigan's", "Brannigan’s bread", True),
        ("O'Hara", "OHara", False),
        ("O'Hara's", "oharas", True),
        ("Yahoo!", "yahoo is", True),
        ("Dr. Oetker", "dr oetker pizza", True),
        ("Toys 'R' Us", "Toys R Us", True),
        ("Acme Bikes", "#AcmeBikes", True),
        ("Acme Bikes", "acme-bikes, Acme\nBikes", True),
        ("Acme Bikes", "Acme. Bikes are", False),
        ("Acme Bikes", "acme and bikes", False),
        ("Go To", "goto 10", False),
        ("!!!", "wow!!!", False),
        ("", "nothing", False),
    ],
)
def test_terms_with_punctuation(term: str, text: str, hit: bool) -> None:
    assert bool(found(text, term)) is hit


@pytest.mark.parametrize(
    ("name", "text", "hit"),
    [
        ("Northwind Cycles", "Northwind Cylces never answered", True),
        ("Northwind Cycles", "nothwind cycles", True),
        ("Northwind Cycles", "forthwind cycles", True),
        ("Northwind Cycles", "north wind cycles", True),
        ("Northwind Cycles", "Northwind Cycle", True),
        ("Northwind Cycles", "@northwindcycels", True),
        ("Northwind Cycles", "nothwind cylces", False),  # two slips
        ("Northwind Cycles", "north wind, cycles of it", False),
        ("Northwind Ride", "Northwind side of the house", False),
        ("Northwind Ride", "Northwind Rdie", True),
        ("Kettlewell", "kettelwell ketlewell kettlewelll jettlewell Kettlewell", True),
        ("Kettlewell", "kettle well, kettles", False),
        ("Café Lumière", "Café Lumiere", True),
        ("Яндексмаркет", "Яндексмракет", True),
        ("Acme", "acne amce", False),  # too short to tell
        ("Kettles", "kettels", False),
        ("Model 20261", "model 20262", False),  # a digit is never a slip
        ("Steam House", "a steakhouse", False),
    ],
)
def test_one_slip_in_a_name_of_eight_letters_is_forgiven(name: str, text: str, hit: bool) -> None:
    assert bool(found(text, name)) is hit


def test_the_name_of_someone_else_is_no_misspelling() -> None:
    assert not found("northwing cycles is better", NORTHWIND)
    assert not found("Kettlewall opened", Brand("Kettlewell", competitors=("Kettlewall",)))
    two = found("Kettlewall opened", "Kettlewell", "Kettlewall")
    assert [m.brand for m in two] == ["Kettlewall"]
    assert not found("the steelwell", Brand("Stealwell", exclude=("steelwell",)))


LETTERS = st.text("abcdefghijklmnopqrstuvwxyzäéжλ", min_size=8, max_size=14)


@settings(deadline=None)
@given(LETTERS, st.integers(0, 13), st.sampled_from("abcxyzöд"), st.sampled_from("cidt"))
def test_any_one_slip_is_forgiven_wherever_it_is(name: str, at: int, letter: str, how: str) -> None:
    at %= len(name)
    slips = {
        "c": name[:at] + letter + name[at + 1 :],
        "i": name[:at] + letter + name[at:],
        "d": name[:at] + name[at + 1 :],
        "t": name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :],
    }
    assert found(f"so {slips[how]} again", name)


def distance(a: str, b: str) -> int:
    """Restricted Damerau-Levenshtein distance, the slow and plain way."""
    rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, change)
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 1] + b[j - 2]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@settings(deadline=None)
@given(st.text("abc", min_size=1, max_size=7), st.text("abc", min_size=1, max_size=7))
def test_one_letter_off_means_a_distance_of_one(a: str, b: str) -> None:
    assert one_letter_off(a, b) is (distance(a, b) == 1)


@pytest.mark.parametrize(
    ("text", "title", "hit"),
    [
        ("Northwind in my face all day", "", False),
        ("Northwind lost my order", "", True),
        ("never again", "Northwind bikes", True),
        ("my bike came late", "Northwind", True),  # context counts from the whole post
        ("Northwind? I went to the bike shop", "", True),
        ("the northwind ferries lost my bike", "", False),
        ("Northwind let me down. The Northwind ferries lost my bike", "", False),
        ("my order from Northwind is in nwind.mdb", "", False),
        ("Northwind Cycles, not the northwind ferry, lost my bike", "", True),
        ("northwind cyclones beat the rest by bike", "", False),
    ],
)
def test_an_ambiguous_alias_needs_its_context(text: str, title: str, hit: bool) -> None:
    assert bool(found(text, NORTHWIND, title=title)) is hit


def test_an_alias_equal_to_the_name_gives_the_name_context() -> None:
    comet = Brand("Comet", (Alias("comet", ("train", "ticket")),))
    assert not found("a comet in the sky", comet)
    assert found("my Comet ticket", comet)


def test_an_excluded_phrase_covers_only_its_own_words() -> None:
    brand = Brand("Acme", exclude=("acme of perfection", "the acme"))
    text = "Acme is the acme of perfection"
    (mention,) = found(text, brand)
    assert mention.matches == (Match("Acme", "text", 0, 4),)


@pytest.mark.parametrize(
    "author",
    ["NorthwindHelp", "northwindhelp", "@NorthwindHelp", "u/northwindhelp", "/u/NorthwindHelp "],
)
def test_own_authors_are_marked_and_always_speak_for_the_brand(author: str) -> None:
    (mention,) = found("Sorry! Could you send us the number?", NORTHWIND, author=author)
    assert mention.own
    assert mention.matches == (Match("Northwind Cycles", "source"),), "no author's name is kept"


def test_other_authors_are_not_own() -> None:
    (mention,) = found("Northwind Cycles was fine", NORTHWIND, author="NorthwindHelper")
    assert not mention.own
    assert not found("hello", Brand("Acme", own_authors=("", "@")), author="")


def test_a_thread_s_title_names_the_brand_for_its_replies() -> None:
    (mention,) = found("same here", NORTHWIND, thread="Is Northwind Cycles down?")
    assert mention.matches == (Match("Northwind Cycles", "thread", 3, 19),)


def test_every_post_of_the_brand_s_own_page_is_about_it() -> None:
    (mention,) = found("Label says M, it is XS", NORTHWIND, source="trustpedal-northwind")
    assert mention.matches == (Match("trustpedal-northwind", "source"),)


@pytest.mark.parametrize(
    ("url", "left_out"),
    [
        ("https://northwindcycles.example/blog/1", True),
        ("HTTPS://Blog.NorthwindCycles.Example:443/1", True),
        ("https://user@www.northwindcycles.example./", True),
        ("https://notnorthwindcycles.example/", False),
        ("https://northwindcycles.example.evil.example/", False),
        ("https://forum.example/?u=https://northwindcycles.example/", False),
        ("", False),
    ],
)
def test_what_the_brand_itself_publishes_is_left_out(url: str, left_out: bool) -> None:
    assert bool(found("Northwind Cycles opens a shop", NORTHWIND, url=url)) is not left_out


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("from https://northwindcycles.example/halden.pdf I get 404", True),
        ("here (shop.northwindcycles.example) it is", True),
        ("write to help@northwindcycles.example.", True),
        ("see notnorthwindcycles.example", False),
        ("see northwindcycles.example.evil", False),
    ],
)
def test_a_post_that_shows_the_site_names_the_brand(text: str, hit: bool) -> None:
    brand = Brand("NWC", site=NORTHWIND.site)
    mentions = found(text, brand)
    assert [m.where for mention in mentions for m in mention.matches] == ["link"] * hit


def test_an_international_site_is_known_in_both_spellings() -> None:
    brand = Brand("Bücher", site="bücher.example")
    for text in ("auf bücher.example", "auf https://xn--bcher-kva.example/x"):
        assert found(text, brand)[0].matches[-1].where == "link"
    assert not found("Bücher", brand, url="https://xn--bcher-kva.example/")


def test_each_brand_has_its_own_mention_and_the_longest_term_wins() -> None:
    text = "Northwind Cycles order: Velora was faster"
    mentions = found(text, "Velora", NORTHWIND, "Absent")
    assert [m.brand for m in mentions] == ["Velora", "Northwind Cycles"]
    assert shown(text, mentions[1]) == ["Northwind Cycles"]


def test_places_are_offsets_of_the_field_as_it_was_written() -> None:
    text = "Ⅷ ﬁne… ½ Straße ｶﾞ: NORTHWIND CYCLES!"
    (mention,) = found(text, NORTHWIND, title="About Northwind Cycles", thread="Northwind Cycles")
    assert [m.where for m in mention.matches] == ["title", "text", "thread"]
    assert shown(text, mention)[1] == "NORTHWIND CYCLES"
    assert mention.matches[0].start == 6


NAMES = st.sampled_from(
    ["Acme", "Northwind Cycles", "P&F", "ノース", "नॉर्थ", "Straße", "a.example"]
)
AROUND = st.text(st.sampled_from(" .,!?\n'\"—…ßﬁ½Ａ가ノx1"), max_size=12)


@settings(deadline=None)
@given(NAMES, AROUND, AROUND, AROUND)
def test_a_name_set_apart_is_always_found_where_it_stands(
    name: str, before: str, after: str, title: str
) -> None:
    text = f"{before} {name} {after}"
    (mention,) = found(text, name, title=title)
    places = [m for m in mention.matches if m.where == "text"]
    assert (len(before) + 1, len(before) + 1 + len(name)) in [(m.start, m.end) for m in places]


@settings(deadline=None)
@given(st.text(st.characters(), max_size=80), st.text(st.characters(), min_size=1, max_size=12))
def test_no_text_and_no_name_can_break_the_matcher(text: str, name: str) -> None:
    for mention in found(text, name, title=text, url=text, author=text, thread=text):
        for match in mention.matches:
            assert 0 <= match.start <= match.end <= len(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["northwind", "cycles", "Cylces", "acme", "the", "-", "\n", "."])))
def test_case_does_not_matter(words: list[str]) -> None:
    text = " ".join(words)
    brands = (NORTHWIND, Brand("Acme"))
    kinds = [[m.matches for m in found(t, *brands)] for t in (text, text.upper(), text.title())]
    assume(kinds[0])
    assert kinds[0] == kinds[1] == kinds[2]


HOSTILE = [
    "northwind ",
    "northwind cycles ",
    "northwind ferries ",
    "a",
    "nothwindcycles ",
    "\u0301",
]
HOSTILE += ["north wind ", "@", "northwindcycles.example", "ノ", "… ", "cycles-", "n o r t h "]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_posts_cost_no_more_than_a_moment(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    matcher = Matcher([NORTHWIND, Brand("ノース"), Brand("North")])
    began = time.process_time()
    for mention in matcher.mentions(post(text, title=text[:500])):
        assert len(mention.matches) <= MAX_MATCHES
    assert time.process_time() - began < 2


def test_ten_brands_cost_little_more_than_one() -> None:
    names = [f"Brand{n}wise Trading" for n in range(10)]
    words = [f"{a}{b}" for a in ("par", "sup", "ans", "brand") for b in ("cel", "port", "wer", "")]
    posts = [post(" ".join(random.Random(n).choices(words, k=300))) for n in range(100)]
    matcher = Matcher([Brand(n, (Alias(f"@{n[:6]}"), Alias(n[:6], ("shop",)))) for n in names])
    began = time.process_time()
    assert not any(matcher.mentions(p) for p in posts)
    assert (time.process_time() - began) / len(posts) < 0.002  # measured: 0.0001


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str]:
    """A brand's name, and how somebody may have typed it."""
    words = st.text("abcdefgh", min_size=2, max_size=7)
    name = " ".join(draw(st.lists(words, min_size=1, max_size=3)))
    typed = draw(st.sampled_from([name, name.replace(" ", ""), name.replace(" ", "-"), name + "s"]))
    at = draw(st.integers(0, len(typed) - 1))
    slip = draw(st.sampled_from(["", typed[at] * 2, "x", typed[at : at + 2][::-1]]))
    return name, typed[:at] + slip + typed[at + max(len(slip), 1) :]


@given(slips(), st.text("abcd ", max_size=20))
def test_the_first_look_hides_nobody(slip: tuple[str, str], rest: str) -> None:
    name, typed = slip
    quick, thorough = Matcher([Brand(name)]), Matcher([Brand(name)])
    thorough._hints = {""}  # every text is looked at closely
    seen = post(f"{rest} {typed} {rest}")
    assert quick.mentions(seen) == thorough.mentions(seen)
