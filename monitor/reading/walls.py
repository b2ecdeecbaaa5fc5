"""Pages that keep programs out."""

from __future__ import annotations

import re

_WALL = re.compile(
    rb"type=[\"']?password|captcha|challenge-platform|just a moment|are you a (?:robot|human)|"
    rb"verify(?:ing)? (?:that )?you(?:'re| are)|access denied|unusual traffic|"
    rb"<title>[^<]{0,80}(?:log[ -]?in|sign[ -]?in)",
    re.IGNORECASE,
)


def is_wall(body: bytes) -> bool:
    """Whether a page that lacks what was looked for reads like a login or captcha page."""
    return bool(_WALL.search(body[:200_000]))
