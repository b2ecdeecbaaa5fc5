"""Replay: one line for each post, by the posts' own clock, whatever the stream is like."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config import AlertsTable
from monitor.domain import Post
from monitor.matching import Brand
from monitor.replay import EPOCH, ReplayError, lines, read_brand, read_posts, replay

ACME = Brand("Acme", own_authors=("AcmeHelp",), site="acme.example", sources=("reviews",))
ALL = AlertsTable(complaint=0)  #: whatever is written of the brand is told
HOUR = AlertsTable.model_validate({"complaint": 0, "window": "1h"})
NOTHING = AlertsTable(complaint=1, negative=1)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
DEAD = "The download link of Acme is dead, 404, I want a refund"

Event = dict[str, Any]


def post(key: str, text: str = DEAD, at: datetime | float | None = 0.0, **more: Any) -> Post:
    """A post written at a moment, or so many seconds after noon."""
    moment = NOON + timedelta(seconds=at) if isinstance(at, float | int) else at
    given = {"source": "forum", "kind": "forum", "url": f"https://forum.example/{key}"} | more
    return Post(external_id=key, text=text, published_at=moment, **given)


def events(*posts: Post, alerts: AlertsTable = ALL, brand: Brand = ACME) -> list[Event]:
    return list(replay(posts, brand, alerts))


def of_posts(found: Iterable[Event]) -> list[Event]:
    return [event for event in found if event["event"] != "message"]


def messages(found: Iterable[Event]) -> list[tuple[str, float]]:
    """Each message as its kind and its seconds after noon."""
    told = [event for event in found if event["event"] == "message"]
    return [(m["kind"], (datetime.fromisoformat(m["at"]) - NOON).total_seconds()) for m in told]


def written(folder: Path, *posts: dict[str, Any] | bytes, name: str = "posts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(
        b"\n".join(p if isinstance(p, bytes) else json.dumps(p).encode() for p in posts)
    )
    return path


def line(key: str, **more: Any) -> dict[str, Any]:
    return {"source": "forum", "external_id": key} | more


def titles(folder: Path, *posts: dict[str, Any]) -> list[str]:
    return [post.thread_title for post in read_posts(written(folder, *posts))]


# -- the stream ----------------------------------------------------------------------------------


def test_posts_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, line("2"), b"", line("1"), b"  ", line("3"), b"")
    assert [post.external_id for post in read_posts(path)] == ["2", "1", "3"]


def test_a_file_as_windows_writes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes("\ufeff".encode() + b"\r\n".join(json.dumps(line(k)).encode() for k in "12"))
    assert [post.external_id for post in read_posts(path)] == ["1", "2"]


def test_a_line_break_inside_a_text_is_no_new_line(tmp_path: Path) -> None:
    text = "a\u2028b\nc\x85d"
    raw = json.dumps(line("1", text=text), ensure_ascii=False).encode()
    assert [post.text for post in read_posts(written(tmp_path, raw))] == ["a\nb\nc\nd"]


def test_an_empty_file_is_an_empty_stream(tmp_path: Path) -> None:
    assert read_posts(written(tmp_path)) == []
    assert read_posts(written(tmp_path, b"\n\n")) == []
    assert events() == []


def test_a_post_that_stands_twice_is_one(tmp_path: Path) -> None:
    twice = written(
        tmp_path, line("1", text="first"), line("1", text="again"), line("1", source="blog")
    )
    found = [(post.source, post.external_id, post.text) for post in read_posts(twice)]
    assert found == [("forum", "1", "first"), ("blog", "1", "")]


def test_a_reply_gets_the_title_of_its_thread_however_deep(tmp_path: Path) -> None:
    found = titles(
        tmp_path,
        line("1", title="Acme"),
        line("2", title="Re: you", parent="1"),
        line("3", parent="2"),
        line("4", parent="gone"),
        line("5", title="own"),
    )
    assert found == ["", "Acme", "Acme", "", ""]


def test_where_the_thread_has_no_title_the_first_that_has_one_counts(tmp_path: Path) -> None:
    found = titles(tmp_path, line("1"), line("2", parent="1", title="Acme?"), line("3", parent="2"))
    assert found == ["", "", "Acme?"]


def test_a_thread_may_stand_in_another_source_or_after_its_replies(tmp_path: Path) -> None:
    found = titles(
        tmp_path,
        line("2", parent="1", source="comments"),
        line("3", parent="2", source="comments"),
        line("1", title="Acme", source="blog"),
    )
    assert found == ["Acme", "Acme", ""]


def test_equal_ids_in_two_sources_are_two_threads(tmp_path: Path) -> None:
    found = titles(
        tmp_path,
        line("1", title="Acme", source="blog"),
        line("1", title="Cats", source="forum"),
        line("2", parent="1", source="blog"),
        line("2", parent="1", source="forum"),
    )
    assert found == ["", "", "Acme", "Cats"]


def test_posts_that_answer_each_other_are_read(tmp_path: Path) -> None:
    found = titles(
        tmp_path, line("1", parent="2", title="a"), line("2", parent="1"), line("3", parent="3")
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b'{"source": "forum"', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"source": "forum"}', '"external_id" must be a text'),
        (b'{"source": "forum", "external_id": 7}', '"external_id" must be a text'),
        (b'{"source": "forum", "external_id": "1", "published_at": "now"}', '"published_at" must'),
        (b'{"source": "forum", "external_id": "1", "rating": 5}', '"rating" must be a number'),
        (b'{"source": "\xff"}', "not UTF-8 (byte 13)"),
        (b"[" * 100_000, "not JSON that can be read: nested too deep"),
    ],
)
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, broken: bytes, said: str) -> None:
    path = written(tmp_path, line("1"), b"", broken, line("2"))
    with pytest.raises(ReplayError) as e:
        read_posts(path)
    assert str(e.value).startswith(f"{path}, line 3: {said}")
    assert (e.value.status, "\n" in str(e.value)) == (2, False)


@pytest.mark.parametrize("read", [read_posts, read_brand])
def test_what_cannot_be_opened_is_said(tmp_path: Path, read: Any) -> None:
    for path in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(ReplayError, match="cannot be read: "):
            read(path)


def test_a_brand_file_is_read_or_refused_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, b'{\n "brand": "Acme",\n "aliases": ["@acme"]\n}\n', name="brand.json")
    assert read_brand(path).aliases[0].term == "@acme"
    for broken, said in (
        (b'{"brand": 1}', '"brand" must be'),
        (b"\xff", "not UTF-8"),
        (b"", "not"),
    ):
        with pytest.raises(ReplayError, match=said) as e:
            read_brand(written(tmp_path, broken, name="brand.json"))
        assert str(e.value).startswith(str(path))


# -- one line for each post ----------------------------------------------------------------------


def test_every_post_has_exactly_one_line(tmp_path: Path) -> None:
    posts = [
        post(str(n), ("Acme is fine", "nothing of it", DEAD)[n % 3], n // 4, source=f"s{n % 5}")
        for n in range(60)
    ]
    found = of_posts(events(*posts))
    count = Counter((event["source"], event["external_id"]) for event in found)
    assert count == Counter((p.source, p.external_id) for p in posts)
    assert Counter(event["event"] for event in found) == {"mention": 40, "unmatched": 20}


def test_a_mention_says_what_the_contract_names() -> None:
    mention, message = events(post("1"))
    assert mention | {"negative": 0, "complaint": 0, "severity": "", "incident": ""} == {
        "event": "mention", "source": "forum", "external_id": "1", "brand": "Acme",
        "label": mention["label"], "negative": 0, "complaint": 0, "topic": "broken_link",
        "severity": "", "incident": "", "copy_of": None, "action": "alerted",
        "at": "2026-11-18T12:00:00Z",
    }  # fmt: skip
    assert 0 <= mention["negative"] <= 1
    assert 0 <= mention["complaint"] <= 1
    assert mention["label"] in ("negative", "neutral", "positive")
    assert message == {
        "event": "message", "incident": mention["incident"], "kind": "post",
        "at": "2026-11-18T12:00:00Z",
    }  # fmt: skip


def test_what_does_not_name_the_brand_is_unmatched() -> None:
    found = events(post("1", "Velora"), post("2", url="https://acme.example/blog/2"))
    assert found == [
        {"event": "unmatched", "source": "forum", "external_id": "1"},
        {"event": "unmatched", "source": "forum", "external_id": "2"},
    ]


def test_the_title_of_a_thread_names_the_brand(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("1", title="Acme, any good?"),
        line("2", text="No, it broke", parent="1"),
        line("3", text="No, it broke"),
    )
    found = of_posts(replay(read_posts(path), ACME, ALL))
    assert [event["event"] for event in found] == ["mention", "mention", "unmatched"]


def test_so_does_a_source_that_is_about_the_brand() -> None:
    found = of_posts(events(post("1", "It broke", source="reviews"), post("2", "It broke")))
    assert [event["event"] for event in found] == ["mention", "unmatched"]


def test_the_brands_own_people_are_ignored() -> None:
    assert [e["action"] for e in events(post("1", author="AcmeHelp"))] == ["ignored"]


def test_the_thresholds_are_the_operators() -> None:
    assert [e["action"] for e in events(post("1"), alerts=NOTHING)] == ["digest"]
    assert [e["action"] for e in of_posts(events(post("1")))] == ["alerted"]


# -- the clock -----------------------------------------------------------------------------------


def test_everything_happens_by_the_posts_own_clock() -> None:
    posts = [post(str(n), at=n * 4000.0, source=f"s{n % 3}") for n in range(12)]
    found = events(*posts)
    assert [datetime.fromisoformat(e["at"]) for e in of_posts(found)] == [
        p.published_at for p in posts
    ]
    times = [event["at"] for event in found]
    assert times == sorted(times)


def test_a_card_is_posted_at_once_and_edited_when_its_pause_is_over() -> None:
    found = events(post("1"), post("2", at=3), post("3", at=4), post("4", at=14_000))
    assert [e["action"] for e in of_posts(found)] == ["alerted", *["attached"] * 3]
    assert len({e["incident"] for e in found}) == 1
    assert messages(found) == [("post", 0), ("update", 10), ("update", 14_000)]


def test_the_pause_is_the_operators() -> None:
    slow = AlertsTable.model_validate({"complaint": 0, "update_every": "1h"})
    found = events(
        post("1"), post("2", at=60), post("3", at=3700), post("4", at=90_000), alerts=slow
    )
    assert messages(found) == [("post", 0), ("update", 3600), ("update", 7200), ("update", 90_000)]


def test_a_burst_is_one_post_and_few_edits() -> None:
    found = events(*(post(str(n), at=n * 2.0) for n in range(30)))
    kinds = [kind for kind, _ in messages(found)]
    assert kinds == ["post", *["update"] * (len(kinds) - 1)]
    assert 3 <= len(kinds) - 1 <= 10
    assert found[-1]["event"] == "message", "the last edit shows all of them"


def test_after_the_window_a_cause_begins_anew() -> None:
    new = post("3", "Acme gives me no refund though its download link is broken", at=7201)
    found = of_posts(events(post("1"), post("2", at=3600), new, alerts=HOUR))
    assert [event["action"] for event in found] == ["alerted", "attached", "alerted"]


def test_a_copy_elsewhere_names_its_story_and_opens_no_card_within_the_window() -> None:
    rant = f"{DEAD}. I wrote to them on Monday and nobody at all has answered me since then"
    soon = post("9", f"> {rant}\nOh?", 9, source="b"), post("4", rant, 3609, source="c")
    found = of_posts(events(post("1", rant), *soon, post("5", rant, 7210, source="c"), alerts=HOUR))
    assert [event["copy_of"] for event in found] == [None, "1", "1", "1"]
    assert [event["action"] for event in found] == ["alerted", "attached", "attached", "alerted"]


def test_mentions_of_one_moment_stand_before_its_messages() -> None:
    found = events(post("1"), post("2", "Acme app refuses my login", source="blog"))
    assert [event["event"] for event in found] == ["mention", "mention", "message", "message"]
    opened = [event["incident"] for event in found[:2]]
    assert sorted(opened) == sorted(event["incident"] for event in found[2:])


def test_a_post_without_a_date_is_seen_with_the_one_before_it() -> None:
    found = of_posts(
        events(post("0", at=None), post("1", at=5), post("2", at=None), post("3", at=9))
    )
    assert [event["at"][-3:] for event in found] == ["05Z", "05Z", "05Z", "09Z"]
    assert [event["action"] for event in found] == ["alerted", *["attached"] * 3]


def test_a_stream_without_any_date_is_one_moment() -> None:
    found = of_posts(events(post("1", at=None), post("2", at=None)))
    assert {datetime.fromisoformat(event["at"]) for event in found} == {EPOCH}
    assert [event["action"] for event in found] == ["alerted", "attached"]


def test_the_clock_never_goes_back() -> None:
    moments = (500, 0, -9e6, 900)
    found = events(*(post(str(n), at=at, source=f"s{n % 2}") for n, at in enumerate(moments, 1)))
    assert [e["external_id"] for e in of_posts(found)] == ["1", "2", "3", "4"]
    assert [e["at"][14:19] for e in of_posts(found)] == ["08:20", "08:20", "08:20", "15:00"]
    assert {e["action"] for e in of_posts(found)} == {"alerted", "attached"}


def test_the_first_and_the_last_year_are_no_trouble(tmp_path: Path) -> None:
    dates = ["0001-01-01T00:00:00Z", "1971-01-01T00:00:00Z", "2100-12-31T23:59:59Z", "9999-12-31"]
    path = written(tmp_path, *(line(d, text=DEAD, published_at=d) for d in dates))
    found = of_posts(replay(read_posts(path), ACME, ALL))
    assert [event["at"][:4] for event in found] == ["1971", "1971", "2100", "2100"]


def test_a_second_rehearsal_says_the_same() -> None:
    posts = [post(str(n), at=n * 700.0, source=f"s{n % 3}") for n in range(9)]

    def nameless(found: list[Event]) -> list[Event]:
        return [event | {"incident": None} for event in found]

    assert nameless(events(*posts)) == nameless(events(*posts))


# -- lines, files --------------------------------------------------------------------------------


def test_lines_are_json_that_utf_8_can_hold(tmp_path: Path) -> None:
    raw = b'{"source": "f\\udc00", "external_id": "\\ud83d", "text": "Acme \\ud83d"}'
    with pytest.raises(ReplayError):
        read_posts(written(tmp_path, raw))
    path = written(tmp_path, raw.replace(b'"\\ud83d"', b'"\xc3\xa9\\ud83d\\u0000"'))
    (first, *_) = lines(replay(read_posts(path), ACME, NOTHING))
    assert json.loads(first.encode())["source"] == "f"
    assert "é" in first


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert events(post("1"))
    half = replay([post("1"), post("2")], ACME, ALL)
    next(half)
    assert list(tmp_path.iterdir())
    half.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


# -- the verb ------------------------------------------------------------------------------------


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "replay", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_verb_ends_with_2_and_one_line_for_a_broken_stream(tmp_path: Path) -> None:
    brand = written(tmp_path, {"brand": "Acme"}, name="brand.json")
    done = run(written(tmp_path, line("1"), b"{"), "--brand", brand, "--jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert f"{tmp_path / 'posts.jsonl'}, line 2: not JSON" in said


@pytest.mark.dev_data
def test_the_development_stream_is_replayed(dev_data: Path) -> None:
    streams = dev_data / "streams"
    began = time.monotonic()
    done = run(streams / "dev.posts.jsonl", "--brand", streams / "dev.brand.json", "--jsonl")
    took = time.monotonic() - began
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(said) for said in done.stdout.strip().split("\n")]
    given = [json.loads(said) for said in (streams / "dev.posts.jsonl").read_bytes().splitlines()]
    seen = Counter((event["source"], event["external_id"]) for event in of_posts(found))
    assert seen == Counter((p["source"], p["external_id"]) for p in given)
    assert seen.total() == 262
    assert took < 60  # measured: 3 s
