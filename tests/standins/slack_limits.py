"""What Slack refuses of a message, as far as its reference and measured errors say.

Written apart from monitor.notifiers.slack_layout, so that a slip in one is seen by the other.
Sources: docs.slack.dev/reference/block-kit/blocks; msg_blocks_too_long was seen near 13,200
characters (slackapi/bolt-js issue 2509).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
WHOLE = 13_200  #: characters of all blocks together


def refusal(arguments: Json, *, update: bool = False) -> tuple[str, list[str]]:
    """Slack's error name and details, or ("", [])."""
    text, blocks = arguments.get("text") or "", arguments.get("blocks") or []
    if not text and not blocks:
        return "no_text", []
    if len(text) > (4_000 if update else 40_000):
        return "msg_too_long", []
    if problems := list(_blocks(blocks)):
        return "invalid_blocks", problems
    if len(json.dumps(blocks, ensure_ascii=False)) > WHOLE:
        return "msg_blocks_too_long", []
    return _metadata(arguments.get("metadata")), []


def _metadata(metadata: object) -> str:
    if metadata is None:
        return ""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        return "invalid_metadata_format"
    return "" if isinstance(metadata.get("event_payload"), dict) else "invalid_metadata_format"


def _blocks(blocks: list[Json]) -> Iterator[str]:
    if len(blocks) > 50:
        yield "no more than 50 items allowed [json-pointer:/blocks]"
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    if len(set(ids)) != len(ids):
        yield "`block_id` already exists [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        at = f"/blocks/{number}"
        check = _KINDS.get(str(block.get("type")))
        if check is None:
            yield f"unsupported type [json-pointer:{at}/type]"
        else:
            yield from check(block, at)
        yield from _longer(block.get("block_id", "-"), 255, f"{at}/block_id")


def _longer(text: str, most: int, at: str) -> Iterator[str]:
    if not text:
        yield f"must be more than 0 characters [json-pointer:{at}]"
    if len(text) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"


def _text(thing: Json | None, most: int, at: str, kinds: tuple[str, ...]) -> Iterator[str]:
    if thing is None or thing.get("type") not in kinds:
        yield f"unsupported type [json-pointer:{at}/type]"
        return
    yield from _longer(thing.get("text", ""), most, f"{at}/text")


def _header(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("text"), 150, f"{at}/text", ("plain_text",))


def _section(block: Json, at: str) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" in block:
        yield from _text(block["text"], 3000, f"{at}/text", ("plain_text", "mrkdwn"))
    elif not fields:
        yield f"missing text or fields [json-pointer:{at}]"
    if len(fields) > 10:
        yield f"no more than 10 items allowed [json-pointer:{at}/fields]"
    for number, part in enumerate(fields):
        yield from _text(part, 2000, f"{at}/fields/{number}", ("plain_text", "mrkdwn"))


def _context(block: Json, at: str) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 0 < len(elements) <= 10:
        yield f"no more than 10 items allowed [json-pointer:{at}/elements]"
    for number, part in enumerate(elements):
        yield from _text(part, 3000, f"{at}/elements/{number}", ("plain_text", "mrkdwn"))


def _actions(block: Json, at: str) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 0 < len(elements) <= 25:
        yield f"no more than 25 items allowed [json-pointer:{at}/elements]"
    names = [e.get("action_id") for e in elements]
    if len(set(names)) != len(names):
        yield f"`action_id` {names} already exists [json-pointer:{at}/elements]"
    for number, element in enumerate(elements):
        here = f"{at}/elements/{number}"
        yield from _text(element.get("text"), 75, f"{here}/text", ("plain_text",))
        for name, most in (("action_id", 255), ("value", 2000), ("url", 3000)):
            yield from _longer(element.get(name, "-"), most, f"{here}/{name}")


def _rich_text(block: Json, at: str) -> Iterator[str]:
    parts = block.get("elements", [])
    if not parts:
        yield f"must have elements [json-pointer:{at}/elements]"
    for number, part in enumerate(parts):
        here = f"{at}/elements/{number}"
        if part.get("type") not in ("rich_text_section", "rich_text_quote"):
            yield f"unsupported type [json-pointer:{here}/type]"
        for place, leaf in enumerate(part.get("elements", [])):
            yield from _longer(leaf.get("text", ""), 3000, f"{here}/elements/{place}/text")


_KINDS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "rich_text": _rich_text,
    "divider": lambda block, at: iter(()),
}
