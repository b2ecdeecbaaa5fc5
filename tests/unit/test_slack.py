"""Slack over a real socket: what is accepted once stays once, whatever becomes of the answer.

The stand-in keeps its channels, so each test counts the messages that people would see.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk import WebClient

from monitor.domain import Receipt
from monitor.notifiers.slack import Slack
from monitor.seams import DeliveryError, Lookup, Outcome
from tests.standins.cards import card, delivery, quote, update
from tests.standins.slack import TOKEN, SlackServer, channel_id
from tests.unit.slacking import HISTORY, POST, UPDATE, notifier


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    with SlackServer(("acme", "other")) as running:
        yield running


def refused(slack: Slack, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        slack.send(delivery(**changes))
    return caught.value


# -- accepted ------------------------------------------------------------------------


def test_a_card_is_posted_with_its_id_in_the_metadata(server: SlackServer) -> None:
    sent = delivery()
    receipt = notifier(server).send(sent)
    (message,) = server.messages()
    assert receipt == Receipt(channel_id("acme"), message["ts"])
    assert message["metadata"] == {
        "event_type": "mention_alert",
        "event_payload": {
            "outbox_id": sent.id,
            "incident_id": "INC-8f2c41d0",
            "kind": "post",
            "v": 1,
        },
    }


@pytest.mark.parametrize("method", [POST, UPDATE])
def test_nothing_in_a_message_is_parsed_or_unfolded(server: SlackServer, method: str) -> None:
    slack = notifier(server)
    slack.send(update(slack.send(delivery())))
    (asked,) = server.called(method)
    assert asked["parse"] == "none"
    assert [asked[k] for k in ("link_names", "unfurl_links", "unfurl_media")] == [False] * 3


def test_the_same_delivery_always_has_the_same_client_msg_id(server: SlackServer) -> None:
    slack = notifier(server)
    slack.send(delivery())
    slack.send(delivery())
    slack.send(delivery(id="another"))
    first, second, third = (asked["client_msg_id"] for asked in server.called(POST))
    assert first == second != third


def test_a_channel_may_be_given_by_its_id(server: SlackServer) -> None:
    target = f"slack:{channel_id('other')}"
    receipt = notifier(server).send(delivery(target=target))
    assert receipt.channel == channel_id("other")
    assert len(server.messages("other")) == 1


def test_an_update_edits_the_message_in_place_and_keeps_its_metadata(server: SlackServer) -> None:
    slack = notifier(server)
    receipt = slack.send(delivery())
    assert slack.send(update(receipt, card=card(quote(1), quote(2), posts=3))) == receipt
    (message,) = server.messages()
    assert "3 posts" in message["text"]
    assert "3 posts" in message["blocks"][0]["text"]["text"]
    assert message["metadata"]["event_payload"]["outbox_id"] == delivery().id


def test_a_card_repeated_in_doubt_says_so(server: SlackServer) -> None:
    notifier(server).send(delivery(repeated=True))
    assert "possibly repeated" in server.messages()[0]["text"]


# -- refused -------------------------------------------------------------------------

REFUSALS = [
    ("before:error:ratelimited", Outcome.LATER),
    ("before:error:service_unavailable", Outcome.LATER),
    ("before:status:503", Outcome.LATER),
    ("before:error:invalid_auth", Outcome.OPERATOR),
    ("before:error:token_revoked", Outcome.OPERATOR),
    ("before:error:account_inactive", Outcome.OPERATOR),
    ("before:error:missing_scope", Outcome.OPERATOR),
    ("before:error:not_in_channel", Outcome.OPERATOR),
    ("before:error:restricted_action_read_only_channel", Outcome.OPERATOR),
    ("before:error:something_slack_will_invent", Outcome.OPERATOR),
    ("before:status:404", Outcome.OPERATOR),
    ("before:drop", Outcome.AMBIGUOUS),
    ("before:status:500", Outcome.AMBIGUOUS),
    ("before:status:502", Outcome.AMBIGUOUS),
    ("before:html", Outcome.AMBIGUOUS),
    ("before:error:duplicate_message_not_found", Outcome.AMBIGUOUS),
    ("after:drop", Outcome.AMBIGUOUS),
    ("after:status:500", Outcome.AMBIGUOUS),
    ("after:status:502", Outcome.AMBIGUOUS),
    ("after:status:504", Outcome.AMBIGUOUS),
    ("after:html", Outcome.AMBIGUOUS),
    ("after:list", Outcome.AMBIGUOUS),
    ("after:truncated", Outcome.AMBIGUOUS),
    ("after:error:internal_error", Outcome.AMBIGUOUS),
    ("after:error:fatal_error", Outcome.AMBIGUOUS),
]


@pytest.mark.parametrize(("fault", "outcome"), REFUSALS)
def test_every_answer_has_its_outcome_and_is_asked_for_once(
    server: SlackServer, fault: str, outcome: Outcome
) -> None:
    server.fault(POST, fault)
    error = refused(notifier(server))
    assert error.outcome is outcome
    assert "\n" not in str(error)
    assert len(server.called(POST)) == 1
    assert len(server.messages()) == (1 if fault.startswith("after") else 0)


@pytest.mark.parametrize("fault", [f for f, o in REFUSALS if o is Outcome.AMBIGUOUS])
def test_after_an_unclear_answer_the_history_tells_the_truth(
    server: SlackServer, fault: str
) -> None:
    slack, unsure = notifier(server), delivery(state="ambiguous")
    server.fault(POST, fault)
    refused(slack)
    found = slack.find(unsure)
    if fault.startswith("after"):
        assert found == Receipt(channel_id("acme"), server.messages()[0]["ts"])
    else:
        assert found is Lookup.ABSENT


def test_nobody_looks_before_a_late_request_must_have_landed(server: SlackServer) -> None:
    server.fault(POST, "before:drop")
    assert refused(notifier(server)).retry_after == timedelta(seconds=20)


def test_an_answer_that_comes_too_late_is_unclear(server: SlackServer) -> None:
    server.fault(POST, "after:hang:5")
    slack = notifier(server, timeout=0.2)
    assert refused(slack).outcome is Outcome.AMBIGUOUS
    assert isinstance(slack.find(delivery(state="sending")), Receipt)


@pytest.mark.parametrize(
    ("header", "seconds"), [(":1", 1), (":30", 30), (":1.5", 1.5), (":soon", None), ("", None)]
)
def test_retry_after_is_honoured_in_every_form(
    server: SlackServer, header: str, seconds: float | None
) -> None:
    server.fault(POST, f"before:status:429{header}")
    error = refused(notifier(server))
    assert error.outcome is Outcome.LATER
    assert error.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_jitter_is_added_to_the_wait(server: SlackServer) -> None:
    server.fault(POST, "before:status:429:30")
    error = refused(notifier(server, jitter=lambda: 0.5))
    assert error.retry_after == timedelta(seconds=30.5)


def test_a_slack_that_does_not_listen_is_tried_later() -> None:
    with SlackServer() as gone:
        slack = notifier(gone)
    error = refused(slack)
    assert error.outcome is Outcome.LATER
    assert "not reached" in str(error)


def test_an_unknown_channel_waits_for_the_operator(server: SlackServer) -> None:
    error = refused(notifier(server), target="slack:#typo")
    assert error.outcome is Outcome.OPERATOR
    assert "channel_not_found" in str(error)
    assert "/invite" in str(error)


def test_a_digest_is_not_for_slack(server: SlackServer) -> None:
    assert refused(notifier(server), kind="digest").outcome is Outcome.NEVER


# -- layout --------------------------------------------------------------------------


def test_a_refused_layout_is_sent_again_in_the_plain_one(server: SlackServer) -> None:
    server.fault(POST, "before:error:invalid_blocks")
    notifier(server).send(delivery())
    (message,) = server.messages()
    assert [b["type"] for b in message["blocks"]] == ["header", "section", "actions"]
    assert message["metadata"]["event_payload"]["outbox_id"] == delivery().id


def test_a_layout_refused_twice_is_dead(server: SlackServer) -> None:
    server.fault(POST, "before:error:invalid_blocks", times=2)
    error = refused(notifier(server))
    assert error.outcome is Outcome.NEVER
    assert len(server.called(POST)) == 2


def test_an_unclear_answer_to_the_plain_layout_is_unclear(server: SlackServer) -> None:
    server.fault(POST, "before:error:msg_blocks_too_long")
    server.fault(POST, "after:drop")
    assert refused(notifier(server)).outcome is Outcome.AMBIGUOUS


# -- updates -------------------------------------------------------------------------


def test_a_message_deleted_by_a_person_is_not_put_up_again(server: SlackServer) -> None:
    slack = notifier(server)
    receipt = slack.send(delivery())
    server.channel("acme").messages.clear()
    with pytest.raises(DeliveryError, match="no longer there") as caught:
        slack.send(update(receipt))
    assert caught.value.outcome is Outcome.NEVER
    assert server.messages() == []


def test_an_unclear_edit_is_simply_made_again(server: SlackServer) -> None:
    slack = notifier(server)
    edit = update(slack.send(delivery()), state="ambiguous")
    server.fault(UPDATE, "after:drop")
    with pytest.raises(DeliveryError) as caught:
        slack.send(edit)
    assert caught.value.outcome is Outcome.AMBIGUOUS
    assert slack.find(edit) is Lookup.ABSENT
    assert server.called(HISTORY) == []
    slack.send(edit)
    assert len(server.messages()) == 1


# -- looking up ----------------------------------------------------------------------


def test_the_lookup_asks_for_all_metadata(server: SlackServer) -> None:
    """Without it, Slack strips the payload and every lookup would miss its message."""
    notifier(server).send(delivery())
    asked = {"channel": channel_id("acme")}
    bare = WebClient(TOKEN, base_url=server.url).conversations_history(**asked)
    assert bare["messages"][0]["metadata"]["event_payload"] == {}
    assert isinstance(notifier(server).find(delivery()), Receipt)
    assert server.called(HISTORY)[-1]["include_all_metadata"] == "1"


def test_the_lookup_walks_every_page(server: SlackServer) -> None:
    slack = notifier(server, sleep=lambda _: None)
    wanted = slack.send(delivery())
    for number in range(7):
        slack.send(delivery(id=f"later-{number}"))
    server.page = 2
    assert slack.find(delivery()) == wanted
    assert len(server.called(HISTORY)) == 4
    assert slack.find(delivery(id="never-sent")) is Lookup.ABSENT
    assert len(server.called(HISTORY)) == 8


@pytest.mark.parametrize(
    "fault",
    ["before:status:429:30", "before:error:missing_scope", "before:drop", "before:status:500"],
)
def test_a_lookup_that_fails_on_any_page_knows_nothing(server: SlackServer, fault: str) -> None:
    slack = notifier(server)
    slack.send(delivery(id="other"))
    slack.send(delivery(id="another"))
    server.page = 1
    server.fault(HISTORY, "")  # the first page is given
    server.fault(HISTORY, fault)
    assert slack.find(delivery()) is Lookup.UNKNOWN


def test_a_clock_an_hour_ahead_of_slacks_still_finds_the_message(server: SlackServer) -> None:
    slack = notifier(server)
    receipt = slack.send(delivery())
    started = delivery().started_at
    assert started is not None
    ahead = delivery(started_at=started + timedelta(hours=1))
    assert slack.find(ahead) == receipt


def test_what_never_began_is_absent_without_a_look(server: SlackServer) -> None:
    assert notifier(server).find(delivery(started_at=None)) is Lookup.ABSENT
    assert server.calls == []


def test_a_channels_name_is_looked_up_once_in_a_paged_list(server: SlackServer) -> None:
    notifier(server).send(delivery(target="slack:#other"))
    server.page = 1
    fresh = notifier(server)  # as after a restart: it has seen no answer that names the id
    for _ in range(2):
        assert isinstance(fresh.find(delivery(target="slack:#other")), Receipt)
    assert len(server.called("conversations.list")) == 2  # the pages of one walk


def test_a_channel_that_cannot_be_seen_is_unknown_not_absent(server: SlackServer) -> None:
    assert notifier(server).find(delivery(target="slack:#hidden")) is Lookup.UNKNOWN


# -- pace ----------------------------------------------------------------------------


def test_a_channel_hears_five_at_once_then_one_a_second(server: SlackServer) -> None:
    waits: list[float] = []
    slack = notifier(server, monotonic=lambda: 100.0 + sum(waits), sleep=waits.append)
    for number in range(8):
        slack.send(delivery(id=str(number)))
    assert waits == pytest.approx([1, 1, 1])
    slack.send(delivery(id="x", target="slack:#other"))
    assert len(waits) == 3


# -- secrets -------------------------------------------------------------------------


def test_the_token_shows_nowhere(server: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = "xoxb-very-secret"
    slack = notifier(server, token=token)
    error = refused(slack)
    assert error.outcome is Outcome.OPERATOR
    assert slack.find(delivery()) is Lookup.UNKNOWN
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert token not in f"{error!r} {slack!r} {caplog.text}"
