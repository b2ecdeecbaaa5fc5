"""The channels towards people. A target of the outbox is ``<kind>:<address>``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.notifiers.console import Terminal
from monitor.notifiers.email import Email
from monitor.notifiers.slack import Slack
from monitor.seams import Notifier

KINDS: Mapping[str, Callable[..., Notifier]] = {
    "slack": Slack,
    "email": Email,
    "console": Terminal,
}
