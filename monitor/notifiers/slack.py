"""Cards in Slack: each is posted once, then edited in place.

Once, because nobody retries but the outbox (the SDK's own retry posts twice when an answer is
lost), because each message carries its delivery's id in its metadata, and because the channel's
history is read before anything of unknown fate is sent again. A request on its way may land after
such a look: so an unclear answer asks for a wait of 20 s first, and a worker that died without a
word is looked after only when the pipeline's lease ran out, 10 s for the answer and these 20 s.

Edits repeat harmlessly, so they are never looked up. An edit of a message that a person deleted
is refused for good: the card is not put up again against their will.
"""

from __future__ import annotations

import logging
import random
import re
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

import certifi
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from monitor import text
from monitor.domain import Card, Delivery, Receipt
from monitor.notifiers import slack_layout
from monitor.seams import DeliveryError, Lookup, Outcome

log = logging.getLogger(__name__)

Json = dict[str, Any]

TIMEOUT = 10  #: seconds without a byte from Slack
EVENT = "mention_alert"  #: metadata event_type of everything we post
#: From an unclear answer until the history may be asked: a request on its way may still land.
GRACE = timedelta(seconds=20)
BURST = 5  #: messages to one channel at once after a rest; then one a second
#: How far before a delivery's first try its message is searched: Slack stamps messages by its own
#: clock, and ours may run ahead of it by so much.
LOOK_BACK = timedelta(hours=2)
PAGE, PAGES = 200, 500  #: items asked for at once; a walk of more pages is given up as unknown

_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_ERROR = re.compile(r"[a-z][a-z0-9_]{1,80}")
#: The connection broke, or the SDK stumbled over an answer (AttributeError: JSON but no object).
_UNREADABLE = (
    *(OSError, HTTPException, SlackClientError),
    *(LookupError, ValueError, AttributeError),
)

#: Error names of https://docs.slack.dev/reference/methods/chat.postMessage and chat.update.
#: What stands in none of these sets waits for the operator, so that nothing is lost.
_LATER = {"ratelimited", "rate_limited", "service_unavailable"}
_LAYOUT = {
    *("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"),
    *("metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema"),
}
_GONE = {"message_not_found", "edit_window_closed", "cant_update_message", "is_inactive"}
_AMBIGUOUS = {
    *("internal_error", "fatal_error", "request_timeout"),
    *("duplicate_channel_not_found", "duplicate_message_not_found"),
}
_INVITE = "invite the bot to the channel: /invite @mention-watch"
_REINSTALL = "put the token of an installed app where [slack] bot_token points"
_MEND = {
    "channel_not_found": f"check the channel's name, and {_INVITE}",
    "not_in_channel": _INVITE,
    "is_archived": "unarchive the channel or name another",
    "missing_scope": "reinstall the app with the scopes of config/slack-manifest.yaml",
    **dict.fromkeys(("invalid_auth", "not_authed", "token_revoked", "token_expired"), _REINSTALL),
    "account_inactive": _REINSTALL,
}


class LayoutError(DeliveryError):
    """Slack did not accept a message because of how it is built."""


class Slack:
    """Speaks to channels given by name (``#acme``) or id (``C0123ABCD``).

    Args:
        token: the bot's ``xoxb-`` token; it shows in no error, log line or repr.
        api_url: where the Web API is; moved by tests.
        timeout: seconds; the pipeline's lease must be longer by the 20 s above.
        monotonic, sleep: seconds; what the pace of one message a second is kept by.
        jitter: seconds added to the wait that Slack asks for.
    """

    def __init__(
        self,
        token: str,
        *,
        api_url: str = WebClient.BASE_URL,
        timeout: int = TIMEOUT,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        trusted = ssl.create_default_context()
        trusted.load_verify_locations(certifi.where())
        silent = logging.getLogger(f"{__name__}.sdk")
        silent.setLevel(logging.CRITICAL)  # it would log whole messages; we report each failure
        self._client = WebClient(
            token,
            base_url=api_url,
            timeout=timeout,
            ssl=trusted,
            logger=silent,
            retry_handlers=[],
        )
        self._pace = _Pace(monotonic, sleep)
        self._jitter = jitter
        self._ids: dict[str, str] = {}  #: channel name without "#" to id, as far as learnt

    def send(self, delivery: Delivery) -> Receipt:
        """Post or edit a card; waits where the channel's pace asks for it.

        Raises:
            DeliveryError
        """
        if delivery.card is None:
            raise DeliveryError("Slack is sent cards only", Outcome.NEVER)
        method, where = _edit(delivery) if delivery.kind == "update" else _post(delivery)
        self._pace.wait(delivery.target)
        answer = self._say(method, where, delivery.card, delivery.repeated)
        receipt = Receipt(str(answer.get("channel") or ""), str(answer.get("ts") or ""))
        if not (receipt.channel and receipt.ts):
            raise _ambiguous(f"{method}: Slack's answer names no message")
        self._ids[_channel(delivery)] = receipt.channel
        return receipt

    def find(self, delivery: Delivery) -> Receipt | Lookup:
        """Look the delivery's id up in the channel's history, from before its first try until now.

        ABSENT only after a walk to the end. An edit is always ABSENT: sending it twice is harmless.
        """
        if delivery.kind == "update" or delivery.started_at is None:
            return Lookup.ABSENT
        oldest = (delivery.started_at - LOOK_BACK).timestamp()
        try:
            channel = self._channel_id(_channel(delivery))
            for message in self._history(channel, f"{oldest:.6f}"):
                if _outbox_id(message) == delivery.id:
                    return Receipt(channel, str(message["ts"]))
        except DeliveryError as e:
            log.warning("slack lookup failed key=%s why=%s", delivery.key, e)
            return Lookup.UNKNOWN
        return Lookup.ABSENT

    def check(self, address: str) -> str:
        """Token, scopes, channel, membership and history, without a message.

        Raises:
            DeliveryError
        """
        me = self._request("auth.test", params={})
        granted = {name.lower(): value for name, value in me.headers.items()}.get("x-oauth-scopes")
        if granted is not None and "chat:write" not in granted.split(","):
            raise DeliveryError(f"chat:write: {_MEND['missing_scope']}", Outcome.OPERATOR)
        channel = self._channel_id(address.removeprefix("#"))
        seen = self._call("conversations.info", params={"channel": channel})["channel"]
        if not seen.get("is_member"):
            raise DeliveryError(f"the bot is not in {address}: {_INVITE}", Outcome.OPERATOR)
        next(self._history(channel, "0"), None)
        return f"in workspace {me.get('team')}, channel {channel}, history readable"

    # -- saying ----------------------------------------------------------------------

    def _say(self, method: str, where: Json, card: Card, repeated: bool) -> Json:
        """In the full layout; in the plain one if that is refused, which means not accepted."""
        body = slack_layout.message(card, repeated=repeated)
        problems = slack_layout.problems(body)
        try:
            if not problems:
                return self._call(method, json=where | body)
        except LayoutError as e:
            problems = [str(e)]
        log.warning("slack layout refused incident=%s why=%s", card.incident.id, problems)
        return self._call(method, json=where | slack_layout.plain(card, repeated=repeated))

    def _call(self, method: str, *, json: Json | None = None, params: Json | None = None) -> Json:
        data = self._request(method, json=json, params=params).data
        if not isinstance(data, dict):
            raise _ambiguous(f"{method}: Slack's answer is not JSON")
        return data

    def _request(
        self, method: str, *, json: Json | None = None, params: Json | None = None
    ) -> SlackResponse:
        """One request, one answer that is ``ok``.

        Raises:
            DeliveryError: without its cause, whose request holds the token.
        """
        try:
            return self._client.api_call(method, json=json, params=params)
        except SlackApiError as e:
            raise self._refusal(method, e.response) from None
        except URLError as e:
            # urllib wraps what fails before the whole request was handed over, and only that.
            raise DeliveryError(f"{method}: Slack not reached: {e.reason}", Outcome.LATER) from None
        except _UNREADABLE as e:
            raise _ambiguous(f"{method}: no answer from Slack: {type(e).__name__}") from None

    def _refusal(self, method: str, response: SlackResponse) -> DeliveryError:
        """What an answer that is not ``ok`` means for the message."""
        status, error = response.status_code, _error(response)
        why = f"{method}: Slack answered {error or f'HTTP {status} without a reason'}"
        if error in _LATER or status in (429, 503):
            return DeliveryError(why, Outcome.LATER, retry_after=self._retry_after(response))
        if error in _LAYOUT:
            return LayoutError(f"{why} {_details(response)}".rstrip(), Outcome.NEVER)
        if error in _GONE:
            return DeliveryError(f"{why}: the message is no longer there to edit", Outcome.NEVER)
        if error in _AMBIGUOUS or status >= 500 or (status < 400 and not error):
            return _ambiguous(why)
        mend = _MEND.get(error, "see docs.slack.dev for this error, then run `monitor doctor`")
        return DeliveryError(f"{why}: {mend}", Outcome.OPERATOR)

    def _retry_after(self, response: SlackResponse) -> timedelta | None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            return timedelta(seconds=max(float(headers["retry-after"]), 0) + self._jitter())
        except (KeyError, ValueError, OverflowError):
            return None

    # -- reading ---------------------------------------------------------------------

    def _history(self, channel: str, oldest: str) -> Iterator[Json]:
        # Without include_all_metadata Slack leaves our ids out and every look finds nothing.
        asked = {"channel": channel, "oldest": oldest, "include_all_metadata": True}
        return self._walk("conversations.history", "messages", asked)

    def _channel_id(self, name: str) -> str:
        if _ID.fullmatch(name):
            return name
        if name not in self._ids:
            asked = {"types": "public_channel,private_channel", "exclude_archived": True}
            for channel in self._walk("conversations.list", "channels", asked):
                self._ids[str(channel.get("name"))] = str(channel.get("id"))
        if name not in self._ids:
            unseen = f"no channel #{name} that the bot can see: correct its name, or {_INVITE}"
            raise DeliveryError(unseen, Outcome.OPERATOR)
        return self._ids[name]

    def _walk(self, method: str, items: str, asked: Json) -> Iterator[Json]:
        """Every item of every page; newest first where Slack orders them so.

        Raises:
            DeliveryError: a page failed, or the walk found no end.
        """
        cursor: Json = {}
        for _ in range(PAGES):
            answer = self._call(method, params={**asked, "limit": PAGE, **cursor})
            yield from answer.get(items) or ()
            following = (answer.get("response_metadata") or {}).get("next_cursor")
            if not following and not answer.get("has_more"):
                return
            if not following:
                break
            cursor = {"cursor": following}
        raise DeliveryError(f"{method}: the pages have no end", Outcome.LATER)


def _ambiguous(why: str) -> DeliveryError:
    return DeliveryError(why, Outcome.AMBIGUOUS, retry_after=GRACE)


def _channel(delivery: Delivery) -> str:
    return delivery.target.partition(":")[2].removeprefix("#")


def _post(delivery: Delivery) -> tuple[str, Json]:
    channel = _channel(delivery)
    return "chat.postMessage", {
        "channel": channel if _ID.fullmatch(channel) else f"#{channel}",
        "metadata": _metadata(delivery),
        # Slack may fold equal ones, undocumented: welcome, never relied on.
        "client_msg_id": str(uuid.uuid5(uuid.NAMESPACE_OID, delivery.id)),
        **_AS_WRITTEN,
    }


def _edit(delivery: Delivery) -> tuple[str, Json]:
    """Metadata is not given, so that Slack keeps the post's."""
    if delivery.remote is None:
        raise DeliveryError("there is no message to edit", Outcome.NEVER)
    place = {"channel": delivery.remote.channel, "ts": delivery.remote.ts}
    return "chat.update", place | _AS_WRITTEN


#: chat.update would parse by default.
_AS_WRITTEN = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _metadata(delivery: Delivery) -> Json:
    """Opaque ids only: every app of the workspace may read them."""
    incident = delivery.card.incident.id if delivery.card else ""
    told = {"outbox_id": delivery.id, "incident_id": incident, "kind": delivery.kind, "v": 1}
    return {"event_type": EVENT, "event_payload": told}


def _outbox_id(message: Json) -> object:
    metadata = message.get("metadata") or {}
    return (metadata.get("event_payload") or {}).get("outbox_id")


def _error(response: SlackResponse) -> str:
    """Slack's name for the error; "" where the body is not Slack's JSON."""
    error = response.data.get("error") if isinstance(response.data, dict) else None
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else ""


def _details(response: SlackResponse) -> str:
    """Which limit was broken: no outside text, Slack names places only."""
    errors = response.data.get("errors") if isinstance(response.data, dict) else None
    return text.cut(text.clean("; ".join(map(str, errors or ()))), 300)


class _Pace:
    """At most BURST messages at once and one a second after, to each target."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._full: dict[str, float] = {}  #: when each target's bucket will be full again
        self._lock = threading.Lock()

    def wait(self, target: str) -> None:
        with self._lock:
            now = self._monotonic()
            full = max(self._full.get(target, now), now)
            self._full[target] = full + 1
        if (wait := full - now - (BURST - 1)) > 0:
            self._sleep(wait)
