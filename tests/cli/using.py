"""The command as people use it: a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

#: What a person's shell holds; nothing of it configures the monitor or leads through a proxy.
ENVIRON = {
    **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")},
    "COLUMNS": "80",
    "NO_PROXY": "127.0.0.1",
}


BRAND = "Quiltworks"
COMPLAINT = (
    "Paid and nothing came",
    "The download link of Quiltworks is broken, 404 not found. I paid on Sunday. No answer.",
    "Imke",
)
SECOND = (
    "Same here",
    "Quiltworks took my money and the download link does not work. Refund me!",
    "=1+1",
)
PRAISE = ("What a coat", "I love the coat by Quiltworks, beautiful and clear. Wonderful!", "Oona")
SILENT = ("Roses", "The roses are out.", "Gräfin Zoë")


@dataclass(frozen=True)
class Said:
    """What a process answered."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a refusal, with nothing beside it."""
        assert self.status
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("monitor: ")
        return line

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def jsonl(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Runs ``monitor`` in ``folder``; its configuration is monitor.toml there, if any."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: bytes = b"", status: int = 0) -> Said:
        """Run one verb; whatever it was told, no traceback and the expected exit status."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**ENVIRON, **self.environ},
            input=stdin,
            capture_output=True,
            timeout=60,
        )
        said = Said(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
        assert "Traceback" not in said.err, said.err
        assert said.status == status, (words, said)
        return said

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "monitor", *words]

    def status(self) -> dict[str, Any]:
        """``status --json``, its sources by name."""
        seen: dict[str, Any] = self("status", "--json").json
        return {**seen, "sources": {s["name"]: s for s in seen["sources"]}}


def rss(*items: tuple[str, str, str], site: str = "https://blog.example") -> str:
    """A feed of (title, text, author), written just now, the first one newest."""
    now = datetime.now(UTC)
    written = "".join(
        f"<item><title>{escape(title)}</title><guid isPermaLink='false'>p{number}</guid>"
        f"<link>{site}/{number}</link><author>{escape(author)}</author>"
        f"<pubDate>{format_datetime(now - timedelta(minutes=number))}</pubDate>"
        f"<description>{escape(text)}</description></item>"
        for number, (title, text, author) in enumerate(items)
    )
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0'>"
        f"<channel><title>A blog</title>{written}</channel></rss>"
    )


def source(name: str, url: str) -> str:
    return f'[[source]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\nfull_text = false\n'


def too_wide(text: str, columns: int = 80) -> Sequence[str]:
    """Lines that would wrap."""
    return [line for line in text.splitlines() if len(line.rstrip()) > columns]
