"""A Slack notifier that speaks to the stand-in, for the tests beside this file."""

from __future__ import annotations

from typing import Any

from monitor.notifiers.slack import Slack
from tests.standins.slack import TOKEN, SlackServer

POST, UPDATE, HISTORY = "chat.postMessage", "chat.update", "conversations.history"


def notifier(server: SlackServer, **changes: Any) -> Slack:
    given = {"api_url": server.url, "timeout": 5, "jitter": lambda: 0.0} | changes
    return Slack(given.pop("token", TOKEN), **given)
