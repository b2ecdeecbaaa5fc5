"""What single kinds do that the others do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from monitor import app
from monitor.config import ConfigError, parse
from monitor.domain import Batch
from monitor.http import PoliteFetcher
from monitor.seams import SourceError
from monitor.sources import KINDS
from monitor.sources.api import at_second
from tests.standins.web import Reply, Seen, Web
from tests.unit.asking_apis import NOW, Site, T

HOUR = 3600
FIXTURES = Path(__file__).parents[1] / "fixtures"


def poll(kind: str, fetch: Site, cursor: str = "", **given: Any) -> Batch:
    made: Any = KINDS[kind]
    source = made(name="here", kind=kind, fetch=fetch, now=lambda: NOW, **given)
    return source.poll(cursor)  # type: ignore[no-any-return]


def question(number: int, at: int) -> dict[str, Any]:
    return {"question_id": number, "creation_date": at, "title": "Acme", "body": "Acme"}


def test_stackexchange_is_left_alone_as_it_asks_and_goes_on_afterwards() -> None:
    first = poll("stackexchange", Site({"items": [question(1, T)]}), query="Acme")
    site = Site({"items": [question(3, T + 9)], "has_more": True, "backoff": 10})
    cut = poll("stackexchange", site, first.cursor, query="Acme")
    wait = timedelta(seconds=10)
    assert (site.rests, cut.poll_after, len(cut.posts)) == ([wait], wait, 1)
    site = Site({"items": [question(2, T + 4)], "has_more": False})
    rest = poll("stackexchange", site, cut.cursor, query="Acme")
    assert site.asked[0]["todate"] == f"{T + 9}"
    assert json.loads(rest.cursor)["since"] == T + 9 - 24 * HOUR


def test_a_used_up_quota_begins_anew_at_midnight() -> None:
    site = Site({"items": [], "quota_remaining": 0})
    assert poll("stackexchange", site, query="Acme").poll_after == timedelta(hours=12)
    assert site.rests == [timedelta(hours=12)]


def test_all_sources_of_the_kind_wait_then() -> None:
    body = json.dumps({"items": [], "backoff": 30})
    with Web({"*": Reply(body)}) as web:
        fetch = PoliteFetcher("t/1", lambda: NOW, [ip_network("127.0.0.0/8")], min_gap=timedelta())
        made: Any = KINDS["stackexchange"]
        one, other = (
            made(
                name=name,
                kind="stackexchange",
                fetch=fetch,
                now=lambda: NOW,
                query="Acme",
                site=name,
                base_url=web.url().rstrip("/"),
            )
            for name in ("stackoverflow", "superuser")
        )
        one.poll("")
        assert fetch.busy() == {web.site}
        with pytest.raises(SourceError, match="asked us to wait") as refused:
            other.poll("")
        assert (refused.value.unasked, refused.value.blocked) == (True, False)
        assert len(web.seen) == 1


def test_links_lead_to_the_site_that_was_asked() -> None:
    body = json.loads((FIXTURES / "stackexchange" / "excerpts.json").read_text("utf-8"))
    for site, link in (
        ("stackoverflow", "https://stackoverflow.com/a/79100348"),
        ("webapps", "https://webapps.stackexchange.com/a/79100348"),
    ):
        batch = poll("stackexchange", Site(body), query="zephyr", site=site)
        assert batch.posts[0].url == link
        assert batch.posts[0].parent == batch.posts[1].external_id
        assert batch.posts[0].thread_title == 'How to stop "zephyr sync" from hanging?'


def test_an_incomplete_answer_of_github_moves_nothing_on() -> None:
    whole = json.loads((FIXTURES / "github" / "search.json").read_text("utf-8"))
    first = poll("github", Site(whole), query="zephyr")
    newer = json.loads(json.dumps(whole).replace("2026-11-15T12", "2026-11-16T10"))
    partly = poll("github", Site({**newer, "incomplete_results": True}), first.cursor, query="z")
    assert (len(partly.posts), partly.cursor) == (2, first.cursor)
    assert poll("github", Site(newer), first.cursor, query="zephyr").cursor != first.cursor


def test_a_repository_has_issues_and_comments() -> None:
    issues = json.loads((FIXTURES / "github" / "search.json").read_text("utf-8"))["items"]
    comment = {
        "id": 9,
        "body": "Same with Zephyr",
        "html_url": "https://github.com/kettle/plugin/issues/12#issuecomment-9",
        "user": {"login": "eve"},
        "created_at": "2026-11-15T11:00:00Z",
        "updated_at": "2026-11-15T11:00:00Z",
    }
    site = Site(issues[:1], [comment])
    issue, said = poll("github", site, repo="kettle/plugin").posts
    assert (said.external_id, said.parent) == (
        "kettle/plugin/issues/12#issuecomment-9",
        issue.external_id,
    )
    assert (said.author, said.text, said.title) == ("eve", "Same with Zephyr", "")
    assert "since" not in site.asked[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("github", "query: give either"),
        ('github"\nquery = "a"\nrepo = "a/b', "query: give either"),
        ('github"\nrepo = "a', "repo: give a repository"),
        ('mastodon"\ntags = ["#acme"]\nbase_url = "https://m.example', "tags: give words"),
        ('mastodon"\ntags = "acme', "tags: give words"),
        ("discourse", "base_url: missing"),
        ('discourse"\nbase_url = "https://x?y', "base_url: give an address"),
    ],
)
def test_wrong_keys_of_a_kind_are_named(given: str, said: str) -> None:
    text = f'[[brand]]\nname = "Acme"\n[[source]]\nname = "here"\nkind = "{given}"\n'
    config = parse(text, "m.toml")
    with pytest.raises(ConfigError, match=f"source 'here': {said}"):
        app.source(config.source[0], app.tools(config))


def status(number: int, second: int) -> dict[str, Any]:
    return {
        "id": str((second * 1000 << 16) + number),
        "created_at": "2026-11-15T10:00:00Z",
        "url": f"https://far.example/@bob/{number}",
        "content": "#acme",
        "account": {"acct": "bob"},
    }


def test_mastodon_goes_on_from_where_a_long_walk_began() -> None:
    """Else a tag with more posts in six hours than a poll reads would be read anew for ever."""
    now = int(NOW.timestamp())
    since = poll("mastodon", Site([status(1, now - 9)]), tags=["acme"]).cursor
    site = Site(*([status(n, now - 9 + n // 2)] for n in range(2, 12)))
    cut = poll("mastodon", site, since, tags=["acme", "acmeapp"])
    assert site.asked[0]["any[]"] == "acmeapp"
    assert json.loads(cut.cursor)["at"] == int(status(11, now - 4)["id"])
    done = poll("mastodon", Site([]), cut.cursor, tags=["acme"])
    assert json.loads(done.cursor)["since"] == (now - 6 * HOUR) * 1000 << 16


# -- secrets -------------------------------------------------------------------------------------

SECRETS: Mapping[str, tuple[str, str]] = {  #: what stands where in a request
    "discourse": ('base_url = "{base}"', "s3cret"),
    "github": ('repo = "a/b"', "Bearer s3cret"),
    "mastodon": ('tags = ["acme"]', "Bearer s3cret"),
    "stackexchange": ('query = "acme"', "key=s3cret"),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_named_never_written_and_never_shown(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Seen] = []
    with Web({"*": lambda seen: asked.append(seen) or Reply("no", 500)}) as web:
        base = web.url().rstrip("/")
        keys, sent = SECRETS[kind]
        head = '[http]\nallow_private = ["127.0.0.0/8"]\n[[brand]]\nname = "Acme"\n'
        head += f'[endpoints]\n{kind} = "{base}"\n[[source]]\nname = "here"\nkind = "{kind}"\n'
        head += keys.format(base=base)
        config = parse(f'{head}\ntoken = "env:A_TOKEN"\n', "m.toml")
        with pytest.raises(ConfigError, match="set the environment variable A_TOKEN"):
            app.source(config.source[0], app.tools(config))
        monkeypatch.setenv("A_TOKEN", "s3cret")
        source = app.source(config.source[0], app.tools(config))
        with pytest.raises(SourceError) as failed:
            source.poll("")
        assert sent.encode() in asked[0].head
        assert "s3cret" not in repr(source) + repr(failed.value)
    literal = parse(f'{head}\ntoken = "s3cret"\n', "m.toml")
    with pytest.raises(ConfigError, match="never write a secret") as refused:
        app.source(literal.source[0], app.tools(literal))
    assert "s3cret" not in str(refused.value)


def test_a_secret_goes_over_no_open_line() -> None:
    with pytest.raises(ValueError, match="https"):
        poll("mastodon", Site(), tags=["a"], token="t", base_url="http://m.example")


def test_a_number_that_is_no_time_is_a_broken_number() -> None:
    with pytest.raises(OverflowError):
        at_second(1 << 60)
