"""One round of 10,000 feeds over TLS, as a daemon that has run for a while sees them.

70 of 100 say 304, 28 send the same body again, 2 have a new item that names the brand. The feeds
of $MONITOR_CORPORA stand behind 250 host names on loopback. The daemon is the real one, in a
process of its own; what it costs is the kernel's word for it and its children.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from tests.bench.bars import Bar, show_bars
from tests.bench.corpora import archive, content_type

FEEDS, HOSTS = 10_000, 250
BRAND = "Acme"
ROUND = 15 * 60  #: seconds; a round may take no longer
ENTRY = re.compile(rb"<(item|entry)[\s>]")


@dataclass(frozen=True)
class Used:
    """A process and its children."""

    cpu: float  #: seconds
    rss: int  #: MB


def main() -> bool:
    """Whether a promise falls short; needs $MONITOR_CORPORA and the openssl command."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("rounds: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    count = int(os.environ.get("BENCH_FEEDS", FEEDS))
    with tempfile.TemporaryDirectory() as place:
        bars = promises(count, *measure(Path(folder), Path(place), count))
    show_bars(f"one round of {count:,} feeds over TLS", bars)
    return not all(bar.holds for bar in bars)


def promises(count: int, used: Used, took: float, late: Sequence[float], news: int) -> list[Bar]:
    p99 = sorted(late)[int(len(late) * 0.99)] if late else float("nan")
    return [
        Bar("minutes", took / 60, 15, most=True),
        Bar("CPU ms a poll", used.cpu / count * 1000),
        Bar("share of one core over 15 minutes", used.cpu / ROUND, 0.15, most=True),
        Bar("RSS of all its processes, MB", used.rss, 250, most=True),
        Bar("share of new items stored and judged", len(late) / news, 1),
        Bar("from its poll to the scored mention, p99 s", p99, 1, most=True),
    ]


def measure(corpora: Path, place: Path, count: int) -> tuple[Used, float, list[float], int]:
    certificate(place)
    own = [sys.executable, "-m", "tests.bench.rounds"]
    with serving(corpora, place) as known:
        run([*own, "seed", str(place), str(known["port"]), str(known["feeds"])])
        spread(place, count)
        used, took = daemon([*own, "run", str(place), str(known["port"]), str(count)], place, count)
    sent = json.loads((place / "sent.json").read_text())
    return used, took, delays(place, sent), len(sent)


@contextmanager
def serving(corpora: Path, place: Path) -> Iterator[dict[str, int]]:
    """All sites, in a process of their own; gives its port, feeds and process."""
    command = [sys.executable, "-m", "tests.bench.rounds", "serve", str(place)]
    environment = {**os.environ, "BENCH_CORPORA": str(corpora)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def certificate(place: Path) -> None:
    names = "IP:127.0.0.1,DNS:*.blogs.localhost"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=bench", "-addext", f"subjectAltName={names}"]
    command += ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
    run(command)


def host(number: int) -> str:
    return f"{number % HOSTS}.blogs.localhost"


# -- the daemon ----------------------------------------------------------------------------------


def spread(place: Path, count: int) -> None:
    """Give each of ``count`` feeds what the daemon would know of it after its first round."""
    with sqlite3.connect(place / "seed.db") as db:
        cursors = [row[0] for row in db.execute("SELECT cursor FROM sources ORDER BY name")]
    (place / "cursors.json").write_text(
        json.dumps([cursors[i % len(cursors)] for i in range(count)])
    )


def daemon(command: Sequence[str], place: Path, count: int) -> tuple[Used, float]:
    """Run until every feed was polled once and all is judged; what that took."""
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # all is built
        idle, start = used(process.pid), time.monotonic()
        peak = idle.rss
        while left(place, count) and time.monotonic() - start < 2 * ROUND:
            time.sleep(1)
            peak = max(peak, used(process.pid).rss)
        took = time.monotonic() - start
        cpu = used(process.pid).cpu - idle.cpu
        process.terminate()
        process.wait()
    return Used(cpu, peak), took


def left(place: Path, count: int) -> int:
    with sqlite3.connect(place / "monitor.db", timeout=30) as db:
        polled = db.execute("SELECT count(*) FROM sources WHERE last_success_at IS NOT NULL")
        unread = db.execute("SELECT count(*) FROM mentions WHERE action IS NULL")
        return count - int(polled.fetchone()[0]) + int(unread.fetchone()[0])


def used(pid: int) -> Used:
    """What the kernel says of a process and all that descend from it."""
    pages, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    cpu = rss = 0.0
    for child in descent(pid):
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        waited = (13, 14) if child == pid else ()  # of children that have ended
        cpu += sum(int(fields[i]) for i in (11, 12, *waited)) / ticks
        rss += int(fields[21]) * pages / 1e6
    return Used(cpu, int(rss))


def descent(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for tasks in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in tasks.read_text().split()]
    return found


def delays(place: Path, sent: Mapping[str, float]) -> list[float]:
    """Seconds from the answer that held an item to the verdict on it."""
    with sqlite3.connect(place / "monitor.db") as db:
        sources = dict(db.execute("SELECT id, source FROM mentions").fetchall())
    found = []
    for line in (place / "log").read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "judged" and (at := sent.get(sources[event["mention"]])):
            found.append(datetime.fromisoformat(event["timestamp"]).timestamp() - at)
    return found


def serve_daemon(place: Path, port: int, count: int, *, seeding: bool) -> None:
    """The real daemon on feeds that are all due now."""
    from monitor import app, config, daemon, logs
    from monitor.domain import Mention, Post
    from monitor.http import PoliteFetcher
    from monitor.reading.workers import Readers
    from monitor.sources import KINDS
    from monitor.store import SourceSpec, open_store

    logs.set_up(20)
    name = "seed" if seeding else "monitor"
    toml = f'[monitor]\ndatabase = "sqlite:///{place}/{name}.db"\n[[brand]]\nname = "{BRAND}"\n'
    parsed = config.parse(toml, "bench")
    local = [config.ip_network(net) for net in ("127.0.0.0/8", "::1/128")]
    fetch = PoliteFetcher(
        "bench", app.now, local, ca_file=str(place / "cert.pem"), max_bytes=30_000_000
    )
    read = Readers()
    store = open_store(parsed.monitor.database)
    urls = [f"https://{host(i)}:{port}/{i}" for i in range(count)]
    feeds = {
        f"{i:05d}": KINDS["feed"](f"{i:05d}", "feed", fetch, url, read=read)
        for i, url in enumerate(urls)
    }
    specs = [SourceSpec(n, "feed", "", f"{host(int(n))}:{port}") for n in feeds]
    store.sync(specs, [BRAND], app.now())
    if not seeding:
        know(place)
    pipeline = app.pipeline(parsed, store, feeds, {}, app.Tools(fetch, read, fetch))
    read(b"<rss><channel/></rss>", "", "")  # as one that has run for a while: its reader is there
    pipeline.classifier.score([Mention(Post("a", "feed", "1", "", "Acme is slow"), BRAND, ())])
    print("ready", flush=True)
    if seeding:
        daemon.one_round(pipeline)
    else:
        daemon.Daemon(pipeline).run()


def know(place: Path) -> None:
    """Write the cursors of the first round into the sources, which have been read before."""
    cursors = json.loads((place / "cursors.json").read_text())
    with sqlite3.connect(place / "monitor.db") as db:
        rows = [
            (cursor, "2026-01-01 00:00:00.000000", f"{i:05d}") for i, cursor in enumerate(cursors)
        ]
        db.executemany("UPDATE sources SET cursor = ?, first_polled_at = ? WHERE name = ?", rows)


# -- the sites -----------------------------------------------------------------------------------


def serve(place: Path, bodies: Sequence[bytes]) -> None:
    """Answer until SIGTERM; then say when each new item was sent."""
    site = Site(bodies)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(place / "cert.pem", place / "key.pem")

    async def work() -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        server = await asyncio.start_server(site.answer, "127.0.0.1", 0, ssl=tls, backlog=500)
        port = server.sockets[0].getsockname()[1]
        known = {"port": port, "feeds": len(bodies), "pid": os.getpid()}
        print(json.dumps(known), flush=True)
        await over.wait()

    asyncio.run(work())
    (place / "sent.json").write_text(json.dumps(site.sent))


class Site:
    """All hosts at once: a feed is known by its number."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self.plain = bodies
        self.zipped = [gzip.compress(body, 6) for body in bodies]
        self.sent: dict[str, float] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            number = int(asked.split(b" ", 2)[1].decode().strip("/"))
            writer.write(self._reply(number, known=b"if-none-match" in asked.lower()))
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    def _reply(self, number: int, *, known: bool) -> bytes:
        body, zipped = self.plain[number % len(self.plain)], self.zipped[number % len(self.plain)]
        lot = number * 7919 % 100
        if not known or 70 <= lot < 98:
            return reply("200 OK", zipped, body)
        if lot < 70:
            return reply("304 Not Modified", b"", body)
        self.sent.setdefault(f"{number:05d}", time.time())
        return reply("200 OK", gzip.compress(renewed(body, number), 1), body + b"new")


def reply(status: str, zipped: bytes, body: bytes) -> bytes:
    head = {
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"',
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "Content-Type": content_type(body),
        "Content-Encoding": "gzip",
        "Content-Length": str(len(zipped)),
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + zipped


def renewed(body: bytes, number: int) -> bytes:
    """The feed with a new item on top."""
    first = ENTRY.search(body)
    assert first
    date = datetime.now(UTC)
    said = f"<title>The {BRAND} download link is dead, error 404 number {number}</title>"
    if first[1] == b"item":
        stamp = f"<pubDate>{format_datetime(date)}</pubDate>"
        item = f"<item>{said}<guid>new-{number}</guid>{stamp}</item>"
    else:
        item = f"<entry>{said}<id>new-{number}</id><updated>{date.isoformat()}</updated></entry>"
    return body[: first.start()] + item.encode() + body[first.start() :]


def usable(body: bytes) -> bool:
    return bool(ENTRY.search(body)) and not body.lstrip().startswith(b"{")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(1 if main() else 0)
    else:
        place = Path(sys.argv[2])
        if sys.argv[1] == "serve":
            found = archive(Path(os.environ["BENCH_CORPORA"]), "blog-feeds")
            serve(place, [body for _, body in sorted(found.items()) if usable(body)])
        else:
            port, count = int(sys.argv[3]), int(sys.argv[4])
            serve_daemon(place, port, count, seeding=sys.argv[1] == "seed")
