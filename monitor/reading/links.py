"""Addresses in one form, so that two of one page are equal. For comparing, never for people.

The parsing is the browsers' (WHATWG, by can-ada). Names of tracking parameters: the lists of
courlan and miniflux, and what the vendors themselves document.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import can_ada

MOST = 8_000  #: characters of an address that is looked at

_PREFIXES = (
    *("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "_hs", "__hs", "mc_", "oly_", "vero_"),
    *("ga_", "itm_", "stm_", "fb_", "trk_", "wt_", "sc_c", "at_c", "at_m", "ml_sub", "_bhlid"),
)
_NAMES = """
    _ga _gl _ke _openstat action_object_map action_ref_map action_type_map awc cmp cmpid cndid
    dclid dm_i ef_id epik fbclid gad_source gbraid gclid gclsrc gdffi gdfms gdftrk hsctatracking
    igsh igshid irclickid jsessionid li_fat_id mibextid mkt_tok msclkid ncid nr_email_referer
    ocid phpsessid rb_clickid rdt_cid ref_src ref_url rss_id s_cid s_kwcid scid sms_click
    sms_source sms_uph soc_src soc_trk spm srsltid trk ttclid twclid wbraid wickedid xtor yclid
    ymclid ysclid zanpid
"""
_TRACKING = frozenset(_NAMES.split())
_AMP = frozenset(("amp", "amp=1", "amp=true", "outputtype=amp"))
_SESSION = re.compile(r"(?i)sid=[0-9a-f]{32}")  # phpBB's, for who takes no cookies
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]")  # RFC 3986 2.3: these need no escape
_CACHED = re.compile(r"/amp/(?:s/)?([^/]+\.[^/]+/.*)")
_PLACE = re.compile(r"[\w.-]*\d[\w.-]*")  # "comment-12", but not "comments"


def canonical(url: str) -> str:
    """One form of an http(s) address; "" for what is none. Never raises.

    Left out: tracking, session and AMP parameters, the fragment, a default port, "www.", a
    trailing "/" and "/amp", credentials. Sorted: the query. https stands for both schemes.
    """
    try:
        parts = can_ada.parse(url[:MOST])
    except (ValueError, TypeError):  # the latter for a lone surrogate
        return ""
    if parts.protocol not in ("http:", "https:"):
        return ""
    if parts.hostname == "www.google.com" and (inner := _CACHED.fullmatch(parts.pathname)):
        return canonical(f"https://{inner[1]}{parts.search}")
    path = _unescaped(parts.pathname).rstrip("/").removesuffix("/amp")
    query = "&".join(sorted(filter(_counts, _unescaped(parts.search[1:]).split("&"))))
    return f"https://{parts.host.removeprefix('www.')}{path}{'?' if query else ''}{query}"


def anchored(url: str) -> str:
    """``canonical`` with the fragment, where that names one place of a page; "" elsewhere."""
    page, fragment = canonical(url), url.partition("#")[2]
    return f"{page}#{fragment}" if page and _PLACE.fullmatch(fragment) else ""


def _unescaped(raw: str) -> str:
    return _ESCAPE.sub(_escape, raw)


def _escape(found: re.Match[str]) -> str:
    char = chr(int(found[0][1:], 16))
    return char if _PLAIN.match(char) else found[0].upper()


def _counts(pair: str) -> bool:
    """Whether a "name=value" says which page is meant."""
    name = unquote(pair.partition("=")[0]).casefold()
    if name in _TRACKING or name.startswith(_PREFIXES) or pair.casefold() in _AMP:
        return False
    return bool(pair) and _SESSION.fullmatch(pair) is None
