"""TOML as we write it for people; config.py reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator


def quoted(value: str | tuple[str, ...]) -> str:
    """A string, or a list of them, as a TOML value of one line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(quoted, value))}]"


def unique(wanted: Iterable[str], taken: Iterable[str] = ()) -> Iterator[str]:
    """Each name, with a number behind it where it is used already: "blog", "blog-2"."""
    used = set(taken)
    for name in wanted:
        number, free = 1, name
        while free in used:
            number += 1
            free = f"{name}-{number}"
        used.add(free)
        yield free
