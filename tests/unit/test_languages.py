"""The gate: the English model reads English, and nothing in another language goes unsaid."""

from __future__ import annotations

import gzip
import json
import math
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Mention, Post, Score
from monitor.sentiment import ModelError, load
from monitor.sentiment.languages import Detector
from monitor.sentiment.vocabulary import NAMES, SMALL

ROOT = Path(__file__).parents[2]
MODEL = load(ROOT / "models")
DETECTOR = Detector()
POLISH = "Zamówiłem paczkę dwa tygodnie temu i nadal nic."


def score(text: str, *, title: str = "", rating: float | None = None) -> Score:
    post = Post("somewhere", "review", "1", "", text, title=title, rating=rating)
    return MODEL.score([Mention(post, "Stayo", ())])[0]


# -- which language ----------------------------------------------------------------------

FOREIGN = {
    "cs": "Objednal jsem si to před třemi týdny a pořád nic nepřišlo.",
    "da": "Jeg bestilte for tre uger siden og har stadig ikke fået noget.",
    "de": "Vor drei Wochen bestellt und immer noch nichts da.",
    "es": "Lo pedí hace tres semanas y todavía no ha llegado nada.",
    "fr": "Commandé il y a trois semaines et toujours rien.",
    "it": "Ho ordinato tre settimane fa e non è arrivato niente.",
    "ja": "三週間前に注文したのにまだ届きません。返金もありません。",
    "nl": "Drie weken geleden besteld en nog steeds niets ontvangen.",
    "pl": POLISH,
    "pt": "Comprei há três semanas e ainda não chegou nada.",
    "ru": "Заказал три недели назад, до сих пор ничего нет.",
    "sv": "Beställde för tre veckor sedan och fortfarande inget paket.",
    "tr": "Üç hafta önce sipariş verdim hâlâ gelmedi.",
}


@pytest.mark.parametrize("lang", FOREIGN)
def test_a_sentence_is_known_by_its_language(lang: str) -> None:
    text = FOREIGN[lang]
    for shown in (text, f"{text}\n" * 5, f"@Stayo {text}"):
        assert DETECTOR.language(shown) == lang
    assert DETECTOR.language(f"{text} https://shop.example/where-is-my-order #late A1234") == lang


@pytest.mark.parametrize(
    "text",
    [
        "Ordered on 3 Oct. It is now 21 Oct. No parcel.",
        "WORST PHONE EVER, WASTE OF MONEY",
        "@Stayo hi any update on the 1752 from Culver?",
        "Traceback (most recent call last): KeyError: 'token' on every login",
        "Anchor Lodge, Ullapool: spotless",
        "Great crêpes at the café in Köln, très chic",
        "ok",
        "",
        " \0\n",
        "😡" * 500,
        "late " * 50_000,
        "https://example.com/das-ist-ja-wirklich-ganz-furchtbar-schlecht",
        "\ud800 \udfff" * 50,
    ],
)
def test_what_does_not_speak_against_english_is_taken_for_it(text: str) -> None:
    assert DETECTOR.language(text) == "en"


def test_numbers_hide_no_text_that_is_written_without_spaces() -> None:
    assert DETECTOR.language("注文番号12345の商品がまだ届きません。返金もありません。") == "ja"


def test_capitals_change_nothing() -> None:
    assert DETECTOR.language(FOREIGN["de"].upper()) == "de"
    assert DETECTOR.language(FOREIGN["ru"].upper()) == "ru"


def test_the_gate_needs_twenty_letters() -> None:
    assert DETECTOR.language("Wo bleibt mein Paket") == "en"  # 17 letters
    assert DETECTOR.language("Wo bleibt denn mein Paket") == "de"  # 21
    assert DETECTOR.language("Wo bleibt mein Paket 1234567890 @Stayo") == "en"


def test_every_language_of_the_detector_has_a_name() -> None:
    known, _ = DETECTOR._model.predict("hello", 500, -1.0)
    assert set(NAMES) >= {label.removeprefix("__label__") for label in known}
    assert len(NAMES) == 176
    assert all(name[0].isupper() for name in NAMES.values())


# -- a language with a model of its own -----------------------------------------------------


def test_a_language_is_scored_by_its_own_model_where_there_is_one(tmp_path: Path) -> None:
    for name in ("model.json", "model.npz", "lexicon.json"):
        shutil.copy(ROOT / "models" / name, tmp_path)
    shutil.copy(tmp_path / "model.npz", tmp_path / "model-de.npz")
    about = json.loads((tmp_path / "model.json").read_text("utf-8"))
    about["languages"] = {"de": {"sha256": about["sha256"]}}
    (tmp_path / "model.json").write_text(json.dumps(about), "utf-8")
    german, french = (Mention(Post("s", "", "1", "", FOREIGN[at]), "", ()) for at in ("de", "fr"))
    read, unread = load(tmp_path).score([german, french])
    assert (read.scored, read.lang) == (True, "de")
    assert not SMALL["de"] & set(read.why)
    assert (unread.scored, unread.lang) == (False, "fr")
    (tmp_path / "model-de.npz").write_bytes(b"another")
    with pytest.raises(ModelError, match=r"model-de\.npz is damaged"):
        load(tmp_path)


def test_what_was_checked_is_what_is_unpacked_by_all_who_ask_at_once(tmp_path: Path) -> None:
    for path in (*(ROOT / "models").glob("*.npz"), *(ROOT / "models").glob("*.json")):
        shutil.copy(path, tmp_path)
    model = load(tmp_path)
    (tmp_path / "model-de.npz").write_bytes(b"another")
    german = [Mention(Post("s", "", "1", "", FOREIGN["de"]), "", ())]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(model.score, [german] * 8))
    assert found == [MODEL.score(german)] * 8


# -- what becomes of a text without a model ------------------------------------------------


def test_a_text_without_a_model_is_said_to_be_not_scored() -> None:
    found = score(POLISH)
    assert (found.scored, found.lang, found.why) == (False, "pl", ("not scored: Polish",))
    assert (found.negative, found.neutral, found.positive) == (0.0, 1.0, 0.0)
    assert found.complaint is None
    assert found.label == "neutral"


@pytest.mark.parametrize(
    ("rating", "shares", "label", "complaint"),
    [
        (0.0, (0.8, 0.2, 0.0), "negative", 0.8),
        (0.25, (0.4, 0.6, 0.0), "neutral", 0.4),
        (0.5, (0.0, 1.0, 0.0), "neutral", 0.0),
        (1.0, (0.0, 0.2, 0.8), "positive", 0.0),
        (math.nan, (0.0, 1.0, 0.0), "neutral", None),
    ],
)
def test_its_stars_are_used(
    rating: float, shares: tuple[float, ...], label: str, complaint: float | None
) -> None:
    found = score(POLISH, rating=rating)
    assert (found.negative, found.neutral, found.positive) == pytest.approx(shares)
    assert (found.label, found.complaint, found.scored) == (label, complaint, False)


def test_the_title_tells_the_language_too() -> None:
    assert score("404", title=POLISH).lang == "pl"


def test_each_mention_keeps_its_place() -> None:
    texts = ["Late again, and nobody answers.", POLISH, "I love it, perfect!", FOREIGN["it"]]
    mentions = [Mention(Post("s", "", str(i), "", t), "b", ()) for i, t in enumerate(texts)]
    found = MODEL.score(mentions)
    assert [s.lang for s in found] == ["en", "pl", "en", "it"]
    assert MODEL.score(mentions[::-1])[::-1] == found


@given(st.text(st.characters(exclude_categories=())), st.none() | st.floats())
def test_any_text_has_a_valid_score(text: str, rating: float | None) -> None:
    assert_valid(score(text, rating=rating))


@pytest.mark.parametrize(
    "text",
    [
        POLISH * 2_500,
        "Ελλάδα 日本語 العربية हिन्दी " * 4_000,
        "ż" * 100_000,
        "@" * 100_000,
        "1.1#" * 25_000,
    ],
)
def test_long_texts_are_read_in_no_time(text: str) -> None:
    spent = []
    for _ in range(3):
        start = time.process_time()
        assert_valid(score(text[:100_000]))
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05


def assert_valid(found: Score) -> None:
    shares = (found.negative, found.neutral, found.positive)
    assert math.isclose(sum(shares), 1.0, abs_tol=1e-9)
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert found.lang in NAMES
    assert found.scored or found.why == (f"not scored: {NAMES[found.lang]}",)
    assert found.complaint is None or 0.0 <= found.complaint <= 1.0


# -- on what people wrote -----------------------------------------------------------------


@pytest.mark.dev_data
def test_english_is_hardly_ever_taken_for_another_language(dev_data: Path) -> None:
    texts = list(english(dev_data))
    taken = sum(DETECTOR.language(text) != "en" for text in texts)
    assert taken / len(texts) < 0.002


def english(data: Path) -> Iterator[str]:
    """The written mentions, and every tenth collected text of a training split."""
    for path in sorted((data / "mentions").glob("mentions-*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            if row["lang"] == "en":
                yield f"{row['title']}\n{row['text']}"
    for path in sorted((data / "sentiment").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if row["split"] == "train"]
            yield from (row["text"] for row in rows[::10])
