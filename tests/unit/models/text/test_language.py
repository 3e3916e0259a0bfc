from __future__ import annotations

import json

import numpy as np
import pytest

from contracts.events import decode_prediction
from models.annotator import Annotator
from models.text import language
from models.text.batch import TextBatch
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer
from tests.fake_model import FakeChampion, FakeModel
from tests.fakes_kafka import FakeRecord
from tests.unit.models.test_annotator import RULES

ENGLISH = [
    "@AirParadis lost my bag again and nobody answers",
    "thank you for the lovely flight today!",
    "Delayed three hours at Heathrow, worst airline ever",
    "boarding now, see everybody in Boston tomorrow",
]
OTHERS = [
    "Toujours pas de nouvelles de ma valise, trois jours que j'attends",
    "Otra vez retrasado el vuelo, nadie nos dice nada en la puerta de embarque",
    "Mein Koffer ist schon wieder weg, so einen schlechten Service habe ich nie erlebt",
    "飛行機がまた遅れています、空港で三時間も待っています",
    "Il volo è stato cancellato e nessuno ci ha avvisato, che vergogna",
]
UNCLEAR = ["", "lol", "😡😡😡", "@AirParadis", "http://t.co/abc", "12345", "merci !", "#AirParadis #AF"]


def test_english_is_known_and_other_languages_are_not() -> None:
    assert language.reliable(ENGLISH).all()
    assert not language.reliable(OTHERS).any()


def test_what_is_too_short_to_tell_stays_reliable() -> None:
    assert language.reliable(UNCLEAR).all()


def test_a_handle_or_a_link_tells_nothing_about_the_language() -> None:
    plain, dressed = OTHERS[0], f"@the_and_you @with_that {OTHERS[0]} https://the.and/you"
    assert language.english([plain])[0] == pytest.approx(language.english([dressed])[0])


@pytest.mark.parametrize(
    ("lang", "text", "reliable"),
    [
        ("fr", ENGLISH[0], False),
        ("en", OTHERS[0], True),
        ("en-GB", OTHERS[0], True),
        ("EN", OTHERS[0], True),
        ("pt-BR", ENGLISH[0], False),
        ("und", OTHERS[0], False),
        ("und", ENGLISH[0], True),
        (None, OTHERS[0], False),
        ("qme", ENGLISH[0], True),
        ("qme", OTHERS[0], False),
        ("en_US", OTHERS[0], True),
        ("eng", OTHERS[0], True),
        (" en-Latn-US ", OTHERS[0], True),
        ("fra", ENGLISH[0], False),
        ("x-default", ENGLISH[0], True),
        ("", OTHERS[0], False),
        ("unknown language", OTHERS[0], False),
    ],
)
def test_what_the_tweet_says_counts_before_what_its_text_looks_like(
    lang: str | None, text: str, reliable: bool
) -> None:
    assert language.reliable([text, ENGLISH[0]], [lang, "en"]).tolist() == [reliable, True]


def test_a_batch_in_bytes_is_judged_as_strings_are() -> None:
    texts = ENGLISH + OTHERS + UNCLEAR
    np.testing.assert_array_equal(language.reliable(TextBatch.of(texts)), language.reliable(texts))
    assert language.reliable(TextBatch.of(OTHERS), TextBatch.of(["en"] * len(OTHERS))).all()


def test_the_tables_answer_as_the_library_does() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    for text in ENGLISH + OTHERS:
        # The same bytes that are walked here: words and a space after each, without handles and links.
        words = [word for word in text.split() if not word.startswith(("@", "#"))]
        ranked = dict(library.rank(" ".join(words) + " "))
        assert language.english([text])[0] == pytest.approx(ranked["en"] + ranked["pcm"], abs=0.02)


def test_a_model_that_knows_more_languages_says_so_in_its_metadata() -> None:
    assert language.known_languages({}) == {"en"} == language.known_languages({"languages": []})
    known = language.known_languages({"languages": ["en", "fr-FR"]})
    texts, langs = [OTHERS[0], OTHERS[1], ENGLISH[0], "x", "x"], [None, None, None, "fra", "es"]
    assert language.reliable(texts, langs, known).tolist() == [True, False, True, True, False]
    assert language.reliable(texts, None, frozenset({"fr"})).tolist() == [True, False, False, True, True]


def test_the_language_of_a_text_has_a_name() -> None:
    assert language.likeliest([*ENGLISH[:1], *OTHERS, "lol"]) == ["en", "fr", "es", "de", "ja", "it", None]


def test_a_bilingual_model_is_reliable_in_both_languages() -> None:
    model = FakeModel()
    model.metadata = {"languages": ["en", "fr"]}
    columns = Annotator(RULES).columns(model, OTHERS, langs=[None] * len(OTHERS))
    reliable = [Annotator(RULES).reliable(bits) for bits in columns.topics]
    assert reliable == [True, False, False, False, False]


def test_both_writers_mark_the_event_of_a_tweet_in_another_language() -> None:
    tweets = [{"id": "1", "text": ENGLISH[0]}, {"id": "2", "text": OTHERS[0]}, {"id": "3", "text": "bad", "lang": "de"}]
    records = [FakeRecord(json.dumps(tweet).encode()) for tweet in tweets]
    scored = Scorer(Annotator(RULES), "masked").score(
        RecordBatch(records, 0, None), FakeChampion().current, 1_795_000_000_123
    )
    events = [decode_prediction(record.value) for record in scored.predictions]
    assert [event.reliable for event in events] == [True, False, False]
    assert b"reliable" not in (scored.predictions[0].value or b"")
