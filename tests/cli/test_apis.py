"""The kinds with an API, from the configuration to stored mentions, each moved to a stand-in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack

from tests.cli.using import BRAND, Shell
from tests.standins.apis import ANSWERS, Place
from tests.standins.web import Web

KEYS: Mapping[str, str] = {"discourse": "", "mastodon": f'tags = ["{BRAND}"]\n'}


def test_two_rounds_keep_what_names_the_brand_once(empty: Shell) -> None:
    now = int(time.time())
    endpoints, tables = "[endpoints]\n", ""
    with ExitStack() as running:
        for kind in ANSWERS:
            place = Place(kind, now)
            place.arrive(now - 60).text = f"{BRAND} lost my order"
            place.arrive(now - 50).text = f"I love {BRAND}"
            place.arrive(now - 40).text = "nobody we know"
            web = running.enter_context(Web({"*": place.answer}))
            endpoints += f'{kind} = "{web.url()}"\n'
            tables += f'[[source]]\nname = "{kind}"\nkind = "{kind}"\nevery = "0.1s"\n'
            tables += KEYS.get(kind, f'query = "{BRAND}"\n')
        (empty.folder / "monitor.toml").write_text(
            '[http]\nallow_private = ["127.0.0.0/8"]\n'
            f'{endpoints}[[brand]]\nname = "{BRAND}"\n{tables}'
        )
        assert len(empty("source", "try", "lemmy", "--jsonl").jsonl) == 3
        for new in (12, 0):
            last = empty("once").out.splitlines()[-1]
            assert last.startswith(f"6 sources polled, {new} new mentions,")
    kept = Counter(mention["source"] for mention in empty("mentions", "--jsonl").jsonl)
    assert kept == dict.fromkeys(ANSWERS, 2)
