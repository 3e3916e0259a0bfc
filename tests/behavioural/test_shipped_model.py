"""What the shipped model can be relied on for, after CheckList (Ribeiro et al. 2020, arXiv:2005.04118).

A linear model of n-grams gets part of these wrong; each test states the share that passes today, so that a later model
may not fall behind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from bench.stage.tweets import tweets
from contracts.events import SENTIMENTS
from contracts.settings import Settings
from models.base.artefact import load_artefact
from models.base.sentiment import SentimentModel
from models.linear.model import HashedModel
from models.linear.weights import probabilities
from tests.oracles import hashed
from training.evaluation.behaviour import BAD, COMPLAINTS, GOOD, PRAISE, QUESTIONS, THINGS


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return load_artefact(Settings().artefact)


def test_the_plain_reference_answers_like_the_compiled_scorer(model: SentimentModel) -> None:
    assert isinstance(model, HashedModel)
    texts = [json.loads(value)["text"] for _, value in tweets(1500)]
    plain = probabilities(model.weights, hashed.sums(texts, model.weights))
    np.testing.assert_allclose(model.predict_proba(texts), plain, rtol=0, atol=1e-6)


def labels(model: SentimentModel, texts: Sequence[str]) -> list[str]:
    return [SENTIMENTS[k] for k in model.predict_proba(texts).argmax(axis=1)]


def balance(model: SentimentModel, texts: Sequence[str]) -> np.ndarray:
    table = model.predict_proba(texts)
    return table[:, 2] - table[:, 0]


def share(model: SentimentModel, texts: Sequence[str], label: str) -> float:
    return float(np.mean([found == label for found in labels(model, texts)]))


def test_plain_praise_is_positive_and_plain_blame_negative(model: SentimentModel) -> None:
    assert share(model, [f"the {thing} was {word}" for thing, word in product(THINGS, GOOD)], "positive") >= 0.9
    assert share(model, [f"the {thing} was {word}" for thing, word in product(THINGS, BAD)], "negative") >= 0.9


def test_complaints_to_an_airline_are_negative(model: SentimentModel) -> None:
    assert share(model, COMPLAINTS, "negative") == 1


def test_thanks_to_an_airline_are_positive(model: SentimentModel) -> None:
    assert share(model, PRAISE, "positive") == 1


def test_most_questions_and_news_are_neutral(model: SentimentModel) -> None:
    assert share(model, QUESTIONS, "neutral") >= 0.75


def test_a_negation_pulls_praise_down(model: SentimentModel) -> None:
    plain = [f"the {thing} was {word}" for thing, word in product(THINGS, GOOD)]
    negated = [text.replace(" was ", " was not ") for text in plain]
    pulled = balance(model, negated) < balance(model, plain)
    assert pulled.mean() >= 0.95


def test_negated_praise_is_seldom_called_positive(model: SentimentModel) -> None:
    negated = [f"the {thing} was not {word}" for thing, word in product(THINGS, GOOD)]
    assert share(model, negated, "positive") <= 0.5


def test_an_added_complaint_never_makes_a_tweet_better(model: SentimentModel) -> None:
    texts = COMPLAINTS + PRAISE + QUESTIONS
    for ending in (" This is terrible.", " I hate this.", " Worst airline ever."):
        assert (balance(model, [text + ending for text in texts]) <= balance(model, texts) + 0.05).mean() >= 0.95


def test_added_thanks_lift_a_tweet(model: SentimentModel) -> None:
    texts = PRAISE + QUESTIONS
    lifted = balance(model, [text + " I love it, great job!" for text in texts])
    assert (lifted >= balance(model, texts) - 0.05).mean() >= 0.95


@pytest.mark.parametrize("handle", ["@united", "@x", "@SomebodyElse_99", "@LOVE", "@hate"])
def test_handles_change_nothing_at_all(model: SentimentModel, handle: str) -> None:
    texts = COMPLAINTS + PRAISE + QUESTIONS
    other = [text.replace("@AirParadis", handle) for text in texts]
    np.testing.assert_array_equal(model.predict_proba(texts), model.predict_proba(other))


def test_the_address_of_a_link_changes_nothing_at_all(model: SentimentModel) -> None:
    for one, other in [("http://t.co/abc", "https://love.example/great?x=1"), ("www.a.b", "http://hate.example")]:
        texts = [f"{text} {one}" for text in COMPLAINTS]
        np.testing.assert_array_equal(
            model.predict_proba(texts), model.predict_proba([text.replace(one, other) for text in texts])
        )


def test_numbers_of_the_same_length_change_nothing_at_all(model: SentimentModel) -> None:
    texts = ["flight 212 at gate 12", "42 minutes late on flight 318"]
    np.testing.assert_array_equal(
        model.predict_proba(texts), model.predict_proba(["flight 999 at gate 73", "17 minutes late on flight 200"])
    )


def test_case_and_elongation_keep_the_label(model: SentimentModel) -> None:
    texts = COMPLAINTS + PRAISE
    before = labels(model, texts)
    assert labels(model, [text.upper().replace("@AIRPARADIS", "@AirParadis") for text in texts]) == before
    longer = [text.replace("so ", "sooooo ").replace("never", "neverrrr") for text in texts]
    assert np.mean([a == b for a, b in zip(labels(model, longer), before, strict=True)]) >= 0.9


def test_names_of_people_and_towns_seldom_change_the_label(model: SentimentModel) -> None:
    frames = ["{} at the desk in {} was so helpful, thank you", "{} at the desk in {} was incredibly rude to us"]
    people, towns = ["Emma", "Mohamed", "Wei", "Olga", "Jamal"], ["Lyon", "Lagos", "Oslo", "Delhi", "Boston"]
    for frame, label in zip(frames, ("positive", "negative"), strict=True):
        assert share(model, [frame.format(*pair) for pair in product(people, towns)], label) >= 0.9


@pytest.mark.parametrize(
    ("happy", "sad"), [("😍", "😡"), ("😊", "😭"), ("👍", "👎"), (":)", ":("), ("❤️", "💔"), ("<3", ":'(")]
)
def test_an_emoji_tips_the_balance(model: SentimentModel, happy: str, sad: str) -> None:
    frames = ["Air Paradis {}", "on board now {}", "my flight today {}"]
    up, down = (balance(model, [frame.format(sign) for frame in frames]) for sign in (happy, sad))
    assert (up > down).sum() >= 2  # an angry face under a bare name is rare in the data


def test_every_answer_adds_up_even_for_texts_without_words(model: SentimentModel) -> None:
    table = model.predict_proba(["", "…", "\ud800", "😀" * 300, "a" * 10_000, "\x00\x00"])
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-6)


def test_the_explanation_points_at_the_word_that_hurts_or_pleases(model: SentimentModel) -> None:
    for text, word, sign in [
        ("the crew was terrible today", "terrible", -1),
        ("I hate waiting for my bag", "hate", -1),
        ("what a lovely crew", "lovely", 1),
        ("thanks for the quick answer", "thanks", 1),
    ]:
        assert max(model.explain(text), key=lambda found: sign * found.weight).word == word


def test_it_says_what_drift_is_measured_against() -> None:
    metadata = json.loads((Settings().artefact / "metadata.json").read_text())
    assert sum(metadata["reference"]["classes"].values()) == pytest.approx(1, abs=0.01)
    assert sum(metadata["reference"]["confidence"]) == pytest.approx(1, abs=0.01)
