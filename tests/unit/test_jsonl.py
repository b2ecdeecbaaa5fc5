"""JSON lines: what is read, what is refused with which words, and that no line can do harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Match, Mention, Post, Score
from monitor.matching import Alias, Brand
from monitor.reading.jsonl import (
    MAX_TITLE,
    LineError,
    brand_of,
    line_of,
    mention_of,
    post_of,
    score_line,
    scored,
    stamp,
    text_of,
)
from monitor.text import MAX_TEXT, clean

POST: dict[str, Any] = {"source": "forum", "external_id": "1"}
NO_TEXTS = [1, 1.5, True, False, [], ["x"], {}]
NO_LISTS: list[Any] = ["", "Acme", 0, 5, 1.5, True, False, {}, {"term": "Acme"}]


def read(**changes: Any) -> Post:
    return post_of(json.dumps(POST | changes))


def brand(**changes: Any) -> Brand:
    return brand_of(json.dumps({"brand": "Acme"} | changes))


# -- JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "not JSON: Expecting value at character 1"),
        ('{"source": }', "not JSON: Expecting value at character 12"),
        ('{\n "brand": "Acme"\n "site": ""}', "at line 3, character 2"),
        ("{'source': 'forum'}", "not JSON: Expecting property name"),
        ('{"a": 1} {"b": 2}', "not JSON: Extra data at character 10"),
        ('"forum"', "not a JSON object"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("NaN", "not a JSON object"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"rating": ' + "9" * 5000 + "}", "a number too long"),
    ],
)
def test_what_is_no_object_is_refused_in_one_line(line: str, said: str) -> None:
    for reader in (post_of, brand_of, mention_of):
        with pytest.raises(LineError) as e:
            reader(line)
        assert said in str(e.value)
        assert "\n" not in str(e.value)


def test_a_mark_that_editors_write_before_utf_8_is_no_text() -> None:
    assert text_of(b'\xef\xbb\xbf{"text": "\xc3\xa9"}') == '{"text": "é"}'


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    with pytest.raises(LineError, match=r"not UTF-8 \(byte 3\)"):
        text_of(b"ab\xff")


# -- posts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_TEXTS)
@pytest.mark.parametrize(
    "key",
    ["source", "kind", "external_id", "url", "title", "text", "author", "published_at", "parent"],
)
def test_a_text_of_a_post_is_a_text(key: str, value: object) -> None:
    with pytest.raises(LineError, match=f'"{key}" must be a text'):
        read(**{key: value})


@pytest.mark.parametrize("key", ["source", "external_id"])
@pytest.mark.parametrize("value", [None, "", "\ud800"])
def test_a_post_has_a_source_and_an_id(key: str, value: object) -> None:
    with pytest.raises(LineError, match=f'"{key}" must be a text'):
        read(**{key: value})
    with pytest.raises(LineError, match=f'"{key}" must be a text'):
        post_of(json.dumps({k: v for k, v in POST.items() if k != key}))


def test_all_else_may_be_missing_or_null() -> None:
    rest = dict.fromkeys(("kind", "url", "title", "text", "author", "published_at", "parent"))
    assert read() == read(**rest, rating=None) == Post("forum", "", "1", "", "")


def test_what_is_unknown_is_passed_over() -> None:
    assert read(likes=[{"deep": 1}]) == read()


def test_texts_are_cleaned_and_cut() -> None:
    found = read(title="a\u202eb" + "t" * 999, text="<b>\x00ok</b>" + "x" * 99_999, author=" Ana ")
    assert (found.title[:3], len(found.title)) == ("abt", MAX_TITLE)
    assert (found.text[:9], len(found.text)) == ("<b>ok</b>", MAX_TEXT)
    assert found.author == "Ana"


@pytest.mark.parametrize("rating", [0, 0.0, 0.25, 1, 1.0])
def test_a_rating_is_a_number_from_0_to_1(rating: float) -> None:
    assert read(rating=rating).rating == rating
    assert isinstance(read(rating=rating).rating, float)


@pytest.mark.parametrize("rating", ["1", True, False, [], {}, -0.01, 1.01, 5, 10**400])
def test_anything_else_is_none(rating: object) -> None:
    with pytest.raises(LineError, match='"rating" must be a number from 0 to 1, or null'):
        read(rating=rating)


@pytest.mark.parametrize("rating", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_nor_is_a_number_that_is_none(rating: str) -> None:
    for line in (
        '{"source": "s", "external_id": "1", "rating": %s}',
        '{"text": "a", "rating": %s}',
    ):
        with pytest.raises(LineError, match="rating"):
            (post_of if "source" in line else mention_of)(line % rating)


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-02T08:14:11Z", "2026-11-02T08:14:11Z"),
        ("2026-11-02T08:14:11.25Z", "2026-11-02T08:14:11.250000Z"),
        ("2026-11-02T09:14:11+01:00", "2026-11-02T08:14:11Z"),
        ("2026-11-02T08:14:11", "2026-11-02T08:14:11Z"),
        ("2026-11-02 08:14", "2026-11-02T08:14:00Z"),
        ("2026-11-02", "2026-11-02T00:00:00Z"),
        ("", None),
        ("0001-01-01T00:00:00Z", None),  # what an unset time is in many programs
        ("0001-01-01T00:00:00+05:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-05:00", None),
    ],
)
def test_a_time_is_meant_in_utc_and_an_impossible_one_is_none(said: str, meant: str | None) -> None:
    found = read(published_at=said).published_at
    assert stamp(found) == meant
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "said",
    ["yesterday", "2026-13-01T00:00:00Z", "2026-11-02T25:00:00Z", "1793600051", " ", "２０２６"],
)
def test_what_is_no_time_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(LineError, match='"published_at" must be a time such as "2026-11-02T'):
        read(published_at=said)


# -- half characters -----------------------------------------------------------------------------


def test_half_an_emoji_is_left_out_everywhere() -> None:
    found = read(**dict.fromkeys(("kind", "url", "title", "text", "author", "parent"), "a\ud83d"))
    assert found == read(**dict.fromkeys(("kind", "url", "title", "text", "author", "parent"), "a"))
    assert post_of('{"source": "s\\udc00", "external_id": "\\ud83d\\ude00"}').external_id == "😀"
    assert mention_of('{"text": "a\\ud83d"}').post.text == "a"
    assert brand(brand="Ac\ud800me").name == "Acme"


# -- brands --------------------------------------------------------------------------------------


def test_a_brand_is_read_whole() -> None:
    found = brand(
        aliases=["@acme", {"term": "P&F", "require": ["shop", "course"]}, {"term": "AC"}],
        exclude=["acme corp"],
        own_authors=["AcmeHelp"],
        site="acme.example",
        competitors=["Velora"],
        sources=["reviews"],
    )
    assert found == Brand(
        "Acme",
        (Alias("@acme"), Alias("P&F", ("shop", "course")), Alias("AC")),
        ("acme corp",),
        ("AcmeHelp",),
        "acme.example",
        ("Velora",),
        ("reviews",),
    )
    assert brand() == brand(aliases=None, exclude=None, site=None) == Brand("Acme")


@pytest.mark.parametrize("value", NO_LISTS)
@pytest.mark.parametrize("key", ["aliases", "exclude", "own_authors", "competitors", "sources"])
def test_a_list_of_a_brand_is_a_list(key: str, value: object) -> None:
    with pytest.raises(LineError, match=f'"{key}" must be a list'):
        brand(**{key: value})


@pytest.mark.parametrize("key", ["exclude", "own_authors", "competitors", "sources"])
@pytest.mark.parametrize("value", [1, None, ["x"], {"term": "x"}])
def test_of_texts(key: str, value: object) -> None:
    with pytest.raises(LineError, match=f'"{key}" must be a list of texts'):
        brand(**{key: ["fine", value]})


@pytest.mark.parametrize(
    ("alias", "said"),
    [
        (5, '"aliases" must hold texts or'),
        (None, '"aliases" must hold texts or'),
        (["Acme"], '"aliases" must hold texts or'),
        ({}, '"term" must be a text'),
        ({"term": 5}, '"term" must be a text'),
        ({"term": ""}, '"term" must be a text'),
        ({"term": "a", "require": "shop"}, '"require" must be a list'),
        ({"term": "a", "require": [5]}, '"require" must be a list of texts'),
    ],
)
def test_an_alias_is_a_text_or_a_term_with_its_context(alias: object, said: str) -> None:
    with pytest.raises(LineError, match=said):
        brand(aliases=["fine", alias])


@pytest.mark.parametrize("name", [None, "", 5, ["Acme"]])
def test_a_brand_has_a_name(name: object) -> None:
    with pytest.raises(LineError, match='"brand" must be a text'):
        brand(brand=name)


# -- texts to score ------------------------------------------------------------------------------


def halves(mentions: Sequence[Mention]) -> list[Score]:
    """Scores that hold the text, so that their order shows."""
    return [Score(0.5, 0.25, 0.25, 0.5, "m", (mention.post.text,)) for mention in mentions]


def test_a_text_to_score_carries_what_the_model_looks_at() -> None:
    line = {"text": "t", "title": "T", "target": "Acme", "rating": 0, "kind": "review"}
    mention = mention_of(json.dumps(line | {"competitors": ["Velora"], "more": 1}))
    post = Post("", "review", "", "", "t", "T", rating=0.0)
    assert mention == Mention(post, "Acme", (Match("Acme", "source"),))


def test_target_and_competitors_are_found_where_the_text_names_them() -> None:
    line = {"text": "acme beats @GlobexHelp, ACME's lamp too", "title": "Globex?", "target": "Acme"}
    mention = mention_of(json.dumps(line | {"competitors": ["Globex", "Velora"]}))
    assert mention.matches == (Match("Acme", "text", 0, 4), Match("Acme", "text", 24, 30))
    assert mention.rivals == (Match("Globex", "title", 0, 6), Match("Globex", "text", 11, 22))


def test_a_text_without_a_target_is_about_nobody() -> None:
    assert mention_of('{"text": "Acme"}').matches == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"text": None}, {"text": 5}, {"text": ["a"]}, {"title": 5}, {"target": {}}, {"kind": []},
        {"rating": "5"}, {"competitors": "Velora"}, {"competitors": [1]}, {"competitors": 0},
    ],
)  # fmt: skip
def test_a_wrong_type_is_refused_by_its_name(changes: dict[str, Any]) -> None:
    (key,) = changes
    with pytest.raises(LineError, match=f'"{key}" must be'):
        mention_of(json.dumps({"text": "fine"} | changes))


def test_what_cannot_be_read_gets_its_error_in_its_place() -> None:
    lines = [
        b'{"text": "1"}\n', b"nonsense\n", b'{"text": "3"}\n', b'{"title": "4"}\n', b"\xff\n",
        b"[" * 100_000, b"\n", b'\xef\xbb\xbf{"text": "8"}\r\n', b'{"text": ""}',
    ]  # fmt: skip
    found = [json.loads(line) for line in scored(lines, halves)]
    said = [line["why"][0] if "why" in line else "error" for line in found]
    assert said == ["1", "error", "3", "error", "error", "error", "error", "8", ""]
    assert found[3] == {"error": '"text" must be a text'}


def test_a_score_has_the_keys_of_the_contract() -> None:
    line = json.loads(
        score_line(Score(0.123456, 0.5, 0.376544, 0.87654, "m", ("é",), sentence="é!"))
    )
    assert line == {
        "negative": 0.1235, "neutral": 0.5, "positive": 0.3765, "label": "neutral",
        "complaint": 0.8765, "scored": True, "lang": "en", "why": ["é"], "sentence": "é!",
    }  # fmt: skip


def test_what_was_not_scored_has_no_complaint() -> None:
    score = Score(0, 1, 0, None, "m", ("not scored: Polish",), scored=False, lang="pl")
    line = json.loads(score_line(score))
    assert (line["complaint"], line["scored"], line["lang"]) == (None, False, "pl")


# -- any line at all -----------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *("source", "external_id", "kind", "url", "title", "text", "author", "published_at"),
        *("rating", "parent", "brand", "aliases", "exclude", "own_authors", "site"),
        *("competitors", "sources", "term", "require", "target"),
    ]
)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=8,
)
POSTS = st.builds(
    Post,
    source=PLAIN.filter(bool),
    kind=PLAIN,
    external_id=PLAIN.filter(bool),
    url=PLAIN,
    text=st.text().map(clean),
    title=st.text().map(lambda text: clean(text, MAX_TITLE)),
    author=st.text().map(clean),
    published_at=st.none()
    | st.datetimes(datetime(1971, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given apart
    rating=st.none() | st.floats(0, 1),
    parent=st.none() | PLAIN.filter(bool),
)


@given(POSTS)
def test_a_post_survives_being_written_and_read(post: Post) -> None:
    line = line_of(post)
    assert "\n" not in line
    assert post_of(text_of(line.encode())) == post


@given(st.dictionaries(KEYS, JSON, max_size=8))
def test_any_object_is_read_or_refused(value: dict[str, Any]) -> None:
    line = json.dumps(value)
    for reader in (post_of, brand_of, mention_of):
        with suppress(LineError):
            found = reader(line)
            if isinstance(found, Post):
                assert post_of(line_of(found)) == found


@given(st.lists(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_give_a_line_each(lines: list[bytes]) -> None:
    found = list(scored(lines, halves))
    assert len(found) == len(lines)
    for line in found:
        line.encode()
        assert isinstance(json.loads(line), dict)
