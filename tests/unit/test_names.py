"""Where a post shows a name as it is given: targets of `monitor score`, and competitors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Match
from monitor.matching import MAX_MATCHES, Brand, Matcher, named
from tests.unit.test_matching import NORTHWIND, post


@pytest.mark.parametrize(
    ("name", "text", "as_written"),
    [
        ("Globex", "GLOBEX, globex's and @GlobexHelp", "GLOBEX|globex's|@GlobexHelp"),
        ("@globex", "#globexfail not globexia or myglobex", "#globexfail"),
        ("Blue Yard", "BlueYard, blue-yard; blue and yard", "BlueYard|blue-yard"),
        ("日本", "日本語", "日本"),
        ("", "anything", ""),
        ("!?", "what!?", ""),
    ],
)
def test_a_name_is_found_as_it_is_given(name: str, text: str, as_written: str) -> None:
    matches = named(name, post(text))
    assert "|".join(text[m.start : m.end] for m in matches) == as_written
    assert named(name, post("", title=text)) == [replace(m, where="title") for m in matches]


def test_a_mention_is_told_where_its_rivals_stand() -> None:
    matcher = Matcher([NORTHWIND, Brand("Acme")])
    text = "Velora is worse than Northwind Cycles, and acme too"
    northwind, acme = (matcher.with_rivals(m) for m in matcher.mentions(post(text)))
    assert northwind.rivals == (Match("Velora", "text", 0, 6),)
    assert acme.rivals == matcher.with_rivals(replace(acme, brand="gone")).rivals == ()
    many = matcher.with_rivals(replace(northwind, post=post("Velora " * 100)))
    assert len(many.rivals) == MAX_MATCHES


@given(name=st.text(), text=st.text())
def test_any_name_is_looked_for_in_any_text(name: str, text: str) -> None:
    for match in named(name, post(text)):
        assert 0 <= match.start < match.end <= len(text)
