"""The one polite road out: all that is read from sources, or asked of hubs, goes through here.

Promise: only public addresses are ever connected to, checked on the socket of every
connection of every redirect hop, so that neither a name that changes nor a redirect leads
inside. Nothing is awaited or kept beyond its limits: 20 s of network time, 10 MB as sent
and as unpacked, 64 KiB of headers, 5 redirects. A site is asked no more often than it and
``min_gap`` allow, by at most two requests at once. No cookies and no referer are sent, and
credentials stay with the origin they were given for. Proxy settings of the environment are
not followed: behind a proxy the address that is really connected to cannot be checked.
Errors name the site and the fault, never a path, query or password.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from io import BytesIO
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from types import MappingProxyType
from urllib.parse import quote, urlencode, urljoin, urlsplit

import certifi
import pycurl

from monitor.http.turns import Turns
from monitor.seams import Clock, Page, SourceError

MAX_HOPS = 5
MAX_ASIDE = 64 * 1024  #: bytes of headers, and of a body that nobody wants (error pages)
LONGEST_WAIT = timedelta(hours=24)  #: no Retry-After is believed beyond this
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Network = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_PERMANENT = {301, 308}
_REDIRECTS = _PERMANENT | {302, 303, 307}
_RESENT = {307, 308}  #: redirects that a form follows (RFC 9110, 15.4)
_SPOKEN = frozenset(range(200, 500)) - {429}  #: what an API's own words come with
_BLOCKED = {401, 402, 403, 429, 451}
_ANY_ORIGIN = {"accept", "accept-language", "if-none-match", "if-modified-since"}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9_.-]{1,253}|[0-9a-f:.]{2,45}")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_UNICAST6 = IPv6Network("2000::/3")  # leaves out NAT64, site-local, multicast and the like
_NOT_PUBLIC: list[Network] = [  # IANA special-purpose, yet global to ipaddress in some Python
    *map(IPv4Network, ["192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3"]),
    *map(IPv6Network, ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]),
]
_SAYS = {
    401: "wants a login",
    404: "has no such page",
    410: "says the page is gone for good",
    429: "asks us to come less often",
}
_FAULTS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "its name cannot be resolved",
    pycurl.E_COULDNT_CONNECT: "no connection, it is refused or unreachable",
    pycurl.E_PARTIAL_FILE: "its answer was cut off",
    pycurl.E_RECV_ERROR: "the connection broke off",
    pycurl.E_GOT_NOTHING: "it closed the connection without an answer",
    pycurl.E_BAD_CONTENT_ENCODING: "its compressed answer is damaged",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "its answer is not HTTP",
    pycurl.E_UNSUPPORTED_PROTOCOL: "its answer is not HTTP",
    pycurl.E_PEER_FAILED_VERIFICATION: "its certificate is not trusted",
    pycurl.E_SSL_CONNECT_ERROR: "no secure connection could be agreed on",
}


def user_agent(contact: str) -> str:
    """Say who we are, and how a site's owner reaches the operator ("" = unknown)."""
    clean = "".join(c for c in contact if c.isascii() and c.isprintable() and c not in "()")
    return f"mention-monitor/{version('mention-monitor')}" + (f" (+{clean})" if clean else "")


def may_connect(address: str, allow: Sequence[Network] = ()) -> bool:
    """Tell whether a resolved address is a public host, or one that ``allow`` lists."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip in network for network in allow):
        return True
    if isinstance(ip, IPv6Address) and ip not in _UNICAST6:
        return False
    return ip.is_global and not any(ip in network for network in _NOT_PUBLIC)


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110, 10.2.3), at most 24 h; None: unreadable or past."""
    try:
        if re.fullmatch(r"[0-9]{1,9}", value):
            wait = timedelta(seconds=int(value))
        else:
            date = parsedate_to_datetime(value)
            wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(wait, LONGEST_WAIT) if wait > timedelta() else None


@dataclass(frozen=True, slots=True)
class _Target:
    """An address that may be asked."""

    url: str  #: ASCII, without fragment
    origin: tuple[str, str, int]  #: scheme, host, port
    site: str  #: what spacing and errors go by: the host, with its port if unusual


def _target(url: str) -> _Target:
    """Check and normalise an address. Raises ValueError, whose text holds no part of it."""
    if _UNSAFE.search(url):
        raise ValueError("the address holds a space, backslash or control character")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii").lower()
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ValueError("the address cannot be understood") from None
    if parts.scheme not in _PORTS:
        raise ValueError("only http:// and https:// addresses are read")
    if "@" in parts.netloc:
        raise ValueError("the address holds a user name or password, take it out")
    if not _HOST.fullmatch(host):
        raise ValueError("the address names no usable host")
    shown = f"[{host}]" if ":" in host else host
    site = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    path = quote((parts.path or "/") + query, safe=_PRINTABLE)
    return _Target(f"{parts.scheme}://{site}{path}", (parts.scheme, host, port), site)


def site(url: str) -> str:
    """What spacing goes by: an address's host, with its port if unusual; "" if it has none."""
    try:
        return _target(url).site
    except ValueError:
        return ""


@dataclass(slots=True)
class _Answer:
    """What one request brought back, gathered while libcurl hands it over."""

    allow: Sequence[Network]
    limit: int  #: bytes of body, unpacked
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: BytesIO = field(default_factory=BytesIO)
    head_size: int = 0
    whole_head: bool = False
    too_big: bool = False
    refused: str = ""  #: the address that was not connected to
    sockets: list[socket.socket] = field(default_factory=list)
    fault: tuple[int, str] = (0, "")  #: libcurl's code and text
    connected: bool = False
    took: float = 0.0  #: seconds on the network

    def on_socket(self, _purpose: int, address: tuple[int, int, int, Sequence[str]]) -> object:
        family, kind, protocol, name = address
        if family not in (socket.AF_INET, socket.AF_INET6) or not may_connect(name[0], self.allow):
            self.refused = str(name[0])
            return pycurl.SOCKET_BAD
        self.sockets.append(socket.socket(family, kind, protocol))
        return self.sockets[-1]  # pycurl works on a duplicate; ours is closed afterwards

    def on_header(self, line: bytes) -> int:
        self.head_size += len(line)
        if self.head_size > MAX_ASIDE:
            self.too_big = True
            return 0
        if line.startswith(b"HTTP/"):
            self.status = int(line[9:12]) if line[9:12].isdigit() else 0
            self.headers, self.whole_head = {}, False
        elif not line.strip():
            self.whole_head = True
        elif not self.whole_head:  # later ones are trailers
            self._keep(line.decode("latin-1"))
        return len(line)

    def _keep(self, line: str) -> None:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip(" \t\r\n")
        if "\r" not in value and "\0" not in value:  # could never be sent back as a validator
            known = self.headers.get(name)
            self.headers[name] = value if known is None else f"{known}, {value}"

    def on_body(self, chunk: bytes) -> int:
        if self.body.tell() + len(chunk) > (self.limit if self.status == 200 else MAX_ASIDE):
            self.too_big = True
            return 0
        return self.body.write(chunk)


@dataclass(frozen=True, eq=False)
class PoliteFetcher:
    """A ``seams.Fetcher``. Threads may share it; each keeps one libcurl handle."""

    user_agent: str  #: see ``user_agent``
    now: Clock  #: reads the dates of Retry-After
    allow_private: Sequence[Network] = ()  #: may be connected to though not public
    min_gap: timedelta = timedelta(seconds=1)  #: between the starts of two requests to one site
    deadline: timedelta = timedelta(seconds=20)  #: network time of one call with all its redirects
    connect: timedelta = timedelta(seconds=5)  #: for name lookup, connection and TLS of each hop
    max_bytes: int = 10_000_000  #: of a body, as sent and as unpacked
    per_site: int = 2  #: requests at once to one site
    ca_file: str = field(default_factory=certifi.where)  #: PEM file of trusted authorities
    resolve: Sequence[str] = ()  #: "host:port:address" put before DNS, read anew each request
    monotonic: Callable[[], float] = time.monotonic  #: seconds, for ``min_gap`` only
    sleep: Callable[[float], object] = time.sleep
    _local: threading.local = field(default_factory=threading.local, init=False, repr=False)
    _turns: Turns = field(init=False, repr=False)

    def __post_init__(self) -> None:
        gap = self.min_gap.total_seconds()
        turns = Turns(gap, self.per_site, self.monotonic, self.sleep)
        object.__setattr__(self, "_turns", turns)

    def __call__(self, url: str, headers: Mapping[str, str] = NO_HEADERS) -> Page:
        """See ``seams.Fetcher``. SourceError is permanent for an unusable address and for 410."""
        return self._fetch(url, headers)

    def post(self, url: str, form: Mapping[str, str]) -> None:
        """Send a form, within the same limits; any 2xx says that it was taken.

        Raises:
            SourceError: any other status, or no answer.
        """
        self._fetch(url, NO_HEADERS, urlencode(form), _RESENT, range(200, 300))

    def ask(
        self,
        url: str,
        headers: Mapping[str, str] = NO_HEADERS,
        form: Mapping[str, str] | None = None,
    ) -> Page:
        """See ``seams.Asker``."""
        sent = None if form is None else urlencode(form)
        return self._fetch(url, headers, sent, (), _SPOKEN)

    def _fetch(
        self,
        url: str,
        headers: Mapping[str, str],
        form: str | None = None,
        follow: Container[int] = _REDIRECTS,
        taken: Container[int] = (200, 304),
    ) -> Page:
        """Ask, or send the form, and follow redirects."""
        try:
            here = first = _target(url)
        except ValueError as e:
            raise SourceError(str(e), permanent=True) from None
        left, moved, lasting = self.deadline.total_seconds(), "", True
        seen = {first.url}
        while True:
            where = first.site if here.site == first.site else f"{first.site} -> {here.site}"
            answer = self._ask(here, where, headers, left, form)
            if answer.status not in follow:
                return self._page(here, where, answer, moved, taken)
            left -= answer.took
            there = _follow(here, where, answer.headers.get("location", ""), seen)
            lasting = lasting and answer.status in _PERMANENT
            moved = there.url if lasting else moved
            if there.origin != here.origin:
                headers = {k: v for k, v in headers.items() if k.lower() in _ANY_ORIGIN}
            here = there

    def rest(self, url: str, wait: timedelta) -> None:
        """Leave a site alone for so long: an answer's text asked for it."""
        self._turns.rest(site(url), min(wait, LONGEST_WAIT), blocked=False)

    def busy(self) -> frozenset[str]:
        """Sites that cannot be asked right now; their time is better spent on others."""
        return self._turns.busy()

    def _ask(
        self, at: _Target, where: str, headers: Mapping[str, str], left: float, form: str | None
    ) -> _Answer:
        """Ask once, without following redirects."""
        lines = [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers.items()]
        if any(set(line) & set(b"\r\n\0") for line in lines):
            raise SourceError(f"{where}: a request header holds a line break", permanent=True)
        with self._turns.turn(at.site):
            answer = self._perform(at, lines, left, form)
        settled = answer.whole_head and answer.status > 200  # then the body concerns nobody
        if answer.fault[0] and not settled:
            raise SourceError(f"{where}: {self._fault(answer)}", unasked=not answer.connected)
        return answer

    def _perform(
        self, target: _Target, headers: list[bytes], left: float, form: str | None
    ) -> _Answer:
        answer = _Answer(self.allow_private, self.max_bytes)
        if not hasattr(self._local, "curl"):
            self._local.curl = pycurl.Curl()
        curl = self._local.curl
        self._prepare(curl, left)
        curl.setopt(pycurl.URL, target.url)
        curl.setopt(pycurl.HTTPHEADER, headers)
        if form is not None:
            curl.setopt(pycurl.POSTFIELDS, form)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, answer.on_socket)
        curl.setopt(pycurl.HEADERFUNCTION, answer.on_header)
        curl.setopt(pycurl.WRITEFUNCTION, answer.on_body)
        try:
            curl.perform()
        except pycurl.error as e:
            answer.fault = (e.args[0], e.args[1])
        answer.took = curl.getinfo(pycurl.TOTAL_TIME)
        answer.connected = curl.getinfo(pycurl.REQUEST_SIZE) > 0
        curl.reset()  # lets go of the answer, keeps open connections
        for made in answer.sockets:
            made.close()
        return answer

    def _prepare(self, curl: pycurl.Curl, left: float) -> None:
        """Set what holds for all requests alike, and the seconds that are left."""
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.CAINFO, self.ca_file)
        curl.setopt(pycurl.ACCEPT_ENCODING, "")  # all that this libcurl can unpack
        curl.setopt(pycurl.USERAGENT, self.user_agent)
        curl.setopt(pycurl.MAXCONNECTS, 2)
        curl.setopt(pycurl.MAXFILESIZE_LARGE, self.max_bytes)
        curl.setopt(pycurl.RESOLVE, list(self.resolve))
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(left * 1000)))  # 0 would mean for ever
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(self.connect.total_seconds() * 1000))

    def _fault(self, answer: _Answer) -> str:
        """Say in one phrase why there is no answer."""
        code, text = answer.fault
        if answer.too_big or code == pycurl.E_FILESIZE_EXCEEDED:
            over_head = answer.head_size > MAX_ASIDE
            much = f"{MAX_ASIDE:,} bytes of headers" if over_head else f"{self.max_bytes:,} bytes"
            return f"it sends more than {much}"
        if answer.refused and code == pycurl.E_COULDNT_CONNECT:
            return f"{answer.refused} is not a public address ([http] allow_private could allow it)"
        if code == pycurl.E_OPERATION_TIMEDOUT:
            connect, deadline = self.connect.total_seconds(), self.deadline.total_seconds()
            if answer.connected or answer.took < 0.9 * connect:
                return f"no full answer within {deadline:g} s"
            return f"no connection within {connect:g} s"
        detail = f" ({text})" if code == pycurl.E_PEER_FAILED_VERIFICATION else ""
        return _FAULTS.get(code, f"the request failed (libcurl error {code})") + detail

    def _page(
        self, target: _Target, where: str, answer: _Answer, moved: str, taken: Container[int]
    ) -> Page:
        status = answer.status
        if status not in (429, 503):
            self._turns.welcomed(target.site)
        if status in taken:
            return Page(status, target.url, answer.headers, answer.body.getvalue(), moved)
        wait = retry_after(answer.headers.get("retry-after", ""), self.now())
        if status in (429, 503):
            wait = self._turns.rest(target.site, wait, blocked=status == 429)
        blocked = status in _BLOCKED
        usual = "refuses us" if blocked else "gives no page"
        says = _SAYS.get(status, "is failing" if status >= 500 else usual)
        why = f"{where}: it {says} ({status})"
        raise SourceError(why, status, permanent=status == 410, blocked=blocked, retry_after=wait)


def _follow(here: _Target, where: str, location: str, seen: set[str]) -> _Target:
    """Return where a redirect leads, and remember it in ``seen``."""
    if not location:
        raise SourceError(f"{where}: a redirect that leads nowhere")
    if len(seen) > MAX_HOPS:
        raise SourceError(f"{where}: more than {MAX_HOPS} redirects")
    try:
        there = _target(urljoin(here.url, quote(location.encode("latin-1"), safe=_PRINTABLE)))
    except ValueError as e:
        raise SourceError(f"{where}: a redirect that is not followed, {e}") from None
    if there.url in seen:
        raise SourceError(f"{where}: redirects go in a circle")
    seen.add(there.url)
    return there
