"""Cards on a terminal: readable at 80 columns, counting, and deaf to hostile text."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from monitor.domain import Delivery, Receipt
from monitor.notifiers import KINDS
from monitor.notifiers.console import Terminal
from monitor.seams import DeliveryError, Lookup, Notifier, Outcome
from tests.standins.cards import card, delivery, quote, update


def printed(sent: Delivery, width: int = 80, **options: Any) -> str:
    out = io.StringIO()
    Terminal(Console(file=out, width=width, **options)).send(sent)
    return out.getvalue()


def words(sent: Delivery, width: int = 80) -> str:
    """What is printed, without the frame and the line breaks."""
    return " ".join(printed(sent, width).replace("│", " ").split())


def grown(**changes: Any) -> Delivery:
    shown = card(quote(1), quote(2), quote(3), **changes)
    return update(Receipt("console", "1"), target="console:", card=shown)


def test_a_new_card_says_what_who_when_and_why() -> None:
    said = words(delivery(target="console:"))
    for part in (
        "High complaint · Acme · Broken link",
        "1 post: forum-acme",
        "reader1 on forum-acme, 2026-11-12 14:05 UTC",
        "“The download of Acme Studio ends in a 404, post 1.”",
        "https://forum.example/t/1",
        "Why: complaint .91 · 404 · dead",
        "INC-8f2c41d0 · nobody is on it yet",
    ):
        assert part in said


def test_what_the_reason_says_is_not_said_twice() -> None:
    reason = "1 star of 5, not scored: Polish"
    shown = card(quote(1, why=("not scored: Polish",)), reason=reason)
    said = words(delivery(target="console:", card=shown))
    assert f"Why: {reason} ╰" in said


def test_a_grown_card_says_how_many_and_what_is_new() -> None:
    said = words(grown())
    assert said.startswith("Grown: INC-8f2c41d0 now 3 posts: forum-acme 2, blog-lena 1")
    assert "post 3" in said
    assert "post 2" not in said
    assert "https://forum.example/t/3" in said
    assert printed(grown()).count("\n") <= 7


def test_a_card_names_the_places_that_only_repeat_it() -> None:
    copied = replace(card(), also=("blog-lena", "planet"))
    said = words(delivery(target="console:", card=copied))
    assert "1 post: forum-acme · also on blog-lena, planet" in said


def test_a_card_taken_on_says_by_whom() -> None:
    assert words(grown(state="acknowledged", owner="Ana")) == "INC-8f2c41d0 · acknowledged: Ana"


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("make", [lambda: delivery(target="console:"), grown])
def test_no_line_is_wider_than_the_terminal_or_than_people_read(
    width: int, make: Callable[[], Delivery]
) -> None:
    lines = printed(make(), width).splitlines()
    assert max(map(cell_len, lines)) <= min(width, 100)


def test_wide_scripts_and_long_words_stay_in_the_frame() -> None:
    shown = card(quote(text="配送が届かない" * 40, title="x" * 300, author="أحمد"))
    lines = printed(delivery(target="console:", card=shown), 60).splitlines()
    assert {cell_len(line) for line in lines} == {60}


def test_a_long_address_is_printed_whole() -> None:
    url = "https://forum.example/" + "a-long-path/" * 20
    said = printed(delivery(target="console:", card=card(quote(url=url))), 60)
    assert url in "".join(said.replace("│", "").split())


@pytest.mark.parametrize(
    "text",
    ["[bold red]x[/] [link=https://e.example]y[/link]", "[/]", ":fire:", "a\\[b]", "\\"],
)
@pytest.mark.parametrize("kind", ["post", "update"])
def test_markup_and_emoji_names_are_printed_as_they_stand(text: str, kind: Any) -> None:
    shown = card(quote(text=text, title="", author=text, source=text), brand=text)
    sent = delivery(kind, "console:", card=shown, remote=Receipt("console", "1"))
    assert words(sent).count(text) >= 3


def test_no_control_sequence_of_a_post_reaches_the_terminal() -> None:
    hostile = "\x1b[2J\x1b]8;;https://e.example\x07x\x1b\\\x9b31m\r\u202e\x00"
    shown = card(quote(text=hostile, title=hostile, author=hostile, url=hostile), brand=hostile)
    said = printed(delivery(target="console:", card=shown), force_terminal=False)
    assert not {"\x1b", "\x07", "\x9b", "\r", "\x00", "\u202e"} & set(said)


def test_a_terminal_without_utf8_still_gets_its_card() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as out:
        shown = card(quote(text="Der Preis: 5 € – zu viel"))
        Terminal(Console(file=out, width=80)).send(delivery(target="console:", card=shown))
        assert b"Der Preis: 5 ?" in raw.getvalue()


class _Closed(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_waits_for_the_operator() -> None:
    with pytest.raises(DeliveryError) as caught:
        Terminal(Console(file=_Closed())).send(delivery(target="console:"))
    assert caught.value.outcome is Outcome.OPERATOR


def test_a_digest_is_not_for_the_terminal() -> None:
    with pytest.raises(DeliveryError) as caught:
        Terminal(Console(file=io.StringIO())).send(delivery("digest", "console:"))
    assert caught.value.outcome is Outcome.NEVER


def test_printing_twice_harms_nobody() -> None:
    assert Terminal(Console(file=io.StringIO())).find(delivery()) is Lookup.ABSENT


def test_a_check_says_how_wide_it_is() -> None:
    assert Terminal(Console(file=io.StringIO(), width=80)).check("") == "80 columns"


def test_every_kind_is_named_as_targets_name_it() -> None:
    assert set(KINDS) == {"slack", "email", "console"}
    terminal: Notifier = KINDS["console"](Console(file=io.StringIO()))
    assert terminal.send(delivery(target="console:")).channel == "console"
