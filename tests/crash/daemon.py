"""The real daemon, threads and all, SIGKILLed at random moments; then left to finish.

Run as a module with a configuration it is that daemon, with short leases and a plain classifier.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from rich.console import Console

from monitor import app, config, logs
from monitor.daemon import Daemon, only_one
from monitor.notifiers.slack import Slack
from monitor.pipeline import Leases
from monitor.store import open_store
from tests.crash.lines import Words, history, slack_process
from tests.standins.slack import TOKEN
from tests.standins.web import Reply, Seen, Web

FEEDS = 5
SHORT = Leases(*[timedelta(seconds=3)] * 4)


@dataclass(frozen=True)
class Outcome:
    kills: int
    mentions: int
    judged: int
    told: int  #: messages in Slack
    lost: int  #: complaints without a message
    doubled: int  #: messages beyond one a complaint
    seconds: float


def main(path: Path) -> None:
    """Run the daemon of a configuration file until killed."""
    logs.set_up()
    with app.opened(config.load(path), Console()) as built, only_one(built.store.path):
        built.register()
        slack = Slack(TOKEN, api_url=built.config.slack.api_url, monotonic=_leaping())
        pipeline = replace(
            built.pipeline, leases=SHORT, classifier=Words(), notifiers={"slack": slack}
        )
        Daemon(pipeline, beat=timedelta(seconds=0.05)).run()


def _leaping() -> Callable[[], float]:
    """A monotonic clock on which Slack's pace of one message a second costs no time."""
    at = [0.0]

    def monotonic() -> float:
        at[0] += 10
        return at[0]

    return monotonic


@dataclass
class Feed:
    """A feed that fills up; every second post is a complaint, each about a cause of its own."""

    name: str
    posts: int
    shown: int = 0

    def __call__(self, _: Seen) -> Reply:
        self.shown = min(self.shown + 20, self.posts)
        stamp = format_datetime(datetime.now(UTC))
        items = "".join(
            f"<item><guid>{i}</guid><link>https://{self.name}.example/{i}</link>"
            f"<title>About {i}</title><pubDate>{stamp}</pubDate><description>"
            f"Acme, a {'sorry' if i % 2 else 'fine'} tale, number {i}"
            f"</description></item>"
            for i in range(self.shown)
        )
        rss = f'<rss version="2.0"><channel><title>{self.name}</title>{items}</channel></rss>'
        return Reply(rss, headers={"Content-Type": "application/rss+xml"})


@contextmanager
def _world(folder: Path, posts: int) -> Iterator[tuple[Path, str]]:
    """Feeds and Slack on loopback; yields the configuration's path and Slack's address."""
    with ExitStack() as stack:
        # A site each, so that the fetcher's manners do not hold them up.
        sites = [
            stack.enter_context(Web({"*": Feed(f"f{i}", posts // FEEDS)})) for i in range(FEEDS)
        ]
        slack = stack.enter_context(slack_process(folder, ["acme"]))
        path = folder / "monitor.toml"
        sources = "".join(
            f'[[source]]\nname = "f{i}"\nkind = "feed"\nurl = "{web.url()}"\nevery = "0.3s"\n'
            "full_text = false\n"
            for i, web in enumerate(sites)
        )
        path.write_text(
            f'[monitor]\ndatabase = "sqlite:///{folder / "m.db"}"\n'
            '[http]\nallow_private = ["127.0.0.0/8"]\n[[brand]]\nname = "Acme"\n'
            f'{sources}[alerts]\nbacklog = "1d"\nwindow = "1s"\n'
            f'[slack]\nbot_token = "file:{folder / "token"}"\nchannel = "#acme"\n'
            f'api_url = "{slack}"\n'
        )
        (folder / "token").write_text(TOKEN)
        yield path, slack


def kill_daemon(kills: int, posts: int, seed: int) -> Outcome:
    """Kill the daemon ``kills`` times while it works through ``posts`` mentions; then look."""
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name, _world(Path(name), posts) as (path, slack):
        for _ in range(kills):
            _killed(path, 1.0 + chance.random() * 1.5)
        _finish(path, Path(name) / "m.db", posts)
        return _outcome(Path(name) / "m.db", slack, kills, time.monotonic() - began)


def _start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.crash.daemon", str(path)]
    with (path.parent / "log").open("ab") as log:
        return subprocess.Popen(command, stderr=log)


def _log(path: Path) -> str:
    return (path.parent / "log").read_text()[-2000:]


def _killed(path: Path, after: float) -> None:
    daemon = _start(path)
    time.sleep(after)
    daemon.send_signal(signal.SIGKILL)
    if daemon.wait() != -signal.SIGKILL:
        raise RuntimeError(f"the daemon ended by itself: {_log(path)}")


def _finish(path: Path, database: Path, posts: int) -> None:
    """Leave it alone until all is judged and told; it must then end in order."""
    daemon = _start(path)
    time.sleep(3)  # all may be done already; it must be up before it is told to stop
    end = time.monotonic() + 240
    while time.monotonic() < end and not _done(database, posts):
        time.sleep(0.5)
    daemon.terminate()
    if (status := daemon.wait(25)) != 0:
        raise RuntimeError(f"SIGTERM ended the daemon with {status}, not 0: {_log(path)}")


def _done(database: Path, posts: int) -> bool:
    store = open_store(f"sqlite:///{database}", upgrade=False)
    try:
        now = store.overview(datetime.now(UTC))
    finally:
        store.close()
    outbox = now.outbox
    return now.mentions == posts and not now.waiting and not (outbox.pending + outbox.ambiguous)


def _outcome(database: Path, slack: str, kills: int, seconds: float) -> Outcome:
    store = open_store(f"sqlite:///{database}")
    found = list(store.mentions())
    store.close()
    cards = {m.incident for m in found if m.incident}
    ids = [m["metadata"]["event_payload"]["incident_id"] for m in history(slack, "acme")]
    told = Counter(ids)
    complaints = {m.id for m in found if "sorry" in m.mention.post.text}
    carded = {m.id for m in found if m.incident in told}
    return Outcome(
        kills,
        len(found),
        sum(m.score is not None for m in found),
        len(ids),
        len(complaints - carded) + len(cards - told.keys()),
        len(ids) - len(told),
        seconds,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
