"""Pages made for people, where something else was looked for; some of them keep programs out."""

from __future__ import annotations

import re

# What is inside "(?>...)" and "*+" is never tried twice, so that no document makes this slow.
_PAGE = re.compile(
    rb"(?:<\?(?>[^>]*)>|<!--(?>.*?-->)|\xef\xbb\xbf|\s)*+"
    rb"<(?:!doctype\s+html|html|head|body|title)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_WALL = re.compile(
    rb"type=[\"']?password|captcha|challenge-platform|just a moment|are you a (?:robot|human)|"
    rb"verify(?:ing)? (?:that )?you(?:'re| are)|access denied|unusual traffic|"
    rb"<title>[^<]{0,80}(?:log[ -]?in|sign[ -]?in)",
    re.IGNORECASE,
)


def page(body: bytes) -> str:
    """What an HTML page is, "a login or captcha page" or "an HTML page"; "" for anything else."""
    if not _PAGE.match(body[:4096]):
        return ""
    return "a login or captcha page" if is_wall(body) else "an HTML page"


def is_wall(body: bytes) -> bool:
    """Whether a page that lacks what was looked for reads like a login or captcha page."""
    return bool(_WALL.search(body[:200_000]))
