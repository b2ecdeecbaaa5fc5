"""The operator's TOML, checked: every key known, every value in range, every error names its path.

Secrets stand in the file as ``"env:NAME"`` or ``"file:PATH"`` and are read only when asked for.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from monitor.seams import UserError

SEARCHED = ("config/monitor.toml", "monitor.toml")  #: after --config and $MONITOR_CONFIG

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ConfigError(UserError):
    """The configuration is wrong: what, where (its TOML path), and how to mend it."""

    status = 2


def _duration(value: object) -> timedelta:
    """``"90s"``, ``"5m"``, ``"24h"``, ``"7d"``, ``"2w"`` to a timedelta."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('give a duration such as "30s", "5m", "24h" or "7d"')
    try:
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError as e:
        raise ValueError("that is longer than any calendar") from e


def _within(least: str, most: str) -> Callable[[timedelta], timedelta]:
    """A check that a duration lies between two."""

    def check(value: timedelta) -> timedelta:
        if not _duration(least) <= value <= _duration(most):
            raise ValueError(f'give a duration from "{least}" to "{most}"')
        return value

    return check


def _secret(value: object) -> str:
    known = isinstance(value, str) and value.startswith(("env:", "file:"))
    if isinstance(value, str) and known and value.partition(":")[2].strip():
        return value
    raise ValueError(
        'never write a secret into the file: give "env:NAME" or "file:PATH" and put it there'
    )


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise ValueError('give an IANA time zone such as "Europe/Berlin"') from e
    return value


def _network(value: object) -> IPv4Network | IPv6Network:
    if not isinstance(value, str):
        raise ValueError('give a network such as "127.0.0.0/8"')  # noqa: TRY004 - pydantic wants ValueError
    return ip_network(value)


def _name(value: str) -> str:
    if not value.strip() or _CONTROL.search(value):
        raise ValueError("give a text, without line breaks or other control characters")
    return value


def _mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise ValueError('give a mail address such as "ana@acme.example"')
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an address that begins with http:// or https://")
    return value


def _database(value: str) -> str:
    """The store reads it again; here it is refused with its place, and never repeated."""
    path = value.removeprefix("sqlite:///").partition("?")[0]
    on_disk = value.startswith("sqlite:///") and path not in ("", ":memory:")
    if not on_disk and not re.match(r"postgresql(\+psycopg)?://[^/]*/.", value):
        raise ValueError('give "sqlite:///PATH" or "postgresql://USER@HOST/NAME"')
    return value


def _token_url(value: str) -> str:
    """Where a token is sent: never over an open line, but on this machine."""
    parts = urlsplit(_http_url(value))
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("give an address that begins with https://")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value and _http_url(value))
    if parts.query or parts.fragment:
        raise ValueError("give an address without ? and #")
    return value.rstrip("/")


def _clock_time(value: object) -> time:
    try:
        return time.fromisoformat(str(value))
    except ValueError as e:
        raise ValueError('give a time of day such as "07:30"') from e


def _host(value: str) -> str:
    host = (urlsplit(value).hostname if "//" in value else value) or ""
    return host.strip("/").lower().removeprefix("www.")


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError('give host and port such as "127.0.0.1:8080"')
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Rest = Annotated[Duration, AfterValidator(_within("0.1s", "366d"))]
Span = Annotated[Duration, AfterValidator(_within("0s", "3660d"))]
Keep = Annotated[Duration, AfterValidator(_within("1d", "36600d"))]
Secret = Annotated[str, BeforeValidator(_secret)]
Zone = Annotated[str, AfterValidator(_zone)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
TokenUrl = Annotated[str, AfterValidator(_token_url)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
Host = Annotated[str, AfterValidator(_host)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Bind = Annotated[str, AfterValidator(_bind)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, AfterValidator(_name), Field(max_length=100)]
Mail = Annotated[str, AfterValidator(_mail)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MonitorTable(_Table):
    database: DatabaseUrl = "sqlite:///monitor.db"
    timezone: Zone = "UTC"  #: weeks begin at its Monday, 00:00
    contact: str = ""  #: a page or mail address, sent in the User-Agent


class HttpTable(_Table):
    allow_private: tuple[Network, ...] = ()
    user_agent: str = ""


class AmbiguousAlias(_Table):
    """An alias that counts only where one of the ``require`` words stands in the same post."""

    term: Name
    require: tuple[Name, ...] = Field(min_length=1)


class BrandTable(_Table):
    name: Name
    aliases: tuple[Name | AmbiguousAlias, ...] = ()
    exclude: tuple[Name, ...] = ()
    own_authors: tuple[Name, ...] = ()
    site: Host = ""
    competitors: tuple[Name, ...] = ()
    slack_channel: str = ""
    digest_to: tuple[Mail, ...] = ()


class SourceTable(BaseModel):
    """One place to look at. Keys of a kind's own (such as ``url``) are checked by that kind."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    name: Name
    kind: str
    every: Rest | None = None  #: None: by its own pace, see ``pacing``
    about: str = ""  #: a brand that every post of this source is about
    full_text: bool = True  #: of a feed's item that is only a teaser, the page is read

    @property
    def options(self) -> Mapping[str, Any]:
        return self.model_extra or {}


class AlertsTable(_Table):
    complaint: Share = 0.47
    negative: Share = 0.9
    sensitivity: Literal["complaints", "negatives"] = "complaints"
    precision: Share = 0.0  #: wanted of complaints told, once a brand's labels reach it; 0: none
    backlog: Span = timedelta()  #: posts older than the first run by more are never told
    update_every: Span = timedelta(seconds=10)  #: at most one edit of a card in this time
    window: Rest = timedelta(hours=72)  #: a complaint joins an incident this long after its last


class SlackTable(_Table):
    bot_token: Secret
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    channel: Annotated[str, Field(min_length=1)]
    api_url: TokenUrl = "https://slack.com/api/"


class SmtpTable(_Table):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    starttls: bool = True
    tls: bool = False
    user: str = ""
    password: Secret | None = None
    sender: Annotated[str, Field(alias="from", min_length=3)]


class DigestTable(_Table):
    to: tuple[Mail, ...] = ()
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = (
        "monday"
    )
    at: ClockTime = time(7, 30)


class WebTable(_Table):
    bind: Bind = "127.0.0.1:8080"
    public_url: PublicUrl = ""  #: where hubs reach it; "": hubs are not asked
    token: Secret | None = None  #: what the addresses and secrets for hubs are made of


class PrivacyTable(_Table):
    store_authors: bool = True
    train_on_reddit: bool = False
    keep: Keep = timedelta(days=365)
    reddit_text: Keep = timedelta(hours=48)  #: words from Reddit are erased after this


class Config(_Table):
    """The whole file. ``[web]`` and ``[slack]`` and ``[smtp]`` are off where they do not stand."""

    monitor: MonitorTable = MonitorTable()
    http: HttpTable = HttpTable()
    endpoints: Mapping[str, str] = Field(default_factory=dict)  #: by kind; feeds have url
    brand: tuple[BrandTable, ...] = Field(min_length=1)
    source: tuple[SourceTable, ...] = ()
    alerts: AlertsTable = AlertsTable()
    slack: SlackTable | None = None
    smtp: SmtpTable | None = None
    digest: DigestTable = DigestTable()
    web: WebTable | None = None
    privacy: PrivacyTable = PrivacyTable()


def find(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the configuration is: ``given``, $MONITOR_CONFIG, then the usual two places.

    Raises:
        ConfigError
    """
    if given is None and environ.get("MONITOR_CONFIG"):
        given = Path(environ["MONITOR_CONFIG"])
    if given is not None:
        return given
    for place in SEARCHED:
        if Path(place).is_file():
            return Path(place)
    raise ConfigError(
        f"no configuration at {' or '.join(SEARCHED)}: run `monitor init` or give --config PATH"
    )


def load(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError
    """
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror}: give --config PATH or run `monitor init`") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text (byte {e.start}): save it as UTF-8") from e


def parse(text: str, where: str) -> Config:
    """Check TOML text; ``where`` is named in errors.

    Raises:
        ConfigError
    """
    try:
        config = Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{where}: not valid TOML: {e}") from e
    except ValidationError as e:
        raise ConfigError(f"{where}: {_first(e)}") from e
    _unique(config, where)
    return config


def _first(error: ValidationError) -> str:
    """The first complaint of pydantic as one line with its TOML path; never the value given."""
    complaints = error.errors(include_url=False, include_input=False, include_context=False)
    # A union reports a line for each branch; the longest path is the branch that got furthest.
    first = max(complaints, key=lambda c: (c["loc"][:1] == complaints[0]["loc"][:1], len(c["loc"])))
    path = ""
    for step in first["loc"]:
        path += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    path = path.lstrip(".")
    if first["type"] == "extra_forbidden":
        return f"{path}: unknown key: remove it or correct it as in config/monitor.example.toml"
    if first["type"] == "missing":
        return f"{path}: missing: add it (config/monitor.example.toml shows how)"
    return f"{path}: {first['msg'].removeprefix('Value error, ')}"


def _unique(config: Config, where: str) -> None:
    for table, names in (
        ("brand", [b.name for b in config.brand]),
        ("source", [s.name for s in config.source]),
    ):
        twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
        if twice is not None:
            raise ConfigError(f"{where}: [[{table}]] name {twice!r} stands twice: rename one")
    brands = {b.name for b in config.brand}
    for source in config.source:
        if source.about and source.about not in brands:
            raise ConfigError(
                f"{where}: source {source.name!r}: about = {source.about!r} is no [[brand]] name"
            )


def secret(reference: object, key: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value behind ``env:NAME`` or ``file:PATH``; ``key`` is its TOML path, for errors.

    Raises:
        ConfigError: a secret itself stands there; or it is not set, not readable, or empty.
    """
    try:
        kind, _, name = _secret(reference).partition(":")
    except ValueError as e:
        raise ConfigError(f"{key}: {e}") from None
    if kind == "env":
        value, mend = environ.get(name, ""), f"set the environment variable {name}"
    else:
        try:
            value = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigError(f"{key}: cannot read the secret file {name}: {e}") from e
        mend = f"put the secret into {name}"
    if not value.strip():
        raise ConfigError(f"{key}: {reference} is empty or not set: {mend}")
    return value.strip()
