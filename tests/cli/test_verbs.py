"""Each verb as people use it: what it prints, where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from monitor.cli import cli
from tests.cli.using import (
    BRAND,
    COMPLAINT,
    ENVIRON,
    PRAISE,
    SECOND,
    SILENT,
    Shell,
    rss,
    source,
    too_wide,
)
from tests.standins.mail import MailServer
from tests.standins.web import Web

POST = (
    *("source", "kind", "external_id", "url", "title", "text", "author"),
    *("published_at", "rating", "parent"),
)


# -- looking -------------------------------------------------------------------------


def test_source_try_prints_posts_and_stores_nothing(first: Shell, web: Web, tmp_path: Path) -> None:
    text = (first.folder / "monitor.toml").read_text()
    (tmp_path / "monitor.toml").write_text(text)
    shell = Shell(tmp_path)
    named = shell("source", "try", "blog", "--jsonl").jsonl
    assert [tuple(post) for post in named] == [POST] * 4
    assert named[0] == {
        "source": "blog",
        "kind": "feed",
        "external_id": "p0",
        "url": "https://blog.example/0",
        "title": COMPLAINT[0],
        "text": COMPLAINT[1],
        "author": "Imke",
        "published_at": named[0]["published_at"],
        "rating": None,
        "parent": None,
    }
    assert named[0]["published_at"].endswith("Z")
    long = web.url("/feed?" + "x" * 200)
    addressed = shell("source", "try", long, "--jsonl", "--limit", "2").jsonl
    assert [post["external_id"] for post in addressed] == ["p0", "p1"]
    table = shell("source", "try", "blog", "--limit", "2").out
    assert "2 of 4 posts" in table
    assert not too_wide(table)
    assert [file.name for file in tmp_path.iterdir()] == ["monitor.toml"]


def test_source_try_says_why_it_cannot(first: Shell, web: Web) -> None:
    assert "HTML" in first("source", "try", web.url("/page"), status=1).complaint
    assert "404" in first("source", "try", web.url("/none"), status=1).complaint


def test_source_discover_prints_tables_that_can_be_pasted(monitor: Shell, web: Web) -> None:
    pages = {
        "/": "<link rel='alternate' type='application/rss+xml' title=']]' href='/feed'>",
        "/feed": web.routes["/feed"],
    }
    with Web(pages) as blog:
        said = monitor("source", "discover", blog.url())
        assert said.out.startswith("# A blog (4 now)\n[[source]]\n")
        assert said.err == "monitor: 1 found; paste what you want into the configuration\n"
        file = monitor.folder / "monitor.toml"
        file.write_text(f"{file.read_text()}\n{said.out}")
        assert len(monitor("source", "try", "127.0.0.1", "--jsonl").jsonl) == 4
        assert 'name = "127.0.0.1-2"' in monitor("source", "discover", blog.url()).out
        assert "tried:" in monitor("source", "discover", web.url("/page"), status=1).complaint


def test_source_discover_needs_no_configuration(empty: Shell, web: Web) -> None:
    refused = empty("source", "discover", web.url(), status=1).complaint
    assert "is not a public address" in refused


def test_a_second_round_finds_nothing_new(monitor: Shell) -> None:
    assert "0 new mentions, 0 judged" in monitor("once").out


def test_status_names_each_thing_that_can_go_wrong(first: Shell) -> None:
    seen = first.status()
    blog = seen["sources"]["blog"]
    assert blog.pop("last_success").endswith("Z")
    day = 24 * 3_600  # its site gives nothing to ask for changes by
    assert day <= blog.pop("delay_seconds") <= 1.1 * day
    assert blog == {
        "name": "blog",
        "kind": "feed",
        "state": "ok",
        "blind_hours": 0.0,
        "moved": "",
        "gaps": 0,
        "gap_times": [],
        "rejected": 0,
        "push": False,
        "error": "",
    }
    outbox = {"pending": 0, "ambiguous": 0, "dead": 0, "oldest_seconds": 0, "errors": []}
    assert seen["outbox"] == outbox
    assert seen["mentions"] == {"total": 3, "waiting": 0, "dead": 0, "unscored": 0}
    assert seen["incidents"] == {"open": 1}
    assert seen["last_digest"] is None
    assert seen["model"].startswith("linear@")
    table = first("status").out
    assert "blog" in table
    assert not too_wide(table)


def test_a_gap_is_shown_with_its_times(monitor: Shell, web: Web) -> None:
    """The feed shows nothing any more of what it showed before."""
    before = monitor.status()["sources"]["blog"]["last_success"]
    shown = web.routes["/feed"]
    web.routes["/feed"] = rss(PRAISE).replace(">p0<", ">new<")
    monitor("source", "resume", "blog")
    monitor("once")
    web.routes["/feed"] = shown
    blog = monitor.status()["sources"]["blog"]
    assert blog["gaps"] == 1
    assert blog["gap_times"] == [{"since": before, "until": blog["last_success"]}]
    assert "? blog: posts of " in monitor("status").out


def test_mentions_are_listed_filtered_and_exported(first: Shell) -> None:
    ascii_only = Shell(first.folder, {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    found = {m["title"]: m for m in ascii_only("mentions", "--jsonl").jsonl}
    assert found.keys() == {COMPLAINT[0], SECOND[0], PRAISE[0]}
    told = found[COMPLAINT[0]]
    assert (told["brand"], told["source"], told["label"]) == (BRAND, "blog", "negative")
    assert {m["incident"] for m in found.values()} == {told["incident"], None}
    assert {found[COMPLAINT[0]]["action"], found[SECOND[0]]["action"]} == {"alerted", "attached"}
    praised = first("mentions", "--jsonl", "--label", "positive", "--search", "COAT").jsonl
    assert [m["title"] for m in praised] == [PRAISE[0]]
    assert first("mentions", "--until", "2020-01-01").out == "no mention\n"
    assert not too_wide(first("mentions").out)


def test_a_spreadsheet_runs_nothing_of_what_it_is_given(first: Shell) -> None:
    rows = list(csv.DictReader(io.StringIO(first("mentions", "--csv").out)))
    authors = {row["title"]: row["author"] for row in rows}
    assert authors[SECOND[0]] == "'=1+1"
    assert authors[COMPLAINT[0]] == "Imke"


def test_a_reader_that_goes_away_is_no_fault(first: Shell) -> None:
    for reader in ("head -1", "true"):
        command = f'"{first.command()[0]}" -m monitor mentions --jsonl | {reader}'
        done = subprocess.run(
            ["sh", "-c", command], cwd=first.folder, env=ENVIRON, capture_output=True, timeout=60
        )
        assert done.stderr == b""


def test_incidents_are_listed(first: Shell) -> None:
    (incident,) = first("incidents", "--open", "--json").json
    assert (incident["brand"], incident["state"], incident["posts"]) == (BRAND, "open", 2)
    table = first("incidents").out
    assert incident["id"] in table
    assert not too_wide(table)


# -- working -------------------------------------------------------------------------


def test_score_answers_each_line_in_its_place(empty: Shell) -> None:
    lines = [
        b'{"text": "The download link is broken, 404. Refund me.", "target": "Acme"}',
        b'{"text": 5}',
        b"nonsense",
        b"[]",
        b"\xff",
        b'{"text": "\\ud800 lone", "rating": 0.2, "kind": "review", "competitors": ["B"]}',
        b'{"text": "", "rating": 7}',
        '{"text": "Zam\u00f3wi\u0142em paczk\u0119 dwa tygodnie temu i nadal nic."}'.encode(),
    ]
    answers = empty("score", stdin=b"\n".join(lines)).jsonl
    assert [set(a) == {"error"} for a in answers] == [
        *[False, True, True, True],
        *[True, False, True, False],
    ]
    for answer in (answers[0], answers[5]):
        shares = answer["negative"], answer["neutral"], answer["positive"]
        assert sum(shares) == pytest.approx(1, abs=0.001)
        assert answer["label"] in ("negative", "neutral", "positive")
        assert 0 <= answer["complaint"] <= 1
        assert (answer["scored"], answer["lang"]) == (True, "en")
        assert isinstance(answer["why"], list)
    assert answers[0]["complaint"] > 0.5
    polish = {"scored": False, "lang": "pl", "why": ["not scored: Polish"], "complaint": None}
    polish["sentence"] = ""
    assert answers[7] == polish | {"negative": 0, "neutral": 1, "positive": 0, "label": "neutral"}


def test_replay_rehearses_by_the_posts_own_clock(empty: Shell) -> None:
    def post(number: int, hour: int, text: str) -> str:
        at = f"2026-11-02T{hour:02}:00:00Z"
        line = {"source": "s", "external_id": f"p{number}", "text": text, "published_at": at}
        return json.dumps(line)

    stream = [post(0, 8, COMPLAINT[1]), post(1, 9, SECOND[1]), post(2, 10, SILENT[1])]
    (empty.folder / "posts.jsonl").write_text("\n".join(stream))
    (empty.folder / "brand.json").write_text(json.dumps({"brand": BRAND}))
    words = ("replay", "posts.jsonl", "--brand", "brand.json")
    events = empty(*words, "--jsonl").jsonl
    seen = [(e["external_id"], e.get("action")) for e in events if e["event"] != "message"]
    assert seen == [("p0", "alerted"), ("p1", "attached"), ("p2", None)]
    assert next(e["kind"] for e in events if e["event"] == "message") == "post"
    assert events[0]["at"] == "2026-11-02T08:00:00Z"
    summary = empty(*words).out
    assert "1  opened a card" in summary
    assert not too_wide(summary)
    (empty.folder / "posts.jsonl").write_text(stream[0] + "\nnonsense\n")
    assert "line 2" in empty(*words, status=2).complaint


def test_every_label_is_kept_and_an_unknown_mention_refused(monitor: Shell) -> None:
    ids = {m["title"]: str(m["id"]) for m in monitor("mentions", "--jsonl").jsonl}
    database = f'[monitor]\ndatabase = "sqlite:///{monitor.folder}/monitor.db"\n'
    text = (monitor.folder / "monitor.toml").read_text()
    (monitor.folder / "here.toml").write_text(database + text)
    for value in ("not-us", "complaint", "no-complaint", "positive", "negative"):
        words = ["label", ids[PRAISE[0]], value, "--config", str(monitor.folder / "here.toml")]
        assert cli(words, standalone_mode=False) is None  # in this process: it is faster
    assert monitor("label", ids[PRAISE[0]], "neutral").out == ""
    relabelled = monitor("mentions", "--jsonl", "--label", "neutral").jsonl
    assert [m["title"] for m in relabelled] == [PRAISE[0]]
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as database:
        kept = database.execute("SELECT kind, value FROM labels ORDER BY id").fetchall()
    assert kept == [
        ("relevance", "not-us"),
        ("complaint", "complaint"),
        ("complaint", "no-complaint"),
        ("sentiment", "positive"),
        ("sentiment", "negative"),
        ("sentiment", "neutral"),
    ]
    assert "no mention 999" in monitor("label", "999", "negative", status=1).complaint


def test_digest_is_shown_written_and_mailed_once(monitor: Shell) -> None:
    year, week, _ = time.strftime("%G %V %u", time.gmtime()).split()
    this = ("--week", f"{year}-W{week}")
    assert "2 negative of 3" in monitor("digest", *this).out
    written = monitor("digest", *this, "--to", "out/week.html").out.split()
    assert written == ["out/week.html", "out/week.txt"]
    assert COMPLAINT[0] in (monitor.folder / "out/week.html").read_text("utf-8")
    with MailServer("none", login=False) as mail, (monitor.folder / "monitor.toml").open("a") as f:
        f.write(
            '[digest]\nto = ["ana@acme.example"]\n[smtp]\nhost = "127.0.0.1"\nstarttls = false\n'
            f'port = {mail.port}\nfrom = "watch@acme.example"\n'
        )
        f.flush()
        assert "not over yet" in monitor("digest", *this, "--send", status=2).complaint
        assert "1 delivered now" in monitor("digest", "--send").out
        assert "queued before" in monitor("digest", "--send").out
        assert [m.recipient for m in mail.mails] == ["ana@acme.example"]
    assert monitor.status()["last_digest"] is not None


def test_the_daemon_ends_in_order_and_stands_alone(monitor: Shell) -> None:
    daemon = subprocess.Popen(
        monitor.command("run"), cwd=monitor.folder, env=ENVIRON, stderr=subprocess.PIPE
    )
    with daemon:
        try:
            assert daemon.stderr is not None
            assert any(b'"started"' in line for line in daemon.stderr)
            assert f"process {daemon.pid}" in monitor("once", status=1).complaint
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=25)
    assert daemon.returncode == 0


# -- upkeep --------------------------------------------------------------------------


def test_doctor_says_what_to_do_for_each_thing_that_fails(first: Shell, web: Web) -> None:
    text = (first.folder / "monitor.toml").read_text()
    broken = first.folder / "broken.toml"
    assert {line[:4] for line in first("doctor").out.splitlines()} == {"ok  "}
    broken.write_text(
        text.replace("[alerts]", '[monitor]\ndatabase = "sqlite:///none/m.db"\n[alerts]')
        + '[slack]\nbot_token = "env:NO_TOKEN"\nchannel = "#a"\n'
        + '[web]\npublic_url = "https://acme.example"\n'
        + source("page", web.url("/page"))
        + source("none", web.url("/none"))
        + '[[source]]\nname = "odd"\nkind = "odd"\n'
    )
    said = first("doctor", "--json", "--config", "broken.toml", status=1).json
    failed = {finding["what"]: finding["said"] for finding in said if not finding["ok"]}
    for what, advice in {
        "database": "create it",
        "disk": "create it",
        "hubs": "needs [web] token",
        "channels": "set the environment variable NO_TOKEN",
        "source page": "check its url",
        "source none": "try its url",
        "source odd": "give one of",
    }.items():
        assert advice in failed.pop(what), what
    assert failed == {}


def test_the_database_is_upgraded_checked_and_backed_up(monitor: Shell) -> None:
    assert monitor("db", "upgrade").out.startswith("schema 0")
    assert monitor("db", "check").out.startswith("sound, schema 0")
    assert monitor("db", "backup", "copy.db").out == "copy.db\n"
    assert "exists" in monitor("db", "backup", "copy.db", status=1).complaint
    (monitor.folder / "copy.toml").write_text(
        f'[monitor]\ndatabase = "sqlite:///copy.db"\n[[brand]]\nname = "{BRAND}"\n'
    )
    copied = monitor("mentions", "--jsonl", "--config", "copy.toml").jsonl
    assert len(copied) == 3


def test_a_parked_source_is_left_alone_until_it_is_resumed(monitor: Shell) -> None:
    monitor("source", "park", "blog")
    assert monitor("once").out.startswith("0 sources polled")
    monitor("source", "resume", "blog")
    assert monitor("once").out.startswith("1 source polled")
    assert "blog" in monitor("source", "park", "nowhere", status=1).complaint
