"""The demo: a broken download link spreads over stand-in sites, and the real daemon finds out."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console


def run(out: Path, console: Console) -> int:
    """Play the stories to the real daemon; write the digest and the daemon's log into ``out``.

    Ends by itself in about 35 s, and in 60 s whatever happens.

    Returns:
        0 if what was expected happened, 1 if not (with one line that says what), 130 after Ctrl-C.
    """
    # Imported here: tests take stories and sites from this package without the whole house.
    from monitor.app import now
    from monitor.demo.show import play

    return play(out, console, now)
