"""A configuration is read whole or refused in one line that names the place."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import config
from monitor.config import Config, ConfigError, parse
from monitor.resources import packaged

BRAND = '[[brand]]\nname = "Acme"\n'


def said(text: str) -> str:
    with pytest.raises(ConfigError) as e:
        parse(text, "m.toml")
    assert "\n" not in str(e.value)
    return str(e.value)


def test_the_example_has_every_key_and_loads() -> None:
    text = packaged("monitor.example.toml").read_text("utf-8")
    raw, example = tomllib.loads(text), parse(text, "example")
    assert set(raw) == set(Config.model_fields)
    for name, given_keys in raw.items():
        if name == "endpoints":  # its keys are kinds
            continue
        first = getattr(example, name)
        table, keys = (
            (first[0], {k for t in given_keys for k in t})
            if isinstance(first, tuple)
            else (first, set(given_keys))
        )
        known = {f.alias or key for key, f in type(table).model_fields.items()}
        assert known <= keys, name


def test_the_examples_defaults_are_the_defaults() -> None:
    example = parse(packaged("monitor.example.toml").read_text("utf-8"), "example")
    plain = parse(BRAND, "plain")
    assert example.alerts == plain.alerts
    assert example.digest.at == plain.digest.at
    assert example.privacy == plain.privacy
    assert example.monitor.database == plain.monitor.database


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        (BRAND + "[alert]\nx = 1", "alert", "unknown key"),
        (BRAND + "colour = 1", "brand[1].colour", "unknown key"),
        (BRAND + "[alerts]\ncomplaint = 'much'", "alerts.complaint", "number"),
        (BRAND + "[alerts]\ncomplaint = 1.5", "alerts.complaint", "less than or equal to 1"),
        (BRAND + "[monitor]\ntimezone = 'Mars/Base'", "monitor.timezone", "IANA"),
        (BRAND + "[slack]\nchannel = '#a'", "slack.bot_token", "missing"),
        (
            BRAND + "[slack]\nchannel='#a'\nbot_token='env:T'\napi_url='http://slack.example/'",
            "slack.api_url",
            "https://",
        ),
        (BRAND + "[slack]\nchannel='#a'\nbot_token='xoxb-1'", "slack.bot_token", "env:NAME"),
        (BRAND + "[[source]]\nname='a'\nkind='feed'\nevery='soon'", "source[1].every", '"5m"'),
        (BRAND + "[[source]]\nname='a'\nkind='feed'\nevery=5", "source[1].every", '"5m"'),
        (BRAND + "[privacy]\nkeep='0s'", "privacy.keep", '"1d"'),
        (BRAND + "[alerts]\nwindow='200000w'", "alerts.window", '"366d"'),
        (BRAND + "[http]\nallow_private=['here']", "http.allow_private[1]", "network"),
        (BRAND + "[web]\nbind='8080'", "web.bind", "127.0.0.1:8080"),
        (BRAND + "[web]\npublic_url='acme.example'", "web.public_url", "https://"),
        (BRAND + "[web]\npublic_url='https://a.example/?a=1'", "web.public_url", "without ?"),
        (BRAND + "[monitor]\ndatabase='m.db'", "monitor.database", "sqlite:///PATH"),
        (BRAND + "[monitor]\ndatabase='sqlite:///:memory:'", "monitor.database", "sqlite:///"),
        (BRAND + "[monitor]\ndatabase='mysql://u:canary@h/n'", "monitor.database", "postgresql:"),
        (BRAND + "[digest]\nat='noon'", "digest.at", "07:30"),
        (BRAND + BRAND, "Acme", "stands twice"),
        (BRAND + "[[source]]\nname='a'\nkind='feed'\nabout='Acmee'", "Acmee", "no [[brand]]"),
        ("", "brand", "missing"),
        ("[[brand]\n", "TOML", "not valid"),
    ],
)
def test_each_mistake_is_one_line_with_place_and_advice(text: str, place: str, advice: str) -> None:
    line = said(text)
    assert line.startswith("m.toml")
    assert place in line
    assert advice in line


def test_a_literal_secret_is_refused_and_never_repeated() -> None:
    assert "canary" not in said(BRAND + "[slack]\nchannel='#a'\nbot_token='xoxb-canary'")


def test_an_ambiguous_alias_needs_its_words() -> None:
    assert "brand[1].aliases[1]" in said(BRAND + "aliases = [{term = 'P&F', require = []}]")


def test_a_missing_file_and_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="monitor init"):
        config.load(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(tmp_path / "b.toml")


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    assert config.secret("env:TOKEN", "slack.bot_token", {"TOKEN": " t \n"}) == "t"
    (tmp_path / "token").write_text("f\n")
    assert config.secret(f"file:{tmp_path / 'token'}", "slack.bot_token", {}) == "f"


@pytest.mark.parametrize("reference", ["env:TOKEN", "file:/nowhere/token"])
def test_a_missing_secret_names_its_key_and_where_to_put_it(reference: str) -> None:
    with pytest.raises(ConfigError, match=r"slack\.bot_token"):
        config.secret(reference, "slack.bot_token", {})


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="monitor init"):
        config.find(None, {})
    Path("monitor.toml").touch()
    assert config.find(None, {}) == Path("monitor.toml")
    assert config.find(None, {"MONITOR_CONFIG": "a.toml"}) == Path("a.toml")
    assert config.find(Path("b.toml"), {"MONITOR_CONFIG": "a.toml"}) == Path("b.toml")


@given(st.integers(1, 52), st.sampled_from("smhdw"))
def test_durations_are_read_as_written(n: int, unit: str) -> None:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    source = f"[[source]]\nname='a'\nkind='feed'\nevery='{n}{unit}'"
    assert parse(BRAND + source, "m").source[0].every == timedelta(seconds=n * units[unit])


@given(st.text(max_size=60))
def test_no_text_at_all_ends_in_a_traceback(text: str) -> None:
    with suppress(ConfigError):
        parse(text, "m.toml")
