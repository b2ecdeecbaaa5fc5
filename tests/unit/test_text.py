"""Whatever a site sends becomes short, plain, visible text, in linear time."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text import around, clean, cut, plain

ANYTHING = st.text(st.characters(), max_size=200)  # lone surrogates included
TAGS = "<p>|</p>|<b|>|<|&amp;|&#x80;|<script>|</script>|<!--|-->|<![CDATA[|]]>|\"|<img alt='|&"
QUOTES = '<blockquote>|</blockquote>|<a href="https://u:p@www.a.example:1/x">|</a>'
LETTERS = " |\n|x|é|e\u0301|\u200d|\u202e"
SNIPPETS = st.sampled_from("|".join((TAGS, QUOTES, LETTERS)).split("|"))
MARKUP = st.lists(SNIPPETS, max_size=40).map("".join)
KEPT_CONTROLS = "\t\n"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("nothing to do", "nothing to do"),
        ("<p>One.</p><p>Two&nbsp;&amp; three</p>", "One.\nTwo & three"),
        ("un<b>believ</b>able", "unbelievable"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<tr><td>1</td><td>2</td></tr>", "1 2"),
        ("<ul><li>late<li>wet</ul>", "late\nwet"),
        ("x<script>var a='<p>no</p>'</script >y", "xy"),
        ("x<style>p{}</style><template><p>no</p></template>y", "xy"),
        ("<SCRIPT>never closed, so never shown", ""),
        ("x<!-- hidden <p> -->y<!DOCTYPE html>z<?xml version='1.0'?>", "xyz"),
        ("<![CDATA[wrapped <i>twice</i>]]>", "wrapped twice"),
        ('<p title="a > b">shown</p>', "shown"),
        ("&lt;b&gt; is text", "<b> is text"),
        ("caf&eacute; &#8364;5 &#x80; &#999999999999; &bogus;", "café €5 € � &bogus;"),
        ("un&shy;seen&#8203;&#x202e;", "unseen"),
        ('so <img class="wp-smiley emoji" alt="😡"> angry', "so 😡 angry"),
        ('<img src="x.png" alt="company logo">plain', "plain"),
        ("I <3 it, a < b, x <- y", "I <3 it, a < b, x <- y"),
        ("</3 broken again", "</3 broken again"),
        ("write to <joe@acme.example> now", "write to joe@acme.example now"),
        ('cut off <a href="https://acme.example/lo', "cut off"),
        ("less <than you think", "less <than you think"),
        ("<p a='>unbalanced <b>quote", "unbalanced quote"),
    ],
)
def test_markup_becomes_the_text_a_reader_sees(html: str, text: str) -> None:
    assert plain(html) == text


def test_quoted_words_stay_tellable_from_the_author_s_own() -> None:
    html = "<blockquote><p>Best <b>shop</b></p><blockquote>Why?</blockquote></blockquote>Not for me"
    assert plain(html) == "> Best shop\n> > Why?\nNot for me"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://www.Acme.example/x">here</a>.', "here (acme.example)."),
        ('<a href="https://acme.example/x">acme.example/x</a>', "acme.example/x"),
        ('<a href="http://acme.example@evil.example/">acme</a>', "acme (evil.example)"),
        ('<a href="/local">here</a> <a href="mailto:a@b.example">mail</a>', "here mail"),
        ('<a href="https://a.example">never closed', "never closed"),
        ("<a class=x href=https://acme.example/>here</a>", "here (acme.example)"),
        ('<a href="https://acme.example"><img src=x></a>', "(acme.example)"),
    ],
)
def test_a_link_s_host_is_kept_because_it_may_name_a_brand(html: str, text: str) -> None:
    assert plain(html) == text
    assert "(" not in plain(html, links=False)


def test_text_without_markup_keeps_its_lines() -> None:
    assert plain(" one \r\ntwo\t two\n\n\n\nthree ") == "one\ntwo two\n\nthree"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301", "é"),
        ("nul\0 bell\a del\x7f nel\x85x", "nul bell del nel\nx"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\u202eevil\u202c \u2066x\u2069 \u200fy \u061cz", "evil x y z"),
        (
            "north\u200bwind north\u200dwind north\u200cwind north\u00adwind \ufeff",
            "northwind " * 4,
        ),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),  # a family is one sign
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),  # a heart on fire too
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs its non-joiner
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("lone \ud83d surrogate\udc00", "lone  surrogate"),
        ("hidden\U000e0068\U000e0069 tags", "hidden tags"),
        ("a" + "\u0301" * 40, "á" + "\u0301" * 15),
    ],
)
def test_the_invisible_goes_and_the_meaningful_stays(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned.strip()


@settings(deadline=None)
@given(ANYTHING)
def test_cleaning_is_idempotent_normal_and_free_of_surrogates(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n"]
    assert not [c for c in once if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLI", "PDF")]


@settings(deadline=None)
@given(MARKUP, st.integers(0, 60))
def test_no_markup_breaks_the_promises_of_clean_text(html: str, limit: int) -> None:
    text = plain(html, limit)
    assert len(text) <= limit
    assert clean(text, limit) == text


@settings(deadline=None)
@given(st.lists(st.sampled_from(["word", "a & b", "x < y", "“so”", "naïve"]), min_size=1))
def test_escaping_and_reading_back_loses_nothing(words: list[str]) -> None:
    said = " ".join(words)
    escaped = said.replace("&", "&amp;").replace("<", "&lt;")
    assert plain(f"<div><p>{escaped}</p></div>") == said


@pytest.mark.parametrize(
    ("text", "n", "short"),
    [
        ("four", 4, "four"),
        ("fives", 4, "fiv…"),
        ("a word", 3, "a…"),
        ("anything", 1, "…"),
        ("anything", 0, ""),
        ("", 0, ""),
        ("cafe\u0301s", 5, "caf…"),
        ("ok \U0001f469\u200d\U0001f467 x", 6, "ok…"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7!", 4, "\U0001f1e9\U0001f1ea…"),
        ("yes \U0001f44d\U0001f3fd ok", 6, "yes…"),
        ("a\ud83d\ude00bc", 3, "a…"),
    ],
)
def test_a_cut_never_tears_a_sign_apart(text: str, n: int, short: str) -> None:
    assert cut(text, n) == short


@settings(deadline=None)
@given(ANYTHING, st.integers(0, 50))
def test_a_cut_is_a_prefix_that_fits(text: str, n: int) -> None:
    short = cut(text, n)
    assert len(short) <= n
    assert short == text or n == 0 or text.startswith(short[:-1])


HOSTILE = [
    "<",
    "<a",
    "<a ",
    "<a>",
    '<a "',
    '<b ">" ',
    "&",
    "&#",
    "&#9",
    "<!--",
    "<!",
    "<?x",
    "</a>",
]
HOSTILE += ["<script>", "<blockquote>", "\n ", "a\u0301\u0316", "\u0301\u0316", "\u200d", "\ud800"]
HOSTILE += ["<a href=", "\"<a '", '<img class=emoji alt="', "\U0001f1e6", "<![CDATA[", "x<a b='>"]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_of_hostile_input_is_read_in_linear_time(unit: str) -> None:
    megabyte = unit * (1_000_000 // len(unit))
    began = time.process_time()
    assert len(plain(megabyte)) <= 20_000
    assert len(clean(megabyte)) <= 20_000
    assert len(cut(megabyte, 20_000)) <= 20_000
    assert time.process_time() - began < 5  # about 0.5 when linear; quadratic takes minutes


def test_a_number_too_long_to_be_one_is_a_replacement_sign() -> None:
    assert plain(f"so &#{'9' * 9_000}; it goes") == "so � it goes"


def test_what_is_cleaned_away_does_not_use_up_the_limit() -> None:
    assert plain("<b>&#8203;</b>" * 40 + "<i>late</i>", 20) == "late"


def test_what_lies_beyond_a_megabyte_is_not_read() -> None:
    assert plain("<b>" + " " * 1_000_000 + "late</b>") == ""


def test_a_passage_that_would_be_cut_off_begins_the_excerpt() -> None:
    text = "A long story about our holiday. " * 20 + "The app ate my booking. " + "So it goes. " * 9
    assert around(text, "The app ate my booking.", 60).startswith("… The app ate my booking. So")
    assert len(around(text, "The app ate my booking.", 60)) <= 60
    assert around(text, "A long story", 60) == cut(text, 60)
    assert around(text, "not in it", 60) == cut(text, 60)
    assert around(text, "not in it " * 20, 60) == cut(text, 60)
    assert around(text, text[:80], 60) == cut(text, 60)
    assert "couldn’t" in around("So. " * 30 + "I couldn’t log in.", "I couldn't log in.", 60)
    assert around("The app ate it.", "ate it", 60) == "The app ate it."


@given(ANYTHING, ANYTHING, st.integers(0, 80))
def test_an_excerpt_keeps_its_length_whatever_is_sought(text: str, passage: str, n: int) -> None:
    assert len(around(text, passage, n)) <= n
