"""The composition root: the only place that knows every concrete class."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import structlog
from rich.console import Console

from monitor import alerting, digest, notifiers, sentiment, sources
from monitor.config import (
    AlertsTable,
    BrandTable,
    Config,
    ConfigError,
    SmtpTable,
    SourceTable,
    secret,
)
from monitor.http import PoliteFetcher, site, user_agent
from monitor.matching import Alias, Brand, Matcher
from monitor.pipeline import Pipeline, Policy, Push
from monitor.reading.workers import Readers
from monitor.resources import packaged
from monitor.robots import Robots
from monitor.seams import Clock, Fetcher, Notifier, Source
from monitor.store import SourceSpec, Store, open_store
from monitor.topics import Topic, Topics

log = structlog.get_logger()

#: Hubs are not asked, although a public address is given.
UNREACHED = "[web] public_url needs [web] token: add it, or hubs are not asked"


def now() -> datetime:
    """The wall clock, aware UTC: the one Clock of the running product."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that may


@dataclass(frozen=True, slots=True)
class Tools:
    """What sources work with, one of each for all; a source gets those that it has a field for."""

    fetch: PoliteFetcher
    read: Readers
    pages: Fetcher  #: instead of ``fetch`` for web pages, which are not made for programs
    now: Clock = now
    endpoints: Mapping[str, str] = field(
        default_factory=dict
    )  #: ``base_url`` by kind, other addresses by key


@dataclass(frozen=True)
class App:
    """A configured monitor with its store open."""

    config: Config
    store: Store
    pipeline: Pipeline

    def register(self) -> None:
        """Tell the store which sources and brands there are. Only who does the work may do so."""
        specs = [
            SourceSpec(
                t.name,
                t.kind,
                fingerprint(t, self.config),
                site(self.pipeline.sources[t.name].url),
            )
            for t in self.config.source
        ]
        self.store.sync(specs, [b.name for b in self.config.brand], now())
        if self.config.web and self.config.web.public_url and not self.pipeline.push:
            log.warning("hubs_not_asked", why=UNREACHED)


@contextmanager
def opened(config: Config, console: Console) -> Iterator[App]:
    """Everything built; the store is closed at the end.

    Raises:
        ConfigError: a source, secret or address of the configuration is wrong.
        StoreError: the database cannot be used.
    """
    given = tools(config)
    built = {table.name: source(table, given) for table in config.source}
    speaking = speakers(config, console)
    store = open_store(config.monitor.database)
    try:
        yield App(config, store, pipeline(config, store, built, speaking, given))
    finally:
        store.close()


def pipeline(
    config: Config,
    store: Store,
    built: Mapping[str, Source],
    speaking: Mapping[str, Notifier],
    tools: Tools,
) -> Pipeline:
    """The hall with every door in place."""
    return Pipeline(
        store=store,
        now=now,
        sources=built,
        matcher=Matcher(brands(config)),
        topics=topic_words(),
        classifier=sentiment.load(packaged("model.json").parent),
        notifiers=speaking,
        policy=policy(config),
        push=push(config, tools.fetch),
        follow=lambda state: sources.comments(state, tools.fetch, tools.read),
        fetch_page=tools.pages,
        article=tools.read.article,
        busy=tools.fetch.busy,
    )


def push(config: Config, fetch: PoliteFetcher) -> Push | None:
    """WebSub, where hubs can reach us.

    Raises:
        ConfigError: the token cannot be read.
    """
    web = config.web
    if web is None or web.token is None or not web.public_url:
        return None
    return Push(web.public_url, secret(web.token, "web.token"), fetch.post)


def policy(config: Config) -> Policy:
    alerts, due = config.alerts, config.digest
    return Policy(
        every={t.name: t.every or sources.KINDS[t.kind].pace for t in config.source},
        rules=rules(alerts),
        card_targets={b.name: card_targets(config, b) for b in config.brand},
        digest_targets={b.name: digest_targets(config, b) for b in config.brand},
        digest_due=lambda week: digest.due_at(week, config.monitor.timezone, due.day, due.at),
        timezone=config.monitor.timezone,
        backlog=alerts.backlog,
        update_after=alerts.update_every,
        window=alerts.window,
        keep=config.privacy.keep,
        store_authors=config.privacy.store_authors,
        teasers=frozenset(t.name for t in config.source if not t.full_text),
        reddit_text=config.privacy.reddit_text,
    )


def rules(alerts: AlertsTable) -> alerting.Rules:
    return alerting.Rules(
        alerts.complaint, alerts.negative, alerts.sensitivity, precision=alerts.precision or None
    )


def card_targets(config: Config, brand: BrandTable) -> tuple[str, ...]:
    """Slack where it is set up, else the terminal."""
    if config.slack is None:
        return ("console:",)
    return (f"slack:{brand.slack_channel or config.slack.channel}",)


def digest_targets(config: Config, brand: BrandTable) -> tuple[str, ...]:
    to = brand.digest_to or config.digest.to
    if to and config.smtp is None:
        raise ConfigError("digest.to: there are recipients but no [smtp] to send by: add it")
    return tuple(f"email:{address}" for address in to)


def brands(config: Config) -> list[Brand]:
    return [
        Brand(
            name=b.name,
            aliases=tuple(
                Alias(a) if isinstance(a, str) else Alias(a.term, a.require) for a in b.aliases
            ),
            exclude=b.exclude,
            own_authors=b.own_authors,
            site=b.site,
            competitors=b.competitors,
            sources=tuple(s.name for s in config.source if s.about == b.name),
        )
        for b in config.brand
    ]


def topic_words() -> Topics:
    """The topics of config/topics.toml, as shipped."""
    table = tomllib.loads(packaged("topics.toml").read_text("utf-8"))
    return Topics([Topic(**{**t, "words": tuple(t["words"])}) for t in table["topic"]])


def fetcher(config: Config) -> PoliteFetcher:
    agent = config.http.user_agent or user_agent(config.monitor.contact)
    return PoliteFetcher(agent, now, config.http.allow_private)


def tools(config: Config) -> Tools:
    fetch = fetcher(config)
    pages = Robots(fetch, fetch.user_agent, now)
    return Tools(fetch, Readers(), pages, endpoints=config.endpoints)


def source(table: SourceTable, tools: Tools) -> Source:
    """One configured source; its own keys are checked against its class.

    Raises:
        ConfigError
    """
    where = f"source {table.name!r}"
    if table.kind not in sources.KINDS:
        known = ", ".join(sorted(sources.KINDS))
        raise ConfigError(f"{where}: kind {table.kind!r} is unknown: give one of {known}")
    kind = sources.KINDS[table.kind]
    taken = {
        f.name: f for f in dataclasses.fields(kind) if f.init and f.name not in {"name", "kind"}
    }
    shared = {f.name: getattr(tools, f.name) for f in dataclasses.fields(tools) if f.name in taken}
    if kind.of_pages:
        shared |= {"fetch": tools.pages, "read": tools.read.reviews}
    own = {key: each for key, each in taken.items() if key not in shared}
    try:
        return kind(name=table.name, kind=table.kind, **shared, **_given(table, tools, own, where))
    except (TypeError, ValueError) as e:
        raise ConfigError(f"{where}: {e}") from e


def _given(
    table: SourceTable, tools: Tools, own: Mapping[str, dataclasses.Field[Any]], where: str
) -> dict[str, Any]:
    """The values of a source's own keys, its secrets read."""
    given = dict(table.options)
    moved = {"base_url": tools.endpoints.get(table.kind), **tools.endpoints}
    for key in own:
        if moved.get(key):
            given.setdefault(key, moved[key])
    for key in given.keys() - own.keys():
        raise ConfigError(f"{where}: {key}: unknown key for kind {table.kind!r}: remove it")
    for key, each in own.items():
        if key not in given and each.default is dataclasses.MISSING:
            raise ConfigError(f"{where}: {key}: missing for kind {table.kind!r}: add it")
        if key in given and each.metadata.get("secret"):
            given[key] = secret(given[key], f"{where}: {key}")
    return given


def trial(config: Config, name: str) -> Source:
    """A configured source by its name, or a feed by its address.

    Raises:
        ConfigError
    """
    named = next((t for t in config.source if t.name == name), None)
    if named is None:
        if not name.startswith(("http://", "https://")):
            known = ", ".join(t.name for t in config.source) or "none"
            raise ConfigError(f"source {name!r} is not configured (there are: {known})")
        # Not named by its address, which may hold a secret and be longer than a name may.
        named = SourceTable.model_validate({"name": "try", "kind": "feed", "url": name})
    return source(named, tools(config))


def fingerprint(table: SourceTable, config: Config) -> str:
    """What a source reads and for whom, as a hash: when it changes, its cursor means nothing more.

    An item that named nobody was not kept; it may name a brand that was added or renamed since.
    """
    terms = [[b.name, b.aliases, b.exclude, b.site] for b in config.brand]
    read: dict[str, Any] = {"kind": table.kind, "about": table.about, "brands": terms}
    read |= table.options
    if moved := [url for key, url in config.endpoints.items() if key.startswith(table.kind)]:
        read["endpoint"] = moved
    return hashlib.sha256(json.dumps(read, sort_keys=True, default=str).encode()).hexdigest()


def speakers(config: Config, console: Console) -> Mapping[str, Notifier]:
    """The notifiers that the configuration names, by the word before a target's colon.

    Raises:
        ConfigError
    """
    speaking: dict[str, Notifier] = {"console": notifiers.KINDS["console"](console)}
    if config.slack is not None:
        token = secret(config.slack.bot_token, "slack.bot_token")
        speaking["slack"] = notifiers.KINDS["slack"](token, api_url=config.slack.api_url)
    if config.smtp is not None:
        speaking["email"] = mailer(config.smtp)
    return MappingProxyType(speaking)


def mailer(smtp: SmtpTable) -> Notifier:
    security = "tls" if smtp.tls else "starttls" if smtp.starttls else "none"
    password = secret(smtp.password, "smtp.password") if smtp.password else ""
    try:
        return notifiers.KINDS["email"](
            smtp.host, smtp.port, security, smtp.user, password, smtp.sender, now
        )
    except ValueError as e:
        raise ConfigError(f"smtp: {e}") from e
