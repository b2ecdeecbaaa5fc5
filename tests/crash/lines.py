"""Kills the pipeline with SIGKILL at its n-th executed line, lets a new process go on, and counts.

The lines are those of pipeline, store and notifiers. Slack is a stand-in in a process of its own
whose history is read back over its API: what people saw, not what we believe we sent.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

from slack_sdk import WebClient

import monitor
from monitor import alerting, app, logs
from monitor.domain import Batch, Mention, Post, Score
from monitor.matching import Brand, Matcher
from monitor.notifiers.slack import Slack
from monitor.pipeline import Pipeline, Policy
from monitor.seams import Page
from monitor.store import SourceSpec, open_store
from tests.standins.slack import TOKEN, channel_id

ROOT = Path(monitor.__file__).parent
WATCHED = (str(ROOT / "pipeline"), str(ROOT / "store"), str(ROOT / "notifiers"))
TEXTS = (
    "The Acme download link is broken, it gives 404.",
    "Acme makes lovely patterns.",
    "Broken download link at Acme again: 404 after I paid.",
    "Acme charged me twice, my card shows two broken payments.",
    "Is Acme open on Sunday?",
    "The Acme download link is still broken, 404 all day.",
)
COMPLAINT = re.compile("broken|sorry", re.IGNORECASE)
OFTEN = 3
TEASERS = (1, 3)  #: of these posts only the page says what it is about
CARDS = 2  #: one broken link with three posts, one double charge


@dataclass
class Forum:
    """Six posts, three a poll."""

    published_at: datetime
    name: str = "forum"

    def poll(self, cursor: str) -> Batch:
        start = int(cursor or 0)
        posts = [self._post(i) for i in range(start, min(start + 3, len(TEXTS)))]
        return Batch(tuple(posts), cursor=str(start + len(posts)))

    def _post(self, number: int) -> Post:
        url = f"https://forum.example/{number}"
        text, page = ("Read on", url) if number in TEASERS else (TEXTS[number], "")
        return Post(
            "forum", "forum", str(number), url, text, published_at=self.published_at, page=page
        )


def page(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Page:
    """The whole text of a post."""
    return Page(200, url, headers, TEXTS[int(url.rpartition("/")[2])].encode())


class Words:
    """A classifier whose answer is plain to see."""

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        return [
            Score(0.9, 0.1, 0.0, 0.95, "words@0")
            if COMPLAINT.search(m.post.text)
            else Score(0.0, 0.5, 0.5, 0.05, "words@0")
            for m in mentions
        ]


@dataclass
class Result:
    points: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


@contextmanager
def slack_process(folder: Path, channels: Iterable[str]) -> Iterator[str]:
    """A stand-in Slack in its own process; yields its API address."""
    port_file = folder / "port"
    names = [word for name in channels for word in ("--channel", name)]
    command = [sys.executable, "-m", "tests.standins.slack", "--port-file", str(port_file), *names]
    process = subprocess.Popen(command, cwd=ROOT.parent)
    try:
        while not port_file.exists():
            if process.poll() is not None:
                raise RuntimeError("the stand-in Slack did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port_file.read_text()}/api/"
    finally:
        process.terminate()
        process.wait()


def work(database: Path, slack: str, channel: str, start: datetime) -> None:
    """Four rounds of everything, a minute apart by the pipeline's clock."""
    logs.set_up(logging.CRITICAL)
    clock = [start]
    store = open_store(f"sqlite:///{database}")
    store.sync([SourceSpec("forum", "forum", "")], ["Acme"], clock[0])
    pipeline = Pipeline(
        store=store,
        now=lambda: clock[0],
        sources={"forum": Forum(start)},
        matcher=Matcher([Brand("Acme")]),
        topics=app.topic_words(),
        classifier=Words(),
        notifiers={"slack": Slack(TOKEN, api_url=slack)},
        policy=Policy(
            every={"forum": timedelta(seconds=50)},
            rules=alerting.Rules(0.5, 0.95, "complaints"),
            card_targets={"Acme": (f"slack:{channel_id(channel)}",)},
            digest_targets={},
            digest_due=lambda week: week.until,
            timezone="UTC",
            backlog=timedelta(days=1),
        ),
        fetch_page=page,
        article=lambda body, _: body.decode(),
    )
    for _ in range(4):
        while claimed := pipeline.claim_sources(1):
            pipeline.poll(claimed[0])
        while waiting := pipeline.claim_pages(1):
            pipeline.read(waiting[0])
        pipeline.judge()
        pipeline.deliver()
        clock[0] += timedelta(seconds=61)
    store.close()


def in_child(job: Callable[[], None]) -> int:
    """Run ``job`` in a forked process; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            job()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def traced(job: Callable[[], None], at: Callable[[int], None]) -> None:
    """Run ``job``; call ``at(n)`` at its n-th kill point, counted from 1.

    A kill point is a watched line, or a return, the first ``OFTEN`` times that it is executed.
    """
    count = 0
    met: Counter[tuple[object, int, str]] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        where = (frame.f_code, frame.f_lineno, event)
        met[where] += event in ("line", "return")
        if 0 < met[where] <= OFTEN:
            count += 1
            at(count)
        return trace

    sys.settrace(trace)
    try:
        job()
    finally:
        sys.settrace(None)


def count_lines() -> int:
    """How many kill points one undisturbed run has."""
    with tempfile.TemporaryDirectory() as name, slack_process(Path(name), ["count"]) as slack:
        read, write = os.pipe()

        def job() -> None:
            last = [0]
            traced(
                lambda: work(Path(name) / "m.db", slack, "count", _start()),
                lambda n: last.__setitem__(0, n),
            )
            os.write(write, str(last[0]).encode())

        if in_child(job) != 0:
            raise RuntimeError("the undisturbed run failed")
        return int(os.read(read, 20))


def _start() -> datetime:
    """An hour ago, so that no time of the scenario lies ahead of Slack's own clock."""
    return datetime.now(UTC) - timedelta(hours=1)


def kill_at(points: Sequence[int]) -> Result:
    """Kill one run at each of these lines, let a second run finish, and look."""
    result = Result()
    channels = [f"k{n:05}" for n in points]
    with tempfile.TemporaryDirectory() as name, slack_process(Path(name), channels) as slack:
        for n in points:
            _kill_one(Path(name) / f"{n}.db", slack, n, result)
    return result


def _kill_one(database: Path, slack: str, n: int, result: Result) -> None:
    start = _start()

    def die(line: int) -> None:
        if line == n:
            os.kill(os.getpid(), signal.SIGKILL)

    status = in_child(lambda: traced(lambda: work(database, slack, f"k{n:05}", start), die))
    if os.waitstatus_to_exitcode(status) not in (-signal.SIGKILL, 0):
        raise RuntimeError(f"line {n}: the killed run ended with {status}")
    again = start + timedelta(minutes=20)
    if in_child(lambda: work(database, slack, f"k{n:05}", again)) != 0:
        raise RuntimeError(f"line {n}: the run after the kill failed")
    _judge(database, slack, n, result)


def _judge(database: Path, slack: str, n: int, result: Result) -> None:
    store = open_store(f"sqlite:///{database}")
    judged = [m for m in store.mentions() if m.score is not None]
    store.close()
    seen = history(slack, f"k{n:05}")
    texts = [m["text"] for m in seen]
    result.points += 1
    if len(judged) != len(TEXTS) or not any("3 posts" in t for t in texts) or len(seen) < CARDS:
        result.lost.append(f"line {n}: {len(judged)} judged, Slack shows {texts}")
    if len(seen) > CARDS:
        result.doubled.append(f"line {n}: Slack shows {texts}")


def history(slack: str, channel: str) -> list[dict[str, Any]]:
    """What stands in a channel, over the API."""
    client = WebClient(TOKEN, base_url=slack, retry_handlers=[])
    found: list[dict[str, Any]] = []
    cursor = None
    while cursor != "":
        page = client.conversations_history(
            channel=channel_id(channel), cursor=cursor, limit=200, include_all_metadata=True
        )
        found += page["messages"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
    return found
