"""The demo as people see it: stories appear, cards follow, and at the end what came of it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text

from monitor.demo.backstage import DemoError, Limit, Monitor, Street, config_text, end, jsonl
from monitor.demo.stories import BRAND, SHELVES, STORIES, Story

WHOLE = 55.0  #: seconds; whatever happens, the demo is over before a minute is
FIRST_LOOK = 20.0  #: seconds until the daemon must have asked for every feed
LAST_STORY = 32.0  #: seconds from the start until the last story should be out
LAST_LOOK = 7.0  #: seconds until the last story must be on the card

OPENING = (
    f"{BRAND} sells sewing patterns as downloads. Small sites on this machine play a customer's "
    "blog and its comments, a second blog, a forum and a blog search. The real daemon reads them; "
    "its cards are what the support team would get in Slack.\n"
)


@dataclass(frozen=True)
class Outcome:
    """What the monitor's own verbs say after the last story."""

    incidents: Sequence[Mapping[str, Any]]
    mentions: Mapping[str, Mapping[str, Any]]  #: by the id of their story
    read: frozenset[str]  #: ids of the stories that were fetched
    terminal: str  #: what the daemon printed
    digest: Path
    status: int  #: with which the daemon ended

    @property
    def told(self) -> frozenset[str]:
        """Ids of the stories that are on a card."""
        return frozenset(id_ for id_, m in self.mentions.items() if m["incident"])

    def card(self, incident: Mapping[str, Any]) -> str:
        """One incident in a few words."""
        members = [m for m in self.mentions.values() if m["incident"] == incident["id"]]
        places = len({m["source"] for m in members})
        topic = str(incident["topic"]).replace("_", " ")
        return f"{incident['id']} ({topic}): {len(members)} posts in {places} places"


def play(out: Path, console: Console, now: Callable[[], datetime]) -> int:
    """See ``monitor.demo.run``; ``now`` dates the stories."""
    try:
        with _sigterm_like_ctrl_c():
            outcome = _perform(out, console, now)
    except KeyboardInterrupt:
        console.print("The demo was stopped.")
        return 130
    except DemoError as e:
        return _failed(str(e), console)
    _summary(outcome, console)
    wrong = problem(outcome)
    return _failed(wrong, console) if wrong else 0


def _failed(why: str, console: Console) -> int:
    console.print(Text(f"The demo failed: {why}", style="bold red"))
    return 1


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    """So that no daemon is left behind when the demo is told to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# -- the play ------------------------------------------------------------------------


def _perform(out: Path, console: Console, now: Callable[[], datetime]) -> Outcome:
    year, week, _ = now().isocalendar()
    log, digest = _writable(out.resolve())
    limit, printed = Limit(WHOLE), list[str]()
    with ExitStack() as stack:
        street = Street(stack, now)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="monitor-demo-")))
        monitor = _monitor(folder, street, console, limit)
        console.print(OPENING, highlight=False)
        with monitor.daemon(log, partial(_show, console, printed)) as daemon:
            _evening(street, monitor, console, Watch(daemon, log, limit))
            status = end(daemon)
        monitor.verb(
            *("digest", "--brand", BRAND, "--week", f"{year}-W{week:02}", "--to", str(digest))
        )
        return Outcome(
            incidents=json.loads(monitor.verb("incidents", "--json")),
            mentions={str(m["external_id"]): m for m in jsonl(monitor.verb("mentions", "--jsonl"))},
            read=street.read(),
            terminal="".join(printed),
            digest=digest,
            status=status,
        )


def _writable(out: Path) -> tuple[Path, Path]:
    """The daemon's log, which then exists, and the digest, which then does not."""
    log, digest = out / "daemon.log", out / "digest.html"
    try:
        out.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        digest.unlink(missing_ok=True)
    except OSError as e:
        raise DemoError(f"{e.filename}: {e.strerror}: name a folder that can be written") from e
    return log, digest


def _monitor(folder: Path, street: Street, console: Console, limit: Limit) -> Monitor:
    config = folder / "config.toml"
    config.write_text(config_text(folder / "monitor.db", street.url), "utf-8")
    return Monitor(config, console.width, colour=console.is_terminal, limit=limit)


def _show(console: Console, printed: list[str], text: str) -> None:
    printed.append(text)
    console.print(Text.from_ansi(text), soft_wrap=True)


@dataclass(frozen=True)
class Watch:
    """Waits, and notices a daemon that ends before it is told to."""

    daemon: subprocess.Popen[bytes]
    log: Path
    whole: Limit

    def wait(self, seconds: float, done: Callable[[], bool] = lambda: False) -> bool:
        """True as soon as ``done()``, False after ``seconds``.

        Raises:
            DemoError: the daemon is gone.
        """
        limit = Limit(seconds)
        while not (came := done()) and limit.left():
            if (status := self.daemon.poll()) is not None:
                raise DemoError(f"the daemon ended by itself with {status}: {self.last_words()}")
            time.sleep(min(0.1, limit.left()))
        return came

    def last_words(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), f"{self.log} is empty")


def _evening(street: Street, monitor: Monitor, console: Console, watch: Watch) -> None:
    if not watch.wait(FIRST_LOOK, street.visited):
        raise DemoError(f"the daemon left feeds unread for {FIRST_LOOK:.0f} s: see {watch.log}")
    stories = [s for s in STORIES if not s.age]
    pace = _pace(stories, watch.whole.left() - (WHOLE - LAST_STORY))
    for story in stories:
        street.publish(story)
        console.print(_line(story), no_wrap=True, overflow="ellipsis")
        watch.wait(story.pause * pace)
    watch.wait(LAST_LOOK, lambda: _settled(street, monitor))


def _pace(stories: Sequence[Story], seconds: float) -> float:
    """By what the pauses are multiplied: 1, or less where a slow machine has left less time."""
    return min(max(seconds / sum(s.pause for s in stories), 0.5), 1.0)


def _line(story: Story) -> Text:
    said = story.text if story.place == "comments" else story.title
    shelf = SHELVES[story.place].called
    return Text.assemble((f"+ {shelf}, {story.author}: ", "dim"), (said, "italic"))


def _settled(street: Street, monitor: Monitor) -> bool:
    """Every story is read and judged, and every card was written."""
    if len(street.read()) < len(STORIES):
        return False
    now = json.loads(monitor.verb("status", "--json"))
    judged = now["mentions"]["total"] - now["mentions"]["waiting"]
    written = not now["outbox"]["pending"] and not now["outbox"]["ambiguous"]
    return written and judged >= sum(s.fate != "left out" for s in STORIES)


# -- what came of it -----------------------------------------------------------------


def _summary(outcome: Outcome, console: Console) -> None:
    old = sum(bool(s.age) for s in STORIES if s.id in outcome.read)
    left = [s.why for s in STORIES if s.id in outcome.read - outcome.mentions.keys()]
    for name, value in (
        ("Read", f"{len(outcome.read)} posts in {len(SHELVES)} feeds, {old} older than this run"),
        ("Mentions", f"{len(outcome.mentions)} of {BRAND}"),
        ("Cards", f"{len(outcome.incidents)}: {'; '.join(map(outcome.card, outcome.incidents))}"),
        ("Left out", f"{len(left)}: {', '.join(left)}"),
        ("Digest", str(outcome.digest)),
    ):
        console.print(Text.assemble((f"{name:<9}", "bold"), value), soft_wrap=name == "Digest")


def problem(outcome: Outcome) -> str:
    """What did not come as expected, in one line; "" if everything did."""
    if outcome.status:
        return f"the daemon ended with {outcome.status} after SIGTERM, not 0"
    if not outcome.digest.is_file():
        return f"{outcome.digest} was not written"
    return _misread(outcome) or _misjudged(outcome)


def _misread(outcome: Outcome) -> str:
    names_it = frozenset(s.id for s in STORIES if s.fate != "left out")
    for why, ids in (
        ("not read", frozenset(s.id for s in STORIES) - outcome.read),
        ("wrongly taken for mentions", outcome.mentions.keys() - names_it),
        ("not seen as mentions", names_it - outcome.mentions.keys()),
    ):
        if ids:
            return f"{why}: {', '.join(sorted(ids))}"
    return ""


def _misjudged(outcome: Outcome) -> str:
    """One card, of nothing but the broken link, and grown over every place that has it."""
    if len(outcome.incidents) != 1:
        return f"{len(outcome.incidents)} cards instead of one"
    stray = outcome.told - {s.id for s in STORIES if s.fate == "told"}
    if stray:
        return f"on the card, and should not be: {', '.join(sorted(stray))}"
    spread = {s.place for s in STORIES if s.fate == "told"}
    missing = spread - {s.place for s in STORIES if s.id in outcome.told}
    if missing:
        return f"the card's count did not grow by: {', '.join(sorted(missing))}"
    if outcome.terminal.count(outcome.incidents[0]["id"]) < 2:
        return "the terminal did not show a card and its growth"
    return ""
