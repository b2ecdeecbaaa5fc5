"""What an operator sets up: the check that doctor makes, the manifest; and the stand-in itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from monitor.notifiers.slack import Slack
from monitor.seams import DeliveryError, Outcome
from tests.standins.cards import delivery
from tests.standins.slack import TOKEN, SlackServer, channel_id
from tests.unit.slacking import HISTORY, POST, notifier


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    with SlackServer(("acme", "other")) as running:
        yield running


# -- check ---------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["#other", channel_id("other")])
def test_a_check_sees_all_that_posting_needs_and_posts_nothing(
    server: SlackServer, address: str
) -> None:
    seen = notifier(server).check(address)
    assert seen == f"in workspace Acme, channel {channel_id('other')}, history readable"
    assert server.called(POST) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (("auth.test", "before:error:invalid_auth"), "bot_token"),
        (("conversations.info", "before:error:missing_scope"), "slack-manifest.yaml"),
        ((HISTORY, "before:error:missing_scope"), "slack-manifest.yaml"),
    ],
)
def test_a_check_says_what_to_mend(server: SlackServer, fault: tuple[str, str], words: str) -> None:
    server.fault(*fault)
    with pytest.raises(DeliveryError, match=words) as caught:
        notifier(server).check("#acme")
    assert caught.value.outcome is Outcome.OPERATOR


def test_a_check_sees_a_bot_that_nobody_invited(server: SlackServer) -> None:
    server.channel("acme").member = False
    with pytest.raises(DeliveryError, match="/invite"):
        notifier(server).check("#acme")


def test_a_check_sees_a_token_that_may_not_write(server: SlackServer) -> None:
    server.scopes = "channels:read,channels:history"
    with pytest.raises(DeliveryError, match="chat:write"):
        notifier(server).check("#acme")


# -- the stand-in as a process -------------------------------------------------------


def test_the_stand_in_runs_as_a_process_with_a_readable_state(tmp_path: Path) -> None:
    port_file, state = tmp_path / "port", tmp_path / "state.json"
    command = [sys.executable, "-m", "tests.standins.slack"]
    options = ["--port-file", str(port_file), "--state", str(state)]
    with subprocess.Popen([*command, *options]) as process:
        try:
            while not port_file.exists():
                assert process.poll() is None
                time.sleep(0.02)
            base = f"http://127.0.0.1:{port_file.read_text()}"
            fault = {"method": POST, "fault": "after:drop"}
            order = Request(f"{base}/standin/fault", json.dumps(fault).encode())
            order.add_header("Content-Type", "application/json")
            build_opener(ProxyHandler({})).open(order).close()
            with pytest.raises(DeliveryError) as caught:
                Slack(TOKEN, api_url=f"{base}/api").send(delivery())
        finally:
            os.kill(process.pid, signal.SIGTERM)
    assert process.returncode == 0
    assert caught.value.outcome is Outcome.AMBIGUOUS
    (message,) = json.loads(state.read_text())["channels"]["acme"]
    assert message["metadata"]["event_payload"]["outbox_id"] == delivery().id


# -- manifest ------------------------------------------------------------------------


def test_the_manifest_asks_for_the_scopes_that_are_used() -> None:
    path = Path(__file__).parents[2] / "config" / "slack-manifest.yaml"
    scopes = set(re.findall(r"^ +- ([a-z]+:[a-z]+)", path.read_text("utf-8"), re.MULTILINE))
    used = {"chat:write", "channels:history", "groups:history", "channels:read", "groups:read"}
    assert used <= scopes
