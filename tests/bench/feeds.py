"""The real feeds of $MONITOR_CORPORA through the real ``monitor once``.

Every feed has a host of its own on loopback, as blogs have. Prints figures, and ends with 1 where
an item is missing, a source failed or a traceback was seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.corpora import archive, content_type, explained, ours, theirs

BRAND = "Google"
EVERY = 20  #: seconds; longer than a round takes
MONITOR = Path(sys.executable).with_name("monitor")


@dataclass(frozen=True)
class Run:
    """One process, measured by the kernel."""

    seconds: float
    cpu: float  #: seconds, user and system
    peak_rss: int  #: MB
    polled: Mapping[str, int]  #: posts by source
    errors: tuple[str, ...]


def main() -> None:
    """Run the benchmark; needs $MONITOR_CORPORA."""
    console = Console()
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("feeds: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    bodies = {Path(path).name: body for path, body in archive(Path(folder), "blog-feeds").items()}
    problems = compare(bodies, console)
    with tempfile.TemporaryDirectory() as place, serving(bodies) as addresses:
        config = Path(place, "monitor.toml")
        config.write_text(configuration(addresses, Path(place, "monitor.db")), "utf-8")
        first = once(config)
        time.sleep(EVERY)  # until all are due again
        again = once(config)
        mentions = count_mentions(config)
    problems += judge(bodies, first, again)
    console.print(table(bodies, first, again, mentions))
    for problem in problems:
        console.print(f"[red]{problem}")
    if problems:
        sys.exit(1)


def compare(bodies: Mapping[str, bytes], console: Console) -> list[str]:
    """Count items beside feedparser, feed by feed."""
    problems, cpu = [], [0.0, 0.0]
    for name, body in bodies.items():
        start = time.process_time()
        we = ours(body)
        middle = time.process_time()
        they = theirs(body)
        cpu[0] += middle - start
        cpu[1] += time.process_time() - middle
        why = explained(body, we, they)
        if not why:
            problems.append(f"{name}: {we} items, feedparser finds {they}")
        elif we != they:
            console.print(f"{name}: {we} items, feedparser {they}: {why}")
    console.print(f"parsing: {cpu[0]:.1f} s of CPU, feedparser's defaults {cpu[1]:.1f} s")
    return problems


def judge(bodies: Mapping[str, bytes], first: Run, again: Run) -> list[str]:
    """What went wrong on the way through the real monitor."""
    problems = [*first.errors, *again.errors]
    for name, body in bodies.items():
        expected = ours(body)
        if first.polled.get(name) != expected:
            problems.append(f"{name}: polled {first.polled.get(name)} posts of {expected}")
        if again.polled.get(name, 0) != 0:  # a ttl may keep us away altogether
            problems.append(f"{name}: unchanged, yet {again.polled[name]} posts")
    return problems


def table(bodies: Mapping[str, bytes], first: Run, again: Run, mentions: int) -> Table:
    shown = Table("", "first round", "again, unchanged", title=f"monitor once, brand {BRAND}")
    posts = [str(sum(run.polled.values())) for run in (first, again)]
    shown.add_row("feeds", str(len(first.polled)), str(len(again.polled)))
    shown.add_row("MB", f"{sum(map(len, bodies.values())) / 1e6:.1f}", "0")
    shown.add_row("posts", *posts)
    shown.add_row("mentions", str(mentions), "0")
    shown.add_row("seconds", f"{first.seconds:.1f}", f"{again.seconds:.1f}")
    shown.add_row("CPU seconds", f"{first.cpu:.1f}", f"{again.cpu:.1f}")
    shown.add_row("peak RSS, MB", str(first.peak_rss), str(again.peak_rss))
    return shown


# -- the monitor ---------------------------------------------------------------------------------


def configuration(addresses: Mapping[str, str], database: Path) -> str:
    head = f"""
[monitor]
database = "sqlite:///{database}"
[http]
allow_private = ["127.0.0.0/8"]
[[brand]]
name = "{BRAND}"
"""
    source = (
        '[[source]]\nname = "{}"\nkind = "feed"\nurl = "{}"\nevery = "{}s"\nfull_text = false\n'
    )
    return head + "".join(source.format(name, url, EVERY) for name, url in addresses.items())


def once(config: Path) -> Run:
    """``monitor once`` in a process of its own."""
    with tempfile.TemporaryFile("w+") as log:
        start = time.monotonic()
        process = subprocess.Popen(
            [MONITOR, "once", "--config", config], stdout=subprocess.DEVNULL, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        log.seek(0)
        lines = log.read().splitlines()
    polled: Counter[str] = Counter()
    for event in events(lines):
        if event.get("event") == "polled":
            polled[event["source"]] += event["posts"]
    errors = [line[:300] for line in lines if not harmless(line)]
    if process.returncode:
        errors.append(f"monitor once ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, usage.ru_maxrss // 1024, polled, tuple(errors))


def events(lines: list[str]) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for line in lines if line.startswith("{"))


def harmless(line: str) -> bool:
    return line.startswith("{") and json.loads(line).get("level") == "info"


def count_mentions(config: Path) -> int:
    command = [str(MONITOR), "mentions", "--jsonl", "--config", str(config)]
    listed = subprocess.run(command, capture_output=True, check=True)
    return len(listed.stdout.splitlines())


# -- the sites -----------------------------------------------------------------------------------


@contextmanager
def serving(bodies: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    """Serve each feed at /NAME of a loopback address of its own; gives their urls."""
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        addresses = {}
        for number, (name, body) in enumerate(bodies.items()):
            host = f"127.0.{1 + number // 250}.{1 + number % 250}"
            server = stack.enter_context(ThreadingHTTPServer((host, 0), handler(name, body)))
            server.daemon_threads = True
            server.timeout = 0
            ready.register(server, selectors.EVENT_READ, server)
            addresses[name] = f"http://{host}:{server.server_port}/{name}"
        over = threading.Event()
        thread = threading.Thread(target=answer, args=(ready, over), daemon=True)
        thread.start()
        try:
            yield addresses
        finally:
            over.set()
            thread.join()


def answer(ready: selectors.BaseSelector, over: threading.Event) -> None:
    while not over.is_set():
        for key, _ in ready.select(0.2):
            key.data.handle_request()


def handler(name: str, body: bytes) -> type[BaseHTTPRequestHandler]:
    """A site that knows its feed's ETag and answers 304 to whoever repeats it."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("If-None-Match") == etag
            found = self.path == f"/{name}"
            self.send_response(304 if known else 200 if found else 404)
            self.send_header("ETag", etag)
            self.send_header("Content-Type", content_type(body))
            self.send_header("Content-Length", str(0 if known else len(body)))
            self.end_headers()
            if not known:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            pass

    return Site


if __name__ == "__main__":
    main()
