"""Wrong use ends with 2 and one line; and what `monitor init` takes and refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import config
from monitor.cli import main
from tests.cli.using import BRAND, Said, Shell, too_wide
from tests.standins.web import Web

Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Gives a command in this process, which is faster; the line of its refusal."""
    monkeypatch.delenv("MONITOR_CONFIG", raising=False)

    def refused(folder: Path, *words: str) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["monitor", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        said = capsys.readouterr()
        return Said(2, said.out, said.err).complaint

    return refused


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("status --bogus", "--bogus"),
        ("status --config none.toml", "none.toml"),
        ("label 1", "no-complaint"),
        ("label x negative", "mention_id"),
        ("label 1 furious", "not-us"),
        ("mentions --since yesterday", "--since"),
        ("mentions --csv --jsonl", "--csv"),
        ("source try nowhere", "there are: blog"),
        ("source discover blog.example", "only http:// and https:// addresses are read"),
        ("source discover", "url"),
    ],
)
def test_wrong_use_is_one_line_that_says_what(
    first: Shell, refused: Refused, words: str, names: str
) -> None:
    assert names in refused(first.folder, *words.split())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("nosuch", "nosuch"),
        ("digest --week 2026-W99", "2026-W99"),
        ("digest --brand Nobody", BRAND),
        ("digest --to .", "give a file"),
        ("digest --send", "[digest] to"),
        ("replay none.jsonl --brand none.json", "none.jsonl"),
    ],
)
def test_wrong_use_ends_with_2(first: Shell, words: str, names: str) -> None:
    assert names in first(*words.split(), status=2).complaint


@pytest.mark.parametrize("verb", [(), ("db",)], ids=" ".join)
def test_without_a_verb_the_verbs_are_listed(empty: Shell, verb: tuple[str, ...]) -> None:
    said = empty(*verb, status=2)
    assert said.out == ""
    assert "Commands:" in said.err


def test_without_a_configuration_the_way_to_one_is_named(empty: Shell) -> None:
    assert "monitor init" in empty("once", status=2).complaint
    assert not list(empty.folder.iterdir())


def test_help_fits_a_terminal(empty: Shell) -> None:
    for words in ((), ("demo",), ("mentions",)):
        said = empty(*words, "--help").out
        assert said.startswith("Usage: monitor")
        assert not too_wide(said)
        assert "..." not in said.partition("Commands:")[2]


# -- init ----------------------------------------------------------------------------

HOSTILE = "O\"Brien's \\ [[brand]] \u00e9 \N{SPOOL OF THREAD} # ="


def test_init_writes_what_it_was_told_and_never_overwrites(empty: Shell) -> None:
    words = ["init", "--brand", HOSTILE, "--alias", '"]\\', "--site", "https://www.acme.example/"]
    words += ["--feed", "https://a.example/f?x=1", "--feed", "https://a.example/g"]
    words += ["--slack-channel", '#a"b', "--digest-to", "ana@acme.example"]
    words += ["--smtp-host", "smtp.acme.example", "--contact", "https://acme.example/bot"]
    assert "config/monitor.toml" in empty(*words).out
    path = empty.folder / "config/monitor.toml"
    written, read = path.read_bytes(), config.load(path)
    assert (read.brand[0].name, read.brand[0].aliases) == (HOSTILE, ('"]\\',))
    assert (read.brand[0].site, read.monitor.contact) == (
        "acme.example",
        "https://acme.example/bot",
    )
    assert [(s.name, s.options["url"]) for s in read.source] == [
        ("a.example", "https://a.example/f?x=1"),
        ("a.example-2", "https://a.example/g"),
    ]
    assert read.slack is not None
    assert (read.slack.channel, read.slack.bot_token) == ('#a"b', "env:SLACK_BOT_TOKEN")
    assert read.digest.to == ("ana@acme.example",)
    assert "exists already" in empty("init", "--brand", "Other", status=2).complaint
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), "Brand"),
        (("--brand", "two\nlines"), "brand[1].name"),
        (("--brand", "del\x7fete"), "brand[1].name"),
        (("--brand", " "), "brand[1].name"),
        (("--brand", "A", "--feed", "http://["), "http://"),
        (("--brand", "A", "--digest-to", "ana", "--smtp-host", "m.example"), "mail address"),
        (("--brand", "A", "--digest-to", "ana@m.example"), "Mail server"),
    ],
)
def test_init_refuses_what_could_not_run(
    tmp_path: Path, refused: Refused, words: tuple[str, ...], names: str
) -> None:
    assert names in refused(tmp_path, "init", *words)
    assert not list(tmp_path.iterdir())


def test_what_init_wrote_runs(empty: Shell, web: Web) -> None:
    empty("init", "--brand", BRAND, "--feed", web.url("/feed"), "--config", "m.toml")
    said = empty("doctor", "--config", "m.toml", status=1).out  # loopback is not public
    assert "allow_private" in said
